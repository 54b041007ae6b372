package flow

import (
	"context"
	"slices"
	"time"

	"fairlead.dev"
	"fairlead.dev/gate"
)

// ruling is the checkpoint of the decision.
type ruling struct {
	Decision fairlead.Decision  `json:"decision"`
	Releases []fairlead.Release `json:"releases,omitempty"` // in the order of the plan's services
	Asked    time.Time          `json:"asked,omitzero"`     // since when people and calendar are asked
	Held     bool               `json:"held,omitempty"`     // people or the calendar had a say in the decision that was signed first
	Grants   []string           `json:"grants,omitempty"`   // break-glass that something was gone past with
	Ending   *Ending            `json:"ending,omitempty"`   // set when the run ends here
}

// decide lets the gates judge what the tasks left.
func (f *flows) decide(ctx context.Context, in Delivery, at time.Time) (ruling, error) {
	cancelled, err := f.Situation.CancelRequested(ctx, in.RunID)
	if err != nil {
		return ruling{}, err
	}
	if cancelled {
		return ruling{Ending: &Ending{Result: fairlead.ResultCancellation, Reason: "cancelled before the decision"}}, nil
	}
	tasks, err := f.Reader.Tasks(ctx, in.RunID)
	if err != nil {
		return ruling{}, err
	}
	evidence, err := f.Archive.EvidenceOf(ctx, in.RunID)
	if err != nil {
		return ruling{}, err
	}
	releases, fault := assembleAll(in.Plan, tasks)
	found, err := f.follow(ctx, in, "", tasks, at)
	if err != nil {
		return ruling{}, err
	}
	organisation, mute := f.organisation(ctx)
	d := gate.Decide(gate.Input{
		Plan: in.Plan, RunID: in.RunID, Tasks: tasks, Evidence: evidence, Releases: releases, Time: at, Findings: found, Organisation: organisation,
	})
	if mute != nil {
		d = withRule(d, *mute)
	}
	d = complete(d, fault)
	if rule := sameArtifacts(in.Plan.Promotion, releases); rule != nil {
		d = withRule(d, *rule)
	}
	lapsed, err := f.lapsed(ctx, in.Plan, evidence, at)
	if err != nil {
		return ruling{}, err
	}
	for _, rule := range lapsed {
		d = withRule(d, rule)
	}
	if rule := owed(tasks); rule != nil {
		d = withRule(d, *rule)
		if d.Outcome == fairlead.OutcomeAllow {
			d.Outcome = fairlead.OutcomeWarn
		}
	}
	d.Reused = reused(in.Plan, tasks, evidence)
	out := ruling{Decision: d, Releases: releases, Ending: refusal(d, tasks)}
	if len(releases) > 0 && out.Ending == nil { // nothing that lets it in is signed as long as people are to be asked
		h, err := f.Desk.Look(ctx, releaseQuestion(in, at), at)
		if err != nil {
			return ruling{}, err
		}
		d, out.Held = withPeople(d, h, at), len(h.Rules) > 0
	}
	used, err := f.noteOwed(ctx, in, tasks, at)
	if err != nil {
		return ruling{}, err
	}
	return out, f.commitDecision(ctx, in, out, d, nil, d.ID, used...)
}

// commitDecision signs and records a decision under a record of its own, with
// what it weighed when that is something else than what was followed.
func (f *flows) commitDecision(ctx context.Context, in Delivery, r ruling, d fairlead.Decision, w *fairlead.Weighed, id string, more ...fairlead.Record) error {
	signed, err := f.Signer.SignDecision(ctx, d, r.Releases)
	if err != nil {
		return err
	}
	run, err := f.Reader.Run(ctx, in.RunID)
	if err != nil {
		return err
	}
	run.Decision = d.ID
	run.BreakGlass = slices.Compact(slices.Sorted(slices.Values(append(bypassing(d), r.Grants...))))
	if len(r.Releases) > 0 && r.Ending == nil {
		run.State, run.Deployments = fairlead.StateFinalizing, deployments(in)
	}
	_, err = f.Ledger.Commit(ctx, fairlead.Update{
		Records:  append([]fairlead.Record{record(id, fairlead.RecordDecision, d.ID, in.RunID, d.Time, d)}, more...),
		Run:      &run,
		Decision: &d, Weighed: w,
		Evidence: []fairlead.Evidence{signed},
	})
	return err
}

// withRule adds a rule that came from the flow itself, in place of what the same
// rule allowed before.
func withRule(d fairlead.Decision, r fairlead.RuleOutcome) fairlead.Decision {
	d.Rules = slices.DeleteFunc(slices.Clone(d.Rules), func(o fairlead.RuleOutcome) bool {
		return o.Outcome == fairlead.OutcomeAllow && o.Name == r.Name && o.Source == r.Source
	})
	d.Rules = append(d.Rules, r)
	if r.Outcome == fairlead.OutcomeDeny {
		d.Outcome = fairlead.OutcomeDeny
	}
	return d
}

// complete denies when the release could not be put together.
func complete(d fairlead.Decision, fault *fairlead.Fault) fairlead.Decision {
	if fault == nil {
		return d
	}
	return withRule(d, fairlead.RuleOutcome{
		Name: "release-complete", Outcome: fairlead.OutcomeDeny, Reason: fault.Cause, Fix: fault.Hint, Source: "release",
	})
}
