package flow_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fairlead.dev"
	"fairlead.dev/engine"
	"fairlead.dev/evidence"
	"fairlead.dev/flow"
)

// guardedBy asks alice; people are known by their accounts.
func guardedBy(p *fairlead.Plan) {
	p.Safeguards = &fairlead.Safeguards{
		People: []fairlead.Person{
			{Name: "alice", Emails: []string{"alice@example.org"}, Accounts: []string{"alice"}},
			{Name: "bob", Emails: []string{"bob@example.org"}, Accounts: []string{"bob"}},
			{Name: "dana", Emails: []string{"dana@example.org"}, Accounts: []string{"dana"}},
		},
		Approvals: []fairlead.ApprovalRule{{Name: "one", Count: 1, From: []string{"alice"}, Expires: fairlead.Duration(time.Hour), Source: "test"}},
	}
}

// waiting gives the run once it waits for people.
func (r *rig) waiting(id string) fairlead.Run {
	r.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if run, err := r.store.Run(r.Context(), id); err == nil && run.Waiting != nil {
			return run
		}
	}
	r.Fatalf("run %s never waits", id)
	return fairlead.Run{}
}

// say keeps a vote, signed by a signer; change spoils the row after that.
func (r *rig) say(by *evidence.Signer, run fairlead.Run, signedFor string, person string, n string, change func(*fairlead.Approval)) {
	r.Helper()
	a := fairlead.Approval{
		ID: run.ID + "/approval/release/" + n, RunID: signedFor, Plan: run.Plan, Question: fairlead.QuestionRelease,
		Vote: fairlead.VoteApprove, Person: person, Account: person, Time: time.Now().UTC(),
	}
	e, err := by.SignForAccount(r.Context(), signedFor, run.Commit, fairlead.PredicateApproval, a, a.Time)
	if err != nil {
		r.Fatal(err)
	}
	a.Evidence = e.ID
	if change != nil {
		change(&a)
	}
	_, err = r.store.Commit(r.Context(), fairlead.Update{
		Records:  []fairlead.Record{{ID: a.ID, Type: fairlead.RecordApproval, Subject: a.ID, RunID: run.ID, Time: a.Time}},
		Approval: &a, Evidence: []fairlead.Evidence{e},
	})
	if err != nil {
		r.Fatal(err)
	}
}

// Forged, replayed and altered approvals are worth nothing; an honest one lets
// the run go on, in another process as well.
func TestOnlyAnHonestApprovalCounts(t *testing.T) {
	r := newRig(t)
	stranger, err := evidence.OpenKey(filepath.Join(t.TempDir(), "keys"))
	if err != nil {
		t.Fatal(err)
	}
	id := r.start(canary("new", guardedBy))
	run := r.waiting(id)
	r.say(stranger, run, id, "alice", "forged", nil)
	r.say(r.key, run, "r-other", "alice", "replayed", func(a *fairlead.Approval) { a.RunID = id })
	r.say(r.key, run, id, "bob", "passed-off", func(a *fairlead.Approval) { a.Person, a.Account = "alice", "alice" })
	r.say(r.key, run, id, "alice", "of-another-plan", func(a *fairlead.Approval) { a.Plan = "sha256:other" })
	r.say(r.key, run, id, "bob", "not-asked", nil)
	h, err := r.parts.Desk.Look(t.Context(), asking(t, run, r), time.Now().UTC())
	if err != nil || h.Waiting == nil || !strings.Contains(h.Waiting.Text, "0 of 1 approval") {
		t.Fatalf("%+v %v", h, err)
	}
	r.engine.Close(5 * time.Second)
	r.engine = r.launch()
	if ids, err := r.engine.TakeOver(context.Background(), id); err != nil || len(ids) == 0 {
		t.Fatalf("took over %v, %v", ids, err)
	}
	r.say(r.key, run, id, "alice", "honest", nil)
	done := r.wait(id)
	r.ended(done, fairlead.ResultSuccess)
	if done.Waiting != nil {
		t.Error("a finished run waits")
	}
	d, err := r.store.Decision(t.Context(), done.Decision)
	if err != nil || d.Outcome != fairlead.OutcomeAllow || !strings.Contains(d.Rules[len(d.Rules)-1].Reason, "approved by alice") {
		t.Errorf("decision %+v %v", d, err)
	}
}

func asking(t *testing.T, run fairlead.Run, r *rig) flow.Asking {
	t.Helper()
	p, err := r.store.Plan(t.Context(), run.Plan)
	if err != nil {
		t.Fatal(err)
	}
	q, ok := flow.AskingOf(run, p)
	if !ok {
		t.Fatal("it asks nothing")
	}
	return q
}

// A finished run never changes: not by a vote, and not by starting it again.
func TestFinishedRunIsDeafToVotes(t *testing.T) {
	r := newRig(t)
	p := canary("new", guardedBy)
	id := r.start(p)
	run := r.waiting(id)
	if err := r.store.RequestCancel(t.Context(), id, "dana", ""); err != nil {
		t.Fatal(err)
	}
	before := r.wait(id)
	r.ended(before, fairlead.ResultCancellation, "cancelled while it waited")
	r.say(r.key, run, id, "alice", "late", nil)
	if err := engine.Start(t.Context(), r.engine, flow.NameDelivery, id, flow.Delivery{RunID: id, Plan: p}); err != nil {
		t.Fatal(err)
	}
	after := r.wait(id)
	if after.Result != before.Result || !after.FinishedAt.Equal(before.FinishedAt) || r.stand.count("deliver") != 0 {
		t.Errorf("%+v became %+v", before, after)
	}
}
