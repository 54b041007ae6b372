package flow

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"fairlead.dev"
	"fairlead.dev/gate"
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
	Environments(ctx context.Context) ([]fairlead.EnvironmentState, error)
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
	// Ground names what a release to a target of the type takes in the world, ""
	// when that cannot be told. Nil: a place is known by its name alone.
	Ground func(typ string, config json.RawMessage) string
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
	// Of is the one service that is asked about, of several that are released as
	// one; "" for the run as a whole.
	Of string
}

// label names the question in the record, each time anew.
func (q Asking) label() string {
	label := q.Question
	if q.Of != "" {
		label += " of " + q.Of
	}
	if q.Again == 0 {
		return label
	}
	return fmt.Sprintf("%s again %d", label, q.Again)
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
