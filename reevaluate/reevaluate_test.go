package reevaluate_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"fairlead.dev"
	"fairlead.dev/gate"
	"fairlead.dev/reevaluate"
	"fairlead.dev/store"
)

var at = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// decided keeps a plan and the decision about it, which weighed findings.
func decided(t *testing.T, weighed []fairlead.Tracked) (*store.Store, fairlead.Deployment) {
	t.Helper()
	db, err := store.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "fairlead.db"))
	must(t, err)
	t.Cleanup(func() { db.Close() })
	p := fairlead.Plan{Service: "shop", Environment: "production", Gates: []fairlead.Gate{{
		Name: "no-fixable", Rule: `!findings.exists(f, f.vulnerability != "" && f.fixable)`, Outcome: fairlead.OutcomeDeny, Reason: "mend it", Source: "always",
	}}}
	p.Hash = fairlead.DigestJSON(p)
	must(t, db.SavePlan(t.Context(), p))
	d := gate.Decide(gate.Input{Plan: p, RunID: "r1", Time: at, Findings: weighed})
	_, err = db.Commit(t.Context(), fairlead.Update{
		Records:  []fairlead.Record{{ID: d.ID, Type: fairlead.RecordDecision, Subject: d.ID, RunID: "r1", Time: at}},
		Decision: &d, Weighed: &fairlead.Weighed{Decision: d.ID, Findings: weighed},
	})
	must(t, err)
	return db, fairlead.Deployment{RunID: "r1", Environment: "production", Service: "shop", Release: fairlead.Release{ID: fairlead.DigestBytes([]byte("release"))}}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func finding() fairlead.Finding {
	return fairlead.Finding{
		Fingerprint: "f1", Category: fairlead.CategorySCA, Rule: "GO-1", Tool: "scan.sca", Severity: fairlead.SeverityHigh,
		Component: fairlead.Component{PURL: "pkg:golang/x@v1.0.0"}, Vulnerability: fairlead.Vulnerability{ID: "GO-1"}, FixedIn: []string{"v1.0.1"},
	}
}

func exposure() fairlead.Exposure {
	return fairlead.Exposure{Environment: "production", Service: "shop", Vulnerability: "GO-1", PURL: "pkg:golang/x@v1.0.0", Finding: finding()}
}

func judge(db *store.Store, holding ...fairlead.Exception) reevaluate.Judge {
	return reevaluate.Judge{Facts: db, Now: at.Add(time.Hour), Exceptions: func(context.Context, fairlead.Plan, time.Time) ([]fairlead.Exception, error) {
		return holding, nil
	}}
}

// What becomes known turns a decision, and turns it back when it is withdrawn;
// what is excused, or was weighed already, does not.
func TestFlip(t *testing.T) {
	known := []fairlead.Exposure{exposure()}
	excuse := fairlead.Exception{
		ID: "x1", Service: "shop", Scope: fairlead.ExceptionScope{Vulnerability: "GO-1"}, Person: "alice", Expires: at.Add(24 * time.Hour),
	}
	accepted := fairlead.Tracked{ID: "f1", Service: "shop", Environment: "production", Finding: finding(), Exception: "x1", FirstSeen: at, LastSeen: at}
	for name, c := range map[string]struct {
		weighed []fairlead.Tracked
		known   reevaluate.Known
		holding []fairlead.Exception
		was     fairlead.Outcome // "" = nothing flips
		now     fairlead.Outcome
	}{
		"a new advisory":        {known: reevaluate.Known{After: known}, was: fairlead.OutcomeAllow, now: fairlead.OutcomeDeny},
		"one that is withdrawn": {known: reevaluate.Known{Before: known}, was: fairlead.OutcomeDeny, now: fairlead.OutcomeAllow},
		"nothing new":           {known: reevaluate.Known{Before: known, After: known}},
		"excused":               {known: reevaluate.Known{After: known}, holding: []fairlead.Exception{excuse}},
		"weighed already":       {weighed: []fairlead.Tracked{accepted}, known: reevaluate.Known{After: known}, holding: []fairlead.Exception{excuse}},
	} {
		t.Run(name, func(t *testing.T) {
			db, dep := decided(t, append([]fairlead.Tracked{}, c.weighed...))
			flip, err := judge(db, c.holding...).Release(t.Context(), dep, c.known)
			must(t, err)
			switch {
			case c.was == "" && flip != nil:
				t.Errorf("it flips: %+v", flip)
			case c.was != "" && (flip == nil || flip.Was != c.was || flip.Now != c.now || len(flip.Rules) != 1):
				t.Errorf("got %+v, want %s to become %s by one rule", flip, c.was, c.now)
			}
		})
	}
}

// A release about which nothing was decided, or whose plan is gone, is left alone.
func TestNothingToDecideAnew(t *testing.T) {
	db, dep := decided(t, nil)
	dep.RunID = "r2"
	flip, err := judge(db).Release(t.Context(), dep, reevaluate.Known{After: []fairlead.Exposure{exposure()}})
	must(t, err)
	if flip != nil {
		t.Errorf("it flips: %+v", flip)
	}
	_, why, err := reevaluate.Weighed(t.Context(), db, fairlead.Decision{ID: "r3/decision", RunID: "r3", Plan: fairlead.DigestBytes([]byte("gone"))})
	must(t, err)
	if why == "" {
		t.Error("nothing says that the plan is not kept")
	}
}

// What people and the calendar said is no matter of a policy: it stays when
// another one is tried.
func TestAgainKeepsWhatNoGateSaid(t *testing.T) {
	gates := []fairlead.Gate{{Name: "fine", Rule: "true", Outcome: fairlead.OutcomeDeny, Source: "always"}}
	in := gate.Input{RunID: "r1", Time: at, Plan: fairlead.Plan{Gates: gates}}
	people := fairlead.RuleOutcome{Name: "approvals", Outcome: fairlead.OutcomeDeny, Reason: "nobody approved", Source: "this plan"}
	freeze := fairlead.RuleOutcome{Name: "freeze f1", Outcome: fairlead.OutcomeWait, Bypassed: "b1", Source: "stop the line"}
	stricter := []fairlead.Gate{{Name: "never", Rule: "false", Outcome: fairlead.OutcomeDeny, Source: "fairlead.yaml:3"}}
	ours := []fairlead.PolicyModule{{Name: "ours.rego", Text: "package fairlead\nwarn contains \"hm\""}}
	for name, c := range map[string]struct {
		beside       []fairlead.RuleOutcome
		gates        []fairlead.Gate
		organisation []fairlead.PolicyModule
		want         fairlead.Outcome
		rules        int
	}{
		"the same":                 {nil, gates, nil, fairlead.OutcomeAllow, 1},
		"refused by people":        {[]fairlead.RuleOutcome{people}, gates, nil, fairlead.OutcomeDeny, 2},
		"gone past a freeze":       {[]fairlead.RuleOutcome{freeze}, gates, nil, fairlead.OutcomeWarn, 2},
		"stricter gates":           {[]fairlead.RuleOutcome{freeze}, stricter, nil, fairlead.OutcomeDeny, 2},
		"the organisation's voice": {nil, gates, ours, fairlead.OutcomeWarn, 2},
	} {
		d := gate.Decide(in)
		d.Rules = append(d.Rules, c.beside...)
		if would := reevaluate.Again(d, in, c.gates, c.organisation); would.Outcome != c.want || len(would.Rules) != c.rules {
			t.Errorf("%s: %s by %+v", name, would.Outcome, would.Rules)
		}
	}
}
