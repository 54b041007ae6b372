package flow_test

import (
	"strings"
	"testing"
	"time"

	"fairlead.dev"
	"fairlead.dev/flow"
)

// Every strategy is a sequence of states that the target is told.
func TestStrategies(t *testing.T) {
	tests := []struct {
		name     string
		strategy fairlead.Strategy
		weights  []int
		want     []string
	}{
		{"canary", fairlead.StrategyCanary, []int{10, 50}, []string{
			"new 2@0 old 2@100", "new 2@10 old 2@90", "new 2@50 old 2@50", "new 2@100 old 2@0", "new 2@100",
		}},
		{"canary whose last stage takes everything", fairlead.StrategyCanary, []int{20, 100}, []string{
			"new 2@0 old 2@100", "new 2@20 old 2@80", "new 2@100 old 2@0", "new 2@100",
		}},
		{"rolling", fairlead.StrategyRolling, []int{100}, []string{
			"new 1@0 old 2@100", "new 1@50 old 1@50", "new 2@50 old 1@50", "new 2@100 old 1@0", "new 2@100",
		}},
		{"blue-green", fairlead.StrategyBlueGreen, []int{100}, []string{
			"new 2@0 old 2@100", "new 2@100 old 2@0", "new 2@100",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.old()
			r.stand.manners["new"] = manner{looks: 3}
			run := r.deliver(plan("new", tt.strategy, tt.weights))
			r.ended(run, fairlead.ResultSuccess, "is live in production")
			r.states(tt.want...)
			r.live("new")
			for _, m := range r.stand.history(shop)[:len(tt.want)-1] {
				if m.ready["old"] == 0 {
					t.Errorf("at %q the old release has nothing ready", m.state)
				}
			}
			recorded(t, r, run)
		})
	}
}

// recorded holds that a release left its record: once, with its weights in order.
func recorded(t *testing.T, r *rig, run fairlead.Run) {
	t.Helper()
	for typ, want := range map[fairlead.RecordType]int{
		fairlead.RecordRunStarted: 1, fairlead.RecordRunFinished: 1, fairlead.RecordDecision: 1, fairlead.RecordTaskFinished: 1,
		fairlead.RecordDeploymentBegan: 1, fairlead.RecordServiceDeployed: 1, fairlead.RecordRollbackStarted: 0,
	} {
		if got := r.records(run.ID, typ); got != want {
			t.Errorf("%d records %s, want %d", got, typ, want)
		}
	}
	d, err := r.store.Deployment(t.Context(), run.Deployment)
	if err != nil {
		t.Fatal(err)
	}
	last := 0
	for _, w := range d.Weights {
		if w.Weight < last {
			t.Errorf("weights go back: %v", d.Weights)
		}
		last = w.Weight
	}
	if last != 100 || d.Phase != fairlead.DeployDone || len(d.Verdicts) == 0 {
		t.Errorf("deployment: weight %d, phase %s, %d verdicts", last, d.Phase, len(d.Verdicts))
	}
	for i, v := range d.Verdicts {
		// Only what is to get all the traffic must have been shown, and only against something.
		due := d.Previous != nil && i == len(d.Verdicts)-1
		if v.Answer == fairlead.AnswerWorse || due && v.Answer != fairlead.AnswerNotWorse {
			t.Errorf("verdict of %s: %s: %s", v.Stage, v.Answer, v.Reason)
		}
	}
}

func TestNothingToRelease(t *testing.T) {
	r := newRig(t)
	run := r.deliver(canary("new", func(p *fairlead.Plan) { p.Strategy, p.Release = fairlead.StrategyNone, nil }))
	r.ended(run, fairlead.ResultSuccess, "nothing to release")
	if run.Deployment != "" || r.stand.count("deliver") != 0 {
		t.Errorf("deployment %q, delivered %d times", run.Deployment, r.stand.count("deliver"))
	}
}

func TestFirstReleaseTakesTrafficOnlyWhenReady(t *testing.T) {
	r := newRig(t)
	r.stand.manners["new"] = manner{looks: 4}
	r.ended(r.deliver(canary("new")), fairlead.ResultSuccess)
	r.states("new 2@0", "new 2@100")
	r.live("new")
}

// A first release that serves nobody goes on: there is nothing to go back to.
func TestFirstReleaseWithoutTraffic(t *testing.T) {
	r := newRig(t)
	r.stand.manners["new"] = manner{idle: true}
	run := r.deliver(canary("new"))
	r.ended(run, fairlead.ResultSuccess)
	d, err := r.store.Deployment(t.Context(), run.Deployment)
	if err != nil {
		t.Fatal(err)
	}
	if v := d.Verdicts[0]; v.Answer != fairlead.AnswerUndecided || !strings.Contains(v.Reason, "replaces nothing that serves") {
		t.Errorf("verdict %s: %s", v.Answer, v.Reason)
	}
}

func TestFirstReleaseThatIsWorseIsStopped(t *testing.T) {
	r := newRig(t)
	r.stand.manners["new"] = manner{worseAt: 1}
	r.ended(r.deliver(canary("new")), fairlead.ResultFailure, "first release: errors", "nothing ran before it")
	r.states("new 2@0", "new 2@100", "nothing")
	r.live("")
}

func TestReleaseOfWhatIsLive(t *testing.T) {
	r := newRig(t)
	r.old()
	run := r.deliver(plan("old", fairlead.StrategyRolling, []int{100}))
	r.ended(run, fairlead.ResultSuccess)
	r.states("old 2@100")
	r.live("old")
	st, err := r.store.Environment(t.Context(), shop.Environment, shop.Service)
	if err != nil || st.Previous != nil {
		t.Errorf("there is something to go back to: %+v %v", st.Previous, err)
	}
}

// The release before the live one is what a later rollback goes to.
func TestPreviousIsRemembered(t *testing.T) {
	r := newRig(t)
	r.old()
	r.ended(r.deliver(plan("new", fairlead.StrategyBlueGreen, []int{100})), fairlead.ResultSuccess)
	st, err := r.store.Environment(t.Context(), shop.Environment, shop.Service)
	if err != nil || st.Previous == nil || st.Previous.Command[0] != "old" || st.Current.Replicas != 2 || st.Current.Target != "stand" {
		t.Errorf("environment %+v %v", st, err)
	}
}

func TestKeepOld(t *testing.T) {
	const keep = 150 * time.Millisecond
	r := newRig(t)
	r.old()
	var full time.Time
	r.stand.applied = func(state string) {
		switch state {
		case "new 2@100 old 2@0":
			full = time.Now()
		case "new 2@100":
			if kept := time.Since(full); kept < keep {
				t.Errorf("the old release was kept for %s, want %s", kept, keep)
			}
		}
	}
	run := r.deliver(plan("new", fairlead.StrategyBlueGreen, []int{100}, keepOld(keep)))
	r.ended(run, fairlead.ResultSuccess)
	r.states("new 2@0 old 2@100", "new 2@100 old 2@0", "new 2@100")
	r.live("new")
}

func keepOld(d time.Duration) func(*fairlead.Plan) {
	return func(p *fairlead.Plan) { p.Release.KeepOld = fairlead.Duration(d) }
}

func TestDeploymentIDs(t *testing.T) {
	if got := flow.RollbackID(flow.DeploymentID("r1")); got != "r1/deployment/rollback" {
		t.Errorf("rollback id %q", got)
	}
}
