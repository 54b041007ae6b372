package flow_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"fairlead.dev"
	"fairlead.dev/pipeline"
	"fairlead.dev/step"
)

// vulnerable is a finding of a scanner.
func vulnerable(id string, s fairlead.Severity) fairlead.Finding {
	return fairlead.Finding{
		Tool: "scan.tiny", ToolVersion: "tiny 1", Rule: id, Category: fairlead.CategorySCA, Severity: s,
		Fingerprint: fairlead.Fingerprint(fairlead.CategorySCA, id), Vulnerability: fairlead.Vulnerability{ID: id},
		Component: fairlead.Component{PURL: "pkg:npm/left-pad@1.0.0", Version: "1.0.0"},
	}
}

// scanned adds a scan that finds something, and a gate that warns of it.
func scanned(outcome step.Outcome, found ...fairlead.Finding) func(*fairlead.Plan) {
	return func(p *fairlead.Plan) {
		p.Tasks = append(p.Tasks, task("scan", "scan.tiny", fairlead.PhaseVerify, tiny{Outcome: outcome, Findings: found}))
		p.Gates = append(p.Gates, fairlead.Gate{
			Name: "clean", Rule: `size(findings) == 0`, Outcome: fairlead.OutcomeWarn, Reason: "something was found", About: "findings", Source: "test",
		})
	}
}

// followed gives the states of the findings of production, as "CVE-1 new", in
// the order of the ids asked for.
func (r *rig) followed(rules ...string) string {
	r.Helper()
	all, err := r.store.Findings(r.Context(), fairlead.TrackedFilter{Service: shop.Service, Environment: &shop.Environment})
	if err != nil {
		r.Fatal(err)
	}
	if len(all) != len(rules) {
		r.Errorf("%d findings, want %d: %+v", len(all), len(rules), all)
	}
	var out []string
	for _, rule := range rules {
		for _, t := range all {
			if t.Finding.Rule == rule {
				out = append(out, rule+" "+string(t.State))
			}
		}
	}
	return strings.Join(out, ", ")
}

func (r *rig) holdFollowed(want string, rules ...string) {
	r.Helper()
	if have := r.followed(rules...); have != want {
		r.Errorf("findings are %q, want %q", have, want)
	}
}

// Findings live from run to run: seen, seen again, gone, and back; a scan that
// failed ends nothing, and a proposed change is not there yet.
func TestFindingsAreFollowed(t *testing.T) {
	r := newRig(t)
	one, two := vulnerable("CVE-1", fairlead.SeverityHigh), vulnerable("CVE-2", fairlead.SeverityLow)
	both := []string{"CVE-1", "CVE-2"}
	proposal := func(p *fairlead.Plan) { p.Event.Type = fairlead.EventPullRequest }
	for _, s := range []struct {
		plan  fairlead.Plan
		want  string
		rules []string
	}{
		{canary("a", scanned(step.Done, one), proposal), "", nil},
		{canary("b", scanned(step.Done, one)), "CVE-1 new", both[:1]},
		{canary("c", scanned(step.Done, one, two)), "CVE-1 open, CVE-2 new", both},
		{canary("d", scanned(step.Failed)), "CVE-1 open, CVE-2 new", both},
		{canary("e", scanned(step.Done, two)), "CVE-1 fixed, CVE-2 open", both},
		{canary("f", scanned(step.Done, one)), "CVE-1 reopened, CVE-2 fixed", both},
	} {
		run := r.deliver(s.plan)
		r.holdFollowed(s.want, s.rules...)
		d, err := r.store.Decision(t.Context(), run.Decision)
		if err != nil || d.Inputs == nil || d.Inputs.Findings == "" {
			t.Fatalf("decision %+v, %v", d, err)
		}
	}
	d, err := r.store.Decision(t.Context(), "r006/decision")
	if err != nil || d.Outcome != fairlead.OutcomeWarn || len(d.Rules[1].Findings) != 1 {
		t.Errorf("decision %+v, %v", d, err)
	}
}

// A process that dies between the findings and the decision that weighs them
// leaves both as if it had not: seen once, told once.
func TestKilledBetweenFindingsAndDecision(t *testing.T) {
	r := newRig(t)
	var held atomic.Bool
	r.ledger.down = func(u fairlead.Update) bool {
		if u.Decision != nil {
			held.Store(true)
		}
		return u.Decision != nil
	}
	id := r.start(canary("new", scanned(step.Done, vulnerable("CVE-1", fairlead.SeverityHigh))))
	r.until("the decision cannot be kept", held.Load)
	r.holdFollowed("CVE-1 new", "CVE-1")
	r.engine.Close(5 * time.Second)
	r.ledger.mu.Lock()
	r.ledger.down = nil
	r.ledger.mu.Unlock()
	r.engine = r.launch()
	if _, err := r.engine.TakeOver(context.Background(), ""); err != nil {
		t.Fatal(err)
	}
	r.ended(r.wait(id), fairlead.ResultSuccess, "is live")
	r.holdFollowed("CVE-1 new", "CVE-1")
	if n := r.records(id, fairlead.RecordFindingsChanged); n != 1 {
		t.Errorf("told %d times", n)
	}
	w, err := r.store.Weighed(t.Context(), id+"/decision")
	if err != nil || len(w.Findings) != 1 || w.Findings[0].State != fairlead.FindingNew {
		t.Errorf("weighed %+v, %v", w, err)
	}
}

// until waits for what must come.
func (r *rig) until(what string, is func() bool) {
	r.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if is() {
			return
		}
	}
	r.Fatalf("it never happens that %s", what)
}

// The organisation's policy is asked in every run; one that cannot be read lets
// nothing in.
func TestOrganisationInARun(t *testing.T) {
	for name, c := range map[string]struct {
		policy func(context.Context) ([]fairlead.PolicyModule, error)
		want   fairlead.Result
		reason string
	}{
		"it denies": {func(context.Context) ([]fairlead.PolicyModule, error) {
			return []fairlead.PolicyModule{{Name: "ours.rego", Text: "package fairlead\ndeny contains \"not like this\""}}, nil
		}, fairlead.ResultFailure, "not like this"},
		"it has nothing against it": {func(context.Context) ([]fairlead.PolicyModule, error) {
			return []fairlead.PolicyModule{{Name: "ours.rego", Text: "package fairlead\ndeny contains \"never\" if false"}}, nil
		}, fairlead.ResultSuccess, "is live"},
		"it cannot be read": {func(context.Context) ([]fairlead.PolicyModule, error) {
			return nil, errors.New("the disk is gone")
		}, fairlead.ResultFailure, "the disk is gone"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRigWith(t, func(r *rig) { r.parts.Organisation = c.policy })
			r.ended(r.deliver(canary("new")), c.want, c.reason)
		})
	}
}

// What a scan of the new release finds before it takes traffic is followed like
// the rest; what a gate about findings denies goes back.
func TestFindingsOfAPreview(t *testing.T) {
	hole := fairlead.Finding{
		Tool: "scan.tiny", ToolVersion: "tiny 1", Rule: "sql", Category: fairlead.CategoryDAST, Severity: fairlead.SeverityHigh,
		Fingerprint: fairlead.Fingerprint(fairlead.CategoryDAST, "sql"), Message: "the name goes into a query",
	}
	previewed := func(found ...fairlead.Finding) func(*fairlead.Plan) {
		return func(p *fairlead.Plan) {
			p.Tasks = append(p.Tasks, task("dast", "scan.tiny", fairlead.PhasePreview, tiny{Outcome: step.Done, Findings: found}))
			p.Gates = append(p.Gates, fairlead.Gate{
				Name: "clean", Rule: `!findings.exists(f, f.severity == "high")`, Outcome: fairlead.OutcomeDeny,
				Reason: "it has a hole", Fix: "mend it", About: "findings", Source: "test",
			})
		}
	}
	r := newRig(t)
	r.old()
	run := r.deliver(canary("holed", previewed(hole)))
	r.ended(run, fairlead.ResultFailure, "preview check dast: clean: it has a hole; the name goes into a query", "rolled back")
	r.holdFollowed("sql new", "sql")
	if n := r.records(run.ID, fairlead.RecordFindingsChanged); n != 1 {
		t.Errorf("told %d times", n)
	}
	r.live("old")
	skipped := func(p *fairlead.Plan) {
		previewed()(p)
		p.Tasks[len(p.Tasks)-1] = task("dast", "scan.tiny", fairlead.PhasePreview, tiny{Outcome: step.Skipped})
	}
	r.ended(r.deliver(canary("unseen", skipped)), fairlead.ResultFailure, "preview check dast: clean: it has a hole", "rolled back")
	r.live("old")
	r.ended(r.deliver(canary("mended", previewed())), fairlead.ResultSuccess, "is live")
	r.holdFollowed("sql fixed", "sql")
	strict := func(p *fairlead.Plan) {
		skipped(p)
		p.Gates = append(p.Gates, fairlead.Gate{Name: pipeline.GateLooked, Rule: "true", Outcome: fairlead.OutcomeDeny, Reason: "skipped", Fix: "look", About: "tasks", Source: "test"})
	}
	r.ended(r.deliver(canary("unlooked", strict)), fairlead.ResultFailure, "preview check dast ended with skip", "rolled back")
	r.live("mended")
	r.ended(r.deliver(canary("lenient", skipped)), fairlead.ResultSuccess, "is live")
	hole.Severity = fairlead.SeverityLow
	r.ended(r.deliver(canary("scratched", previewed(hole))), fairlead.ResultSuccess, "is live")
	r.holdFollowed("sql reopened", "sql")
}
