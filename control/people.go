package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"fairlead.dev"
	"fairlead.dev/flow"
)

// Person is whoever acts.
type Person interface {
	// Among recognises the person among those known; account is that of the
	// operating system. KindDenied when it is none of them.
	Among(people []fairlead.Person) (name, account string, err error)
	// State makes evidence of what the person, once recognised, states.
	State(ctx context.Context, runID, commit, predicateType string, said any, at time.Time) (fairlead.Evidence, error)
}

// Ballot is a vote to be given.
type Ballot struct {
	RunID  string
	Vote   fairlead.Vote
	Reason string
}

// Voted is what a vote came to.
type Voted struct {
	Approval fairlead.Approval `json:"approval"`
	Waiting  *fairlead.Waiting `json:"waiting,omitempty"` // what the run still waits for; nil when it goes on
	Over     string            `json:"over,omitempty"`    // why it ends
	Own      bool              `json:"own"`               // this state directory can go on with the run
	Again    bool              `json:"again,omitempty"`   // the person had said so before, and Approval is that vote
}

// Vote records a person's signed answer to the question that a run waits for.
// KindConflict when it waits for nobody, KindDenied when this person's answer
// does not count. Who says the same twice at a time has said it once. It moves
// nothing: see [Plane.Resume].
func (p *Plane) Vote(ctx context.Context, b Ballot, by Person) (Voted, error) {
	op := string(b.Vote) + " " + b.RunID
	if b.Vote == fairlead.VoteReject && b.Reason == "" {
		return Voted{}, &fairlead.Problem{Op: op, Kind: fairlead.KindInvalid, Err: errors.New("a rejection needs a reason"), Hint: "--reason says what is wrong"}
	}
	q, err := p.question(ctx, op, b.RunID)
	if errors.Is(err, errNobodyAsked) {
		return p.answered(ctx, b, by, err)
	}
	if err != nil {
		return Voted{}, err
	}
	people, err := p.Desk.People(ctx, q.Plan)
	if err != nil {
		return Voted{}, err
	}
	name, account, err := by.Among(people)
	if err != nil {
		return Voted{}, err
	}
	if err := p.Desk.Eligible(ctx, q, name, b.Vote); err != nil {
		return Voted{}, err
	}
	a, again, err := p.keepVote(ctx, op, q, fairlead.Approval{
		RunID: b.RunID, Plan: q.Plan.Hash, Question: q.Question, Vote: b.Vote, Person: name, Account: account,
		Reason: b.Reason, Time: time.Now().UTC(),
	}, by)
	if err != nil {
		return Voted{}, err
	}
	h, err := p.Desk.Look(ctx, q, time.Now().UTC())
	if err != nil {
		return Voted{}, err
	}
	own, err := p.Owns(ctx, b.RunID)
	return Voted{Approval: a, Waiting: h.Waiting, Over: h.Over, Own: own, Again: again}, err
}

// errNobodyAsked says that a run is under way, and nobody is asked.
var errNobodyAsked = errors.New("it waits for nobody now")

// answered gives the vote by which the person had answered what the run waited
// for, when that was the same; else why nobody is asked.
func (p *Plane) answered(ctx context.Context, b Ballot, by Person, why error) (Voted, error) {
	run, err := p.Reader.Run(ctx, b.RunID)
	if err != nil {
		return Voted{}, err
	}
	plan, err := p.Reader.Plan(ctx, run.Plan)
	if err != nil {
		return Voted{}, err
	}
	people, err := p.Desk.People(ctx, plan)
	if err != nil {
		return Voted{}, err
	}
	name, _, err := by.Among(people)
	if err != nil {
		return Voted{}, why
	}
	votes, err := p.Desk.Votes.Approvals(ctx, b.RunID)
	if err != nil {
		return Voted{}, err
	}
	for _, v := range slices.Backward(votes) {
		if v.Person == name && v.Plan == plan.Hash {
			if v.Vote == b.Vote {
				return Voted{Approval: v, Again: true}, nil
			}
			break
		}
	}
	return Voted{}, why
}

// question gives what a run waits for people to answer.
func (p *Plane) question(ctx context.Context, op, runID string) (flow.Asking, error) {
	run, err := p.Reader.Run(ctx, runID)
	if err != nil {
		return flow.Asking{}, err
	}
	if run.State == fairlead.StateFinished {
		return flow.Asking{}, &fairlead.Problem{
			Op: op, Kind: fairlead.KindConflict, Err: fmt.Errorf("it has ended with %s", run.Result),
			Hint: "`fairlead why " + runID + "` explains",
		}
	}
	plan, err := p.Reader.Plan(ctx, run.Plan)
	if err != nil {
		return flow.Asking{}, err
	}
	q, waits := flow.AskingOf(run, plan)
	if !waits {
		return q, &fairlead.Problem{
			Op: op, Kind: fairlead.KindConflict, Err: errNobodyAsked,
			Hint: "`fairlead watch " + runID + "` shows what it does",
		}
	}
	h, err := p.Desk.Look(ctx, q, time.Now().UTC())
	if err != nil {
		return q, err
	}
	if h.Over != "" {
		return q, &fairlead.Problem{Op: op, Kind: fairlead.KindConflict, Err: errors.New(h.Over), Hint: "`fairlead retry " + runID + "` asks again"}
	}
	return q, nil
}

// keepVote signs a vote and records it. When the person gave the same answer at
// the same time elsewhere, that vote is given, and again is true.
func (p *Plane) keepVote(ctx context.Context, op string, q flow.Asking, a fairlead.Approval, by Person) (kept fairlead.Approval, again bool, err error) {
	before, err := p.Desk.Votes.Approvals(ctx, a.RunID)
	if err != nil {
		return a, false, err
	}
	n := 0
	for _, v := range before {
		if v.Question == a.Question && v.Person == a.Person {
			n++
		}
	}
	a.ID = fmt.Sprintf("%s/approval/%s/%s/%d", a.RunID, a.Question, a.Person, n)
	e, err := by.State(ctx, a.RunID, q.Plan.Event.Commit, fairlead.PredicateApproval, a, a.Time)
	if err != nil {
		return a, false, err
	}
	a.Evidence = e.ID
	typ := fairlead.RecordApproval
	if a.Vote == fairlead.VoteReject {
		typ = fairlead.RecordRejection
	}
	applied, err := p.Ledger.Commit(ctx, fairlead.Update{
		Records:  []fairlead.Record{fact(a.ID, typ, a.ID, a.RunID, a.Time, a)},
		Approval: &a, Evidence: []fairlead.Evidence{e},
	})
	if err != nil || applied {
		return a, false, err
	}
	votes, err := p.Desk.Votes.Approvals(ctx, a.RunID)
	for _, v := range votes {
		if v.ID == a.ID && v.Vote == a.Vote {
			return v, true, err
		}
	}
	if err == nil {
		err = &fairlead.Problem{Op: op, Kind: fairlead.KindConflict, Err: fmt.Errorf("%s gave another answer at the same time elsewhere", a.Person), Hint: "look at `fairlead status` first"}
	}
	return a, false, err
}

// Waits tells what a run waits for at this moment, whatever it had last noted;
// nil when it waits for nothing.
func (p *Plane) Waits(ctx context.Context, run fairlead.Run) (*fairlead.Waiting, error) {
	if run.Waiting == nil || run.State == fairlead.StateFinished {
		return nil, nil
	}
	plan, err := p.Reader.Plan(ctx, run.Plan)
	if err != nil {
		return nil, err
	}
	q, _ := flow.AskingOf(run, plan)
	h, err := p.Desk.Look(ctx, q, time.Now().UTC())
	return h.Waiting, err
}

// fact makes a record of what a person did.
func fact(id string, typ fairlead.RecordType, subject, runID string, at time.Time, data any) fairlead.Record {
	raw, err := json.Marshal(data)
	if err != nil {
		panic("control: encode " + id + ": " + err.Error()) // plain data always encodes
	}
	return fairlead.Record{ID: id, Type: typ, Subject: subject, RunID: runID, Time: at, Data: raw}
}
