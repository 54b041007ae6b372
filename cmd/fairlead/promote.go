package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"fairlead.dev"
	"fairlead.dev/cli"
	"fairlead.dev/control"
	"fairlead.dev/flow"
	"fairlead.dev/intake/worktree"
	"fairlead.dev/pipeline"
)

// Promote starts the run that releases to one environment what is live in
// another. A build that cannot be taken over refuses it before anything starts.
func (c *controlPlane) Promote(ctx context.Context, q cli.PromoteQuery) (cli.Promoted, error) {
	if q.From == q.To {
		return cli.Promoted{}, &fairlead.Problem{
			Op: "promote", Kind: fairlead.KindInvalid, Err: fmt.Errorf("--from and --to are both %s", q.From),
			Hint: "`fairlead rollback --to` goes back to a release within one environment",
		}
	}
	proven := control.Proven{Environment: q.From, Release: q.Release}
	var err error
	if q.Service == "" {
		if proven.Services, err = c.together(ctx, q.From); err != nil {
			return cli.Promoted{}, err
		}
	}
	if len(proven.Services) == 0 {
		if proven.Service, err = c.serviceIn(ctx, q.From, q.Service); err != nil {
			return cli.Promoted{}, err
		}
	}
	origin, before, err := c.Origin(ctx, proven)
	if err != nil {
		return cli.Promoted{}, err
	}
	plan, err := c.planPromotion(ctx, q.To, origin, before)
	if err != nil {
		return cli.Promoted{}, err
	}
	out, err := c.foresee(ctx, q, plan)
	if err != nil || out.Live {
		return out, err
	}
	at := c.wiring.counter(ctx, c.set)
	defer at.done()
	if out.Notes, err = at.outlook(ctx, plan); err != nil || q.DryRun {
		return out, err
	}
	if err := out.Blocked(); err != nil {
		return out, err
	}
	out.RunID, err = c.Start(ctx, plan)
	return out, err
}

// planPromotion plans the commit that is live elsewhere for an environment, by
// the configuration of that very commit.
func (c *controlPlane) planPromotion(ctx context.Context, to string, origin fairlead.Promotion, before fairlead.Plan) (fairlead.Plan, error) {
	repo, err := worktree.Open(ctx, c.set.Dir)
	if err != nil {
		return fairlead.Plan{}, err
	}
	ev := before.Event
	ev.Type, ev.Trigger, ev.Manual = fairlead.EventManual, who(), fairlead.Manual{Environment: to}
	plan, err := planEvent(ctx, repo, ev)
	if err != nil {
		return plan, err
	}
	if plan.Service != before.Service {
		return plan, &fairlead.Problem{
			Op: "promote", Kind: fairlead.KindConflict,
			Err:  fmt.Errorf("%s: of %s, this repository's service is %s", origin.Words(), before.Service, plan.Service),
			Hint: "run the command in the repository that the service was released from",
		}
	}
	live, err := c.Desk.LiveCommits(ctx, plan)
	if err != nil {
		return plan, err
	}
	if plan, err = sinceLive(ctx, repo, plan, live); err != nil {
		return plan, err
	}
	return pipeline.Promote(plan, origin)
}

// foresee says what a promotion does about everything that it has to prove.
func (c *controlPlane) foresee(ctx context.Context, q cli.PromoteQuery, plan fairlead.Plan) (cli.Promoted, error) {
	out := cli.Promoted{
		Service: plan.Service, From: q.From, To: q.To, Commit: plan.Event.Commit,
		Promotion: *plan.Promotion, Tasks: []cli.Asked{}, Live: true,
	}
	for _, release := range flow.Promised(plan) {
		if len(plan.Services) == 0 {
			out.Release = release.ID
		} else {
			out.Releases = append(out.Releases, release.ID)
		}
		st, err := c.store.Environment(ctx, q.To, release.Service)
		if err != nil && fairlead.KindOf(err) != fairlead.KindNotFound {
			return out, err
		}
		out.Live = out.Live && err == nil && st.Moving == "" && st.Current != nil && st.Current.ID == release.ID
	}
	answers, err := c.book.Foresee(ctx, plan, time.Now().UTC())
	for _, a := range answers {
		out.Tasks = append(out.Tasks, cli.Asked(a))
	}
	return out, err
}

// Revoke takes evidence back in the name of the person at the keyboard.
func (c *controlPlane) Revoke(ctx context.Context, id, reason string) (fairlead.Revocation, error) {
	e, err := c.store.EvidenceByPrefix(ctx, id)
	if err != nil {
		return fairlead.Revocation{}, err
	}
	if e.TaskID == "" {
		return fairlead.Revocation{}, &fairlead.Problem{
			Op: "revoke evidence " + e.ID.Short(), Kind: fairlead.KindConflict, Err: errors.New("it is the decision of run " + e.RunID),
			Hint: "decisions are never taken over: revoke what it rests on, or `fairlead rollback`",
		}
	}
	return c.Plane.Revoke(ctx, e, who(), reason)
}
