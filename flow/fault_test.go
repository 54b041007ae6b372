package flow_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"fairlead.dev"
	"fairlead.dev/engine"
	"fairlead.dev/flow"
	"fairlead.dev/target"
)

// first gives an error to the first n calls of an operation.
func first(n int, op string, err func() error) func(string) error {
	return func(called string) error {
		if called == op && n > 0 {
			n--
			return err()
		}
		return nil
	}
}

func denied() error {
	return &fairlead.Problem{Op: "verify evidence", Kind: fairlead.KindDenied, Err: errors.New("the signature is forged"), Hint: "find out who"}
}

func TestDeliverThatFails(t *testing.T) {
	tests := []struct {
		name   string
		fail   func(string) error
		calls  int
		result fairlead.Result
		kind   fairlead.Kind
	}{
		{"denied is not tried again", first(9, "deliver", denied), 1, fairlead.ResultFailure, fairlead.KindDenied},
		{"unreachable is tried five times", first(9, "deliver", unreachable), 5, fairlead.ResultError, fairlead.KindUnavailable},
		{"unreachable for a moment", first(4, "deliver", unreachable), 5, fairlead.ResultSuccess, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.old()
			r.stand.fail = tt.fail
			run := r.deliver(canary("new"))
			r.ended(run, tt.result)
			if n := r.stand.count("deliver"); n != tt.calls {
				t.Errorf("delivered %d times, want %d", n, tt.calls)
			}
			if tt.result == fairlead.ResultSuccess {
				r.live("new")
				return
			}
			if run.Fault == nil || run.Fault.Kind != tt.kind {
				t.Errorf("fault %+v, want %s", run.Fault, tt.kind)
			}
			abandoned(t, r, run)
		})
	}
}

// abandoned holds that a rollout ended before it touched anything.
func abandoned(t *testing.T, r *rig, run fairlead.Run) {
	t.Helper()
	r.states()
	r.live("old")
	d, err := r.store.Deployment(t.Context(), run.Deployment)
	if err != nil || d.Phase != fairlead.DeployRefused || d.FinishedAt.IsZero() {
		t.Errorf("deployment %+v %v", d, err)
	}
	if n := r.records(run.ID, fairlead.RecordRollbackStarted); n != 0 {
		t.Errorf("%d rollbacks of what was never there", n)
	}
}

func TestTargetOutOfReachForAMoment(t *testing.T) {
	for _, op := range []string{"apply", "observe"} {
		t.Run(op, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.old()
			n := 0
			r.stand.fail = func(called string) error {
				if n++; called == op && n%3 != 0 {
					return unreachable()
				}
				return nil
			}
			r.ended(r.deliver(canary("new")), fairlead.ResultSuccess)
			r.states("new 2@0 old 2@100", "new 2@10 old 2@90", "new 2@50 old 2@50", "new 2@100 old 2@0", "new 2@100")
		})
	}
}

// While the target does not answer, a watch does not end by itself; who
// cancels, and the deadline, are heard all the same.
func TestTargetOutOfReachWhileWatched(t *testing.T) {
	tests := []struct {
		name     string
		cancel   bool
		deadline time.Duration // 0: none. Long enough to get half of the traffic first, however busy the machine
		result   fairlead.Result
		reason   string
	}{
		{"cancel", true, 0, fairlead.ResultCancellation, "cancelled"},
		{"deadline", false, 8 * time.Second, fairlead.ResultFailure, "not done within"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.old()
			var out atomic.Bool
			var run atomic.Value
			r.stand.fail = func(op string) error {
				if out.Load() && op == "observe" {
					return unreachable()
				}
				return nil
			}
			r.stand.applied = func(state string) {
				out.Store(state == "new 2@50 old 2@50")
				if out.Load() && tt.cancel {
					if err := r.store.RequestCancel(context.Background(), run.Load().(string), "dana", ""); err != nil {
						t.Error(err)
					}
				}
			}
			p := canary("new", func(p *fairlead.Plan) { p.Release.Deadline = fairlead.Duration(tt.deadline) })
			run.Store("r002") // the second run of the rig
			if id := r.start(p); id != run.Load() {
				t.Fatalf("the run is %s", id)
			}
			r.ended(r.wait("r002"), tt.result, tt.reason)
			if r.trouble.count() == 0 {
				t.Error("nobody was told")
			}
			rolledBack(t, r, "new 2@50 old 2@50")
		})
	}
}

// A target that never comes back needs a person; the environment is free for
// what that person does.
func TestTargetGoneForGood(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.old()
	var gone atomic.Bool
	r.stand.applied = func(state string) { gone.Store(gone.Load() || state == "new 2@10 old 2@90") }
	r.stand.fail = func(op string) error {
		if gone.Load() && op == "apply" {
			return unreachable()
		}
		return nil
	}
	run := r.deliver(canary("new"))
	r.ended(run, fairlead.ResultError, "rollback needs a person", "it does not answer")
	d, err := r.store.Deployment(t.Context(), run.Deployment)
	if err != nil || d.Phase != fairlead.DeployFailed {
		t.Errorf("deployment %s %v", d.Phase, err)
	}
	r.live("old")
}

// A target that cannot be opened, say an agent that does not start, is a
// failure like any other: nothing stays claimed.
func TestTargetThatCannotBeOpened(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.old()
	r.engine.Close(time.Second)
	var opened atomic.Int32
	r.parts.Target = func(string) (target.Target, error) {
		if opened.Add(1) > 1 {
			return nil, unreachable()
		}
		return r.stand, nil
	}
	r.engine = r.launch()
	r.stand.manners["new"] = manner{looks: 2, worseAt: 50}
	run := r.deliver(canary("new"))
	r.ended(run, fairlead.ResultError, "rollback needs a person")
	r.live("old")
	opened.Store(-1 << 20)
	r.stand.behave("new", manner{})
	r.ended(r.deliver(canary("new")), fairlead.ResultSuccess)
}

// A ledger that is out of reach holds the run up and loses nothing.
func TestLedgerOutOfReach(t *testing.T) {
	r := newRig(t)
	r.old()
	before := r.trouble.count()
	failed := map[string]int{}
	r.ledger.down = func(u fairlead.Update) bool { // every update fails twice
		failed[u.Records[0].ID]++
		return failed[u.Records[0].ID] <= 2
	}
	run := r.deliver(canary("new"))
	r.ended(run, fairlead.ResultSuccess)
	recorded(t, r, run)
	if told := r.trouble.count() - before; told < 2*8 {
		t.Errorf("trouble was told %d times", told)
	}
	r.states("new 2@0 old 2@100", "new 2@10 old 2@90", "new 2@50 old 2@50", "new 2@100 old 2@0", "new 2@100")
}

// A run whose process stops goes on in the next one, without a step back.
func TestRunGoesOnInAnotherProcess(t *testing.T) {
	for _, at := range []string{"new 2@0 old 2@100", "new 2@10 old 2@90", "new 2@100 old 2@0"} {
		t.Run(at, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.old()
			reached := make(chan struct{}, 1)
			r.stand.applied = func(state string) {
				if state == at {
					reached <- struct{}{}
				}
			}
			id := r.start(canary("new"))
			<-reached
			r.engine.Close(5 * time.Second)
			r.engine = r.launch()
			ids, err := r.engine.TakeOver(t.Context(), id)
			if err != nil || !strings.Contains(strings.Join(ids, " "), id) {
				t.Fatalf("took over %v, %v", ids, err)
			}
			run := r.wait(id)
			r.ended(run, fairlead.ResultSuccess)
			r.states("new 2@0 old 2@100", "new 2@10 old 2@90", "new 2@50 old 2@50", "new 2@100 old 2@0", "new 2@100")
			recorded(t, r, run)
		})
	}
}

// A delivery may be started again under its id: it is the same one.
func TestDeliveryIsOneByItsID(t *testing.T) {
	r := newRig(t)
	p := canary("new")
	id := r.start(p)
	if err := engine.Start(t.Context(), r.engine, flow.NameDelivery, id, flow.Delivery{RunID: id, Plan: p}); err != nil {
		t.Fatal(err)
	}
	r.ended(r.wait(id), fairlead.ResultSuccess)
	recorded(t, r, r.wait(id))
}
