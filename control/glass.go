package control

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"fairlead.dev"
)

// Glass asks for a grant to go past safeguards.
type Glass struct {
	Plan     fairlead.Plan // of the commit to the environment: the grant is bound to both
	Reason   string
	Incident string
	TTL      time.Duration // 0 = as long as the policy allows
	Skips    []string      // nil = all that the policy allows
}

// BreakGlass makes a grant and opens its follow-up. KindDenied when this
// person may not, under the plan's policy or under that of the live release.
func (p *Plane) BreakGlass(ctx context.Context, g Glass, by Person) (fairlead.Grant, error) {
	people, err := p.Desk.People(ctx, g.Plan)
	if err != nil {
		return fairlead.Grant{}, err
	}
	if g.Plan.Safeguards == nil || g.Plan.Safeguards.BreakGlass == nil {
		return fairlead.Grant{}, glassProblem(fairlead.KindDenied, errors.New("nobody may break the glass"), "the section break-glass of fairlead.yaml says who may")
	}
	name, account, err := by.Among(people)
	if err != nil {
		return fairlead.Grant{}, err
	}
	policy, err := p.Desk.GlassPolicy(ctx, g.Plan, name)
	if err != nil {
		return fairlead.Grant{}, err
	}
	at := time.Now().UTC()
	ttl, skips, err := withinPolicy(g, policy)
	if err != nil {
		return fairlead.Grant{}, err
	}
	grant := fairlead.Grant{
		ID: newID("b", at), Environment: g.Plan.Environment, Service: g.Plan.Service, Commit: g.Plan.Event.Commit, Person: name, Account: account,
		Reason: g.Reason, Incident: g.Incident, Skips: skips, Time: at, Expires: at.Add(ttl), Due: at.Add(policy.FollowUp.D()),
	}
	e, err := by.State(ctx, "", grant.Commit, fairlead.PredicateGrant, grant, at)
	if err != nil {
		return grant, err
	}
	grant.Evidence = e.ID
	_, err = p.Ledger.Commit(ctx, fairlead.Update{
		Records: []fairlead.Record{fact(grant.ID+"/granted", fairlead.RecordGlassBroken, grant.ID, "", at, grant)},
		Grant:   &grant, Evidence: []fairlead.Evidence{e},
	})
	return grant, err
}

// withinPolicy holds what is asked for against the policy.
func withinPolicy(g Glass, policy fairlead.BreakGlassPolicy) (time.Duration, []string, error) {
	if strings.TrimSpace(g.Reason) == "" {
		return 0, nil, glassProblem(fairlead.KindInvalid, errors.New("it needs a reason"), "--reason says what is on fire")
	}
	if strings.TrimSpace(g.Incident) == "" && slices.Contains(policy.Requires, "incident") {
		return 0, nil, glassProblem(fairlead.KindInvalid, errors.New("it needs an incident"), "--incident names it")
	}
	ttl := g.TTL
	if ttl == 0 {
		ttl = policy.TTL.D()
	}
	if ttl < 0 {
		return 0, nil, glassProblem(fairlead.KindInvalid, fmt.Errorf("it cannot last %s", ttl), "--ttl is a time such as 30m")
	}
	if ttl > policy.TTL.D() {
		return 0, nil, glassProblem(fairlead.KindInvalid, fmt.Errorf("a grant lasts at most %s", policy.TTL), "--ttl gives a shorter time")
	}
	skips := g.Skips
	if skips == nil {
		skips = policy.Skips
	}
	if len(skips) == 0 {
		return 0, nil, glassProblem(fairlead.KindInvalid, errors.New("it goes past nothing"), "it goes past "+strings.Join(policy.Skips, ", "))
	}
	for _, s := range skips {
		if !slices.Contains(policy.Skips, s) {
			return 0, nil, glassProblem(fairlead.KindDenied, fmt.Errorf("it never goes past %s", s), "it goes past "+strings.Join(policy.Skips, ", "))
		}
	}
	return ttl, skips, nil
}

// Reviewing asks for the follow-up of a grant to be closed.
type Reviewing struct {
	Grant        string // its id or the beginning of it
	Reason       string // what was found
	WithoutTests bool   // although tests that were skipped with it have not been run since
}

// Review closes the follow-up of a grant, which is over with that. Those who may
// are known to what is live or, as long as nothing is, given as known.
// KindDenied when the reviewer is the one who holds the grant, KindConflict
// when slow tests that were skipped with it are still owed.
func (p *Plane) Review(ctx context.Context, q Reviewing, known []fairlead.Person, by Person) (fairlead.Grant, error) {
	g, err := p.grant(ctx, q.Grant)
	if err != nil {
		return g, err
	}
	if strings.TrimSpace(q.Reason) == "" {
		return g, glassProblem(fairlead.KindInvalid, errors.New("a review says what was found"), "--reason")
	}
	owed, err := p.owed(ctx, g)
	if err != nil {
		return g, err
	}
	if len(owed) > 0 && !q.WithoutTests {
		return g, glassProblem(fairlead.KindConflict, fmt.Errorf("slow tests were skipped with it and nobody has run them since: %s", strings.Join(owed, ", ")),
			"run "+g.Commit[:min(len(g.Commit), 10)]+" to "+g.Environment+" again, which runs them; --without-tests reviews it all the same and is recorded")
	}
	people, err := p.peopleOf(ctx, []string{g.Environment}, g.Service, nil)
	if err == nil && len(people) == 0 { // of several services, each is live under its own name
		people, err = p.peopleOf(ctx, []string{g.Environment}, "", known)
	}
	if err != nil {
		return g, err
	}
	name, account, err := by.Among(people)
	if err != nil {
		return g, err
	}
	if name == g.Person {
		return g, glassProblem(fairlead.KindDenied, fmt.Errorf("%s holds the grant", name), "another person has to review it")
	}
	r := fairlead.Review{Grant: g.ID, Person: name, Account: account, Reason: q.Reason, Waived: owed, Time: time.Now().UTC()}
	e, err := by.State(ctx, "", g.Commit, fairlead.PredicateReview, r, r.Time)
	if err != nil {
		return g, err
	}
	r.Evidence = e.ID
	g.Review = &r
	_, err = p.Ledger.Commit(ctx, fairlead.Update{
		Records: []fairlead.Record{fact(g.ID+"/reviewed", fairlead.RecordGlassReviewed, g.ID, "", r.Time, g)},
		Grant:   &g, Evidence: []fairlead.Evidence{e},
	})
	return g, err
}

// owed gives the slow tests that were skipped with a grant and have not
// succeeded for its commit in its environment since.
func (p *Plane) owed(ctx context.Context, g fairlead.Grant) ([]string, error) {
	if len(g.Owed) == 0 {
		return nil, nil
	}
	runs, err := p.Reader.Runs(ctx, fairlead.RunFilter{Environment: g.Environment, Service: g.Service, Commit: g.Commit})
	if err != nil {
		return nil, err
	}
	left := slices.Clone(g.Owed)
	for _, run := range runs {
		tasks, err := p.Reader.Tasks(ctx, run.ID)
		if err != nil {
			return nil, err
		}
		for _, t := range tasks {
			if t.Result == fairlead.ResultSuccess && t.FinishedAt.After(g.Time) {
				left = slices.DeleteFunc(left, func(id string) bool { return id == t.ID })
			}
		}
	}
	return left, nil
}

// grant finds a grant by its id or the beginning of it.
func (p *Plane) grant(ctx context.Context, id string) (fairlead.Grant, error) {
	const hint = "`fairlead break-glass list` shows them"
	all, err := p.Desk.Votes.Grants(ctx, "", "", "")
	if err != nil {
		return fairlead.Grant{}, err
	}
	g, err := named(all, func(g fairlead.Grant) string { return g.ID }, "break glass", "grant", id, hint)
	if err == nil && !g.Open() {
		err = glassProblem(fairlead.KindConflict, fmt.Errorf("%s reviewed it before", g.Review.Person), hint)
	}
	return g, err
}

func glassProblem(kind fairlead.Kind, err error, hint string) error {
	return &fairlead.Problem{Op: "break glass", Kind: kind, Err: err, Hint: hint}
}
