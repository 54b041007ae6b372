package flow

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"fairlead.dev"
	"fairlead.dev/gate"
)

// Grants gives the break-glass grants for a plan's commit that safeguards accept
// now, oldest first, with what each may skip there. One that was reviewed is
// over: what came after that, the review has not seen.
func (d Desk) Grants(ctx context.Context, s fairlead.Safeguards, p fairlead.Plan, now time.Time) ([]fairlead.Grant, error) {
	policy := s.BreakGlass
	if policy == nil {
		return nil, nil
	}
	grants, err := d.Votes.Grants(ctx, p.Environment, p.Service, p.Event.Commit)
	if err != nil {
		return nil, err
	}
	var valid []fairlead.Grant
	for _, g := range grants {
		if !within(g, *policy, now) || !slices.Contains(gate.Members(s, policy.Who), g.Person) {
			continue
		}
		ok, err := d.vouched(ctx, s, g.Evidence, g.Person, g.Account, fairlead.PredicateGrant, g.Said())
		if err != nil {
			return nil, err
		}
		if ok {
			g.Skips = slices.DeleteFunc(slices.Clone(g.Skips), func(skip string) bool { return !slices.Contains(policy.Skips, skip) })
			valid = append(valid, g)
		}
	}
	return valid, nil
}

// within tells whether a grant counts now and is what a policy allows.
func within(g fairlead.Grant, policy fairlead.BreakGlassPolicy, now time.Time) bool {
	switch {
	case !g.Open(), now.Before(g.Time), !now.Before(g.Expires), g.Expires.Sub(g.Time) > policy.TTL.D():
		return false
	case strings.TrimSpace(g.Reason) == "":
		return false
	}
	return strings.TrimSpace(g.Incident) != "" || !slices.Contains(policy.Requires, "incident")
}

// GlassPolicy gives the policy under which a person may break the glass for a
// plan: the tightest of the plan's and the live release's. KindDenied when one
// of them does not let this person.
func (d Desk) GlassPolicy(ctx context.Context, p fairlead.Plan, person string) (fairlead.BreakGlassPolicy, error) {
	regimes, err := d.regimes(ctx, Asking{Plan: p, Rules: []fairlead.ApprovalRule{}}, time.Time{})
	if err != nil {
		return fairlead.BreakGlassPolicy{}, err
	}
	var out *fairlead.BreakGlassPolicy
	for _, r := range regimes {
		b := r.Safeguards.BreakGlass
		if b == nil || !slices.Contains(gate.Members(r.Safeguards, b.Who), person) {
			return fairlead.BreakGlassPolicy{}, &fairlead.Problem{
				Op: "break glass", Kind: fairlead.KindDenied, Err: fmt.Errorf("%s may not, by %s", person, r.Name),
				Hint: "the section break-glass of fairlead.yaml says who may; a change of it counts once it is released",
			}
		}
		if out == nil {
			tight := *b
			out = &tight
			continue
		}
		out.TTL, out.FollowUp = min(out.TTL, b.TTL), min(out.FollowUp, b.FollowUp)
		out.Requires = append(slices.Clone(out.Requires), b.Requires...)
		out.Skips = slices.DeleteFunc(slices.Clone(out.Skips), func(s string) bool { return !slices.Contains(b.Skips, s) })
	}
	return *out, nil
}

// Spares gives the grant with which the slow tests of a plan are skipped now,
// nil when they are not. Every set of safeguards in force has to let it, and
// they are skipped only as long as the commit is not live: then nothing is
// urgent any more, and the next run of it makes up for them.
func (d Desk) Spares(ctx context.Context, p fairlead.Plan, now time.Time) (*fairlead.Grant, error) {
	regimes, err := d.regimes(ctx, Asking{Plan: p, Rules: []fairlead.ApprovalRule{}}, now)
	if err != nil || len(regimes) == 0 {
		return nil, err
	}
	for _, r := range regimes {
		if r.Past(fairlead.SkipSlowTests) == nil {
			return nil, nil
		}
	}
	live, err := d.liveCommits(ctx, p)
	if err != nil || slices.Contains(live, p.Event.Commit) {
		return nil, err
	}
	return regimes[0].Past(fairlead.SkipSlowTests), nil
}

// noteOwed lets the follow-up of a grant ask for the slow tests that were
// skipped with it, and gives the record of that.
func (f *flows) noteOwed(ctx context.Context, in Delivery, tasks []fairlead.TaskRun, at time.Time) ([]fairlead.Record, error) {
	rule := owed(tasks)
	if rule == nil {
		return nil, nil
	}
	all, err := f.Desk.Votes.Grants(ctx, in.Plan.Environment, in.Plan.Service, in.Plan.Event.Commit)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(all, func(g fairlead.Grant) bool { return g.ID == rule.Bypassed })
	if i < 0 {
		return nil, nil
	}
	id := in.RunID + "/break-glass/" + rule.Bypassed + "/" + fairlead.SkipSlowTests
	said := bypass{Grant: rule.Bypassed, Rules: []string{fairlead.SkipSlowTests + " " + strings.Join(rule.Tasks, ", ")}}
	used := record(id, fairlead.RecordGlassUsed, rule.Bypassed, in.RunID, at, said)
	if g := all[i]; g.Open() {
		g.Owed = slices.Compact(slices.Sorted(slices.Values(append(slices.Clone(g.Owed), rule.Tasks...))))
		_, err = f.Ledger.Commit(ctx, fairlead.Update{Records: []fairlead.Record{used}, Grant: &g})
		return nil, err
	}
	return []fairlead.Record{used}, nil
}

// bypassing gives the grants with which a decision goes past rules.
func bypassing(d fairlead.Decision) []string {
	var all []string
	for _, r := range d.Rules {
		if r.Bypassed != "" {
			all = append(all, r.Bypassed)
		}
	}
	return all
}
