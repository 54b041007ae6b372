package record_test

import (
	"testing"

	"fairlead.dev"
	"fairlead.dev/record"
)

// What releases nothing is not said to go anywhere.
func TestGoals(t *testing.T) {
	for want, run := range map[string]fairlead.Run{
		"shop abc to dev by canary":                       {Environment: "dev", Strategy: fairlead.StrategyCanary},
		"shop abc for dev, nothing to release":            {Environment: "dev", Strategy: fairlead.StrategyNone},
		"shop abc for no environment, nothing to release": {Strategy: fairlead.StrategyNone},
	} {
		run.Service, run.Commit = "shop", "abc"
		if got := record.Sentence(fact(t, fairlead.RecordRunStarted, "r", "r", 0, run)[0]); got != want {
			t.Errorf("it says %q, want %q", got, want)
		}
	}
}
