package control_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"fairlead.dev"
	"fairlead.dev/control"
)

// forget takes the engine's database away, as a person who tidies up would.
func (d *desk) forget() {
	d.Helper()
	d.Engine.Close(5 * time.Second)
	files, err := filepath.Glob(filepath.Join(d.dir, "engine.db*"))
	must(d.T, err)
	for _, f := range files {
		must(d.T, os.RemoveAll(f))
	}
	d.Engine = d.launch()
}

// begun waits until a run executes.
func (d *desk) begun(id string) {
	d.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		run, err := d.store.Run(d.Context(), id)
		must(d.T, err)
		if run.State == fairlead.StateExecuting {
			return
		}
		if time.Now().After(end) {
			d.Fatalf("%s is %s", id, run.State)
		}
	}
}

// A run that the engine has lost ends, by whoever asks for it.
func TestLostRunsEnd(t *testing.T) {
	d := newDesk(t)
	var ids []string
	for n := range 3 {
		id, err := d.Start(t.Context(), plan(n), "")
		must(t, err)
		d.begun(id)
		ids = append(ids, id)
	}
	d.forget()
	_, err := d.store.ClaimEnvironment(t.Context(), "production", "shop", ids[0]+"/deployment", "")
	must(t, err)
	run, err := d.Cancel(t.Context(), ids[0], "dana", "")
	if err != nil || run.Result != fairlead.ResultError || run.Fault == nil || run.Fault.Hint == "" {
		t.Fatalf("cancelled: %+v %v", run, err)
	}
	if st, err := d.store.Environment(t.Context(), "production", "shop"); err != nil || st.Moving != "" {
		t.Errorf("what it never touched is moved by %q, %v", st.Moving, err)
	}
	got, err := d.Resume(t.Context(), ids[1])
	if err != nil || !slices.Equal(got, ids[1:2]) {
		t.Errorf("resumed %v, %v", got, err)
	}
	if got, err = d.Resume(t.Context(), ""); err != nil || !slices.Equal(got, ids[2:]) {
		t.Errorf("resumed %v, %v", got, err)
	}
	for _, id := range ids {
		if run := d.ended(id); run.Result != fairlead.ResultError || run.Reason != "its engine state is lost" {
			t.Errorf("%s: %s", run.Result, run.Reason)
		}
	}
	close(d.open)
	again, err := d.Retry(t.Context(), ids[0])
	must(t, err)
	if run := d.ended(again); run.Result != fairlead.ResultSuccess {
		t.Errorf("%s: %s", run.Result, run.Reason)
	}
}

// A release that was on its way then is undone by a rollback.
func TestLostRelease(t *testing.T) {
	d := newDesk(t)
	d.seed(release("one"), release("two"))
	id, err := d.Start(t.Context(), plan(1), "")
	must(t, err)
	d.begun(id)
	d.forget()
	d.moves(id, release("three"))
	run, err := d.Cancel(t.Context(), id, "dana", "")
	if err != nil || !strings.Contains(run.Fault.Hint, "fairlead rollback production") {
		t.Fatalf("%+v %v", run, err)
	}
	if st, err := d.store.Environment(t.Context(), "production", "shop"); err != nil || st.Moving == "" {
		t.Errorf("the environment was let go: %v", err)
	}
	_, _, err = d.Rollback(t.Context(), control.Back{Environment: "production", Service: "shop", Who: "dana"})
	must(t, err)
	d.live(release("two"))
	dep, err := d.store.Deployment(t.Context(), id+"/deployment")
	if err != nil || !strings.Contains(dep.Reason, "asked for by dana") || strings.Contains(dep.Reason, "dana:") {
		t.Errorf("it was rolled back for %q, %v", dep.Reason, err)
	}
}

// moves records a deployment of a run on its way.
func (d *desk) moves(runID string, r fairlead.Release) {
	d.Helper()
	dep := fairlead.Deployment{
		ID: runID + "/deployment", RunID: runID, Service: "shop", Environment: "production", Release: r,
		Phase: fairlead.DeployShift, StartedAt: time.Now().UTC(),
	}
	_, err := d.store.ClaimEnvironment(d.Context(), "production", "shop", dep.ID, "")
	must(d.T, err)
	rec := fairlead.Record{ID: dep.ID + "/began", Type: fairlead.RecordDeploymentBegan, Subject: dep.ID, RunID: runID, Time: dep.StartedAt}
	_, err = d.store.Commit(d.Context(), fairlead.Update{Records: []fairlead.Record{rec}, Deployment: &dep})
	must(d.T, err)
}

// A rollback that was lost does not keep its environment.
func TestLostRollback(t *testing.T) {
	d := newDesk(t)
	d.seed(release("one"), release("two"))
	lost := fairlead.Run{
		ID: "b-lost", Environment: "production", Service: "shop", State: fairlead.StateFinalizing, StartedAt: time.Now().UTC().Add(-time.Hour),
	}
	rec := fairlead.Record{ID: "b-lost/queued", Type: fairlead.RecordRunQueued, Subject: lost.ID, RunID: lost.ID, Time: lost.StartedAt}
	_, err := d.store.Commit(t.Context(), fairlead.Update{Records: []fairlead.Record{rec}, Run: &lost})
	must(t, err)
	_, err = d.store.ClaimEnvironment(t.Context(), "production", "shop", "b-lost/rollback", "")
	must(t, err)
	_, _, err = d.Rollback(t.Context(), back(""))
	refused(t, err, fairlead.KindConflict, "b-lost/rollback is moving it")
	if hint := fairlead.HintOf(err); !strings.Contains(hint, "fairlead resume") {
		t.Errorf("the hint is %q", hint)
	}
	if got, err := d.Resume(t.Context(), ""); err != nil || !slices.Equal(got, []string{"b-lost"}) {
		t.Fatalf("resumed %v, %v", got, err)
	}
	_, _, err = d.Rollback(t.Context(), back(""))
	must(t, err)
	d.live(release("one"))
}
