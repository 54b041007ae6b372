package flow

import (
	"context"
	"slices"
	"time"

	"fairlead.dev"
	"fairlead.dev/gate"
	"fairlead.dev/triage"
)

// follow takes what a run found into account and gives all findings of its
// environment as they are now, under the exceptions in force. A pull request is
// looked at and not kept: what it proposes is not there yet. task names the one
// that found it, when it is one alone, after the decision.
func (f *flows) follow(ctx context.Context, in Delivery, task string, tasks []fairlead.TaskRun, at time.Time) ([]fairlead.Tracked, error) {
	if f.Followed == nil {
		return nil, nil
	}
	const attempts = 5
	for n := 1; ; n++ {
		all, err := f.followOnce(ctx, in, task, tasks, at)
		if fairlead.KindOf(err) != fairlead.KindConflict || n == attempts {
			return all, err
		}
	}
}

func (f *flows) followOnce(ctx context.Context, in Delivery, task string, tasks []fairlead.TaskRun, at time.Time) ([]fairlead.Tracked, error) {
	p := in.Plan
	before, err := f.Followed.Findings(ctx, fairlead.TrackedFilter{Service: p.Service, Environment: &p.Environment})
	if err != nil {
		return nil, err
	}
	after, changed := triage.Update(before, sightings(in, tasks, at), clockOf(p))
	exceptions, err := f.Desk.Exceptions(ctx, f.Followed, p, at)
	if err != nil {
		return nil, err
	}
	seen := triage.Excuse(after, exceptions)
	if task == "" {
		seen = slices.DeleteFunc(seen, func(t fairlead.Tracked) bool { return looksAgain(p, t) })
	}
	if p.Event.Type == fairlead.EventPullRequest || len(changed) == 0 {
		changed = nil
	}
	if len(seen) > 0 {
		_, err = f.Ledger.Commit(ctx, followed(in, task, at, seen, changed, exceptions))
	}
	if seen == nil {
		seen = []fairlead.Tracked{}
	}
	return seen, err
}

// sightings is what the tasks of a run saw.
func sightings(in Delivery, tasks []fairlead.TaskRun, at time.Time) triage.Scan {
	s := triage.Scan{
		Service: in.Plan.Service, Environment: in.Plan.Environment, RunID: in.RunID, Commit: in.Plan.Event.Commit, Time: at, Missed: map[string][]string{},
	}
	silent := map[string]bool{} // types of which a task did not look at everything, and does not say at what
	for _, t := range tasks {
		s.Findings = append(s.Findings, t.Findings...)
		silent[t.Type] = silent[t.Type] || !t.Succeeded() || t.Partial && len(t.Missed) == 0
		s.Missed[t.Type] = append(s.Missed[t.Type], t.Missed...)
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
			Name: "organisation", Outcome: fairlead.OutcomeDeny, Source: gate.OrganisationSource,
			Reason: "the organisation's policy cannot be read: " + err.Error(), Fix: fairlead.HintOf(err),
		}
	}
	return modules, nil
}

func clockOf(p fairlead.Plan) fairlead.Clock {
	if p.Clock != nil {
		return *p.Clock
	}
	return fairlead.DefaultClock()
}
