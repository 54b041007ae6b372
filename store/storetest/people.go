package storetest

import (
	"testing"
	"time"

	"fairlead.dev"
)

// testPeople: votes are kept as they were given, in order; a freeze is lifted
// once and a grant reviewed once.
func testPeople(t *testing.T, url string) {
	s := open(t, url)
	ctx := t.Context()
	var votes []fairlead.Approval
	given := time.Now().UTC()
	for i, person := range []string{"alice", "bob", "alice"} {
		a := fairlead.Approval{
			ID: "r1/approval/release/" + person + "/" + string(rune('0'+i)), RunID: "r1", Plan: "sha256:1", Question: fairlead.QuestionRelease,
			Vote: fairlead.VoteApprove, Person: person, Reason: "fine", Time: given.Add(time.Duration(i) * time.Second),
		}
		u := fairlead.Update{Records: []fairlead.Record{fact(a.ID, "r1")}, Approval: &a}
		commit(t, s, u)
		if applied, err := s.Commit(ctx, u); applied || err != nil {
			t.Errorf("the same vote again: applied %v, %v", applied, err)
		}
		votes = append(votes, a)
	}
	kept, err := s.Approvals(ctx, "r1")
	for i, a := range kept {
		if a.Received.Before(given.Add(-time.Minute)) || a.Received.After(time.Now().Add(time.Minute)) {
			t.Errorf("a vote of %s was received at %s", a.Time, a.Received)
		}
		kept[i].Received = time.Time{}
	}
	check(t, "approvals", votes)(kept, err)
	for name, off := range map[string]time.Duration{"the future": time.Hour, "the past": -time.Hour} {
		a := votes[0]
		a.ID, a.Time = a.ID+name, given.Add(off)
		_, err := s.Commit(ctx, fairlead.Update{Records: []fairlead.Record{fact(a.ID, "r1")}, Approval: &a})
		wantKind(t, err, fairlead.KindDenied)
	}
	check(t, "approvals of another run", []fairlead.Approval(nil))(s.Approvals(ctx, "r2"))
	changed := votes[0]
	changed.Person = "mallory"
	_, err = s.Commit(ctx, fairlead.Update{Records: []fairlead.Record{fact("r1/forged", "r1")}, Approval: &changed})
	if err == nil {
		t.Error("an approval was replaced")
	}

	f := fairlead.StandingFreeze{Freeze: fairlead.Freeze{ID: "f1", TZ: "UTC", Except: []string{}}, AddedBy: "alice", AddedAt: start}
	commit(t, s, fairlead.Update{Records: []fairlead.Record{fact("f1/added", "")}, Freeze: &f})
	check(t, "freezes", []fairlead.StandingFreeze{f})(s.Freezes(ctx, false))
	f.LiftedBy, f.LiftedAt = "bob", start.Add(time.Hour)
	commit(t, s, fairlead.Update{Records: []fairlead.Record{fact("f1/lifted", "")}, Freeze: &f})
	check(t, "standing freezes", []fairlead.StandingFreeze(nil))(s.Freezes(ctx, false))
	check(t, "all freezes", []fairlead.StandingFreeze{f})(s.Freezes(ctx, true))
	again := f
	again.LiftedAt = time.Time{}
	_, err = s.Commit(ctx, fairlead.Update{Records: []fairlead.Record{fact("f1/again", "")}, Freeze: &again})
	wantKind(t, err, fairlead.KindConflict)

	g := fairlead.Grant{
		ID: "b1", Environment: "production", Service: "shop", Commit: "c0ffee", Person: "alice", Reason: "fire",
		Skips: []string{fairlead.SkipFreezes}, Time: start, Expires: start.Add(time.Hour), Due: start.Add(48 * time.Hour),
	}
	commit(t, s, fairlead.Update{Records: []fairlead.Record{fact("b1/granted", "")}, Grant: &g})
	check(t, "grants", []fairlead.Grant{g})(s.Grants(ctx, "production", "shop", "c0ffee"))
	check(t, "grants elsewhere", []fairlead.Grant(nil))(s.Grants(ctx, "staging", "", ""))
	check(t, "grants of another commit", []fairlead.Grant(nil))(s.Grants(ctx, "", "", "beef"))
	g.Review = &fairlead.Review{Grant: "b1", Person: "bob", Reason: "it was right", Time: start.Add(2 * time.Hour)}
	commit(t, s, fairlead.Update{Records: []fairlead.Record{fact("b1/reviewed", "")}, Grant: &g})
	check(t, "reviewed", []fairlead.Grant{g})(s.Grants(ctx, "", "", ""))
	g.Review.Person = "mallory"
	_, err = s.Commit(ctx, fairlead.Update{Records: []fairlead.Record{fact("b1/reviewed-again", "")}, Grant: &g})
	wantKind(t, err, fairlead.KindConflict)
}
