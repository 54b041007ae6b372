package flow

import (
	"context"
	"slices"
	"strings"
	"time"

	"fairlead.dev"
	"fairlead.dev/gate"
	"fairlead.dev/triage"
)

// stale is what does not hold any more of what a run was decided by.
type stale struct {
	rules   []fairlead.RuleOutcome   // that deny now
	weighed *fairlead.Weighed        // as the gates see it now; nil when they deny nothing
	inputs  *fairlead.DecisionInputs // of that
}

// stale denies what let a run pass when it was decided and does not any more:
// evidence that does not count, and whatever the gates say now of what they
// weighed then. A run may wait long for people and for its turn.
func (f *flows) stale(ctx context.Context, runID string, p fairlead.Plan, at time.Time) (stale, error) {
	evidence, err := f.Archive.EvidenceOf(ctx, runID)
	if err != nil {
		return stale{}, err
	}
	out := stale{}
	if out.rules, err = f.lapsed(ctx, p, evidence, at); err != nil || f.Followed == nil {
		return out, err
	}
	w, err := f.Followed.Weighed(ctx, runID+"/decision")
	if fairlead.KindOf(err) == fairlead.KindNotFound { // nothing was found, so nothing can be excused or overdue
		return out, nil
	}
	if err != nil {
		return out, err
	}
	before := w.Exceptions
	if w.Exceptions, err = f.Desk.Exceptions(ctx, f.Followed, p, at); err != nil {
		return out, err
	}
	w.Findings = triage.Excuse(w.Findings, w.Exceptions)
	d, err := f.again(ctx, runID, p, w, evidence, at)
	if err != nil || d.Outcome != fairlead.OutcomeDeny {
		return out, err
	}
	out.weighed, out.inputs = &w, d.Inputs
	over := ended(before, w.Exceptions)
	for _, r := range d.Rules {
		if r.Outcome != fairlead.OutcomeDeny {
			continue
		}
		r.Reason = "not any more since it was decided: " + r.Reason
		if len(over) > 0 {
			r.Reason += "; no longer in force: exception " + strings.Join(over, ", ")
		}
		out.rules = append(out.rules, r)
	}
	return out, nil
}

// again lets the gates decide about what was weighed, by the organisation's
// policy that is in force now.
func (f *flows) again(ctx context.Context, runID string, p fairlead.Plan, w fairlead.Weighed, evidence []fairlead.Evidence, at time.Time) (fairlead.Decision, error) {
	tasks, err := f.Reader.Tasks(ctx, runID)
	if err != nil {
		return fairlead.Decision{}, err
	}
	tasks = slices.DeleteFunc(tasks, func(t fairlead.TaskRun) bool { // that came after the decision
		return slices.ContainsFunc(p.Tasks, func(o fairlead.Task) bool { return o.ID == t.ID && o.Phase != fairlead.PhaseVerify })
	})
	releases, fault := assembleAll(p, tasks)
	organisation, mute := f.organisation(ctx)
	d := gate.Decide(gate.Input{
		Plan: p, RunID: runID, Tasks: tasks, Evidence: evidence, Releases: releases, Time: at, Findings: w.Findings, Organisation: organisation,
	})
	if mute != nil {
		d = withRule(d, *mute)
	}
	return complete(d, fault), nil
}

// ended lists the exceptions that are in force no longer.
func ended(before, now []fairlead.Exception) []string {
	var ids []string
	for _, x := range before {
		if !slices.ContainsFunc(now, func(y fairlead.Exception) bool { return y.ID == x.ID }) {
			ids = append(ids, x.ID)
		}
	}
	return ids
}
