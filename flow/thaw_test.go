package flow_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"fairlead.dev"
)

// frozenAtTheDoor lets a freeze begin when a release is up and serves nobody
// yet, and waits until that holds it.
func (r *rig) frozenAtTheDoor(change ...func(*fairlead.Plan)) fairlead.Run {
	r.Helper()
	r.old()
	reached, goOn := r.held("a 2@0 old 2@100")
	id := r.start(canary("a", change...))
	reached()
	r.freeze("f1", false)
	goOn()
	run := r.waiting(id)
	if w := run.Waiting; w.Human || w.Question != fairlead.QuestionTraffic || len(w.Freezes) != 1 {
		r.Errorf("it waits for %+v", w)
	}
	r.states("a 2@0 old 2@100")
	return run
}

// A freeze that begins when a run's turn has come, and before anybody is served
// by its release, holds it there; it goes on in another process once it is lifted.
func TestFreezeBeginsAfterTheClaim(t *testing.T) {
	r := newRig(t)
	run := r.frozenAtTheDoor()
	r.engine.Close(5 * time.Second)
	r.engine = r.launch()
	if ids, err := r.engine.TakeOver(context.Background(), run.ID); err != nil || len(ids) == 0 {
		t.Fatalf("took over %v, %v", ids, err)
	}
	r.states("a 2@0 old 2@100")
	r.freeze("f1", true)
	done := r.wait(run.ID)
	r.ended(done, fairlead.ResultSuccess)
	if done.Waiting != nil || r.records(run.ID, fairlead.RecordRunGoesOn) != 1 {
		t.Errorf("it waits for %+v, and went on %d times", done.Waiting, r.records(run.ID, fairlead.RecordRunGoesOn))
	}
	r.live("a")
}

// Whoever cancels is heard while a freeze holds a release, and the time that it
// is held is not the release's.
func TestCancelWhileHeldBeforeTraffic(t *testing.T) {
	r := newRig(t)
	run := r.frozenAtTheDoor(func(p *fairlead.Plan) { p.Release.Deadline = 1 })
	if err := r.store.RequestCancel(t.Context(), run.ID, "dana", ""); err != nil {
		t.Fatal(err)
	}
	r.ended(r.wait(run.ID), fairlead.ResultCancellation, "cancelled")
	r.states("a 2@0 old 2@100", "old 2@100")
	r.live("old")
}

// Break-glass goes past a freeze at the last moment as well, and the run says so.
func TestGlassBrokenWhileHeldBeforeTraffic(t *testing.T) {
	r := newRig(t)
	run := r.frozenAtTheDoor(guardedBy, func(p *fairlead.Plan) {
		p.Safeguards.Approvals = nil
		p.Safeguards.BreakGlass = &fairlead.BreakGlassPolicy{
			Who: []string{"alice"}, TTL: fairlead.Duration(time.Hour), Skips: []string{fairlead.SkipFreezes}, FollowUp: fairlead.Duration(time.Hour),
		}
	})
	r.grant("b1", run, fairlead.SkipFreezes)
	done := r.wait(run.ID)
	r.ended(done, fairlead.ResultSuccess)
	if !slices.Equal(done.BreakGlass, []string{"b1"}) || r.records(run.ID, fairlead.RecordGlassUsed) != 1 {
		t.Errorf("it went past with %v, recorded %d times", done.BreakGlass, r.records(run.ID, fairlead.RecordGlassUsed))
	}
}

// grant lets alice break the glass for a run's commit.
func (r *rig) grant(id string, run fairlead.Run, skips ...string) {
	r.Helper()
	at := time.Now().UTC()
	g := fairlead.Grant{
		ID: id, Environment: run.Environment, Service: run.Service, Commit: run.Commit, Person: "alice", Account: "alice",
		Reason: "fire", Skips: skips, Time: at, Expires: at.Add(time.Hour), Due: at.Add(time.Hour),
	}
	e, err := r.key.SignForAccount(r.Context(), "", run.Commit, fairlead.PredicateGrant, g, at)
	if err != nil {
		r.Fatal(err)
	}
	g.Evidence = e.ID
	if _, err := r.store.Commit(r.Context(), fairlead.Update{
		Records: []fairlead.Record{{ID: id + "/granted", Type: fairlead.RecordGlassBroken, Subject: id, Time: at}},
		Grant:   &g, Evidence: []fairlead.Evidence{e},
	}); err != nil {
		r.Fatal(err)
	}
}

// Evidence that is revoked while a run waits in line, and nothing else holds
// it, does not count when its turn comes.
func TestEvidenceLapsesInLine(t *testing.T) {
	r := newRig(t)
	r.old()
	reached, goOn := r.held("a 2@10 old 2@90")
	first := r.start(canary("a"))
	reached()
	second := r.start(canary("b"))
	r.inLine(second)
	evidence, err := r.store.EvidenceOf(t.Context(), second)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(evidence, func(e fairlead.Evidence) bool { return e.TaskID == "build" })
	if _, err := r.store.Commit(t.Context(), fairlead.Update{
		Records:     []fairlead.Record{{ID: "revoked", Type: fairlead.RecordEvidenceRevoked, RunID: second}},
		Revocations: []fairlead.Revocation{{Evidence: evidence[i].ID, Who: "ada", Reason: "stolen key"}},
	}); err != nil {
		t.Fatal(err)
	}
	goOn()
	r.ended(r.wait(first), fairlead.ResultSuccess)
	run := r.wait(second)
	r.ended(run, fairlead.ResultFailure, "evidence-valid", "was revoked by ada: stolen key")
	d, err := r.store.Decision(t.Context(), run.Decision)
	if err != nil || d.Outcome != fairlead.OutcomeDeny || !strings.Contains(d.Rules[len(d.Rules)-1].Reason, "stolen key") {
		t.Errorf("decision %+v %v", d, err)
	}
	r.live("a")
}
