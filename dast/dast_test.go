package dast_test

import (
	"fmt"
	"testing"

	"fairlead.dev/internal/dasttest"
)

// TestFlaws scans services whose flaws are known: all are found, and no twin.
func TestFlaws(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			s, err := dasttest.Measure(t.Context(), seed, t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%d of %d flaws, %d of %d twins, %d requests, %.1f s", s.Found, s.Flaws, s.Flagged, s.Twins, s.Requests, s.Seconds)
			if s.Flaws < 30 || s.Twins < s.Flaws {
				t.Errorf("%d flaws and %d twins", s.Flaws, s.Twins)
			}
			if len(s.Missed) > 0 || len(s.Wrong) > 0 || s.Changed > 0 {
				t.Errorf("missed %q\nwrong %q\n%d requests change something", s.Missed, s.Wrong, s.Changed)
			}
		})
	}
}
