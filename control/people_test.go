package control_test

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
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
