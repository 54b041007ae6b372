package storetest

import (
	"testing"
	"time"

	"fairlead.dev"
)

// testFindings: a finding changes one version at a time, whoever writes it; an
// exception is approved one by one and is over once it is revoked; what a
// decision weighed comes back.
func testFindings(t *testing.T, url string) {
	s := open(t, url)
	ctx := t.Context()
	production, worktree := "production", ""
	f := fairlead.Tracked{
		ID: "f1", Service: "shop", Environment: production, State: fairlead.FindingNew, FirstSeen: start, LastSeen: start, Due: start.Add(time.Hour),
		Fingerprints: []string{"f1"}, Observations: []fairlead.Observation{{Fingerprint: "f1", Tool: "scan.sca", First: start, Last: start}}, Version: 1,
	}
	here := f
	here.Environment = worktree
	commit(t, s, fairlead.Update{Records: []fairlead.Record{fact("r1/findings", "r1")}, Findings: []fairlead.Tracked{f, here}})
	check(t, "findings of production", []fairlead.Tracked{f})(s.Findings(ctx, fairlead.TrackedFilter{Service: "shop", Environment: &production}))
	check(t, "findings of the work tree", []fairlead.Tracked{here})(s.Findings(ctx, fairlead.TrackedFilter{Environment: &worktree}))
	check(t, "all findings", []fairlead.Tracked{here, f})(s.Findings(ctx, fairlead.TrackedFilter{}))
	check(t, "findings of another", []fairlead.Tracked(nil))(s.Findings(ctx, fairlead.TrackedFilter{Service: "other"}))

	next := f
	next.State, next.FixedAt, next.Version = fairlead.FindingFixed, start.Add(time.Hour), 2
	commit(t, s, fairlead.Update{Records: []fairlead.Record{fact("r2/findings", "r2")}, Findings: []fairlead.Tracked{next}})
	_, err := s.Commit(ctx, fairlead.Update{Records: []fairlead.Record{fact("r3/findings", "r3")}, Findings: []fairlead.Tracked{next}})
	wantKind(t, err, fairlead.KindConflict)
	check(t, "the finding afterwards", []fairlead.Tracked{next})(s.Findings(ctx, fairlead.TrackedFilter{Environment: &production}))

	x := fairlead.Exception{ID: "x1", Service: "shop", Scope: fairlead.ExceptionScope{Finding: "f1"}, Person: "alice", Time: start, Expires: start.Add(time.Hour)}
	commit(t, s, fairlead.Update{Records: []fairlead.Record{fact("x1/requested", "")}, Exception: &x})
	x.Approvals = []fairlead.ExceptionApproval{{Exception: "x1", Person: "bob", Time: start}}
	commit(t, s, fairlead.Update{Records: []fairlead.Record{fact("x1/approved/bob", "")}, Exception: &x})
	late := x
	late.Approvals = []fairlead.ExceptionApproval{{Exception: "x1", Person: "carol", Time: start}}
	_, err = s.Commit(ctx, fairlead.Update{Records: []fairlead.Record{fact("x1/approved/carol", "")}, Exception: &late})
	wantKind(t, err, fairlead.KindConflict)
	check(t, "exceptions", []fairlead.Exception{x})(s.Exceptions(ctx, "shop", false))
	x.Revoked = &fairlead.ExceptionRevoked{Exception: "x1", Person: "carol", Reason: "fixed", Time: start}
	commit(t, s, fairlead.Update{Records: []fairlead.Record{fact("x1/revoked", "")}, Exception: &x})
	check(t, "exceptions in force", []fairlead.Exception(nil))(s.Exceptions(ctx, "", false))
	check(t, "all exceptions", []fairlead.Exception{x})(s.Exceptions(ctx, "", true))
	again := x
	again.Revoked = nil
	again.Approvals = append(again.Approvals, fairlead.ExceptionApproval{Exception: "x1", Person: "carol"})
	_, err = s.Commit(ctx, fairlead.Update{Records: []fairlead.Record{fact("x1/again", "")}, Exception: &again})
	wantKind(t, err, fairlead.KindConflict)

	w := fairlead.Weighed{Decision: "r1/decision", Findings: []fairlead.Tracked{f, here}, Exceptions: []fairlead.Exception{x}}
	commit(t, s, fairlead.Update{Records: []fairlead.Record{fact("r1/decision", "r1")}, Weighed: &w})
	check(t, "what was weighed", w)(s.Weighed(ctx, "r1/decision"))
	_, err = s.Weighed(ctx, "r9/decision")
	wantKind(t, err, fairlead.KindNotFound)
}
