package flow

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"fairlead.dev"
	"fairlead.dev/engine"
	"fairlead.dev/target"
)

// group is a release of several services on its way.
type group struct {
	*flows
	fl       *engine.Flow
	in       Delivery
	rollouts []Rollout // in the order of release
	turn     turn
}

// together releases several services as one: each is rolled out and judged in
// its turn, none is concluded before all are judged, and when one of them fails
// all go back, the last one first.
func (f *flows) together(fl *engine.Flow, in Delivery, releases []fairlead.Release, t turn) (Ending, error) {
	g := &group{flows: f, fl: fl, in: in, turn: t}
	var before []Fellow
	for i, part := range in.Plan.Parts() {
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
	}
	why, err := g.hold(before)
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

// fellow is how the other services of the release see this one.
func (in Rollout) fellow() Fellow {
	return Fellow{Deployment: in.ID, Place: in.place(), Target: in.Plan.Release.Target, Release: in.Release.ID}
}

// Fellow is a service of the same release, judged and not yet concluded.
type Fellow struct {
	Deployment string          `json:"deployment"`
	Place      target.Place    `json:"place"`
	Target     string          `json:"target"`
	Release    fairlead.Digest `json:"release"`
}

// others looks after the services of the same release that were judged already.
type others struct {
	all  []Fellow
	to   []target.Target
	down []time.Time // since when nothing of it is ready, as far as this process knows
}

func (f *flows) lookAfter(all []Fellow) *others {
	o := &others{all: all, down: make([]time.Time, len(all))}
	for _, s := range all {
		o.to = append(o.to, f.target(s.Target))
	}
	return o
}

// look tells whether one of them was rolled back or does not serve any more.
func (o *others) look(ctx context.Context, f *flows) (*stop, error) {
	for i, s := range o.all {
		st, err := f.Situation.Environment(ctx, s.Place.Environment, s.Place.Service)
		if err != nil {
			return nil, err
		}
		if st.Moving != s.Deployment {
			return &stop{Reason: s.Place.Service + ", released with it, was rolled back", Replaced: true}, nil
		}
		seen, err := o.to[i].Observe(ctx, s.Place)
		if err != nil {
			continue // who does not answer now may do so at the next look
		}
		switch r, _ := seen.Find(s.Release); {
		case r.Ready > 0:
			o.down[i] = time.Time{}
		case o.down[i].IsZero():
			o.down[i] = now()
		case now().Sub(o.down[i]) > comeback:
			return notReady(s.Place.Service+", released with it, is not ready any more", r.Problem), nil
		}
	}
	return nil, nil
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

// takeBack rolls everything back, from the last service that began to the
// first; last is its index. Each has a rollback flow of its own, and one that
// needs a person does not hold up the others. What had not begun is let go.
func (g *group) takeBack(last int, end Ending) (Ending, error) {
	var back []Rollback
	for i := last; i >= 0; i-- {
		r := g.rollouts[i]
		if st, err := g.begun(r); err != nil {
			return Ending{}, err
		} else if st {
			back = append(back, r.rollback(g.turn.current(r.Plan.Service), end.Reason))
		}
	}
	undone, failed, err := g.allBack(g.fl, back)
	if err != nil {
		return Ending{}, err
	}
	for i := len(g.rollouts) - 1; i > last; i-- {
		if err := g.letGo(g.rollouts[i], end.Reason); err != nil {
			return Ending{}, err
		}
	}
	end.Deployment = g.rollouts[0].ID
	if len(undone) > 0 {
		end.Reason += "; rolled back: " + strings.Join(undone, ", ")
	}
	if len(failed) > 0 {
		end.Result, end.Fault = fairlead.ResultError, failed[0].Fault
		for _, f := range failed {
			end.Reason += "; " + f.Reason
		}
	}
	return end, nil
}

// rollback is the input of a rollout's own rollback.
func (in Rollout) rollback(to *fairlead.Release, reason string) Rollback {
	return Rollback{
		ID: RollbackID(in.ID), RunID: in.RunID, Deployment: in.ID, Environment: in.Plan.Environment,
		Service: in.Plan.Service, From: in.Release, To: to, Reason: reason,
	}
}

// begun tells whether a service's rollout came as far as to be rolled back, or
// was refused by the target before it touched anything.
func (g *group) begun(r Rollout) (bool, error) {
	return do(g.flows, g.fl, "look at "+r.Plan.Service, func(ctx context.Context) (bool, error) {
		d, err := g.Situation.Deployment(ctx, r.ID)
		if fairlead.KindOf(err) == fairlead.KindNotFound {
			return false, nil
		}
		return d.Phase != fairlead.DeployRefused, err
	})
}

// allBack does rollbacks one after the other and tells what became of them.
func (f *flows) allBack(fl *engine.Flow, all []Rollback) (undone []string, failed []Ending, err error) {
	for _, b := range all {
		end, err := engine.Child[Rollback, Ending](fl, NameRollback, b.ID, b)
		if err != nil {
			return nil, nil, err
		}
		if end.Result != fairlead.ResultSuccess {
			end.Reason = b.Service + ": " + end.Reason
			failed = append(failed, end)
			continue
		}
		undone = append(undone, b.Service)
	}
	return undone, failed, nil
}

// letGo frees the place of a service whose rollout never began.
func (g *group) letGo(r Rollout, reason string) error {
	at, err := g.fl.Now()
	if err != nil {
		return err
	}
	_, err = do(g.flows, g.fl, "let go of "+r.Plan.Service, func(ctx context.Context) (bool, error) {
		st, err := g.Situation.Environment(ctx, r.Plan.Environment, r.Plan.Service)
		if err != nil || st.Moving != r.ID {
			return false, err
		}
		st.Moving, st.UpdatedAt = "", at
		d := fairlead.Deployment{Phase: fairlead.DeployRefused, Release: r.Release, Previous: st.Current, Reason: reason}
		return g.Ledger.Commit(ctx, fairlead.Update{
			Records:     []fairlead.Record{record(r.ID+"/let go", fairlead.RecordDeploymentEnded, r.ID, r.RunID, at, moved(d))},
			Environment: &st,
		})
	})
	return err
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

// Together is the input of the rollback of several services, the one to go
// back first coming first.
type Together struct {
	RunID string     `json:"run_id"`
	Own   bool       `json:"own,omitempty"` // RunID is this rollback's own run, asked for by a person
	All   []Rollback `json:"all"`           // each a flow of its own
}

// rollbackTogether rolls several services back.
func (f *flows) rollbackTogether(fl *engine.Flow, in Together) (Ending, error) {
	undone, failed, err := f.allBack(fl, in.All)
	if err != nil {
		return Ending{}, err
	}
	end := Ending{Result: fairlead.ResultSuccess, Reason: "rolled back: " + strings.Join(undone, ", ")}
	if len(failed) > 0 {
		end = failed[0]
		for _, more := range failed[1:] {
			end.Reason += "; " + more.Reason
		}
		if len(undone) > 0 {
			end.Reason += "; rolled back: " + strings.Join(undone, ", ")
		}
	}
	if !in.Own {
		return end, nil
	}
	at, err := fl.Now()
	if err != nil {
		return end, err
	}
	_, err = do(f, fl, "end", func(ctx context.Context) (bool, error) {
		run, err := f.Reader.Run(ctx, in.RunID)
		if err != nil {
			return false, err
		}
		run.State, run.Result, run.Reason, run.Fault, run.FinishedAt = fairlead.StateFinished, end.Result, end.Reason, end.Fault, at
		return f.Ledger.Commit(ctx, fairlead.Update{
			Records: []fairlead.Record{record(in.RunID+"/finished", fairlead.RecordRunFinished, in.RunID, in.RunID, at, run)},
			Run:     &run,
		})
	})
	return end, err
}
