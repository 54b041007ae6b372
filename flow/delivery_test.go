package flow_test

import (
	"testing"

	"fairlead.dev"
	"fairlead.dev/flow"
	"fairlead.dev/step"
)

// What a task needs and did not get, it does not do without.
func TestTasksFollowTheirNeeds(t *testing.T) {
	r := newRig(t)
	run := r.deliver(canary("new",
		withTask(task("unit", "test.tiny", fairlead.PhaseVerify, tiny{Outcome: step.Failed}, "build")),
		withTask(task("package", "test.tiny", fairlead.PhaseVerify, tiny{Outcome: step.Done}, "unit")),
		withTask(task("ship", "test.tiny", fairlead.PhaseVerify, tiny{Outcome: step.Done}, "package")),
		withTask(task("lint", "test.tiny", fairlead.PhaseVerify, tiny{Outcome: step.Done})),
		withTask(task("docs", "test.tiny", fairlead.PhaseVerify, tiny{Outcome: step.Skipped})),
		withTask(task("odd", "test.odd", fairlead.PhaseVerify, tiny{})),
	))
	r.ended(run, fairlead.ResultFailure, "built: a task did not succeed")
	if run.Fault == nil || run.Fault.Kind != fairlead.KindDenied || run.Fault.Hint != "mend it" {
		t.Errorf("fault %+v", run.Fault)
	}
	for id, want := range map[string]struct {
		result fairlead.Result
		reason string
	}{
		"build":   {fairlead.ResultSuccess, "as told"},
		"unit":    {fairlead.ResultFailure, "as told"},
		"package": {fairlead.ResultSkip, "unit, which it needs, ended with failure"},
		"ship":    {fairlead.ResultSkip, "package, which it needs, ended with skip"},
		"lint":    {fairlead.ResultSuccess, "as told"},
		"docs":    {fairlead.ResultSkip, "as told"},
		"odd":     {fairlead.ResultError, `task odd: no step type "test.odd" in this version`},
	} {
		tr, err := r.store.Task(t.Context(), run.ID, id)
		if err != nil || tr.Result != want.result || tr.Reason != want.reason || tr.State != fairlead.StateFinished {
			t.Errorf("task %s: %s: %s (%v), want %s: %s", id, tr.Result, tr.Reason, err, want.result, want.reason)
		}
	}
	if r.stand.count("deliver") != 0 || run.Deployment != "" {
		t.Errorf("what was denied was delivered, as %q", run.Deployment)
	}
}

// A release that nothing was built for is denied by a rule of the flow's own.
func TestReleaseWithoutItsArtifact(t *testing.T) {
	r := newRig(t)
	run := r.deliver(canary("new", func(p *fairlead.Plan) { p.Release.Artifacts = []string{"bin/*", "web/**"} }))
	r.ended(run, fairlead.ResultFailure, "release-complete: no task produced web/**")
	d, err := r.store.Decision(t.Context(), run.Decision)
	if err != nil || d.Outcome != fairlead.OutcomeDeny || d.Rules[len(d.Rules)-1].Fix == "" {
		t.Errorf("decision %+v %v", d, err)
	}
}

func TestWarningsDoNotStop(t *testing.T) {
	r := newRig(t)
	run := r.deliver(canary("new", func(p *fairlead.Plan) {
		p.Gates = append(p.Gates, fairlead.Gate{Name: "wish", Rule: "false", Outcome: fairlead.OutcomeWarn, Reason: "not nice"})
	}))
	r.ended(run, fairlead.ResultSuccess, "is live")
	d, err := r.store.Decision(t.Context(), run.Decision)
	if err != nil || d.Outcome != fairlead.OutcomeWarn || d.Release == "" {
		t.Errorf("decision %s %v", d.Outcome, err)
	}
}

// Everything that goes to the target is signed: one decision, and the build.
func TestBundleHasItsPapers(t *testing.T) {
	r := newRig(t)
	run := r.deliver(canary("new"))
	b := r.stand.bundles["new"]
	if b.Decision.PredicateType != fairlead.PredicateDecision || b.Decision.RunID != run.ID {
		t.Errorf("decision %+v", b.Decision)
	}
	if len(b.Evidence) != 1 || b.Evidence[0].PredicateType != fairlead.PredicateBuild || b.Evidence[0].TaskID != "build" {
		t.Errorf("evidence %+v", b.Evidence)
	}
	if b.Release.Identify().ID != b.Release.ID || b.Release.Commit != run.Commit {
		t.Errorf("release %+v", b.Release)
	}
	if run.Deployment != flow.DeploymentID(run.ID) || run.Decision != run.ID+"/decision" {
		t.Errorf("run names %q and %q", run.Deployment, run.Decision)
	}
}
