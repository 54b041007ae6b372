// Package scoring has the answer of package zxcvbn.
package scoring

// MinEntropyMatch says how hard a text is to guess.
type MinEntropyMatch struct {
	Password string
	Entropy  float64 // in bits
}
