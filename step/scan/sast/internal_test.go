package sast

import "testing"

// What gosec tells of its own failures is nowhere but in its log.
func TestTroubleInTheLog(t *testing.T) {
	for log, want := range map[string]string{
		"Checking package: errors\nChecking file: /src/error.go\nIgnoring generated file: error.go\n": "",
		"Checking package: a\nError running analyzer G115: no SSA\nError waiting for analyzers: x\n":  "Error running analyzer G115: no SSA",
		"Error building the SSA representation of the package a: panic\n":                             "Error building the SSA representation of the package a: panic",
		"Checking file: a.go\nRule error: *rules.readfile => unexpected (a.go:3)\n":                   "Rule error: *rules.readfile => unexpected (a.go:3)",
	} {
		if got := troubleIn(log); got != want {
			t.Errorf("%q: %q, want %q", log, got, want)
		}
	}
}
