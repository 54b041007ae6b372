// Package gate judges a run: Evidence -> Decision. Every rule of the plan is
// a CEL condition over what the run found; the decision takes the heaviest
// outcome. It is pure: the same input gives the same decision.
package gate

import (
	"fmt"
	"time"

	"fairlead.dev"
)

// Input is everything a decision depends on.
type Input struct {
	Plan     fairlead.Plan
	RunID    string
	Tasks    []fairlead.TaskRun
	Evidence []fairlead.Evidence
	Releases []fairlead.Release // one for each service; none when the plan releases nothing
	Time     time.Time
	// Findings are those of the tasks over time, with the exceptions in force; nil
	// when they were not followed, and the tasks' own count as they are.
	Findings     []fairlead.Tracked
	Organisation []fairlead.PolicyModule // of the organisation's policy, which can only tighten
}

// Decide applies every rule of the plan, in the plan's order. It never fails:
// a rule that cannot be evaluated denies and says why, and a plan without
// rules is denied, because nothing was asked of it.
func Decide(in Input) fairlead.Decision {
	d := fairlead.Decision{
		ID:          in.RunID + "/decision",
		RunID:       in.RunID,
		Plan:        in.Plan.Hash,
		Environment: in.Plan.Environment,
		Commit:      in.Plan.Event.Commit,
		Outcome:     fairlead.OutcomeAllow,
		Rules:       []fairlead.RuleOutcome{},
		Evidence:    []fairlead.Digest{},
		Policy:      in.Plan.Inputs.Policy,
		Time:        in.Time,
	}
	if len(in.Plan.Services) > 0 && len(in.Releases) > 0 {
		d.Releases = map[string]fairlead.Digest{}
		for _, r := range in.Releases {
			d.Releases[r.Service] = r.ID
		}
	} else if len(in.Releases) > 0 {
		d.Release = in.Releases[0].ID
	}
	for _, e := range in.Evidence {
		d.Evidence = append(d.Evidence, e.ID)
	}
	f := gather(in)
	for _, g := range in.Plan.Gates {
		d.Rules = append(d.Rules, judge(g, f))
	}
	d.Inputs = inputs(in)
	d.Rules = append(d.Rules, organisation(in, d)...)
	if len(in.Plan.Gates) == 0 {
		d.Rules = append(d.Rules, fairlead.RuleOutcome{
			Name:    "any-rule",
			Outcome: fairlead.OutcomeDeny,
			Reason:  "the plan has no gates, so nothing was proven",
			Fix:     "give the environment a security or test level above none, or add a gate",
			Source:  "default",
		})
	}
	for _, r := range d.Rules {
		d.Outcome = Heavier(d.Outcome, r.Outcome)
	}
	return d
}

// judge applies one rule.
func judge(g fairlead.Gate, f facts) fairlead.RuleOutcome {
	out := fairlead.RuleOutcome{Name: g.Name, Outcome: fairlead.OutcomeAllow, Source: g.Source}
	r, err := compile(g.Rule)
	if err != nil {
		return broken(out, err)
	}
	holds, _, err := r.holds(f.activation())
	if err != nil {
		return broken(out, err)
	}
	if holds {
		out.Reason = "holds: " + g.Rule
		if len(f.excused) > 0 {
			if strict, _, err := r.holds(f.strict().activation()); err != nil || !strict {
				out.Excepted = f.exceptions(r)
				out.Reason = "holds by exception: " + g.Rule
			}
		}
		return out
	}
	out.Outcome = outcomeOf(g)
	out.Reason, out.Fix = g.Reason, g.Fix
	if out.Reason == "" {
		out.Reason = "does not hold: " + g.Rule
	}
	switch g.About {
	case aboutFindings:
		out.Findings = concernedFindings(r, f)
	case aboutCases:
		out.Cases = concernedCases(r, f)
	case aboutTasks:
		out.Tasks = concernedTasks(r, f)
	}
	return out
}

// broken is the outcome of a rule without an answer.
func broken(out fairlead.RuleOutcome, err error) fairlead.RuleOutcome {
	out.Outcome = fairlead.OutcomeDeny
	out.Reason = fmt.Sprintf("the rule has no answer: %v", err)
	out.Fix = "correct the rule"
	if out.Source != "" {
		out.Fix += " at " + out.Source
	}
	return out
}

// outcomeOf reads what follows when a rule does not hold. Only what is known
// to be lighter than deny is.
func outcomeOf(g fairlead.Gate) fairlead.Outcome {
	if g.Outcome == fairlead.OutcomeWarn || g.Outcome == fairlead.OutcomeWait {
		return g.Outcome
	}
	return fairlead.OutcomeDeny
}

// Heavier gives the heavier of two outcomes: deny, wait, warn, allow, in this
// order. One that is not known is as heavy as deny.
func Heavier(a, b fairlead.Outcome) fairlead.Outcome {
	if weight(b) > weight(a) {
		return b
	}
	return a
}

func weight(o fairlead.Outcome) int {
	switch o {
	case fairlead.OutcomeAllow:
		return 0
	case fairlead.OutcomeWarn:
		return 1
	case fairlead.OutcomeWait:
		return 2
	default:
		return 3
	}
}
