package flow_test

import (
	"context"
	"testing"
	"time"

	"fairlead.dev"
	"fairlead.dev/engine"
	"fairlead.dev/flow"
)

// back is the rollback that a person asks for while a deployment moves.
func back(r *rig, run string, p fairlead.Plan) flow.Rollback {
	r.Helper()
	d, err := r.store.Deployment(r.Context(), flow.DeploymentID(run))
	if err != nil {
		r.Fatal(err)
	}
	st, err := r.store.Environment(r.Context(), shop.Environment, shop.Service)
	if err != nil {
		r.Fatal(err)
	}
	return flow.Rollback{
		ID: flow.RollbackID(d.ID), RunID: run, Deployment: d.ID, Environment: shop.Environment, Service: shop.Service,
		From: d.Release, To: st.Current, Reason: "asked for",
	}
}

// verdicts waits until a deployment has that many verdicts.
func (r *rig) verdicts(run string, n int) {
	r.Helper()
	r.eventually("the deployment is judged", func() bool {
		d, err := r.store.Deployment(r.Context(), flow.DeploymentID(run))
		return err == nil && len(d.Verdicts) >= n
	})
}

func (r *rig) rollBack(in flow.Rollback) flow.Ending {
	r.Helper()
	if err := engine.Start(r.Context(), r.engine, flow.NameRollback, in.ID, in); err != nil {
		r.Fatal(err)
	}
	ctx, stop := context.WithTimeout(r.Context(), 20*time.Second)
	defer stop()
	end, err := engine.Result[flow.Ending](ctx, r.engine, in.ID)
	if err != nil {
		r.Fatal(err)
	}
	return end
}

// A rollback by hand takes a moving environment over, and asking for it twice
// is asking once.
func TestRollbackByHandWhileMoving(t *testing.T) {
	tests := []struct {
		name     string
		plan     fairlead.Plan
		verdicts int
		after    string
	}{
		{"while it bakes", canary("new", long), 2, "new 2@100 old 2@0"},
		{"while the old one is kept", plan("new", fairlead.StrategyBlueGreen, []int{100}, keepOld(20*time.Second)), 2, "new 2@100 old 2@0"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.old()
			id := r.start(tt.plan)
			r.verdicts(id, tt.verdicts)
			r.eventually("all traffic is on the new release", func() bool { return r.stand.now(shop) == tt.after })
			in := back(r, id, tt.plan)
			for range 2 {
				if end := r.rollBack(in); end.Result != fairlead.ResultSuccess {
					t.Errorf("rollback: %s: %s", end.Result, end.Reason)
				}
			}
			r.ended(r.wait(id), fairlead.ResultFailure, "a rollback took the environment over", "all traffic is on release")
			rolledBack(t, r, tt.after)
			for _, typ := range []fairlead.RecordType{fairlead.RecordRollbackStarted, fairlead.RecordRollbackFinished} {
				if n := r.records(id, typ); n != 1 {
					t.Errorf("%d records %s", n, typ)
				}
			}
		})
	}
}

func TestCancelWhileTheOldOneIsKept(t *testing.T) {
	r := newRig(t)
	r.old()
	id := r.start(plan("new", fairlead.StrategyBlueGreen, []int{100}, keepOld(20*time.Second)))
	r.verdicts(id, 2)
	if err := r.store.RequestCancel(t.Context(), id, "dana", "changed my mind"); err != nil {
		t.Fatal(err)
	}
	r.ended(r.wait(id), fairlead.ResultCancellation, "cancelled")
	rolledBack(t, r, "new 2@100 old 2@0")
}

// own is a rollback that is a run of its own, because nothing moves.
func own(r *rig, id string) flow.Rollback {
	r.Helper()
	st, err := r.store.Environment(r.Context(), shop.Environment, shop.Service)
	if err != nil || st.Previous == nil {
		r.Fatalf("nothing to go back to: %+v %v", st, err)
	}
	run := fairlead.Run{ID: id, Service: shop.Service, Environment: shop.Environment, State: fairlead.StateFinalizing, StartedAt: time.Now().UTC()}
	rec := fairlead.Record{ID: id + "/queued", Type: fairlead.RecordRunQueued, Subject: id, RunID: id, Time: run.StartedAt}
	if _, err := r.store.Commit(r.Context(), fairlead.Update{Records: []fairlead.Record{rec}, Run: &run}); err != nil {
		r.Fatal(err)
	}
	return flow.Rollback{
		ID: id + "/rollback", RunID: id, Own: true, Environment: shop.Environment, Service: shop.Service,
		From: *st.Current, To: st.Previous, Reason: "asked for",
	}
}

// The release to go back to does not run any more: it is brought up beside the
// live one, which keeps the traffic until then.
func TestRollbackBringsTheOldReleaseBack(t *testing.T) {
	r := newRig(t)
	r.old()
	r.ended(r.deliver(plan("new", fairlead.StrategyBlueGreen, []int{100})), fairlead.ResultSuccess)
	r.stand.forget(shop)
	r.stand.behave("old", manner{looks: 5})
	end := r.rollBack(own(r, "b1"))
	if end.Result != fairlead.ResultSuccess {
		t.Errorf("rollback: %s: %s", end.Result, end.Reason)
	}
	r.states("new 2@100 old 2@0", "new 2@0 old 2@100", "old 2@100")
	r.live("old")
	run, err := r.store.Run(t.Context(), "b1")
	if err != nil || run.State != fairlead.StateFinished || run.Result != fairlead.ResultSuccess {
		t.Errorf("its run: %+v %v", run, err)
	}
	st, err := r.store.Environment(t.Context(), shop.Environment, shop.Service)
	if err != nil || st.Previous != nil {
		t.Errorf("what was rolled back is still something to go back to: %+v %v", st.Previous, err)
	}
}

// A machine that stood still for longer than patience lasts has still tried
// nothing: the release comes up in a few looks, and no person is needed.
func TestRollbackAfterStandingStill(t *testing.T) {
	r := newRig(t)
	r.old()
	r.ended(r.deliver(plan("new", fairlead.StrategyBlueGreen, []int{100})), fairlead.ResultSuccess)
	r.engine.Close(time.Second)
	r.parts.Patience = time.Nanosecond
	r.engine = r.launch()
	r.stand.forget(shop)
	r.stand.behave("old", manner{looks: 5})
	if end := r.rollBack(own(r, "b1")); end.Result != fairlead.ResultSuccess {
		t.Errorf("rollback: %s: %s", end.Result, end.Reason)
	}
	r.live("old")
}

// Both are down: the one to go back to is brought up alone.
func TestRollbackWhenNothingServes(t *testing.T) {
	r := newRig(t)
	r.old()
	r.ended(r.deliver(plan("new", fairlead.StrategyBlueGreen, []int{100})), fairlead.ResultSuccess)
	r.stand.forget(shop)
	r.stand.behave("new", manner{looks: -1})
	r.stand.behave("old", manner{looks: 5})
	if end := r.rollBack(own(r, "b1")); end.Result != fairlead.ResultSuccess {
		t.Errorf("rollback: %s: %s", end.Result, end.Reason)
	}
	r.states("new 2@0 old 2@0", "new 2@0 old 2@100", "old 2@100")
	r.live("old")
}

func TestRollbackOfAnEnvironmentThatSomebodyElseMoves(t *testing.T) {
	r := newRig(t)
	r.old()
	r.ended(r.deliver(plan("new", fairlead.StrategyBlueGreen, []int{100})), fairlead.ResultSuccess)
	in := own(r, "b1")
	r.stand.forget(shop)
	if _, err := r.store.ClaimEnvironment(t.Context(), shop.Environment, shop.Service, "r9/deployment", ""); err != nil {
		t.Fatal(err)
	}
	end := r.rollBack(in)
	if end.Result != fairlead.ResultError || end.Fault == nil || end.Fault.Kind != fairlead.KindConflict {
		t.Errorf("rollback: %+v", end)
	}
	r.states()
	st, err := r.store.Environment(t.Context(), shop.Environment, shop.Service)
	if err != nil || st.Moving != "r9/deployment" || st.Current.Command[0] != "new" {
		t.Errorf("environment %+v %v", st, err)
	}
}
