package flow

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"fairlead.dev"
	"fairlead.dev/engine"
)

// group is a release of several services on its way.
type group struct {
	*flows
	fl       *engine.Flow
	in       Delivery
	rollouts []Rollout // in the order of release
	alone    []bool    // by rollout: the live release did not serve, so there is nothing to compare with
	turn     turn
}

// together releases several services as one: each is rolled out and judged in
// its turn, all bake at the same time, none is concluded before there is one
// verdict on all, and when one of them fails all go back, the last one first.
func (f *flows) together(fl *engine.Flow, in Delivery, releases []fairlead.Release, t turn) (Ending, error) {
	g := &group{flows: f, fl: fl, in: in, turn: t}
	var before []Fellow
	for i, part := range bakingTogether(in.Plan.Parts()) {
		r := Rollout{
			RunID: in.RunID, ID: deploymentOf(in.Plan, in.RunID, part.Service), Plan: part, Release: releases[i],
			Together: true, Before: slices.Clone(before),
		}
		g.rollouts = append(g.rollouts, r)
		before = append(before, r.fellow())
	}
	for i, r := range g.rollouts {
		end, err := engine.Child[Rollout, Ending](fl, NameRollout, in.RunID+"/"+r.Plan.Service+"/rollout", r)
		if err != nil {
			return Ending{}, err
		}
		if end.Result != fairlead.ResultSuccess {
			end.Reason = r.Plan.Service + ": " + end.Reason
			return g.takeBack(i, end)
		}
		g.alone = append(g.alone, end.Alone)
	}
	why, err := g.bake()
	if err == nil && why == nil {
		why, err = g.hold(before)
	}
	if err != nil {
		return Ending{}, err
	}
	if err := g.noteVerdict(why); err != nil {
		return Ending{}, err
	}
	if why != nil {
		end := Ending{Result: fairlead.ResultFailure, Reason: why.Reason, Fault: why.Fault, Superseded: why.Superseded}
		if why.Cancelled || why.Superseded != "" {
			end.Result = fairlead.ResultCancellation
		}
		return g.takeBack(len(g.rollouts)-1, end)
	}
	return g.conclude()
}

// bakingTogether gives the services' plans with the longest bake in each.
func bakingTogether(parts []fairlead.Plan) []fairlead.Plan {
	var longest fairlead.Duration
	for _, p := range parts {
		longest = max(longest, p.Release.Bake)
	}
	for i := range parts {
		r := *parts[i].Release
		r.Bake = longest
		parts[i].Release = &r
	}
	return parts
}

// hold keeps everything as it is, with all new releases at full traffic, for as
// long as the old ones are kept: each must be ready once more, and nothing may
// happen to any of them.
func (g *group) hold(all []Fellow) (*stop, error) {
	var keep time.Duration
	for _, r := range g.rollouts {
		keep = max(keep, r.Plan.Release.KeepOld.D())
	}
	since, err := g.fl.Now()
	if err != nil {
		return nil, err
	}
	return do(g.flows, g.fl, "hold together", func(ctx context.Context) (*stop, error) {
		o := g.lookAfter(all)
		for {
			if why, err := g.dismissed(ctx); err != nil || why != nil {
				return why, err
			}
			why, err := o.look(ctx, g.flows)
			if err != nil || why != nil {
				return why, err
			}
			quiet := !slices.ContainsFunc(o.down, func(t time.Time) bool { return !t.IsZero() })
			if quiet && now().Sub(since) >= keep {
				return nil, nil
			}
			if err := pause(ctx, g.Tick); err != nil {
				return nil, err
			}
		}
	})
}

// dismissed tells whether somebody stopped the whole release.
func (g *group) dismissed(ctx context.Context) (*stop, error) {
	cancelled, err := g.Situation.CancelRequested(ctx, g.in.RunID)
	if err != nil || cancelled {
		return &stop{Reason: "cancelled", Cancelled: true}, err
	}
	by, err := g.Line.Superseder(ctx, g.in.RunID)
	if err != nil || by == "" {
		return nil, err
	}
	return &stop{Reason: "superseded by run " + by, Superseded: by}, nil
}

// noteVerdict records the one verdict on all of them.
func (g *group) noteVerdict(why *stop) error {
	at, err := g.fl.Now()
	if err != nil {
		return err
	}
	v := fairlead.Verdict{
		ID: g.in.RunID + "/verdict", Deployment: g.in.RunID, Stage: "together", Answer: fairlead.AnswerNotWorse,
		Reason: "each of " + g.names() + " was judged and is ready", Time: at,
	}
	if why != nil {
		v.Answer, v.Reason = fairlead.AnswerWorse, why.Reason
	}
	_, err = do(g.flows, g.fl, "verdict together", func(ctx context.Context) (bool, error) {
		return g.Ledger.Commit(ctx, fairlead.Update{
			Records: []fairlead.Record{record(v.ID, fairlead.RecordVerdict, v.ID, g.in.RunID, at, v)},
		})
	})
	return err
}

func (g *group) names() string {
	var names []string
	for _, r := range g.rollouts {
		names = append(names, r.Plan.Service)
	}
	return strings.Join(names, ", ")
}

// conclude makes all new releases the live ones. It is past the verdict: what
// cannot be tidied up now does not bring anything back.
func (g *group) conclude() (Ending, error) {
	end := Ending{Result: fairlead.ResultSuccess, Deployment: g.rollouts[0].ID}
	var left []string
	for _, r := range g.rollouts {
		one, err := engine.Child[Rollout, Ending](g.fl, NameConclude, r.ID+"/conclusion", r)
		if err != nil {
			return Ending{}, err
		}
		if one.Result != fairlead.ResultSuccess {
			end.Result, end.Fault = one.Result, one.Fault
			left = append(left, r.Plan.Service+": "+one.Reason)
		}
	}
	end.Reason = fmt.Sprintf("%s are live in %s", g.names(), g.in.Plan.Environment)
	if len(left) > 0 {
		end.Reason = "not everything was concluded: " + strings.Join(left, "; ")
	}
	return end, nil
}

// conclusion ends one of several rollouts, once all of them are judged.
func (f *flows) conclusion(fl *engine.Flow, in Rollout) (Ending, error) {
	m := &move{flows: f, fl: fl, in: in, to: f.target(in.Plan.Release.Target), others: f.lookAfter(nil)}
	c, err := do(f, fl, "claim", func(ctx context.Context) (claimed, error) { return f.claim(ctx, in) })
	if err != nil {
		return Ending{}, err
	}
	if c.Fault != nil {
		return failed(c.Fault.Problem()), nil
	}
	m.fence, m.current = c.Fence, c.Current
	return m.conclude()
}
