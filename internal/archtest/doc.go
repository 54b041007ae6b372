// Package archtest holds the shape of the house as tests: which room may
// import what, what a pure room must not touch, and how large things may grow.
// The table in rooms_test.go is the map; a folder that is not on it fails.
package archtest
