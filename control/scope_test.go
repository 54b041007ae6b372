package control_test

import (
	"slices"
	"testing"

	"fairlead.dev"
	"fairlead.dev/control"
)

// Two repositories that share a database: each does only what is its own.
func TestScopes(t *testing.T) {
	d := newDesk(t)
	close(d.open)
	d.Scope = "here"
	there := &control.Plane{Ledger: d.store, Reader: d.store, Engine: d.Engine, Scope: "there"}
	id, err := d.Start(t.Context(), plan(1), "")
	must(t, err)
	d.ended(id)
	for plane, want := range map[*control.Plane]bool{d.Plane: true, there: false} {
		for _, of := range []string{id, id + "/deployment", id + "/deployment/rollback"} {
			if own, err := plane.Owns(t.Context(), of); err != nil || own != want {
				t.Errorf("%s owns %s: %v, %v", plane.Scope, of, own, err)
			}
		}
	}
	_, err = there.Retry(t.Context(), id)
	refused(t, err, fairlead.KindConflict, "it belongs to another repository")
	_, err = there.Cancel(t.Context(), id, "dana", "")
	refused(t, err, fairlead.KindConflict, "it belongs to another repository")
	_, err = there.Resume(t.Context(), id)
	refused(t, err, fairlead.KindConflict, "it belongs to another repository")
}

// A run that was queued and not begun is begun where its commit is.
func TestResumeLeavesWhatOthersQueued(t *testing.T) {
	d := newDesk(t)
	d.Scope = "here"
	p := plan(1)
	must(t, d.store.SavePlan(t.Context(), p))
	d.born(fairlead.Run{ID: "r-here", Plan: p.Hash, State: fairlead.StatePending}, "here")
	d.born(fairlead.Run{ID: "r-there", Plan: p.Hash, State: fairlead.StatePending}, "there")
	close(d.open)
	ids, err := d.Resume(t.Context(), "")
	if err != nil || !slices.Equal(ids, []string{"r-here"}) {
		t.Fatalf("resumed %v, %v", ids, err)
	}
	d.ended("r-here")
}
