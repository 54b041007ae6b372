package control

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"fairlead.dev"
	"fairlead.dev/triage"
)

// Excusing asks for an exception.
type Excusing struct {
	Plan          fairlead.Plan // of the service, to the environment: its people are asked
	Environment   string        // "" = every one of the service
	Scope         fairlead.ExceptionScope
	Reason        string
	Justification string // OpenVEX; "" = the risk is taken
	Ticket        string
	For           time.Duration // how long it lasts; 0 = as long as the policy allows
}

// RequestException records a signed request that findings may pass for a time.
// Nothing passes before another person approves. KindInvalid when it is about
// nothing, lasts too long or says no reason, KindDenied when nobody known asks.
func (p *Plane) RequestException(ctx context.Context, q Excusing, by Person) (fairlead.Exception, error) {
	at := time.Now().UTC()
	lasts, err := p.withinExceptions(ctx, q, at)
	if err != nil {
		return fairlead.Exception{}, err
	}
	people, err := p.Desk.People(ctx, q.Plan)
	if err != nil {
		return fairlead.Exception{}, err
	}
	name, account, err := by.Among(people)
	if err != nil {
		return fairlead.Exception{}, err
	}
	x := fairlead.Exception{
		ID: newID("x", at), Service: q.Plan.Service, Environment: q.Environment, Scope: q.Scope, Reason: q.Reason,
		Justification: q.Justification, Ticket: q.Ticket, Person: name, Account: account, Time: at, Expires: at.Add(lasts),
	}
	e, err := by.State(ctx, "", q.Plan.Event.Commit, fairlead.PredicateException, x, at)
	if err != nil {
		return x, err
	}
	x.Evidence = e.ID
	_, err = p.Ledger.Commit(ctx, fairlead.Update{
		Records:   []fairlead.Record{fact(x.ID+"/requested", fairlead.RecordExceptionAsked, x.ID, "", at, x)},
		Exception: &x, Evidence: []fairlead.Evidence{e},
	})
	return x, err
}

// withinExceptions holds what is asked for against the policies, and gives how
// long it lasts.
func (p *Plane) withinExceptions(ctx context.Context, q Excusing, now time.Time) (time.Duration, error) {
	longest, err := p.Desk.LongestException(ctx, q.Plan, now)
	s := q.Scope
	switch {
	case err != nil:
		return 0, err
	case longest == 0:
		return 0, exceptionProblem(fairlead.KindDenied, errors.New("nobody could approve it: no people are known"), "the section people of fairlead.yaml names them")
	case s.Finding == "" && s.Vulnerability == "" && s.Rule == "":
		return 0, exceptionProblem(fairlead.KindInvalid, errors.New("it is about nothing"), "--finding, --vulnerability or --rule says what; --component and --path make it narrower")
	case strings.TrimSpace(q.Reason) == "":
		return 0, exceptionProblem(fairlead.KindInvalid, errors.New("it needs a reason"), "--reason says why the findings may pass")
	case q.Justification != "" && !slices.Contains(fairlead.Justifications(), q.Justification):
		return 0, exceptionProblem(fairlead.KindInvalid, fmt.Errorf("%q is no justification", q.Justification), "there are "+strings.Join(fairlead.Justifications(), ", "))
	case q.For < 0 || q.For > longest:
		return 0, exceptionProblem(fairlead.KindInvalid, fmt.Errorf("an exception lasts at most %s", fairlead.Duration(longest)), "--for gives a shorter time")
	case q.For == 0:
		q.For = longest
	}
	return q.For, triage.CheckScope(s)
}

// ApproveException records a person's signed approval. KindDenied when it does
// not count, KindConflict when the exception is over or was approved by this
// person before.
func (p *Plane) ApproveException(ctx context.Context, id, reason string, plan fairlead.Plan, by Person) (fairlead.Exception, error) {
	const op = "approve exception"
	x, err := p.exception(ctx, op, id)
	if err != nil {
		return x, err
	}
	at := time.Now().UTC()
	name, account, err := p.among(ctx, plan, by)
	if err != nil {
		return x, err
	}
	if err := p.Desk.MayExcuse(ctx, plan, x, name, at); err != nil {
		return x, err
	}
	if slices.Contains(triage.Approvers(x), name) {
		return x, &fairlead.Problem{Op: op, Kind: fairlead.KindConflict, Err: fmt.Errorf("%s approved it before", name), Hint: "`fairlead exception list` shows who has"}
	}
	a := fairlead.ExceptionApproval{Exception: x.ID, Request: x.Evidence, Person: name, Account: account, Reason: reason, Time: at}
	e, err := by.State(ctx, "", plan.Event.Commit, fairlead.PredicateExceptionApproval, a, at)
	if err != nil {
		return x, err
	}
	a.Evidence = e.ID
	x.Approvals = append(x.Approvals, a)
	_, err = p.Ledger.Commit(ctx, fairlead.Update{
		Records:   []fairlead.Record{fact(x.ID+"/approved/"+name, fairlead.RecordExceptionGiven, x.ID, "", at, x)},
		Exception: &x, Evidence: []fairlead.Evidence{e},
	})
	return x, err
}

// RevokeException ends an exception before its time, which anybody known may do.
func (p *Plane) RevokeException(ctx context.Context, id, reason string, plan fairlead.Plan, by Person) (fairlead.Exception, error) {
	const op = "revoke exception"
	x, err := p.exception(ctx, op, id)
	if err != nil {
		return x, err
	}
	if strings.TrimSpace(reason) == "" {
		return x, &fairlead.Problem{Op: op, Kind: fairlead.KindInvalid, Err: errors.New("it needs a reason"), Hint: "--reason says why"}
	}
	name, account, err := p.among(ctx, plan, by)
	if err != nil {
		return x, err
	}
	r := fairlead.ExceptionRevoked{Exception: x.ID, Person: name, Account: account, Reason: reason, Time: time.Now().UTC()}
	e, err := by.State(ctx, "", plan.Event.Commit, fairlead.PredicateExceptionRevoked, r, r.Time)
	if err != nil {
		return x, err
	}
	r.Evidence = e.ID
	x.Revoked = &r
	_, err = p.Ledger.Commit(ctx, fairlead.Update{
		Records:   []fairlead.Record{fact(x.ID+"/revoked", fairlead.RecordExceptionRevoked, x.ID, "", r.Time, x)},
		Exception: &x, Evidence: []fairlead.Evidence{e},
	})
	return x, err
}

// among recognises a person among everybody who is known to a plan.
func (p *Plane) among(ctx context.Context, plan fairlead.Plan, by Person) (name, account string, err error) {
	people, err := p.Desk.People(ctx, plan)
	if err != nil {
		return "", "", err
	}
	return by.Among(people)
}

// exception finds one that is not over by its id or the beginning of it.
func (p *Plane) exception(ctx context.Context, op, id string) (fairlead.Exception, error) {
	all, err := p.Reader.Exceptions(ctx, "", true)
	if err != nil {
		return fairlead.Exception{}, err
	}
	x, err := named(all, func(x fairlead.Exception) string { return x.ID }, op, "exception", id, "`fairlead exception list --all` shows them")
	switch {
	case err != nil:
		return x, err
	case x.Revoked != nil:
		return x, &fairlead.Problem{Op: op, Kind: fairlead.KindConflict, Err: fmt.Errorf("%s revoked it", x.Revoked.Person), Hint: "ask for a new one"}
	case !time.Now().Before(x.Expires):
		return x, &fairlead.Problem{Op: op, Kind: fairlead.KindConflict, Err: errors.New("it has expired"), Hint: "ask for a new one"}
	}
	return x, nil
}

func exceptionProblem(kind fairlead.Kind, err error, hint string) error {
	return &fairlead.Problem{Op: "request exception", Kind: kind, Err: err, Hint: hint}
}
