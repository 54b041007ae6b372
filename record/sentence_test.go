package record_test

import (
	"slices"
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

// What is named twice says its fix once.
func TestFixIsSaidOnce(t *testing.T) {
	finding := record.Explanation{Subject: "high finding", Headline: "a key", Fix: "revoke it"}
	other := record.Explanation{Subject: "rule", Headline: "no keys", Fix: "revoke it", Causes: []record.Explanation{finding}}
	run := record.Explanation{Subject: "run", Headline: "failure", Causes: []record.Explanation{finding, other}}
	want := []string{
		"run: failure",
		"  high finding: a key", "    fix: revoke it",
		"  rule: no keys", "    fix: revoke it",
		"    high finding: a key",
	}
	if got := run.Lines(); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}
