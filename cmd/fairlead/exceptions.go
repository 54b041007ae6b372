package main

import (
	"context"
	"strings"
	"time"

	"fairlead.dev"
	"fairlead.dev/cli"
	"fairlead.dev/control"
	"fairlead.dev/record"
	"fairlead.dev/triage"
)

// Exceptions lists exceptions with where each is in its life.
func (f *findings) Exceptions(ctx context.Context, all bool) (cli.View, error) {
	found, err := f.lives(ctx, all)
	return cli.View{Lines: record.ExceptionLines(found), Data: found}, err
}

// ExceptionIDs lists the ids of the exceptions that are not over.
func (f *findings) ExceptionIDs(ctx context.Context) ([]string, error) {
	found, err := f.lives(ctx, false)
	var ids []string
	for _, x := range found {
		ids = append(ids, x.ID)
	}
	return ids, err
}

func (f *findings) lives(ctx context.Context, all bool) ([]record.ExceptionLife, error) {
	now := time.Now()
	found, err := f.Store.Exceptions(ctx, "", all)
	out := []record.ExceptionLife{}
	for _, x := range found {
		status, serr := f.status(ctx, x, now)
		if serr != nil {
			return nil, serr
		}
		if all || status == triage.StatusRequested || status == triage.StatusActive {
			out = append(out, record.ExceptionLife{Exception: x, Status: string(status), Approvers: triage.Approvers(x)})
		}
	}
	return out, err
}

// status says where an exception is in its life, by those who decide about it:
// it is active when the next decision would honour it.
func (f *findings) status(ctx context.Context, x fairlead.Exception, now time.Time) (triage.Status, error) {
	if s := triage.StatusOf(x, fairlead.ExceptionPolicy{}, now); s == triage.StatusRevoked || s == triage.StatusExpired {
		return s, nil
	}
	p, ok := f.planFor(ctx, x.Service, x.Environment)
	if !ok {
		return triage.StatusRequested, nil
	}
	ok, err := f.desk.Approved(ctx, p, x, now)
	if ok {
		return triage.StatusActive, err
	}
	return triage.StatusRequested, err
}

// RequestException asks in the name of the person at the keyboard.
func (c *controlPlane) RequestException(ctx context.Context, q cli.ExceptionQuery) (fairlead.Exception, error) {
	p, err := c.planIn(ctx, q.Environment)
	if err != nil {
		return fairlead.Exception{}, err
	}
	if q.Scope.Finding != "" {
		f := &findings{records: &records{Store: c.store}, desk: c.Desk, planner: planner{set: c.set}}
		found, err := f.find(ctx, q.Scope.Finding)
		if err != nil {
			return fairlead.Exception{}, err
		}
		q.Scope.Finding = found[0].ID
	}
	return c.Plane.RequestException(ctx, control.Excusing{
		Plan: p, Environment: q.Environment, Scope: q.Scope, Reason: q.Reason, Justification: q.Justification, Ticket: q.Ticket, For: q.For,
	}, c.wiring.person(q.Key, c.key))
}

// ApproveException approves in the name of the person at the keyboard.
func (c *controlPlane) ApproveException(ctx context.Context, q cli.AnswerQuery) (fairlead.Exception, error) {
	p, err := c.planFor(ctx, q.ID)
	if err != nil {
		return fairlead.Exception{}, err
	}
	return c.Plane.ApproveException(ctx, q.ID, q.Reason, p, c.wiring.person(q.Key, c.key))
}

// RevokeException ends an exception in the name of the person at the keyboard.
func (c *controlPlane) RevokeException(ctx context.Context, q cli.AnswerQuery) (fairlead.Exception, error) {
	p, err := c.planFor(ctx, q.ID)
	if err != nil {
		return fairlead.Exception{}, err
	}
	return c.Plane.RevokeException(ctx, q.ID, q.Reason, p, c.wiring.person(q.Key, c.key))
}

// planFor plans for the environment that an exception is about: its people
// decide. One that is not there is found out later.
func (c *controlPlane) planFor(ctx context.Context, exception string) (fairlead.Plan, error) {
	all, err := c.store.Exceptions(ctx, "", true)
	if err != nil {
		return fairlead.Plan{}, err
	}
	for _, x := range all {
		if strings.HasPrefix(x.ID, exception) {
			return c.planIn(ctx, x.Environment)
		}
	}
	return c.planIn(ctx, "")
}

// planIn plans for an environment of this repository, that of the branch without one.
func (c *controlPlane) planIn(ctx context.Context, environment string) (fairlead.Plan, error) {
	if environment == "" {
		return c.ownPlan(ctx, cli.PlanQuery{Event: string(fairlead.EventPush)})
	}
	return c.ownPlan(ctx, cli.PlanQuery{Event: string(fairlead.EventManual), Environment: environment})
}
