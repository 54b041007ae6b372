package cli

import (
	"errors"
	"testing"
	"time"

	"fairlead.dev"
)

// A command gives up on its record only when that stays out of reach.
func TestTroubleHasToLast(t *testing.T) {
	for _, tt := range []struct {
		name        string
		since, last time.Duration // ago
		want        bool
	}{
		{"the first", 0, 0, false},
		{"a second time, soon", time.Second, time.Second, false},
		{"again and again for long", patience + time.Second, time.Second, true},
		{"again after a good while", time.Hour, patience + time.Second, false},
	} {
		var tr troubled
		if tt.since > 0 {
			tr.since, tr.last = time.Now().Add(-tt.since), time.Now().Add(-tt.last)
		}
		if got := tr.lasting(errors.New("disk full")); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
		if err := tr.problem("r1"); fairlead.ExitCode(err) != fairlead.ExitInfrastructure || fairlead.HintOf(err) == "" {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}
