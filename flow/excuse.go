package flow

import (
	"context"
	"fmt"
	"slices"
	"time"

	"fairlead.dev"
	"fairlead.dev/gate"
	"fairlead.dev/triage"
)

// defaultExceptions holds where people are known and nothing is said of exceptions.
func defaultExceptions() fairlead.ExceptionPolicy {
	return fairlead.ExceptionPolicy{Count: 1, Longest: fairlead.Duration(90 * 24 * time.Hour)}
}

// exceptionsOf gives the policy of safeguards.
func exceptionsOf(s fairlead.Safeguards) fairlead.ExceptionPolicy {
	if s.Exceptions != nil {
		return *s.Exceptions
	}
	return defaultExceptions()
}

// Exceptions gives those that are in force for a plan: approved, signed, and not
// too long, by the plan's own safeguards and by those of what is live. So no
// change approves its own.
func (d Desk) Exceptions(ctx context.Context, from Followed, p fairlead.Plan, now time.Time) ([]fairlead.Exception, error) {
	all, err := from.Exceptions(ctx, p.Service, false)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	var out []fairlead.Exception
	for _, x := range all {
		ok, err := d.Approved(ctx, p, x, now)
		if err != nil {
			return nil, err
		}
		if ok {
			out = append(out, x)
		}
	}
	return out, nil
}

// holdsException tells whether an exception is in force under one regime.
func (d Desk) holdsException(ctx context.Context, x fairlead.Exception, r gate.Regime, now time.Time) (bool, error) {
	policy := exceptionsOf(r.Safeguards)
	if x.Expires.Sub(x.Time) > policy.Longest.D() || x.Time.After(now) || triage.CheckScope(x.Scope) != nil {
		return false, nil
	}
	said := x
	said.Evidence, said.Approvals, said.Revoked = "", nil, nil
	if ok, err := d.vouched(ctx, r.Safeguards, x.Evidence, x.Person, x.Account, fairlead.PredicateException, said); err != nil || !ok {
		return false, err
	}
	from := gate.Members(r.Safeguards, policy.From)
	believed := x
	believed.Approvals = nil
	for _, a := range x.Approvals {
		said := a
		said.Evidence = ""
		ok, err := d.vouched(ctx, r.Safeguards, a.Evidence, a.Person, a.Account, fairlead.PredicateExceptionApproval, said)
		if err != nil {
			return false, err
		}
		if ok && a.Request == x.Evidence && a.Exception == x.ID && slices.Contains(from, a.Person) {
			believed.Approvals = append(believed.Approvals, a)
		}
	}
	return triage.StatusOf(believed, policy, now) == triage.StatusActive, nil
}

// regimesOf gives the safeguards that rule a plan, whatever is asked.
func (d Desk) regimesOf(ctx context.Context, p fairlead.Plan, now time.Time) ([]gate.Regime, error) {
	return d.regimes(ctx, Asking{Plan: p, Rules: []fairlead.ApprovalRule{}}, now)
}

// LongestException is how long an exception may last under all safeguards that
// rule a plan, 0 when no people are known to any of them.
func (d Desk) LongestException(ctx context.Context, p fairlead.Plan, now time.Time) (time.Duration, error) {
	regimes, err := d.regimesOf(ctx, p, now)
	var longest time.Duration
	for _, r := range regimes {
		if most := exceptionsOf(r.Safeguards).Longest.D(); len(r.Safeguards.People) > 0 && (longest == 0 || most < longest) {
			longest = most
		}
	}
	return longest, err
}

// MayExcuse tells whether a person's approval of an exception counts. The error,
// KindDenied, says why it does not.
func (d Desk) MayExcuse(ctx context.Context, p fairlead.Plan, x fairlead.Exception, person string, now time.Time) error {
	const op = "approve exception"
	if person == x.Person {
		return &fairlead.Problem{
			Op: op, Kind: fairlead.KindDenied, Err: fmt.Errorf("%s asked for it", person), Hint: "another person has to approve it",
		}
	}
	regimes, err := d.regimesOf(ctx, p, now)
	if err != nil {
		return err
	}
	for _, r := range regimes {
		if !slices.Contains(gate.Members(r.Safeguards, exceptionsOf(r.Safeguards).From), person) {
			return &fairlead.Problem{
				Op: op, Kind: fairlead.KindDenied, Err: fmt.Errorf("%s is not asked by %s", person, r.Name),
				Hint: "exceptions.from in fairlead.yaml says who is",
			}
		}
	}
	return nil
}

// Approved tells whether enough people approved an exception for all safeguards
// that rule a plan.
func (d Desk) Approved(ctx context.Context, p fairlead.Plan, x fairlead.Exception, now time.Time) (bool, error) {
	regimes, err := d.regimesOf(ctx, p, now)
	if err != nil || len(regimes) == 0 {
		return false, err
	}
	for _, r := range regimes {
		if ok, err := d.holdsException(ctx, x, r, now); err != nil || !ok {
			return false, err
		}
	}
	return true, nil
}
