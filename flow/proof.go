package flow

import (
	"context"
	"fmt"
	"slices"
	"time"

	"fairlead.dev"
)

// sameArtifacts denies a promotion that would release anything but what was
// good where it comes from.
func sameArtifacts(p *fairlead.Promotion, releases []fairlead.Release) *fairlead.RuleOutcome {
	if p == nil {
		return nil
	}
	same := len(releases) > 0
	for _, r := range releases {
		good := *p
		if len(p.Services) > 0 || len(releases) > 1 {
			good, _ = p.Of(r.Service)
		}
		same = same && len(good.Artifacts) > 0 && slices.Equal(good.Artifacts, r.Artifacts)
	}
	if same {
		return nil
	}
	return &fairlead.RuleOutcome{
		Name: "same-artifacts", Outcome: fairlead.OutcomeDeny, Source: "promotion",
		Reason: fmt.Sprintf("the release is not made of the artifacts of %s, good in %s", p.Words(), p.From),
		Fix:    "deliver the commit to " + p.From + " again and promote that release",
	}
}

// lapsed denies a run whose evidence was revoked or has expired since its
// tasks ended: a run may wait long for its turn.
func (f *flows) lapsed(ctx context.Context, p fairlead.Plan, evidence []fairlead.Evidence, at time.Time) ([]fairlead.RuleOutcome, error) {
	origins := make([]fairlead.Digest, 0, len(evidence))
	for _, e := range evidence {
		origins = append(origins, originOf(e))
	}
	revoked, err := f.Archive.Revocations(ctx, origins...)
	if err != nil {
		return nil, err
	}
	types := map[string]string{}
	for _, t := range p.Tasks {
		types[t.ID] = t.Type
	}
	var rules []fairlead.RuleOutcome
	add := func(e fairlead.Evidence, why string) {
		rules = append(rules, fairlead.RuleOutcome{
			Name: "evidence-valid", Outcome: fairlead.OutcomeDeny, Source: "evidence", Tasks: []string{e.TaskID},
			Reason: fmt.Sprintf("evidence %s of %s %s", originOf(e).Short(), e.TaskID, why),
			Fix:    "`fairlead retry` asks for it again",
		})
	}
	for _, e := range evidence {
		if i := slices.IndexFunc(revoked, func(r fairlead.Revocation) bool { return r.Evidence == originOf(e) }); i >= 0 {
			add(e, fmt.Sprintf("was revoked by %s: %s", revoked[i].Who, revoked[i].Reason))
			continue
		}
		if valid := p.ValidFor.Of(types[e.TaskID]).D(); e.TaskID != "" && valid > 0 && !at.Before(e.Time.Add(valid)) {
			add(e, fmt.Sprintf("has expired: it was proven at %s and counts for %s", e.Time.Format(time.RFC3339), valid))
		}
	}
	return rules, nil
}

// reused names what a decision rests on that was proven in earlier runs.
func reused(p fairlead.Plan, tasks []fairlead.TaskRun, evidence []fairlead.Evidence) []fairlead.Reused {
	var out []fairlead.Reused
	for _, t := range tasks {
		if t.ReusedFrom == "" {
			continue
		}
		for _, e := range evidence {
			if e.TaskID != t.ID || e.From == "" {
				continue
			}
			r := fairlead.Reused{Task: t.ID, Run: t.ReusedFrom, Evidence: e.From, ProvenAt: e.Time}
			if valid := p.ValidFor.Of(t.Type).D(); valid > 0 {
				r.Until = e.Time.Add(valid)
			}
			out = append(out, r)
		}
	}
	return out
}

// originOf is the evidence that e repeats, or e itself: what a revocation names.
func originOf(e fairlead.Evidence) fairlead.Digest {
	if e.From != "" {
		return e.From
	}
	return e.ID
}
