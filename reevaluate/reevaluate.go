// Package reevaluate decides anew what was decided before: by another policy, or
// by what has become known since. It reads what a decision weighed and asks the
// gate again; it writes nothing.
package reevaluate

import (
	"context"
	"slices"
	"time"

	"fairlead.dev"
	"fairlead.dev/gate"
	"fairlead.dev/triage"
)

// Facts are what a decision rested on.
type Facts interface {
	Plan(ctx context.Context, hash fairlead.Digest) (fairlead.Plan, error)
	Tasks(ctx context.Context, runID string) ([]fairlead.TaskRun, error)
	Decision(ctx context.Context, id string) (fairlead.Decision, error)
	Evidence(ctx context.Context, ids ...fairlead.Digest) ([]fairlead.Evidence, error)
	Weighed(ctx context.Context, decision string) (fairlead.Weighed, error)
}

// Weighed gives what a decision rested on, as the gate took it. why says what is
// no longer kept of it; then there is nothing to decide anew.
func Weighed(ctx context.Context, f Facts, d fairlead.Decision) (in gate.Input, why string, err error) {
	in = gate.Input{RunID: d.RunID, Time: d.Time}
	if in.Plan, err = f.Plan(ctx, d.Plan); fairlead.KindOf(err) == fairlead.KindNotFound {
		return in, "its plan is not kept", nil
	}
	if err != nil {
		return in, "", err
	}
	if in.Tasks, err = f.Tasks(ctx, d.RunID); err != nil {
		return in, "", err
	}
	in.Tasks = slices.DeleteFunc(in.Tasks, func(t fairlead.TaskRun) bool { // that came after the decision
		return slices.ContainsFunc(in.Plan.Tasks, func(p fairlead.Task) bool { return p.ID == t.ID && p.Phase != fairlead.PhaseVerify })
	})
	if in.Evidence, err = f.Evidence(ctx, d.Evidence...); err != nil {
		return in, "", err
	}
	w, err := f.Weighed(ctx, d.ID)
	if fairlead.KindOf(err) == fairlead.KindNotFound {
		if d.Inputs != nil { // findings were followed, and there were none
			in.Findings = []fairlead.Tracked{}
		}
		return in, "", nil
	}
	in.Findings = w.Findings
	return in, "", err
}

// Again decides anew about what a decision rested on, by other gates and another
// policy of the organisation. What neither of them said then, such as people, the
// calendar and evidence that had expired, stays as it was.
func Again(d fairlead.Decision, in gate.Input, gates []fairlead.Gate, organisation []fairlead.PolicyModule) fairlead.Decision {
	before := in.Plan.Gates
	in.Plan.Gates, in.Organisation = gates, organisation
	would := gate.Decide(in)
	for _, r := range d.Rules {
		asked := slices.ContainsFunc(before, func(g fairlead.Gate) bool { return g.Name == r.Name && g.Source == r.Source })
		if asked || r.Source == gate.OrganisationSource || r.Source == "default" { // the gates of then
			continue
		}
		would.Rules = append(would.Rules, r)
		if r.Bypassed != "" {
			r.Outcome = fairlead.OutcomeWarn
		}
		would.Outcome = gate.Heavier(would.Outcome, r.Outcome)
	}
	return would
}

// Differences gives the rules of a decision whose outcome another one about the
// same does not have.
func Differences(was, would fairlead.Decision) []fairlead.RuleOutcome {
	var out []fairlead.RuleOutcome
	for _, r := range would.Rules {
		same := slices.ContainsFunc(was.Rules, func(o fairlead.RuleOutcome) bool {
			return o.Name == r.Name && o.Outcome == r.Outcome && (r.Source != gate.OrganisationSource || o.Reason == r.Reason)
		})
		if !same {
			out = append(out, r)
		}
	}
	return out
}

// Flip is a release that takes traffic and about which would be decided
// otherwise now.
type Flip struct {
	Environment string                 `json:"environment"`
	Service     string                 `json:"service"`
	Release     fairlead.Digest        `json:"release"`
	RunID       string                 `json:"run_id"` // whose decision it is
	Was         fairlead.Outcome       `json:"was"`
	Now         fairlead.Outcome       `json:"now"`
	Rules       []fairlead.RuleOutcome `json:"rules"` // those that come out otherwise, as they do now
}

// Known is what is known of a release beside what its decision weighed: the
// exposures as they were and as they are.
type Known struct {
	Before, After []fairlead.Exposure
}

// Judge looks at running releases again.
type Judge struct {
	Facts      Facts
	Exceptions func(ctx context.Context, p fairlead.Plan, at time.Time) ([]fairlead.Exception, error)
	Policy     []fairlead.PolicyModule // of the organisation, as in force now
	Now        time.Time
}

// Release decides anew about a deployment's release. It gives nil when nothing
// changes, or when what was weighed then is not kept.
func (j Judge) Release(ctx context.Context, dep fairlead.Deployment, k Known) (*Flip, error) {
	d, err := j.Facts.Decision(ctx, dep.RunID+"/decision")
	if fairlead.KindOf(err) == fairlead.KindNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	in, why, err := Weighed(ctx, j.Facts, d)
	if err != nil || why != "" {
		return nil, err
	}
	in.Time, in.Organisation = j.Now, j.Policy
	holding, err := j.Exceptions(ctx, in.Plan, j.Now)
	if err != nil {
		return nil, err
	}
	before, after := in, in
	before.Findings = triage.Excuse(with(in, k.Before, j.Now), holding)
	after.Findings = triage.Excuse(with(in, k.After, j.Now), holding)
	was, now := gate.Decide(before), gate.Decide(after)
	if was.Outcome == now.Outcome {
		return nil, nil
	}
	return &Flip{
		Environment: dep.Environment, Service: dep.Service, Release: dep.Release.ID, RunID: dep.RunID,
		Was: was.Outcome, Now: now.Outcome, Rules: Differences(was, now),
	}, nil
}

// with adds to what a decision weighed the exposures that it did not know. Those
// it knew are left as they were: the scan of the source knows more of them, such
// as whether they are called.
func with(in gate.Input, exposures []fairlead.Exposure, at time.Time) []fairlead.Tracked {
	s := triage.Scan{Service: in.Plan.Service, Environment: in.Plan.Environment, RunID: in.RunID, Commit: in.Plan.Event.Commit, Time: at}
	for _, x := range exposures {
		known := slices.ContainsFunc(in.Findings, func(t fairlead.Tracked) bool {
			v := t.Finding.Vulnerability
			return t.Finding.Component.PURL == x.PURL && (v.ID == x.Vulnerability || slices.Contains(v.Aliases, x.Vulnerability) || v.ID == x.Finding.Vulnerability.ID)
		})
		if !known {
			s.Findings = append(s.Findings, x.Finding)
		}
	}
	clock := fairlead.DefaultClock()
	if in.Plan.Clock != nil {
		clock = *in.Plan.Clock
	}
	after, _ := triage.Update(in.Findings, s, clock)
	return after
}
