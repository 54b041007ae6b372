// Package pipeline turns an event into a plan. It is the first pure room of
// the walk: the same configuration, event and tree always give the same plan,
// and nothing here touches a clock, a network or a disk.
//
// Read checks fairlead.yaml and reports every problem at once. Plan combines
// that configuration with the built-in matrix, the routes and what can be
// detected in the tree. Schema and Explain describe the configuration from the
// very structs that it is decoded into, so that they cannot disagree with it.
//
// The files, in the order data walks through them:
//
//	catalog.go                  what the configuration may name
//	config.go                   the shape of fairlead.yaml
//	source.go decode.go         bytes -> YAML nodes -> config, strict, with positions
//	read.go check.go            Read, and what must hold between keys
//	condition.go                CEL conditions of routes and gates
//	matrix.go route.go          which environment, and how much is asked for
//	detect.go                   what a tree says about itself
//	tasks.go matrixwork.go      what is to be done
//	expand.go graph.go          the DAG
//	gates.go release.go plan.go the decision's rules, the release, Plan
//	schema.go explain.go        the configuration, described
package pipeline
