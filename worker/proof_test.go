package worker_test

import (
	"strings"
	"testing"
	"time"

	"fairlead.dev"
	"fairlead.dev/flow"
)

// What was proven counts for as long as the plan says, from when it was really
// proven: taking it over does not make it younger.
func TestReuseUntilItExpires(t *testing.T) {
	s := newShed(t)
	valid := func(d time.Duration) func(*flow.Order) {
		return func(o *flow.Order) { o.Plan.ValidFor.Build = fairlead.Duration(d) }
	}
	first, _ := s.succeeds(s.build(makeShop))
	second, ev := s.succeeds(s.build(makeShop, valid(time.Hour)))
	if second.ReusedFrom != first.RunID || !second.ProvenAt.Equal(first.FinishedAt) {
		t.Fatalf("taken over from %q, proven at %s", second.ReusedFrom, second.ProvenAt)
	}
	if len(ev) != 1 || ev[0].From != first.Evidence[0] || !ev[0].Time.Equal(first.FinishedAt) {
		t.Errorf("it repeats %+v", ev)
	}
	third, ev := s.succeeds(s.build(makeShop, valid(time.Nanosecond)))
	if third.ReusedFrom != "" || third.Attempts != 1 || !strings.Contains(third.Again, "it expired at") || ev[0].From != "" {
		t.Errorf("%+v", third)
	}
}

// Revoked evidence counts nowhere: not by key, not for a retry, not through
// another run that had taken it over.
func TestRevokedEvidenceIsAskedForAgain(t *testing.T) {
	s := newShed(t)
	first, ev := s.succeeds(s.build(makeShop))
	second, _ := s.succeeds(s.build(makeShop))
	if second.ReusedFrom != first.RunID {
		t.Fatalf("taken over from %q", second.ReusedFrom)
	}
	s.revoke(ev[0])
	again, _ := s.succeeds(s.build(makeShop))
	if again.ReusedFrom != "" || !strings.Contains(again.Again, "was revoked by ada: blind") {
		t.Errorf("%+v", again)
	}
	retried, _ := s.succeeds(s.build(makeShop+" # anew", func(o *flow.Order) { o.RetryOf = second.RunID }))
	if retried.ReusedFrom != "" || !strings.Contains(retried.Again, "was revoked by ada: blind") {
		t.Errorf("%+v", retried)
	}
}

func (s *shed) revoke(e fairlead.Evidence) {
	s.Helper()
	_, err := s.store.Commit(s.Context(), fairlead.Update{
		Records:     []fairlead.Record{{ID: string(e.ID), Type: fairlead.RecordEvidenceRevoked, RunID: e.RunID}},
		Revocations: []fairlead.Revocation{{Evidence: e.ID, RunID: e.RunID, Who: "ada", Reason: "blind"}},
	})
	must(s.T, err)
}
