package flow

import (
	"context"
	"slices"
	"time"

	"fairlead.dev"
	"fairlead.dev/gate"
	"fairlead.dev/triage"
)

// defaultExceptions holds where people are known and nothing is said of exceptions.
func defaultExceptions() fairlead.ExceptionPolicy {
	return fairlead.ExceptionPolicy{Count: 1, Longest: fairlead.Duration(90 * 24 * time.Hour)}
}

// follow takes what a run found into account and gives all findings of its
// environment as they are now, under the exceptions in force. A pull request is
// looked at and not kept: what it proposes is not there yet.
func (f *flows) follow(ctx context.Context, in Delivery, tasks []fairlead.TaskRun, at time.Time) ([]fairlead.Tracked, error) {
	if f.Followed == nil {
		return nil, nil
	}
	const attempts = 5
	for n := 1; ; n++ {
		all, err := f.followOnce(ctx, in, tasks, at)
		if fairlead.KindOf(err) != fairlead.KindConflict || n == attempts {
			return all, err
		}
	}
}

func (f *flows) followOnce(ctx context.Context, in Delivery, tasks []fairlead.TaskRun, at time.Time) ([]fairlead.Tracked, error) {
	p := in.Plan
	before, err := f.Followed.Findings(ctx, fairlead.TrackedFilter{Service: p.Service, Environment: &p.Environment})
	if err != nil {
		return nil, err
	}
	after, changed := triage.Update(before, sightings(in, tasks, at), triage.DefaultClock())
	exceptions, err := f.Desk.exceptions(ctx, f.Followed, p, at)
	if err != nil {
		return nil, err
	}
	seen := triage.Excuse(after, exceptions)
	if p.Event.Type == fairlead.EventPullRequest || len(changed) == 0 {
		changed = nil
	}
	if len(seen) > 0 {
		count := map[string]int{"findings": len(triage.Standing(seen)), "changed": len(changed)}
		_, err = f.Ledger.Commit(ctx, fairlead.Update{
			Records:  []fairlead.Record{record(in.RunID+"/findings", fairlead.RecordFindingsChanged, in.RunID, in.RunID, at, count)},
			Findings: changed, Weighed: &fairlead.Weighed{Decision: in.RunID + "/decision", Findings: seen, Exceptions: exceptions},
		})
	}
	if seen == nil {
		seen = []fairlead.Tracked{}
	}
	return seen, err
}

// sightings is what the tasks of a run saw.
func sightings(in Delivery, tasks []fairlead.TaskRun, at time.Time) triage.Scan {
	s := triage.Scan{Service: in.Plan.Service, Environment: in.Plan.Environment, RunID: in.RunID, Commit: in.Plan.Event.Commit, Time: at}
	silent := map[string]bool{} // types of which a task did not look at everything
	for _, t := range tasks {
		s.Findings = append(s.Findings, t.Findings...)
		silent[t.Type] = silent[t.Type] || !t.Succeeded() || t.Partial
	}
	for _, t := range tasks {
		if !silent[t.Type] && !slices.Contains(s.Complete, t.Type) {
			s.Complete = append(s.Complete, t.Type)
		}
	}
	return s
}

// organisation gives the organisation's policy, or the rule that denies because
// it cannot be read.
func (f *flows) organisation(ctx context.Context) ([]fairlead.PolicyModule, *fairlead.RuleOutcome) {
	if f.Organisation == nil {
		return nil, nil
	}
	modules, err := f.Organisation(ctx)
	if err != nil {
		return nil, &fairlead.RuleOutcome{
			Name: "organisation", Outcome: fairlead.OutcomeDeny, Source: "organisation policy",
			Reason: "the organisation's policy cannot be read: " + err.Error(), Fix: fairlead.HintOf(err),
		}
	}
	return modules, nil
}

// exceptions gives those that are in force for a plan: approved, signed, and not
// too long, by the plan's own safeguards and by those of what is live. So no
// change approves its own.
func (d Desk) exceptions(ctx context.Context, from Followed, p fairlead.Plan, now time.Time) ([]fairlead.Exception, error) {
	all, err := from.Exceptions(ctx, p.Service, false)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	regimes, err := d.regimes(ctx, Asking{Plan: p, Rules: []fairlead.ApprovalRule{}}, now)
	if err != nil || len(regimes) == 0 {
		return nil, err
	}
	var out []fairlead.Exception
	for _, x := range all {
		holds := true
		for _, r := range regimes {
			ok, err := d.holdsException(ctx, x, r, now)
			if err != nil {
				return nil, err
			}
			holds = holds && ok
		}
		if holds {
			out = append(out, x)
		}
	}
	return out, nil
}

// holdsException tells whether an exception is in force under one regime.
func (d Desk) holdsException(ctx context.Context, x fairlead.Exception, r gate.Regime, now time.Time) (bool, error) {
	policy := defaultExceptions()
	if r.Safeguards.Exceptions != nil {
		policy = *r.Safeguards.Exceptions
	}
	if x.Expires.Sub(x.Time) > policy.Longest.D() || x.Time.After(now) {
		return false, nil
	}
	said := x
	said.Evidence, said.Approvals, said.Revoked = "", nil, nil
	if ok, err := d.vouched(ctx, r.Safeguards, x.Evidence, x.Person, x.Account, fairlead.PredicateException, said); err != nil || !ok {
		return false, err
	}
	from := gate.Members(r.Safeguards, policy.From)
	believed := x
	believed.Approvals = nil
	for _, a := range x.Approvals {
		said := a
		said.Evidence = ""
		ok, err := d.vouched(ctx, r.Safeguards, a.Evidence, a.Person, a.Account, fairlead.PredicateExceptionApproval, said)
		if err != nil {
			return false, err
		}
		if ok && a.Request == x.Evidence && a.Exception == x.ID && slices.Contains(from, a.Person) {
			believed.Approvals = append(believed.Approvals, a)
		}
	}
	return triage.StatusOf(believed, policy, now) == triage.StatusActive, nil
}
