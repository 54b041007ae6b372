package control_test

import (
	"cmp"
	"context"
	"errors"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"fairlead.dev"
	"fairlead.dev/control"
	"fairlead.dev/evidence"
)

// account is whoever is logged in under a name.
type account struct {
	name string
	key  *evidence.Signer
}

func (a account) Among(people []fairlead.Person) (string, string, error) {
	for _, p := range slices.Backward(people) {
		if slices.Contains(p.Accounts, a.name) {
			return p.Name, a.name, nil
		}
	}
	return "", a.name, &fairlead.Problem{Op: "recognise", Kind: fairlead.KindDenied, Err: errors.New(a.name + " is nobody"), Hint: "ask somebody else"}
}

func (a account) State(ctx context.Context, runID, commit, typ string, said any, at time.Time) (fairlead.Evidence, error) {
	return a.key.SignForAccount(ctx, runID, commit, typ, said, at)
}

// by gives whoever is logged in under a name.
func (d *desk) by(name string) account {
	d.Helper()
	key, err := evidence.OpenKey(filepath.Join(d.dir, "keys"))
	must(d.T, err)
	return account{name, key}
}

func person(name, account string) fairlead.Person {
	return fairlead.Person{Name: name, Emails: []string{name + "@example.org"}, Accounts: []string{account}}
}

// guarded gives plans their people, of whom those on call may break the glass.
func guarded(people ...fairlead.Person) func(*fairlead.Plan) {
	return func(p *fairlead.Plan) {
		p.Safeguards = &fairlead.Safeguards{People: people, BreakGlass: &fairlead.BreakGlassPolicy{
			Who: []string{people[0].Name}, Requires: []string{"reason"}, TTL: fairlead.Duration(time.Hour),
			Skips: []string{fairlead.SkipApprovals, fairlead.SkipFreezes}, FollowUp: fairlead.Duration(time.Hour),
		}}
	}
}

// seedPlan makes a release live that a plan released.
func (d *desk) seedPlan(name string, p fairlead.Plan) {
	d.Helper()
	must(d.T, d.store.SavePlan(d.Context(), p))
	run := fairlead.Run{ID: "r-" + name, Plan: p.Hash, Service: p.Service, Environment: p.Environment, State: fairlead.StateFinished, Result: fairlead.ResultSuccess}
	_, err := d.store.Commit(d.Context(), fairlead.Update{
		Records: []fairlead.Record{{ID: run.ID + "/finished", Type: fairlead.RecordRunFinished, Subject: run.ID, RunID: run.ID}}, Run: &run,
	})
	must(d.T, err)
	d.seed(release(name))
}

// Who may lift a freeze or review a grant is known to what is live. A file at
// hand that names other people, or another service, changes nothing about that.
func TestFileAtHandMakesNobodyKnown(t *testing.T) {
	d := newDesk(t)
	p := plan(1, guarded(person("alice", "alice"), person("bob", "bob")))
	d.seedPlan("one", p)
	atHand := []fairlead.Person{person("mallory", "alice"), person("eve", "eve")}

	f, err := d.AddFreeze(t.Context(), fairlead.Freeze{TZ: "UTC", Reason: "incident"}, "dana")
	must(t, err)
	_, err = d.LiftFreeze(t.Context(), f.ID, "over", "eve", atHand, d.by("eve"))
	refused(t, err, fairlead.KindDenied, "eve is nobody")

	next := plan(2, guarded(person("alice", "alice"), person("bob", "bob")))
	g, err := d.BreakGlass(t.Context(), control.Glass{Plan: next, Reason: "fire"}, d.by("alice"))
	must(t, err)
	_, err = d.Review(t.Context(), control.Reviewing{Grant: g.ID, Reason: "fine"}, atHand, d.by("alice"))
	refused(t, err, fairlead.KindDenied, "alice holds the grant")
	_, err = d.Review(t.Context(), control.Reviewing{Grant: g.ID, Reason: "fine"}, atHand, d.by("eve"))
	refused(t, err, fairlead.KindDenied, "eve is nobody")

	now := time.Now().UTC()
	if got, err := d.Desk.Grants(t.Context(), *next.Safeguards, next, now); err != nil || len(got) != 1 || got[0].ID != g.ID {
		t.Errorf("before its review the grant gives %+v, %v", got, err)
	}
	_, err = d.Review(t.Context(), control.Reviewing{Grant: g.ID, Reason: "fine"}, atHand, d.by("bob"))
	must(t, err)
	if got, err := d.Desk.Grants(t.Context(), *next.Safeguards, next, now); err != nil || got != nil {
		t.Errorf("what was reviewed is used again: %+v, %v", got, err)
	}
	if lifted, err := d.LiftFreeze(t.Context(), f.ID, "over", "bob", atHand, d.by("bob")); err != nil || lifted.LiftedBy != "bob" {
		t.Errorf("%+v %v", lifted, err)
	}
}

// meeting is somebody who answers in two places: both have read what was said
// before when the first one says it.
type meeting struct {
	account

	both *sync.WaitGroup
}

func (m meeting) State(ctx context.Context, runID, commit, typ string, said any, at time.Time) (fairlead.Evidence, error) {
	m.both.Done()
	m.both.Wait()
	return m.account.State(ctx, runID, commit, typ, said, at)
}

// atOnce gives two ballots of one person at the same instant.
func (d *desk) atOnce(run, name string, votes [2]fairlead.Vote) (voted [2]control.Voted, errs [2]error) {
	var both, done sync.WaitGroup
	both.Add(2)
	who := meeting{d.by(name), &both}
	for i, v := range votes {
		done.Go(func() {
			voted[i], errs[i] = d.Vote(d.Context(), control.Ballot{RunID: run, Vote: v, Reason: "said"}, who)
		})
	}
	done.Wait()
	return voted, errs
}

// Who approves twice at the same instant has approved once, and both answers say
// so; two that contradict each other are a conflict for the one that came later.
func TestSamePersonTwiceAtOnce(t *testing.T) {
	d := newDesk(t)
	p := plan(1, guarded(person("alice", "alice"), person("bob", "bob"), person("carol", "carol")), func(p *fairlead.Plan) {
		p.Safeguards.Approvals = []fairlead.ApprovalRule{{Name: "two", Count: 2, Expires: fairlead.Duration(time.Hour)}}
	})
	must(t, d.store.SavePlan(t.Context(), p))
	run := fairlead.Run{
		ID: "r-one", Plan: p.Hash, Environment: "production", State: fairlead.StateExecuting,
		Waiting: &fairlead.Waiting{Question: fairlead.QuestionRelease, Human: true, Since: time.Now().UTC()},
	}
	d.record(run)
	voted, errs := d.atOnce(run.ID, "alice", [2]fairlead.Vote{fairlead.VoteApprove, fairlead.VoteApprove})
	for i, v := range voted {
		if errs[i] != nil || v.Approval.ID != voted[0].Approval.ID || v.Waiting == nil {
			t.Errorf("%+v, %v", v, errs[i])
		}
	}
	if voted[0].Again == voted[1].Again {
		t.Errorf("both came first: %+v", voted)
	}
	if kept, err := d.store.Approvals(t.Context(), run.ID); err != nil || len(kept) != 1 {
		t.Errorf("kept are %+v, %v", kept, err)
	}
	_, errs = d.atOnce(run.ID, "bob", [2]fairlead.Vote{fairlead.VoteApprove, fairlead.VoteReject})
	if (errs[0] == nil) == (errs[1] == nil) {
		t.Errorf("two answers that contradict each other: %v", errs)
	}
	refused(t, cmp.Or(errs[0], errs[1]), fairlead.KindConflict, "gave another answer at the same time")

	// The run went on in between.
	run.Waiting = nil
	_, err := d.store.Commit(t.Context(), fairlead.Update{
		Records: []fairlead.Record{{ID: "r-one/on", Type: fairlead.RecordRunStarted, Subject: run.ID, RunID: run.ID}}, Run: &run,
	})
	must(t, err)
	v, err := d.Vote(t.Context(), control.Ballot{RunID: run.ID, Vote: fairlead.VoteApprove}, d.by("alice"))
	if err != nil || !v.Again || v.Approval.ID != voted[0].Approval.ID {
		t.Errorf("%+v, %v", v, err)
	}
	for _, c := range []struct {
		who  string
		vote fairlead.Vote
	}{{"carol", fairlead.VoteApprove}, {"eve", fairlead.VoteApprove}, {"alice", fairlead.VoteReject}} {
		_, err = d.Vote(t.Context(), control.Ballot{RunID: run.ID, Vote: c.vote, Reason: "no"}, d.by(c.who))
		refused(t, err, fairlead.KindConflict, "it waits for nobody now")
	}
}
