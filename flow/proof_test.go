package flow_test

import (
	"strings"
	"testing"

	"fairlead.dev"
)

// promoted makes a plan one that promotes what a run released.
func promoted(run fairlead.Run, artifacts []fairlead.Artifact) func(*fairlead.Plan) {
	return func(p *fairlead.Plan) {
		p.Promotion = &fairlead.Promotion{From: "staging", Run: run.ID, Artifacts: artifacts}
	}
}

// A promotion releases what was built before and says what its decision rests on.
func TestPromotionTakesTheBuildOver(t *testing.T) {
	r := newRig(t)
	first := r.deliver(canary("new"))
	r.ended(first, fairlead.ResultSuccess, "is live")
	built, err := r.store.Task(t.Context(), first.ID, "build")
	if err != nil {
		t.Fatal(err)
	}
	run := r.deliver(canary("new", promoted(first, built.Artifacts)))
	r.ended(run, fairlead.ResultSuccess, "is live")
	again, err := r.store.Task(t.Context(), run.ID, "build")
	if err != nil || again.ReusedFrom != first.ID || again.Attempts != 0 || again.Key != "" {
		t.Errorf("build %+v, %v", again, err)
	}
	d, err := r.store.Decision(t.Context(), run.Decision)
	if err != nil || len(d.Reused) != 1 || d.Reused[0].Run != first.ID || d.Reused[0].Evidence != built.Evidence[0] || d.Reused[0].ProvenAt.IsZero() {
		t.Errorf("it rests on %+v, %v", d.Reused, err)
	}
	if run.Promotion == nil || run.Promotion.Run != first.ID {
		t.Errorf("run %+v", run)
	}
	dep, err := r.store.Deployment(t.Context(), run.Deployment)
	if err != nil || dep.Promotion == nil || dep.Promotion.From != "staging" {
		t.Errorf("deployment %+v, %v", dep, err)
	}
}

// Nothing but what was good elsewhere gets in.
func TestPromotionOfOtherArtifacts(t *testing.T) {
	r := newRig(t)
	first := r.deliver(canary("new"))
	other := []fairlead.Artifact{{Name: "bin/shop", Digest: fairlead.DigestBytes([]byte("forged")), Size: 6, Mode: 0o755}}
	run := r.deliver(canary("new", promoted(first, other)))
	r.ended(run, fairlead.ResultFailure, "same-artifacts: the release is not made of the artifacts")
	run = r.deliver(canary("new", promoted(fairlead.Run{ID: "r-none"}, nil)))
	r.ended(run, fairlead.ResultFailure, "")
	if tr, err := r.store.Task(t.Context(), run.ID, "build"); err != nil || tr.Attempts != 0 || tr.Fault == nil || tr.Fault.Kind != fairlead.KindDenied {
		t.Errorf("a build that cannot be taken over: %+v, %v", tr, err)
	}
}

// What was proven when a task ended may be worth nothing when it is decided.
func TestEvidenceThatLapsedSince(t *testing.T) {
	r := newRig(t)
	run := r.deliver(canary("new", func(p *fairlead.Plan) { p.ValidFor.Build = 1 }))
	r.ended(run, fairlead.ResultFailure, "evidence-valid: evidence")
	if !strings.Contains(run.Reason, "of build has expired: it was proven at") {
		t.Errorf("reason %s", run.Reason)
	}
	r.ledger.down = func(u fairlead.Update) bool {
		for _, e := range u.Evidence {
			if e.TaskID != "build" {
				continue
			}
			_, err := r.store.Commit(t.Context(), fairlead.Update{
				Records:     []fairlead.Record{{ID: "revoked", Type: fairlead.RecordEvidenceRevoked, RunID: e.RunID}},
				Revocations: []fairlead.Revocation{{Evidence: e.ID, Who: "ada", Reason: "stolen key"}},
			})
			if err != nil {
				t.Error(err)
			}
		}
		return false
	}
	run = r.deliver(canary("newer"))
	r.ended(run, fairlead.ResultFailure, "evidence-valid: evidence")
	if !strings.Contains(run.Reason, "was revoked by ada: stolen key") {
		t.Errorf("reason %s", run.Reason)
	}
}
