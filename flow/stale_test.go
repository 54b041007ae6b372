package flow_test

import (
	"strings"
	"testing"
	"time"

	"fairlead.dev"
	"fairlead.dev/step"
)

// excused keeps an exception for CVE-1 that dana asked for and bob approved.
func (r *rig) excused() fairlead.Exception {
	r.Helper()
	at := time.Now().UTC().Add(-time.Second)
	x := fairlead.Exception{
		ID: "x1", Service: shop.Service, Scope: fairlead.ExceptionScope{Vulnerability: "CVE-1"}, Reason: "no time",
		Person: "dana", Account: "dana", Time: at, Expires: at.Add(time.Hour),
	}
	r.stated(x.ID, fairlead.RecordExceptionAsked, fairlead.PredicateException, x, &x)
	a := fairlead.ExceptionApproval{Exception: x.ID, Request: x.Evidence, Person: "bob", Account: "bob", Time: at}
	x.Approvals = []fairlead.ExceptionApproval{a}
	r.stated(x.ID, fairlead.RecordExceptionGiven, fairlead.PredicateExceptionApproval, a, &x)
	return x
}

// stated keeps an exception with what somebody states about it now.
func (r *rig) stated(id string, typ fairlead.RecordType, predicate string, said any, x *fairlead.Exception) {
	r.Helper()
	at := time.Now().UTC()
	e, err := r.key.SignForAccount(r.Context(), "", fairlead.DigestBytes(nil).Hex()[:40], predicate, said, at)
	if err != nil {
		r.Fatal(err)
	}
	switch predicate {
	case fairlead.PredicateException:
		x.Evidence = e.ID
	case fairlead.PredicateExceptionApproval:
		x.Approvals[0].Evidence = e.ID
	default:
		x.Revoked.Evidence = e.ID
	}
	if _, err := r.store.Commit(r.Context(), fairlead.Update{
		Records:   []fairlead.Record{{ID: id + "/" + string(typ), Type: typ, Subject: id, Time: at}},
		Exception: x, Evidence: []fairlead.Evidence{e},
	}); err != nil {
		r.Fatal(err)
	}
}

// revoked ends an exception.
func (r *rig) revoked(x fairlead.Exception) {
	r.Helper()
	x.Revoked = &fairlead.ExceptionRevoked{Exception: x.ID, Person: "bob", Account: "bob", Reason: "mended", Time: time.Now().UTC()}
	r.stated(x.ID, fairlead.RecordExceptionRevoked, fairlead.PredicateExceptionRevoked, *x.Revoked, &x)
}

// refusing finds CVE-1, and denies every finding that is not excused.
func refusing(p *fairlead.Plan) {
	scanned(step.Done, vulnerable("CVE-1", fairlead.SeverityHigh))(p)
	p.Gates[len(p.Gates)-1].Outcome = fairlead.OutcomeDeny
}

// ungoverned are people of whom nobody has to approve a release.
func ungoverned(p *fairlead.Plan) {
	guardedBy(p)
	p.Safeguards.Approvals = nil
}

// dropped holds that a run was stopped by what its exception excused.
func (r *rig) dropped(run fairlead.Run) {
	r.Helper()
	r.ended(run, fairlead.ResultFailure, "something was found", "exception x1")
}

// An exception counts when a release is let in, and not only when it was
// decided about: one that is revoked while the run waits for people lets nothing
// in any more.
func TestExceptionIsRevokedWhileARunWaits(t *testing.T) {
	r := newRig(t)
	x := r.excused()
	run := r.waiting(r.start(canary("new", guardedBy, refusing)))
	d, err := r.store.Decision(t.Context(), run.ID+"/decision")
	if err != nil || d.Outcome == fairlead.OutcomeDeny || strings.Join(d.Rules[1].Excepted, " ") != "x1" {
		t.Fatalf("decided %+v, %v", d, err)
	}
	r.revoked(x)
	r.say(r.key, run, run.ID, "alice", "yes", nil)
	done := r.wait(run.ID)
	r.dropped(done)
	if d, err = r.store.Decision(t.Context(), done.Decision); err != nil || d.Outcome != fairlead.OutcomeDeny {
		t.Errorf("decided %+v, %v", d, err)
	}
	for _, rule := range d.Rules {
		if rule.Name == "clean" && rule.Outcome != fairlead.OutcomeDeny {
			t.Errorf("it denies and allows: %+v", d.Rules)
		}
	}
}

// The same in line, with nobody to ask.
func TestExceptionIsRevokedInLine(t *testing.T) {
	r := newRig(t)
	r.old()
	x := r.excused()
	reached, goOn := r.held("a 2@10 old 2@90")
	first := r.start(canary("a"))
	reached()
	second := r.start(canary("b", ungoverned, refusing))
	r.inLine(second)
	r.revoked(x)
	goOn()
	r.ended(r.wait(first), fairlead.ResultSuccess)
	r.dropped(r.wait(second))
	r.live("a")
}

// The same before the first traffic, when the release is up already.
func TestExceptionIsRevokedBeforeTraffic(t *testing.T) {
	r := newRig(t)
	x := r.excused()
	run := r.frozenAtTheDoor(ungoverned, refusing)
	r.revoked(x)
	r.freeze("f1", true)
	r.dropped(r.wait(run.ID))
	r.live("old")
}

// One that is still in force lets the run go on when its turn comes.
func TestExceptionOutlastsTheWait(t *testing.T) {
	r := newRig(t)
	r.excused()
	run := r.waiting(r.start(canary("new", guardedBy, refusing)))
	r.say(r.key, run, run.ID, "alice", "yes", nil)
	r.ended(r.wait(run.ID), fairlead.ResultSuccess, "is live")
}

// Time that runs out while a run waits counts as it would when it is decided.
func TestTimeRunsOutWhileARunWaits(t *testing.T) {
	r := newRig(t)
	run := r.waiting(r.start(canary("new", guardedBy, scanned(step.Done, vulnerable("CVE-1", fairlead.SeverityHigh)), func(p *fairlead.Plan) {
		c := fairlead.DefaultClock()
		c.High = fairlead.Duration(100 * time.Millisecond)
		p.Clock = &c
		p.Gates = append(p.Gates, fairlead.Gate{
			Name: "nothing-overdue", Rule: `!findings.exists(f, f.overdue)`, Outcome: fairlead.OutcomeDeny, Reason: "time has run out", About: "findings", Source: "test",
		})
	})))
	r.until("the time has run out", func() bool {
		all, err := r.store.Findings(t.Context(), fairlead.TrackedFilter{Service: shop.Service})
		return err == nil && len(all) == 1 && all[0].Overdue(time.Now())
	})
	r.say(r.key, run, run.ID, "alice", "yes", nil)
	r.ended(r.wait(run.ID), fairlead.ResultFailure, "time has run out")
}
