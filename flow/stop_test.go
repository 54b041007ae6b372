package flow_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"fairlead.dev"
	"fairlead.dev/step"
)

// rolledBack holds that the state after the one named gives everything to the
// old release, and that nothing but the old one is left.
func rolledBack(t *testing.T, r *rig, after string) {
	t.Helper()
	h := r.stand.history(shop)
	for i, m := range h[:len(h)-1] {
		if m.state != after {
			continue
		}
		for _, w := range h[i+1].desired.Releases {
			if name := r.stand.name(w.Release); (name == "old") != (w.Weight == 100) {
				t.Errorf("after %q came %q, not all traffic to the old release", after, h[i+1].state)
			}
		}
		after = ""
		break
	}
	if after != "" {
		t.Errorf("the target never saw %q before its last state: %v", after, h)
	}
	if last := h[len(h)-1].state; last != "old 2@100" {
		t.Errorf("the last state is %q", last)
	}
	r.live("old")
}

func TestWorseRollsBackAtEveryStage(t *testing.T) {
	tests := []struct {
		name    string
		plan    fairlead.Plan
		worseAt int
		stage   string
		after   string // last state before the rollback
	}{
		{"first stage", canary("new"), 1, "stage 1 of 2 (10%)", "new 2@10 old 2@90"},
		{"second stage", canary("new"), 50, "stage 2 of 2 (50%)", "new 2@50 old 2@50"},
		{"bake", canary("new"), 100, "bake", "new 2@100 old 2@0"},
		{"blue-green", plan("new", fairlead.StrategyBlueGreen, []int{100}), 100, "stage 1 of 1 (100%)", "new 2@100 old 2@0"},
		{"first replica", plan("new", fairlead.StrategyRolling, []int{100}), 1, "replica 1 of 2", "new 1@50 old 1@50"},
		{"last replica", plan("new", fairlead.StrategyRolling, []int{100}), 100, "replica 2 of 2", "new 2@100 old 1@0"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.old()
			r.stand.manners["new"] = manner{looks: 2, worseAt: tt.worseAt}
			run := r.deliver(tt.plan)
			r.ended(run, fairlead.ResultFailure, tt.stage+": errors", "rolled back: all traffic is on release")
			rolledBack(t, r, tt.after)
			d, err := r.store.Deployment(t.Context(), run.Deployment)
			if err != nil {
				t.Fatal(err)
			}
			if v := d.Verdicts[len(d.Verdicts)-1]; v.Answer != fairlead.AnswerWorse || v.Stage != tt.stage {
				t.Errorf("last verdict: %s at %s", v.Answer, v.Stage)
			}
			if w := d.Weights[len(d.Weights)-1]; w.Weight != 0 || d.Phase != fairlead.DeployRolledBack {
				t.Errorf("deployment ends with weight %d in phase %s", w.Weight, d.Phase)
			}
			if n := r.records(run.ID, fairlead.RecordRollbackFinished); n != 1 {
				t.Errorf("%d rollbacks are recorded", n)
			}
		})
	}
}

func TestUndecided(t *testing.T) {
	tests := []struct {
		policy string
		result fairlead.Result
		reason string
	}{
		{fairlead.UndecidedRollback, fairlead.ResultFailure, "stage 1 of 2 (10%): undecided: "},
		{fairlead.UndecidedHold, fairlead.ResultFailure, "still undecided after holding for 30ms"},
		{fairlead.UndecidedPromote, fairlead.ResultSuccess, "is live"},
	}
	for _, tt := range tests {
		t.Run(tt.policy, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.old()
			r.stand.manners["new"] = manner{idle: true}
			run := r.deliver(canary("new", func(p *fairlead.Plan) {
				p.Release.Judge.Undecided, p.Release.Judge.Hold = tt.policy, fairlead.Duration(30*time.Millisecond)
			}))
			r.ended(run, tt.result, tt.reason)
			if tt.result == fairlead.ResultFailure {
				rolledBack(t, r, "new 2@10 old 2@90")
				if run.Fault == nil || run.Fault.Kind != fairlead.KindFailed || run.Fault.Hint == "" {
					t.Errorf("fault %+v", run.Fault)
				}
			}
		})
	}
}

// A held stage goes on as soon as there is an answer.
func TestHoldEndsWithTheAnswer(t *testing.T) {
	r := newRig(t)
	r.old()
	r.stand.behave("old", manner{idle: true})
	r.stand.behave("new", manner{idle: true})
	var once sync.Once
	looks := 0
	r.stand.looked = func() {
		if looks++; looks > 40 {
			once.Do(func() {
				r.stand.behave("old", manner{})
				r.stand.behave("new", manner{})
			})
		}
	}
	run := r.deliver(canary("new", func(p *fairlead.Plan) {
		p.Release.Judge.Undecided, p.Release.Judge.Hold = fairlead.UndecidedHold, fairlead.Duration(20*time.Second)
	}))
	r.ended(run, fairlead.ResultSuccess)
	r.live("new")
}

func TestCancelInEveryPhase(t *testing.T) {
	check := task("smoke", "test.tiny", fairlead.PhasePreview, tiny{Hang: true})
	tests := []struct {
		name   string
		plan   fairlead.Plan
		manner manner
		when   string // state at which somebody cancels; "" = when the task has started
		after  string // last state before the rollback; "" = nothing was moved
	}{
		{"task", canary("new", withTask(task("slow", "test.tiny", fairlead.PhaseVerify, tiny{Hang: true}))), manner{}, "", ""},
		{"not ready yet", canary("new"), manner{looks: -1}, "new 2@0 old 2@100", "new 2@0 old 2@100"},
		{"preview", canary("new", withTask(check)), manner{}, "new 2@0 old 2@100", "new 2@0 old 2@100"},
		{"stage", canary("new"), manner{}, "new 2@50 old 2@50", "new 2@50 old 2@50"},
		{"bake", canary("new", long), manner{}, "new 2@100 old 2@0", "new 2@100 old 2@0"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.old()
			r.stand.manners["new"] = tt.manner
			id := make(chan string, 1)
			cancel := func() {
				if err := r.store.RequestCancel(context.Background(), <-id, "dana", "changed my mind"); err != nil {
					t.Error(err)
				}
			}
			r.stand.applied = func(state string) {
				if state == tt.when {
					cancel()
				}
			}
			run := r.start(tt.plan)
			id <- run
			if tt.when == "" {
				r.executing(run, "slow")
				cancel()
			}
			ended := r.wait(run)
			r.ended(ended, fairlead.ResultCancellation, "cancelled")
			if tt.after == "" {
				r.states()
				r.live("old")
				return
			}
			rolledBack(t, r, tt.after)
		})
	}
}

// long gives the bake more time than a test has.
func long(p *fairlead.Plan) { p.Release.Bake = fairlead.Duration(20 * time.Second) }

// executing waits until a task is under way.
func (r *rig) executing(run, task string) {
	r.Helper()
	r.eventually("task "+task+" is executing", func() bool {
		t, err := r.store.Task(r.Context(), run, task)
		return err == nil && t.State == fairlead.StateExecuting
	})
}

// eventually waits for a condition.
func (r *rig) eventually(what string, ok func() bool) {
	r.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			r.Fatalf("it never came to pass that %s", what)
		}
	}
}

func TestReleaseThatDoesNotComeUp(t *testing.T) {
	tests := []struct {
		name   string
		manner manner
		kind   fairlead.Kind
		words  []string
	}{
		{"never ready", manner{looks: -1}, fairlead.KindFailed, []string{"0 of 2 replicas ready after 400ms"}},
		{"dies again and again", manner{dies: true}, fairlead.KindFailed, []string{"not ready: exit status 1"}},
		{"refused", manner{refused: "digest differs"}, fairlead.KindDenied, []string{"not ready: digest differs"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.old()
			r.stand.manners["new"] = tt.manner
			run := r.deliver(canary("new", func(p *fairlead.Plan) { p.Release.Ready = fairlead.Duration(400 * time.Millisecond) }))
			r.ended(run, fairlead.ResultFailure, tt.words...)
			if run.Fault == nil || run.Fault.Kind != tt.kind {
				t.Errorf("fault %+v, want %s", run.Fault, tt.kind)
			}
			r.states("new 2@0 old 2@100", "old 2@100")
			r.live("old")
		})
	}
}

func TestPreviewCheck(t *testing.T) {
	for outcome, want := range map[step.Outcome]fairlead.Result{step.Done: fairlead.ResultSuccess, step.Failed: fairlead.ResultFailure} {
		t.Run(string(outcome), func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.old()
			run := r.deliver(canary("new", withTask(task("smoke", "test.tiny", fairlead.PhasePreview, tiny{Outcome: outcome}))))
			r.ended(run, want)
			if want == fairlead.ResultSuccess {
				return
			}
			r.ended(run, want, "preview check smoke ended with failure")
			r.states("new 2@0 old 2@100", "old 2@100")
			r.live("old")
		})
	}
}

func TestDeadline(t *testing.T) {
	r := newRig(t)
	r.old()
	run := r.deliver(canary("new", long, func(p *fairlead.Plan) { p.Release.Deadline = fairlead.Duration(300 * time.Millisecond) }))
	r.ended(run, fairlead.ResultFailure, "not done within 300ms")
	if last := r.stand.now(shop); !strings.HasPrefix(last, "old") {
		t.Errorf("the last state is %q", last)
	}
	r.live("old")
}
