package flow

import (
	"context"
	"slices"
	"time"

	"fairlead.dev"
	"fairlead.dev/gate"
	"fairlead.dev/pipeline"
)

// regimes gives what is in force: the run's own plan, what rules where it goes,
// so that no change loosens what it has to satisfy itself, and the freezes that
// people added.
func (d Desk) regimes(ctx context.Context, q Asking, now time.Time) ([]gate.Regime, error) {
	var in []gate.Regime
	if s := q.Plan.Safeguards; s != nil {
		in = append(in, gate.Regime{Name: "this plan", Environment: q.Plan.Environment, Safeguards: *s})
	}
	live, err := d.beside(ctx, q.Plan)
	if err != nil {
		return nil, err
	}
	for _, l := range live {
		if l.Plan.Hash != q.Plan.Hash {
			in = append(in, gate.Regime{Name: l.Name, Environment: l.Environment, Safeguards: *l.Plan.Safeguards})
		}
	}
	votes, err := d.votes(ctx, q)
	if err != nil {
		return nil, err
	}
	for i := range in {
		if err := d.complete(ctx, q, now, &in[i], votes); err != nil {
			return nil, err
		}
	}
	if q.Rules != nil {
		return in, nil
	}
	return d.standing(ctx, q, in)
}

// complete adds to a regime its rules, and what people did as far as it believes them.
func (d Desk) complete(ctx context.Context, q Asking, now time.Time, r *gate.Regime, votes []fairlead.Approval) error {
	p := q.Plan
	r.Rules = q.Rules
	if q.Rules == nil && q.Question != fairlead.QuestionTraffic {
		r.Rules = pipeline.RulesFor(r.Safeguards, p.Event, r.Environment, p.Strategy)
	}
	if q.Rules == nil {
		r.Freezes = pipeline.FreezesFor(r.Safeguards.Freezes, p.Event, r.Environment, p.Strategy)
	}
	for _, v := range votes {
		if ok, err := d.vouched(ctx, r.Safeguards, v.Evidence, v.Person, v.Account, fairlead.PredicateApproval, v.Said()); err != nil {
			return err
		} else if ok {
			if !v.Received.IsZero() {
				v.Time = v.Received
			}
			r.Votes = append(r.Votes, v)
		}
	}
	var err error
	r.Grants, err = d.Grants(ctx, r.Safeguards, p, now)
	return err
}

// vouched tells whether the person, as these safeguards know him, stated it. A
// statement that nobody has is not believed.
func (d Desk) vouched(ctx context.Context, s fairlead.Safeguards, id fairlead.Digest, person, account, typ string, said any) (bool, error) {
	p, known := gate.PersonNamed(s, person)
	if !known || id == "" {
		return false, nil
	}
	e, err := d.Past.Evidence(ctx, id)
	if fairlead.KindOf(err) == fairlead.KindNotFound {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return d.Witness.Vouch(e[0], p, account, typ, said) == nil, nil
}

// standing adds the freezes that people added. They are no plan's, so
// break-glass has to be valid under every regime to go past them.
func (d Desk) standing(ctx context.Context, q Asking, in []gate.Regime) ([]gate.Regime, error) {
	all, err := d.Votes.Freezes(ctx, false)
	if err != nil || len(all) == 0 {
		return in, err
	}
	var freezes []fairlead.Freeze
	for _, f := range all {
		freezes = append(freezes, f.Freeze)
	}
	places, err := d.places(ctx, q.Plan)
	if err != nil {
		return nil, err
	}
	r := gate.Regime{Name: "stop the line", Environment: q.Plan.Environment}
	for _, at := range places {
		for _, f := range pipeline.FreezesFor(freezes, q.Plan.Event, at.Environment, q.Plan.Strategy) {
			if !slices.ContainsFunc(r.Freezes, func(o fairlead.Freeze) bool { return o.ID == f.ID }) {
				r.Freezes = append(r.Freezes, f)
			}
		}
	}
	r.Grants = pastAll(in)
	return append(in, r), nil
}

// pastAll gives the grant that goes past the freezes that people added: one of
// the first regime, when every regime has one.
func pastAll(in []gate.Regime) []fairlead.Grant {
	blind := func(o gate.Regime) bool { return o.Past(fairlead.SkipFreezes) == nil }
	if len(in) == 0 || slices.ContainsFunc(in, blind) {
		return nil
	}
	return []fairlead.Grant{*in[0].Past(fairlead.SkipFreezes)}
}

// votes are the votes on the question: of this run, and of the runs that it
// repeats with the very same plan.
func (d Desk) votes(ctx context.Context, q Asking) ([]fairlead.Approval, error) {
	const most = 50 // retries of retries
	var all []fairlead.Approval
	runID, before := q.RunID, q.RetryOf
	for range most {
		votes, err := d.Votes.Approvals(ctx, runID)
		if err != nil {
			return nil, err
		}
		began, err := d.began(ctx, runID)
		if err != nil {
			return nil, err
		}
		for _, v := range votes {
			if v.Question == q.Question && v.Plan == q.Plan.Hash && v.RunID == runID && dated(v, began) {
				all = append(all, v)
			}
		}
		if before == "" {
			break
		}
		run, err := d.Past.Run(ctx, before)
		if fairlead.KindOf(err) == fairlead.KindNotFound || err == nil && run.Plan != q.Plan.Hash {
			break
		}
		if err != nil {
			return nil, err
		}
		runID, before = run.ID, run.RetryOf
	}
	slices.SortStableFunc(all, func(a, b fairlead.Approval) int { return a.Time.Compare(b.Time) })
	return all, nil
}

// began gives when a run began, zero for one that nobody knows.
func (d Desk) began(ctx context.Context, runID string) (time.Time, error) {
	run, err := d.Past.Run(ctx, runID)
	if fairlead.KindOf(err) == fairlead.KindNotFound {
		return time.Time{}, nil
	}
	return run.StartedAt, err
}

// dated tells whether a vote can be of the time that it says: not before there
// was anything to vote on, and not of another time than it was received.
func dated(v fairlead.Approval, began time.Time) bool {
	if !v.Received.IsZero() && v.Time.Sub(v.Received).Abs() > fairlead.ClockSkew {
		return false
	}
	return v.Time.After(began.Add(-fairlead.ClockSkew))
}
