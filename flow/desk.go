package flow

import (
	"context"
	"fmt"
	"slices"
	"time"

	"fairlead.dev"
	"fairlead.dev/gate"
	"fairlead.dev/pipeline"
)

// Votes is where what people decided is read back.
type Votes interface {
	// Approvals gives all votes on a run's questions, oldest first.
	Approvals(ctx context.Context, runID string) ([]fairlead.Approval, error)
	// Freezes gives the freezes that people added and, with all, those that were lifted.
	Freezes(ctx context.Context, all bool) ([]fairlead.StandingFreeze, error)
	// Grants gives the break-glass grants for a commit of a service, oldest first.
	Grants(ctx context.Context, environment, service, commit string) ([]fairlead.Grant, error)
}

// Past is where what came before a run is read back.
type Past interface {
	Run(ctx context.Context, id string) (fairlead.Run, error)
	Plan(ctx context.Context, hash fairlead.Digest) (fairlead.Plan, error)
	Environment(ctx context.Context, environment, service string) (fairlead.EnvironmentState, error)
	Deployments(ctx context.Context, environment, service string, limit int) ([]fairlead.Deployment, error)
	Evidence(ctx context.Context, ids ...fairlead.Digest) ([]fairlead.Evidence, error)
}

// Witness says whether a person stated something.
type Witness interface {
	// Vouch gives nil when e is a statement of p, made under account when p has
	// no keys, whose predicate is said, of the type.
	Vouch(e fairlead.Evidence, p fairlead.Person, account, predicateType string, said any) error
}

// Desk is where people's decisions meet the run they are about. It reads only,
// so any process can ask it what holds a run.
type Desk struct {
	Votes   Votes
	Past    Past
	Witness Witness
}

// Asking is a question about a run that people answer.
type Asking struct {
	RunID    string
	RetryOf  string
	Plan     fairlead.Plan
	Question string
	// Rules are those to satisfy. Nil means the approvals of the safeguards in
	// force and their freezes: the question whether the run may release.
	Rules []fairlead.ApprovalRule
	Asked time.Time // since when it is waited for
	// Again counts how often the run had passed the question before: it is held
	// once more when a freeze begins, or an approval expires, while it waits in line.
	Again int
}

// label names the question in the record, each time anew.
func (q Asking) label() string {
	if q.Again == 0 {
		return q.Question
	}
	return fmt.Sprintf("%s again %d", q.Question, q.Again)
}

// Look tells what holds the run at a time.
func (d Desk) Look(ctx context.Context, q Asking, now time.Time) (gate.Hold, error) {
	regimes, err := d.regimes(ctx, q, now)
	if err != nil {
		return gate.Hold{}, err
	}
	h := gate.Holding(gate.HoldInput{
		Question: q.Question, RunID: q.RunID, Event: q.Plan.Event, Regimes: regimes, Asked: q.Asked, Now: now,
	})
	if h.Waiting != nil {
		h.Waiting.Rules = q.Rules
	}
	return h, nil
}

// AskingOf gives the question that a run waits for, as far as the run says so.
func AskingOf(run fairlead.Run, p fairlead.Plan) (Asking, bool) {
	w := run.Waiting
	if w == nil {
		return Asking{}, false
	}
	return Asking{RunID: run.ID, RetryOf: run.RetryOf, Plan: p, Question: w.Question, Rules: w.Rules, Asked: w.Since}, true
}

// People gives everybody who is known: to the plan, and to the live release.
func (d Desk) People(ctx context.Context, p fairlead.Plan) ([]fairlead.Person, error) {
	var all []fairlead.Person
	if p.Safeguards != nil {
		all = append(all, p.Safeguards.People...)
	}
	live, err := d.beside(ctx, p)
	for _, l := range live {
		all = append(all, l.Plan.Safeguards.People...)
	}
	return all, err
}

// Unsatisfiable says, for every approval that can never be given for the
// plan's change, why.
func (d Desk) Unsatisfiable(ctx context.Context, q Asking) ([]string, error) {
	regimes, err := d.regimes(ctx, q, q.Asked)
	var out []string
	for _, r := range regimes {
		out = append(out, gate.Unsatisfiable(r.Safeguards, r.Rules, q.Plan.Event)...)
	}
	return out, err
}

// Eligible tells whether a person's vote on a question counts anywhere. The
// error, KindDenied, says why it does not.
func (d Desk) Eligible(ctx context.Context, q Asking, person string, v fairlead.Vote) error {
	regimes, err := d.regimes(ctx, q, q.Asked)
	if err != nil {
		return err
	}
	asked := false
	for _, r := range regimes {
		if why, no := gate.Excluded(r.Safeguards, q.Plan.Event)[person]; no && v == fairlead.VoteApprove {
			return &fairlead.Problem{
				Op: "approve " + q.RunID, Kind: fairlead.KindDenied, Err: fmt.Errorf("%s %s", person, why),
				Hint: "somebody else has to: `fairlead status` says who can",
			}
		}
		for _, rule := range r.Rules {
			asked = asked || slices.Contains(gate.Members(r.Safeguards, rule.From), person)
		}
	}
	if !asked {
		return &fairlead.Problem{
			Op: string(v) + " " + q.RunID, Kind: fairlead.KindDenied, Err: fmt.Errorf("%s is not asked", person),
			Hint: "`fairlead status` says who is",
		}
	}
	return nil
}

// regimes gives what is in force: the run's own plan, what rules where it goes,
// so that no change loosens what it has to satisfy itself, and the freezes that
// people added.
func (d Desk) regimes(ctx context.Context, q Asking, now time.Time) ([]gate.Regime, error) {
	var in []gate.Regime
	if s := q.Plan.Safeguards; s != nil {
		in = append(in, gate.Regime{Name: "this plan", Safeguards: *s})
	}
	live, err := d.beside(ctx, q.Plan)
	if err != nil {
		return nil, err
	}
	for _, l := range live {
		if l.Plan.Hash != q.Plan.Hash {
			in = append(in, gate.Regime{Name: l.Name, Safeguards: *l.Plan.Safeguards})
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
	if q.Rules == nil {
		r.Rules = pipeline.RulesFor(r.Safeguards, p.Event, p.Environment, p.Strategy)
		r.Freezes = pipeline.FreezesFor(r.Safeguards.Freezes, p.Event, p.Environment, p.Strategy)
	}
	for _, v := range votes {
		said := v
		said.Evidence = ""
		if ok, err := d.vouched(ctx, r.Safeguards, v.Evidence, v.Person, v.Account, fairlead.PredicateApproval, said); err != nil {
			return err
		} else if ok {
			r.Votes = append(r.Votes, v)
		}
	}
	grant, err := d.Grant(ctx, r.Safeguards, p, now)
	r.Grant = grant
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
	r := gate.Regime{Name: "stop the line", Freezes: pipeline.FreezesFor(freezes, q.Plan.Event, q.Plan.Environment, q.Plan.Strategy)}
	for i, other := range in {
		if other.Grant == nil || !slices.Contains(other.Grant.Skips, fairlead.SkipFreezes) {
			r.Grant = nil
			break
		}
		if i == 0 {
			r.Grant = other.Grant
		}
	}
	return append(in, r), nil
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
		for _, v := range votes {
			if v.Question == q.Question && v.Plan == q.Plan.Hash && v.RunID == runID {
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

// Grant gives the newest break-glass grant for a plan's commit that safeguards
// accept now, with what it may skip there; nil when there is none. One that was
// reviewed is over: what came after that, the review has not seen.
func (d Desk) Grant(ctx context.Context, s fairlead.Safeguards, p fairlead.Plan, now time.Time) (*fairlead.Grant, error) {
	policy := s.BreakGlass
	if policy == nil {
		return nil, nil
	}
	grants, err := d.Votes.Grants(ctx, p.Environment, p.Service, p.Event.Commit)
	if err != nil {
		return nil, err
	}
	who := gate.Members(s, policy.Who)
	for _, g := range slices.Backward(grants) {
		if !g.Open() || now.Before(g.Time) || !now.Before(g.Expires) || g.Expires.Sub(g.Time) > policy.TTL.D() || !slices.Contains(who, g.Person) {
			continue
		}
		if slices.Contains(policy.Requires, "incident") && g.Incident == "" || g.Reason == "" {
			continue
		}
		said := g
		said.Evidence, said.Review = "", nil
		ok, err := d.vouched(ctx, s, g.Evidence, g.Person, g.Account, fairlead.PredicateGrant, said)
		if err != nil {
			return nil, err
		}
		if ok {
			g.Skips = slices.DeleteFunc(slices.Clone(g.Skips), func(skip string) bool { return !slices.Contains(policy.Skips, skip) })
			return &g, nil
		}
	}
	return nil, nil
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
