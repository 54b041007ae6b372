package record_test

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fairlead.dev"
	"fairlead.dev/record"
	"fairlead.dev/store"
)

var start = time.Date(2026, 11, 20, 9, 30, 0, 0, time.UTC)

func at(seconds float64) time.Time {
	return start.Add(time.Duration(seconds * float64(time.Second)).Round(time.Millisecond))
}

func openStore(t *testing.T) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func commit(t *testing.T, s *store.Store, u fairlead.Update) {
	t.Helper()
	if applied, err := s.Commit(t.Context(), u); err != nil || !applied {
		t.Fatalf("commit %s: applied %v, error %v", u.Records[0].ID, applied, err)
	}
}

func fact(t *testing.T, typ fairlead.RecordType, run, subject string, seconds float64, data any) []fairlead.Record {
	t.Helper()
	raw, err := json.Marshal(data)
	if err != nil {
		t.Fatal(err)
	}
	return []fairlead.Record{{
		ID: subject + "/" + string(typ) + at(seconds).String(), Type: typ, Subject: subject, RunID: run, Time: at(seconds), Data: raw,
	}}
}

func release(name string) fairlead.Release {
	return fairlead.Release{Service: "shop", Commit: "c0ffee" + name, Command: []string{name}}.Identify()
}

// rolledBack writes a run whose canary was judged worse and rolled back.
func rolledBack(t *testing.T, s *store.Store) {
	t.Helper()
	good, bad := release("good"), release("bad")
	plan := fairlead.Plan{
		Hash: fairlead.DigestBytes([]byte("plan")), Environment: "production", Strategy: fairlead.StrategyCanary,
		Event: fairlead.Event{Type: fairlead.EventPush, Commit: "c0ffee123456789"},
		Tasks: []fairlead.Task{{ID: "unit", Reason: "tests.unit in fairlead.yaml:7:3"}},
		Reasons: []fairlead.Reason{
			{Subject: "environment", Choice: "production", Source: "matrix", Detail: "push to main"}, {Subject: "x", Choice: "y", Source: "default"},
		},
	}
	if err := s.SavePlan(t.Context(), plan); err != nil {
		t.Fatal(err)
	}
	run := fairlead.Run{
		ID: "r-aa1", Plan: plan.Hash, Service: "shop", Environment: "production", Strategy: fairlead.StrategyCanary,
		Commit: "c0ffee123456789", State: fairlead.StateExecuting, StartedAt: at(0),
	}
	commit(t, s, fairlead.Update{Records: fact(t, fairlead.RecordRunStarted, run.ID, run.ID, 0, run), Run: &run})
	unit := fairlead.TaskRun{
		RunID: run.ID, ID: "unit", Type: "test.command", State: fairlead.StateFinished, Result: fairlead.ResultFailure, Attempts: 2,
		Reason: "1 of 12 cases failed", Fault: &fairlead.Fault{Kind: fairlead.KindFailed, Cause: "failed", Hint: "mend TestPay"},
		Key:       fairlead.DigestBytes([]byte("key")),
		Cases:     []fairlead.TestCase{{Suite: "shop", Name: "TestPay", Result: fairlead.CaseFailed, Message: "want 3, got 4", Location: fairlead.Location{Path: "pay_test.go", Line: 42}}},
		Findings:  []fairlead.Finding{{Rule: "aws-key", Severity: fairlead.SeverityHigh, Message: "a key", Location: fairlead.Location{Path: "cfg.go", Line: 9}, Fix: "revoke it"}},
		StartedAt: at(1), FinishedAt: at(3.5), Measurements: []fairlead.Measurement{{Name: "test_cases", Value: 12, Unit: "1"}},
		Artifacts: []fairlead.Artifact{{Name: "bin/shop", Digest: "sha256:abc", Size: 1234}},
	}
	build := fairlead.TaskRun{
		RunID: run.ID, ID: "build", State: fairlead.StateFinished, Result: fairlead.ResultSuccess, ReusedFrom: "r-old",
		Key: unit.Key, StartedAt: at(0.5), FinishedAt: at(0.5),
	}
	commit(t, s, fairlead.Update{
		Records: fact(t, fairlead.RecordTaskFinished, run.ID, run.ID+"/unit", 3.5, map[string]any{
			"result": "failure", "reason": unit.Reason, "attempts": 2, "seconds": 2.5, "cases": 12, "findings": 1,
		}),
		Tasks: []fairlead.TaskRun{build, unit, {RunID: run.ID, ID: "scan", State: fairlead.StateExecuting, StartedAt: at(4)}},
	})
	d := fairlead.Decision{
		ID: run.ID + "/decision", RunID: run.ID, Outcome: fairlead.OutcomeWarn, Policy: fairlead.DigestBytes(nil),
		Rules: []fairlead.RuleOutcome{
			{Name: "tests-pass", Outcome: fairlead.OutcomeWarn, Reason: "a case failed", Fix: "mend it", Source: "matrix: tests=fast", Cases: unit.Cases, Tasks: []string{"unit"}},
			{Name: "no-secrets", Outcome: fairlead.OutcomeAllow, Reason: "none found", Source: "matrix"},
		},
	}
	commit(t, s, fairlead.Update{Records: fact(t, fairlead.RecordDecision, run.ID, d.ID, 5, d), Decision: &d})
	v := fairlead.Verdict{
		ID: run.ID + "/deployment/verdict/stage 1 of 2 (5%)", Stage: "stage 1 of 2 (5%)", Answer: fairlead.AnswerWorse, Reason: "errors 5.2% against 0.1%",
		Metrics:  []fairlead.MetricAnswer{{Name: "errors", Answer: fairlead.AnswerWorse, Baseline: 0.001, Canary: 0.052, Unit: "1", Reason: "errors 5.2% against 0.1%"}},
		Baseline: fairlead.Sample{Requests: 9500, Errors: 9}, Canary: fairlead.Sample{Requests: 500, Errors: 26, Restarts: 2}, Time: at(8),
	}
	dep := fairlead.Deployment{
		ID: run.ID + "/deployment", RunID: run.ID, Service: "shop", Environment: "production", Strategy: fairlead.StrategyCanary,
		Release: bad, Previous: &good, Phase: fairlead.DeployRolledBack, Reason: "stage 1 of 2 (5%): errors 5.2% against 0.1%",
		Weights: []fairlead.WeightPoint{{Time: at(6), Weight: 5}, {Time: at(8.2), Weight: 0}}, Verdicts: []fairlead.Verdict{v}, StartedAt: at(5),
	}
	commit(t, s, fairlead.Update{Records: fact(t, fairlead.RecordDeploymentMoved, run.ID, dep.ID, 6, map[string]any{"phase": "shift", "release": bad.ID, "weight": 5})})
	commit(t, s, fairlead.Update{Records: fact(t, fairlead.RecordVerdict, run.ID, v.ID, 8, v), Deployment: &dep})
	commit(t, s, fairlead.Update{Records: fact(t, fairlead.RecordRollbackStarted, run.ID, dep.ID+"/rollback", 8.2, map[string]any{"to": good.ID, "turned": true})})
	run.State, run.Result, run.Reason, run.FinishedAt = fairlead.StateFinished, fairlead.ResultFailure, "rolled back", at(9)
	st := fairlead.EnvironmentState{Environment: "production", Service: "shop", Current: &good, UpdatedAt: at(9)}
	commit(t, s, fairlead.Update{Records: fact(t, fairlead.RecordRunFinished, run.ID, run.ID, 9, run), Run: &run, Environment: &st})
}

func TestExplain(t *testing.T) {
	s := openStore(t)
	rolledBack(t, s)
	for id, words := range map[string][]string{
		"r-aa1": {
			"run r-aa1: failure after 9.0s: rolled back",
			"environment: production (matrix: push to main)", "x: y (default)",
			"task build: success, taken over from run r-old",
			"task unit: failure, 2.5s, 2 attempts: 1 of 12 cases failed", "fix: mend TestPay",
			"failed shop TestPay: pay_test.go:42 want 3, got 4",
			"high finding aws-key: cfg.go:9 a key", "fix: revoke it",
			"task scan: executing",
			"decision: warn, 2 rules", "warn tests-pass: a case failed (matrix: tests=fast)", "fix: mend it",
			"deployment: rolled back, release " + release("bad").ID.Short(), "5% of traffic", "0% of traffic",
			"verdict stage 1 of 2 (5%): worse", "new release: 500 requests, 26 errors, 2 restarts",
		},
		"r-a":              {"run r-aa1"},
		"r-aa1/unit":       {"artifact bin/shop: sha256:abc, 1234 bytes", "measured test_cases: 12", "over everything it reads", "planned: tests.unit in fairlead.yaml:7:3"},
		"r-aa1/scan":       {"task scan: executing", "not by the plan"},
		"r-aa1/decision":   {"allow no-secrets: none found"},
		"r-aa1/deployment": {"deployment: rolled back"},
		"r-aa1/deployment/verdict/stage 1 of 2 (5%)": {"errors: worse: errors 5.2% against 0.1%", "old release: 9500 requests, 9 errors"},
	} {
		e, err := record.Explain(t.Context(), s, id)
		if err != nil {
			t.Errorf("%s: %v", id, err)
			continue
		}
		text := strings.Join(e.Lines(), "\n")
		for _, w := range words {
			if !strings.Contains(text, w) {
				t.Errorf("%s does not say %q:\n%s", id, w, text)
			}
		}
		if strings.Contains(text, "\x1b") || strings.Contains(text, "-6") {
			t.Errorf("%s has colour or a negative time:\n%s", id, text)
		}
	}
	if e, _ := record.Explain(t.Context(), s, "r-aa1"); strings.Contains(strings.Join(e.Lines(), "\n"), "no-secrets") {
		t.Error("the run's explanation lists a rule that held")
	}
}

// Programs get the numbers as numbers.
func TestExplainNumbers(t *testing.T) {
	s := openStore(t)
	rolledBack(t, s)
	e, err := record.Explain(t.Context(), s, "r-aa1/deployment/verdict/stage 1 of 2 (5%)")
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(e.Causes[0].Numbers)
	want := `[{"name":"baseline","value":0.001,"unit":"1"},{"name":"canary","value":0.052,"unit":"1"}]`
	if err != nil || string(got) != want {
		t.Errorf("numbers %s, want %s", got, want)
	}
}

func TestExplainRefusals(t *testing.T) {
	s := openStore(t)
	rolledBack(t, s)
	young := fairlead.Run{ID: "r-bb2", State: fairlead.StatePending, StartedAt: at(0)}
	commit(t, s, fairlead.Update{Records: fact(t, fairlead.RecordRunQueued, young.ID, young.ID, 0, young), Run: &young})
	for id, c := range map[string]struct {
		kind fairlead.Kind
		hint string
	}{
		"zz": {fairlead.KindNotFound, "status"}, "": {fairlead.KindInvalid, ""}, "r-": {fairlead.KindInvalid, "r-aa1, r-bb2"},
		"r-aa1/units": {fairlead.KindNotFound, "build, unit, scan, decision"}, "r-bb2/decision": {fairlead.KindNotFound, "not decided"},
		"r-bb2/deployment": {fairlead.KindNotFound, "release"}, "r-aa1/deployment/verdict/bake": {fairlead.KindNotFound, "stage 1 of 2"},
	} {
		_, err := record.Explain(t.Context(), s, id)
		if fairlead.KindOf(err) != c.kind || !strings.Contains(fairlead.HintOf(err), c.hint) {
			t.Errorf("%q: %v (hint %q), want %s", id, err, fairlead.HintOf(err), c.kind)
		}
	}
	if e, err := record.Explain(t.Context(), s, "r-bb2"); err != nil || len(e.Causes) > 0 || !strings.Contains(e.Headline, "pending") {
		t.Errorf("a run that has done nothing yet: %+v, error %v", e, err)
	}
	s.Close()
	if _, err := record.Explain(t.Context(), s, "r-aa1"); fairlead.KindOf(err) != fairlead.KindUnavailable {
		t.Errorf("without a store: %v", err)
	}
}

func TestTimeline(t *testing.T) {
	s := openStore(t)
	rolledBack(t, s)
	late := fairlead.Run{ID: "r-cc3", State: fairlead.StateExecuting, StartedAt: at(0)}
	commit(t, s, fairlead.Update{Records: fact(t, fairlead.RecordRunQueued, late.ID, late.ID, 0, late), Run: &late})
	if err := s.RequestCancel(t.Context(), late.ID, "ada", "wrong branch"); err != nil {
		t.Fatal(err)
	}
	moments, err := record.Timeline(t.Context(), s, "r-aa1")
	if err != nil {
		t.Fatal(err)
	}
	lines := record.TimelineLines(moments)
	for i, want := range []string{
		"09:30:00.000  +   0.000s  shop c0ffee1234 to production by canary",
		"09:30:03.500  +   3.500s  unit failure, 2.5s, 12 cases, 1 finding, 2 attempts, 1 of 12 cases failed",
		"09:30:05.000  +   5.000s  decision: warn, 1 of 2 rules hold; warn: tests-pass (a case failed)",
		"09:30:06.000  +   6.000s  5% of traffic to release " + release("bad").ID.Short(),
		"09:30:08.000  +   8.000s  verdict: worse at stage 1 of 2 (5%): errors 5.2% against 0.1%",
		"09:30:08.200  +   8.200s  rollback: all traffic is back on release " + release("good").ID.Short(),
		"09:30:09.000  +   9.000s  run ends with failure",
	} {
		if i >= len(lines) || lines[i] != want {
			t.Fatalf("line %d of\n%s\nwant %s", i, strings.Join(lines, "\n"), want)
		}
	}
	moments, err = record.Timeline(t.Context(), s, "r-cc3")
	if err != nil || len(moments) != 1 || moments[0].Text != "ada asks for the run to stop: wrong branch" {
		t.Errorf("cancelled run: %+v, error %v", moments, err)
	}
	if e, err := record.Explain(t.Context(), s, "r-cc3"); err != nil || !strings.Contains(strings.Join(e.Lines(), "\n"), "ada asks for the run to stop") {
		t.Errorf("why: %+v, error %v", e, err)
	}
	if _, err := record.Timeline(t.Context(), s, "zz"); fairlead.KindOf(err) != fairlead.KindNotFound {
		t.Errorf("an unknown run: %v", err)
	}
}

func TestStatus(t *testing.T) {
	s := openStore(t)
	empty, err := record.ReadStatus(t.Context(), s)
	if err != nil || strings.Join(empty.Lines(), "\n") != "nothing was released yet" {
		t.Errorf("an empty store: %q, error %v", empty.Lines(), err)
	}
	rolledBack(t, s)
	stuck := fairlead.Run{ID: "r-stuck", Environment: "staging", State: fairlead.StateFinalizing, StartedAt: at(-1e6)}
	commit(t, s, fairlead.Update{Records: fact(t, fairlead.RecordRunStarted, stuck.ID, stuck.ID, -1e6, stuck), Run: &stuck})
	for i := range 60 { // later runs elsewhere must not hide what is left behind, nor the last one in production
		r := fairlead.Run{ID: "x" + at(float64(i)).Format("05.000"), Environment: "dev", State: fairlead.StateFinished, StartedAt: at(float64(100 + i))}
		commit(t, s, fairlead.Update{Records: fact(t, fairlead.RecordRunFinished, r.ID, r.ID, float64(i), r), Run: &r})
	}
	dep := fairlead.Deployment{ID: "d2", Release: release("new"), Phase: fairlead.DeployShift, Weights: []fairlead.WeightPoint{{Weight: 25}}}
	commit(t, s, fairlead.Update{Records: fact(t, fairlead.RecordDeploymentBegan, "r", "d2", 1, nil), Deployment: &dep})
	for service, holder := range map[string]string{"shop": "d2", "cart": "b1/rollback"} {
		if _, err := s.ClaimEnvironment(t.Context(), "production", service, holder, ""); err != nil {
			t.Fatal(err)
		}
	}
	got, err := record.ReadStatus(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Unfinished) != 1 || got.Unfinished[0].ID != "r-stuck" {
		t.Errorf("unfinished: %+v", got.Unfinished)
	}
	if n := len(got.Last); n != 6 || got.Last[n-1].ID != "r-aa1" {
		t.Errorf("last runs: %+v", got.Last)
	}
	text := strings.Join(got.Lines(), "\n")
	for _, w := range []string{
		"production   shop     " + release("good").ID.Short() + "  c0ffeegood",
		"release " + release("new").ID.Short() + ": shift, 25% of traffic", "cart     nothing", "b1/rollback",
		"under way", "r-stuck", "last runs", "r-aa1",
	} {
		if !strings.Contains(text, w) {
			t.Errorf("status does not say %q:\n%s", w, text)
		}
	}
	s.Close()
	if _, err := record.ReadStatus(t.Context(), s); fairlead.KindOf(err) != fairlead.KindUnavailable {
		t.Errorf("without a store: %v", err)
	}
}

// Whatever data a record carries, as from another version, it can be said.
func FuzzSentence(f *testing.F) {
	types := []fairlead.RecordType{
		fairlead.RecordRunQueued, fairlead.RecordRunStarted, fairlead.RecordRunFinished, fairlead.RecordTaskStarted, fairlead.RecordTaskFinished,
		fairlead.RecordDecision, fairlead.RecordDeploymentBegan, fairlead.RecordDeploymentMoved, fairlead.RecordDeploymentEnded, fairlead.RecordVerdict,
		fairlead.RecordRollbackStarted, fairlead.RecordRollbackFinished, fairlead.RecordServiceDeployed, fairlead.RecordCancelRequested, "of.tomorrow",
	}
	for i := range types {
		f.Add(i, []byte(`{"result":"success","reason":"a\nb","release":"x","to":"sha256:ab","who":"ada","rules":[{}]}`))
	}
	f.Add(1, []byte(`null`))
	f.Add(5, []byte(`{"rules":"no list"}`))
	f.Fuzz(func(t *testing.T, typ int, data []byte) {
		r := fairlead.Record{Type: types[((typ%len(types))+len(types))%len(types)], Subject: "r/s", RunID: "r", Data: data}
		if !json.Valid(data) && r.Type != fairlead.RecordRunQueued && record.Sentence(r) != string(r.Type) {
			t.Errorf("%s with unreadable data says %q", r.Type, record.Sentence(r))
		}
		_ = record.Sentence(r)
	})
}
