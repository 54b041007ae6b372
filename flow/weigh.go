package flow

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"fairlead.dev"
	"fairlead.dev/gate"
	"fairlead.dev/pipeline"
	"fairlead.dev/triage"
)

// aboutFindings are the gates that ask what was found; the others have had their
// answer before anything was released.
const aboutFindings = "findings"

// weigh follows what a scanner found in the release before it takes traffic, and
// asks the gates about findings, and the organisation, whether it may. What an
// exception covers is no reason to stop. A scanner that was skipped has not
// looked again, so what it saw before still counts: the decision left that to it.
func (m *move) weigh(ctx context.Context, t fairlead.Task) (*stop, error) {
	run, err := m.Reader.Task(ctx, m.in.RunID, t.ID)
	if err != nil || m.Followed == nil || !strings.HasPrefix(t.Type, "scan.") || !run.Succeeded() && run.Result != fairlead.ResultSkip {
		return nil, err
	}
	at := run.FinishedAt // the same when the step is done again
	seen, err := m.follow(ctx, Delivery{RunID: m.in.RunID, Plan: m.in.Plan}, t.ID, []fairlead.TaskRun{run}, at)
	if err != nil {
		return nil, err
	}
	found := slices.DeleteFunc(seen, func(f fairlead.Tracked) bool {
		return !slices.ContainsFunc(f.Observations, func(o fairlead.Observation) bool { return o.Tool == t.Type && o.Gone.IsZero() })
	})
	if len(triage.Standing(found)) == 0 {
		return nil, nil
	}
	organisation, mute := m.organisation(ctx)
	p := m.in.Plan
	p.Gates = slices.DeleteFunc(slices.Clone(p.Gates), func(g fairlead.Gate) bool { return g.About != aboutFindings })
	if len(p.Gates) == 0 && len(organisation) == 0 && mute == nil { // nobody asks
		return nil, nil
	}
	d := gate.Decide(gate.Input{
		Plan: p, RunID: m.in.RunID, Tasks: []fairlead.TaskRun{run}, Releases: []fairlead.Release{m.in.Release},
		Time: at, Findings: found, Organisation: organisation,
	})
	if mute != nil {
		d = withRule(d, *mute)
	}
	return refused(t, d), nil
}

// looksAgain tells whether all that see a finding look again before the release
// takes traffic: then it is [move.weigh] that asks about it, by what they see in
// the new release, and not the decision, by what they saw in the last one.
func looksAgain(p fairlead.Plan, t fairlead.Tracked) bool {
	if !t.FixedAt.IsZero() || p.Release == nil && len(p.Services) == 0 {
		return false
	}
	again := false
	for _, o := range t.Observations {
		if !o.Gone.IsZero() {
			continue
		}
		again = slices.ContainsFunc(p.Tasks, func(w fairlead.Task) bool { return w.Phase == fairlead.PhasePreview && w.Type == o.Tool })
		if !again {
			return false
		}
	}
	return again
}

// mustLook tells whether a scanner that was skipped keeps a release from traffic.
func mustLook(p fairlead.Plan, t fairlead.Task) bool {
	return strings.HasPrefix(t.Type, "scan.") && slices.ContainsFunc(p.Gates, func(g fairlead.Gate) bool {
		return g.Name == pipeline.GateLooked && g.Outcome == fairlead.OutcomeDeny
	})
}

// refused is the stop for findings that may not go live; nil when they may.
func refused(t fairlead.Task, d fairlead.Decision) *stop {
	if d.Outcome != fairlead.OutcomeDeny {
		return nil
	}
	var reasons, fixes []string
	for _, r := range d.Rules {
		if r.Outcome != fairlead.OutcomeDeny {
			continue
		}
		reason := fmt.Sprintf("%s: %s", r.Name, r.Reason)
		const most = 3
		for i, f := range r.Findings {
			if i == most {
				reason += fmt.Sprintf("; and %d more", len(r.Findings)-most)
				break
			}
			reason += "; " + f.Message
		}
		reasons, fixes = append(reasons, reason), append(fixes, r.Fix)
	}
	reason := fmt.Sprintf("preview check %s: %s", t.ID, strings.Join(reasons, "; "))
	return &stop{Reason: reason, Fault: &fairlead.Fault{
		Op: "check the new release", Kind: fairlead.KindFailed, Cause: reason, Hint: strings.Join(fixes, "; "),
	}}
}

// recordOf names the record of what was found: in the whole run, or by one task
// of it.
func recordOf(runID, task string) string {
	if task == "" {
		return runID + "/findings"
	}
	return runID + "/findings/" + task
}

// followed is an update about findings. What a decision weighed belongs to the
// decision alone.
func followed(in Delivery, task string, at time.Time, seen, changed []fairlead.Tracked, exceptions []fairlead.Exception) fairlead.Update {
	count := map[string]int{"findings": len(triage.Standing(seen)), "changed": len(changed)}
	u := fairlead.Update{
		Records:  []fairlead.Record{record(recordOf(in.RunID, task), fairlead.RecordFindingsChanged, in.RunID, in.RunID, at, count)},
		Findings: changed,
	}
	if task == "" {
		u.Weighed = &fairlead.Weighed{Decision: in.RunID + "/decision", Findings: seen, Exceptions: exceptions}
	}
	return u
}
