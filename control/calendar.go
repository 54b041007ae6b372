package control

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"fairlead.dev"
)

// AddFreeze keeps a freeze, whose times were checked, until somebody lifts it.
// Anybody may add one: it only ever holds back. It holds every release that
// has not begun to move traffic; one that has finishes or rolls back.
func (p *Plane) AddFreeze(ctx context.Context, f fairlead.Freeze, who string) (fairlead.StandingFreeze, error) {
	if f.Reason == "" {
		return fairlead.StandingFreeze{}, &fairlead.Problem{
			Op: "add freeze", Kind: fairlead.KindInvalid, Err: errors.New("it has no reason"), Hint: "--reason tells the others why nothing is released",
		}
	}
	at := time.Now().UTC()
	f.ID, f.Source = newID("f", at), "added by "+who
	sf := fairlead.StandingFreeze{Freeze: f, AddedBy: who, AddedAt: at}
	_, err := p.Ledger.Commit(ctx, fairlead.Update{
		Records: []fairlead.Record{fact(f.ID+"/added", fairlead.RecordFreezeAdded, f.ID, "", at, sf)}, Freeze: &sf,
	})
	return sf, err
}

// LiftFreeze ends a freeze that somebody added. Where people are known, one of
// them has to do it: those of the releases that are live in its environments, of
// whatever service, or, as long as none are, those given as known.
func (p *Plane) LiftFreeze(ctx context.Context, id, reason, account string, known []fairlead.Person, by Person) (fairlead.StandingFreeze, error) {
	const op = "lift freeze"
	f, err := p.freeze(ctx, op, id)
	if err != nil {
		return f, err
	}
	if reason == "" {
		return f, &fairlead.Problem{Op: op, Kind: fairlead.KindInvalid, Err: errors.New("it needs a reason"), Hint: "--reason says why releases may go on"}
	}
	people, err := p.peopleOf(ctx, f.Environments, "", known)
	if err != nil {
		return f, err
	}
	f.LiftedBy = account
	if len(people) > 0 {
		if f.LiftedBy, _, err = by.Among(people); err != nil {
			return f, err
		}
	}
	f.LiftedAt, f.LiftReason = time.Now().UTC(), reason
	_, err = p.Ledger.Commit(ctx, fairlead.Update{
		Records: []fairlead.Record{fact(f.ID+"/lifted", fairlead.RecordFreezeLifted, f.ID, "", f.LiftedAt, f)}, Freeze: &f,
	})
	return f, err
}

// freeze finds a freeze that holds by its id or the beginning of it.
func (p *Plane) freeze(ctx context.Context, op, id string) (fairlead.StandingFreeze, error) {
	all, err := p.Desk.Votes.Freezes(ctx, true)
	if err != nil {
		return fairlead.StandingFreeze{}, err
	}
	const hint = "`fairlead freeze list` shows what holds; one of fairlead.yaml is changed there"
	f, err := named(all, func(f fairlead.StandingFreeze) string { return f.ID }, op, "freeze that somebody added", id, hint)
	if err == nil && !f.LiftedAt.IsZero() {
		err = &fairlead.Problem{Op: op, Kind: fairlead.KindConflict, Err: fmt.Errorf("%s lifted it before", f.LiftedBy), Hint: hint}
	}
	return f, err
}

// peopleOf gives the people that rule in environments, of one service or of all;
// known are those who are asked as long as nobody rules there.
func (p *Plane) peopleOf(ctx context.Context, environments []string, service string, known []fairlead.Person) ([]fairlead.Person, error) {
	all, err := p.Reader.Environments(ctx)
	if err != nil {
		return nil, err
	}
	var people []fairlead.Person
	for _, st := range all {
		if service != "" && st.Service != service || len(environments) > 0 && !slices.Contains(environments, st.Environment) {
			continue
		}
		in, err := p.Desk.InForce(ctx, st.Environment, st.Service)
		if err != nil {
			return nil, err
		}
		for _, r := range in {
			people = append(people, r.Plan.Safeguards.People...)
		}
	}
	if len(people) == 0 {
		return known, nil
	}
	return people, nil
}
