package control_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"fairlead.dev"
	"fairlead.dev/control"
	"fairlead.dev/flow"
)

// release makes a release; its name is part of its content.
func release(name string) fairlead.Release {
	return fairlead.Release{Service: "shop", Commit: name, Command: []string{name}, Target: "shelf", Replicas: 1}.Identify()
}

// seed records what is live in production, and what was, oldest first. The
// last one is live.
func (d *desk) seed(releases ...fairlead.Release) {
	d.Helper()
	st := fairlead.EnvironmentState{Environment: "production", Service: "shop"}
	for i, r := range releases {
		at := time.Now().UTC().Add(time.Duration(i-len(releases)) * time.Minute)
		dep := fairlead.Deployment{
			ID: "r-" + r.Commit + "/deployment", RunID: "r-" + r.Commit, Service: "shop", Environment: "production",
			Release: r, Phase: fairlead.DeployDone, StartedAt: at,
		}
		st.Previous, st.Current = st.Current, &r
		rec := fairlead.Record{ID: dep.ID + "/done", Type: fairlead.RecordServiceDeployed, Subject: dep.ID, RunID: dep.RunID, Time: at}
		_, err := d.store.Commit(d.Context(), fairlead.Update{Records: []fairlead.Record{rec}, Deployment: &dep, Environment: &st})
		must(d.T, err)
	}
}

func back(to string) control.Back {
	return control.Back{Environment: "production", Service: "shop", To: to, Who: "dana", Reason: "too slow"}
}

// live holds what the record says is live.
func (d *desk) live(want fairlead.Release) {
	d.Helper()
	st, err := d.store.Environment(d.Context(), "production", "shop")
	must(d.T, err)
	if st.Current == nil || st.Current.ID != want.ID || st.Moving != "" {
		d.Errorf("live is %+v, moved by %q; want %v", st.Current, st.Moving, want.Command)
	}
}

func TestRollback(t *testing.T) {
	one, two, three := release("one"), release("two"), release("three")
	for name, tt := range map[string]struct {
		to   string
		want fairlead.Release
	}{
		"the one before":            {"", two},
		"by the beginning of an id": {one.ID.Hex()[:12], one},
		"by the whole id":           {string(one.ID), one},
		"the live one":              {three.ID.Short(), three},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			d.seed(one, two, three)
			id, reason, err := d.Rollback(t.Context(), back(tt.to))
			if err != nil || !strings.HasPrefix(id, "b") || !strings.Contains(reason, tt.want.ID.Short()) {
				t.Fatalf("%s: %s, %v", id, reason, err)
			}
			d.live(tt.want)
			run := d.ended(id)
			if run.Result != fairlead.ResultSuccess || run.Trigger != "dana" || run.Commit != tt.want.Commit {
				t.Errorf("its run: %+v", run)
			}
			_, err = d.Cancel(t.Context(), id, "dana", "")
			refused(t, err, fairlead.KindConflict, "it has ended with success")
			_, err = d.Retry(t.Context(), id)
			refused(t, err, fairlead.KindConflict, "it is a rollback")
		})
	}
}

func TestRollbackRefusals(t *testing.T) {
	one, two := release("one"), release("two")
	alike := one // another release whose id begins with the same digits
	alike.Commit, alike.ID = "alike", one.ID[:len(one.ID)-1]+"x"
	tests := []struct {
		name  string
		seed  []fairlead.Release
		back  control.Back
		kind  fairlead.Kind
		words string
	}{
		{"nothing was ever released", nil, back(""), fairlead.KindNotFound, "shop in production"},
		{"nothing was good before", []fairlead.Release{one}, back(""), fairlead.KindConflict, "no earlier release is known to be good"},
		{"was never live", []fairlead.Release{one, two}, back("ffff"), fairlead.KindNotFound, `no release "ffff" was live there`},
		{"too short", []fairlead.Release{one, two}, back(one.ID.Hex()[:3]), fairlead.KindInvalid, "is too short"},
		{"several begin so", []fairlead.Release{alike, one, two}, back(one.ID.Short()), fairlead.KindInvalid, "several releases begin with"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			d.seed(tt.seed...)
			_, _, err := d.Rollback(t.Context(), tt.back)
			refused(t, err, tt.kind, tt.words)
			if runs, err := d.store.Runs(t.Context(), fairlead.RunFilter{}); err != nil || len(runs) > 0 {
				t.Errorf("what was refused left %v, %v", runs, err)
			}
		})
	}
}

func TestRollbackWhileSomethingMoves(t *testing.T) {
	d := newDesk(t)
	d.seed(release("one"), release("two"))
	next := release("three")
	_, err := d.store.ClaimEnvironment(t.Context(), "production", "shop", "r-three/deployment", "")
	must(t, err)

	_, _, err = d.Rollback(t.Context(), back("one"))
	refused(t, err, fairlead.KindConflict, "r-three/deployment is moving it")
	_, _, err = d.Rollback(t.Context(), back(""))
	refused(t, err, fairlead.KindConflict, "r-three/deployment is moving it") // it has not begun to

	dep := fairlead.Deployment{
		ID: "r-three/deployment", RunID: "r-three", Service: "shop", Environment: "production", Release: next,
		Phase: fairlead.DeployShift, StartedAt: time.Now().UTC(),
	}
	rec := fairlead.Record{ID: dep.ID + "/began", Type: fairlead.RecordDeploymentBegan, Subject: dep.ID, RunID: dep.RunID, Time: dep.StartedAt}
	_, err = d.store.Commit(t.Context(), fairlead.Update{Records: []fairlead.Record{rec}, Deployment: &dep})
	must(t, err)
	id, _, err := d.Rollback(t.Context(), back(""))
	if err != nil || id != "r-three" {
		t.Fatalf("%s %v", id, err)
	}
	d.live(release("two"))
	if got, err := d.store.Deployment(t.Context(), dep.ID); err != nil || got.Phase != fairlead.DeployRolledBack {
		t.Errorf("deployment %s %v", got.Phase, err)
	}
	if n, err := d.store.Records(t.Context(), fairlead.RecordFilter{RunID: "r-three", Types: []fairlead.RecordType{fairlead.RecordRollbackStarted}}); err != nil || len(n) != 1 {
		t.Errorf("%d rollbacks, %v", len(n), err)
	}
	if flow.RollbackID(dep.ID) != "r-three/deployment/rollback" {
		t.Error("the rollback of a deployment has another name")
	}
}

// A rollback of a deployment whose process died is gone on with by asking again.
func TestRollbackGoesOn(t *testing.T) {
	d := newDesk(t)
	d.seed(release("one"), release("two"))
	d.moves("r-three", release("three"))
	d.shelf.slow = true
	began, left := make(chan string, 1), make(chan error, 1)
	go func() {
		b := back("")
		b.Began = func(runID string) { began <- runID }
		_, _, err := d.Rollback(t.Context(), b)
		left <- err
	}()
	if id := <-began; id != "r-three" {
		t.Fatalf("it is recorded under %s", id)
	}
	for ended := false; !ended; {
		st, err := d.store.Environment(t.Context(), "production", "shop")
		must(t, err)
		ended = st.Moving == flow.RollbackID("r-three/deployment")
		time.Sleep(time.Millisecond)
	}
	d.Engine.Close(5 * time.Second)
	if err := <-left; err == nil {
		t.Fatal("it was done by a process that died")
	}
	close(d.shelf.stuck)
	d.Engine = d.launch()
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	if id, _, err := d.Rollback(ctx, back("")); err != nil || id != "r-three" {
		t.Fatalf("%s %v", id, err)
	}
	d.live(release("two"))
}
