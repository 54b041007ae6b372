package flow

import (
	"fmt"

	"fairlead.dev"
)

// refusal is the ending of a run whose decision stops it, nil when it may go
// on. Only allow and warn go on. When a task could not be done for want of
// something outside the change, that is the run's ending: the change was not
// found wanting.
func refusal(d fairlead.Decision, tasks []fairlead.TaskRun) *Ending {
	kind := fairlead.KindDenied
	switch d.Outcome {
	case fairlead.OutcomeAllow, fairlead.OutcomeWarn:
		return nil
	case fairlead.OutcomeWait:
		kind = fairlead.KindWaiting
	}
	for _, t := range tasks {
		if t.Result == fairlead.ResultError && t.Fault != nil && t.Fault.Kind.ExitCode() == fairlead.ExitInfrastructure {
			return &Ending{Result: fairlead.ResultError, Reason: fmt.Sprintf("task %s: %s", t.ID, t.Reason), Fault: t.Fault}
		}
	}
	r := tellingRule(d)
	return &Ending{
		Result: fairlead.ResultFailure,
		Reason: r.Name + ": " + r.Reason,
		Fault:  &fairlead.Fault{Op: "decide", Kind: kind, Cause: r.Name + ": " + r.Reason, Hint: r.Fix},
	}
}

// tellingRule picks, of the rules that made the outcome, the first that names a
// finding or a case, else the first of all.
func tellingRule(d fairlead.Decision) fairlead.RuleOutcome {
	out := fairlead.RuleOutcome{Name: "decision", Reason: "it is " + string(d.Outcome)}
	for i := len(d.Rules) - 1; i >= 0; i-- {
		if r := d.Rules[i]; r.Outcome == d.Outcome {
			out = r
		}
	}
	for _, r := range d.Rules {
		if r.Outcome == d.Outcome && (len(r.Findings) > 0 || len(r.Cases) > 0) {
			return r
		}
	}
	return out
}
