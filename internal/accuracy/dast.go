package main

import (
	"context"
	_ "embed"
	"fmt"
	"io"
	"os"

	"fairlead.dev/internal/dasttest"
)

//go:embed dast.md
var aboutDAST string

// dastSection scans the services of some seeds and tells what was found.
func dastSection(ctx context.Context, w io.Writer) error {
	fmt.Fprintf(w, "\n| seed | flaws | found | twins | flagged | reported elsewhere | requests |\n|---|---|---|---|---|---|---|\n")
	for seed := range uint64(seeds) {
		dir, err := os.MkdirTemp("", "accuracy-")
		if err != nil {
			return err
		}
		s, err := dasttest.Measure(ctx, seed, dir)
		if err != nil {
			return err
		}
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
		fmt.Fprintf(w, "| %d | %d | %d | %d | %d | %d | %d |\n", seed, s.Flaws, s.Found, s.Twins, s.Flagged, len(s.Wrong)-s.Flagged, s.Requests)
	}
	return nil
}
