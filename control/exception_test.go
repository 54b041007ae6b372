package control_test

import (
	"testing"
	"time"

	"fairlead.dev"
	"fairlead.dev/control"
)

// excepting gives plans their people and who approves exceptions.
func excepting(from string, people ...fairlead.Person) func(*fairlead.Plan) {
	return func(p *fairlead.Plan) {
		p.Safeguards = &fairlead.Safeguards{People: people, Exceptions: &fairlead.ExceptionPolicy{
			From: []string{from}, Count: 1, Longest: fairlead.Duration(time.Hour),
		}}
	}
}

func about(p fairlead.Plan) control.Excusing {
	return control.Excusing{Plan: p, Scope: fairlead.ExceptionScope{Vulnerability: "GO-1"}, Reason: "no time"}
}

func (d *desk) holds(p fairlead.Plan, x fairlead.Exception, at time.Time) bool {
	d.Helper()
	ok, err := d.Desk.Approved(d.Context(), p, x, at)
	must(d.T, err)
	return ok
}

// An exception counts when another person approved what was signed, for as long
// as it lasts, and no longer than until somebody revokes it.
func TestExceptionNeedsAnotherPerson(t *testing.T) {
	d := newDesk(t)
	p := plan(1, excepting("bob", person("alice", "alice"), person("bob", "bob")))
	now := time.Now()

	x, err := d.RequestException(t.Context(), about(p), d.by("alice"))
	must(t, err)
	if d.holds(p, x, now.Add(time.Minute)) {
		t.Error("nobody approved it, and it counts")
	}
	_, err = d.ApproveException(t.Context(), x.ID, "", p, d.by("alice"))
	refused(t, err, fairlead.KindDenied, "alice asked for it")
	_, err = d.ApproveException(t.Context(), x.ID, "", p, d.by("eve"))
	refused(t, err, fairlead.KindDenied, "eve is nobody")
	x, err = d.ApproveException(t.Context(), x.ID[:6], "", p, d.by("bob"))
	must(t, err)
	if !d.holds(p, x, now.Add(time.Minute)) {
		t.Error("bob approved it, and it does not count")
	}
	if d.holds(p, x, now.Add(2*time.Hour)) {
		t.Error("it has expired, and counts")
	}
	_, err = d.ApproveException(t.Context(), x.ID, "", p, d.by("bob"))
	refused(t, err, fairlead.KindConflict, "bob approved it before")

	revoked, err := d.RevokeException(t.Context(), x.ID, "mended", p, d.by("alice"))
	must(t, err)
	if d.holds(p, revoked, now.Add(time.Minute)) {
		t.Error("it is revoked, and counts")
	}
	_, err = d.ApproveException(t.Context(), x.ID, "", p, d.by("bob"))
	refused(t, err, fairlead.KindConflict, "alice revoked it")
}

// Who writes to the database lets nothing pass: what was signed is what counts.
func TestExceptionIsWhatWasSigned(t *testing.T) {
	d := newDesk(t)
	p := plan(1, excepting("bob", person("alice", "alice"), person("bob", "bob")))
	x, err := d.RequestException(t.Context(), about(p), d.by("alice"))
	must(t, err)
	forged := x
	forged.Approvals = []fairlead.ExceptionApproval{{Exception: x.ID, Request: x.Evidence, Person: "bob", Account: "bob", Time: x.Time, Evidence: x.Evidence}}
	x, err = d.ApproveException(t.Context(), x.ID, "", p, d.by("bob"))
	must(t, err)
	longer, wider := x, x
	longer.Expires = x.Expires.Add(time.Minute)
	wider.Scope.Vulnerability = "GO-2"
	for name, changed := range map[string]fairlead.Exception{"approved by a row": forged, "longer": longer, "wider": wider} {
		if d.holds(p, changed, time.Now().Add(time.Second)) {
			t.Errorf("%s: it counts", name)
		}
	}
}

// A change that names other people does not let them approve: the rules of what
// is live hold as well.
func TestNoChangeApprovesItsOwnExceptions(t *testing.T) {
	d := newDesk(t)
	d.seedPlan("one", plan(1, excepting("bob", person("alice", "alice"), person("bob", "bob"))))
	change := plan(2, excepting("eve", person("alice", "alice"), person("eve", "eve")))
	x, err := d.RequestException(t.Context(), about(change), d.by("alice"))
	must(t, err)
	_, err = d.ApproveException(t.Context(), x.ID, "", change, d.by("eve"))
	refused(t, err, fairlead.KindDenied, "eve is not asked by the live release")
}

// Bad requests are refused before anything is kept.
func TestExceptionWithinItsPolicy(t *testing.T) {
	d := newDesk(t)
	p := plan(1, excepting("bob", person("alice", "alice"), person("bob", "bob")))
	for name, c := range map[string]struct {
		change func(*control.Excusing)
		kind   fairlead.Kind
		says   string
	}{
		"too long":         {func(q *control.Excusing) { q.For = 2 * time.Hour }, fairlead.KindInvalid, "lasts at most"},
		"negative":         {func(q *control.Excusing) { q.For = -time.Hour }, fairlead.KindInvalid, "lasts at most"},
		"about nothing":    {func(q *control.Excusing) { q.Scope = fairlead.ExceptionScope{Path: "**"} }, fairlead.KindInvalid, "about nothing"},
		"no reason":        {func(q *control.Excusing) { q.Reason = " " }, fairlead.KindInvalid, "needs a reason"},
		"no justification": {func(q *control.Excusing) { q.Justification = "trust me" }, fairlead.KindInvalid, "is no justification"},
		"no purl":          {func(q *control.Excusing) { q.Scope.Component = "left-pad" }, fairlead.KindInvalid, "is no package URL"},
		"no glob":          {func(q *control.Excusing) { q.Scope.Path = "a[" }, fairlead.KindInvalid, "is no glob"},
		"nobody is known":  {func(q *control.Excusing) { q.Plan = plan(3) }, fairlead.KindDenied, "no people are known"},
	} {
		t.Run(name, func(t *testing.T) {
			q := about(p)
			c.change(&q)
			_, err := d.RequestException(t.Context(), q, d.by("alice"))
			refused(t, err, c.kind, c.says)
		})
	}
	kept, err := d.store.Exceptions(t.Context(), "", true)
	must(t, err)
	if len(kept) > 0 {
		t.Errorf("kept %v", kept)
	}
}
