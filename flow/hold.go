package flow

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"fairlead.dev"
	"fairlead.dev/engine"
	"fairlead.dev/gate"
)

// reply is the checkpoint of a question.
type reply struct {
	gate.Hold
	Cancelled bool      `json:"cancelled,omitempty"`
	Passed    string    `json:"passed,omitempty"` // run that goes instead
	Asked     time.Time `json:"asked"`            // since when it is waited for
	At        time.Time `json:"at"`
}

// ask waits, durably and for as long as it takes, until nothing holds the run
// any more, until it can never go on, or until somebody cancels it. Every
// change of what is waited for is a checkpoint of its own and is recorded with
// the run, so a process may die, or leave on purpose, at any time: the next one
// goes on waiting where this one stopped, and the clock went on meanwhile.
func (f *flows) ask(fl *engine.Flow, q Asking) (reply, error) {
	var err error
	if q.Asked, err = fl.Now(); err != nil {
		return reply{}, err
	}
	var before *fairlead.Waiting
	for n := 0; ; n++ {
		name := fmt.Sprintf("%s %d", q.label(), n)
		r, err := do(f, fl, "look at "+name, func(ctx context.Context) (reply, error) { return f.change(ctx, q, before) })
		if err != nil {
			return r, err
		}
		if before == nil && r.Waiting == nil {
			return r, nil // it never waited
		}
		if _, err := do(f, fl, "note "+name, func(ctx context.Context) (bool, error) { return f.noteWaiting(ctx, q, n, r) }); err != nil {
			return r, err
		}
		if r.Waiting == nil {
			return r, nil
		}
		before = r.Waiting
	}
}

// change gives what holds the run as soon as that is something else than before.
func (f *flows) change(ctx context.Context, q Asking, before *fairlead.Waiting) (reply, error) {
	const longest = 2 * time.Second
	for wait := f.Tick; ; wait = min(2*wait, longest) {
		r := reply{At: now(), Asked: q.Asked}
		var err error
		if r.Cancelled, err = f.Situation.CancelRequested(ctx, q.RunID); err != nil || r.Cancelled {
			return r, err
		}
		if q.Again > 0 { // it stands in line already
			if r.Passed, err = f.Line.Superseder(ctx, q.RunID); err != nil || r.Passed != "" {
				return r, err
			}
		}
		if r.Hold, err = f.Desk.Look(ctx, q, r.At); err != nil {
			return r, err
		}
		if before == nil || r.Waiting == nil || !sameWait(*before, *r.Waiting) {
			return r, nil
		}
		if err := pause(ctx, wait); err != nil {
			return r, err
		}
	}
}

func sameWait(a, b fairlead.Waiting) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && string(x) == string(y)
}

// noteWaiting records what a run waits for, or that it goes on.
func (f *flows) noteWaiting(ctx context.Context, q Asking, n int, r reply) (bool, error) {
	run, err := f.Reader.Run(ctx, q.RunID)
	if err != nil {
		return false, err
	}
	run.Waiting = r.Waiting
	typ := fairlead.RecordRunWaiting
	if r.Waiting == nil {
		typ = fairlead.RecordRunGoesOn
	}
	id := fmt.Sprintf("%s/waiting/%s/%d", q.RunID, q.label(), n)
	return f.Ledger.Commit(ctx, fairlead.Update{
		Records: []fairlead.Record{record(id, typ, q.RunID, q.RunID, r.At, waitNote{r.Waiting, q.Question, r.Over, r.Rules})},
		Run:     &run,
	})
}

// waitNote is what the record says of a wait.
type waitNote struct {
	Waiting  *fairlead.Waiting      `json:"waiting,omitempty"`
	Question string                 `json:"question"`
	Over     string                 `json:"over,omitempty"`
	Rules    []fairlead.RuleOutcome `json:"rules,omitempty"`
}

// hold keeps a run that the gates let pass until the people and the calendar
// do so too, and completes the decision by what they said. first is what the
// gates said, before what was said when the run passed the last time, and again
// how often it did.
func (f *flows) hold(fl *engine.Flow, in Delivery, first, before ruling, again int) (ruling, error) {
	if first.Ending != nil || len(first.Releases) == 0 {
		return first, nil
	}
	q := releaseQuestion(in, time.Time{})
	q.Again = again
	answer, err := f.ask(fl, q)
	if err != nil {
		return before, err
	}
	switch {
	case answer.Cancelled:
		before.Ending = &Ending{Result: fairlead.ResultCancellation, Reason: "cancelled while it waited"}
		return before, nil
	case answer.Passed != "":
		before.Ending = superseded(answer.Passed)
		return before, nil
	}
	first.Asked, before.Asked = answer.Asked, answer.Asked
	if len(answer.Rules) == 0 && !first.Held && again == 0 {
		return before, nil // what was signed before is the whole decision
	}
	name := "decide on the release"
	if again > 0 {
		name = fmt.Sprintf("%s again %d", name, again)
	}
	return do(f, fl, name, func(ctx context.Context) (ruling, error) {
		return f.conclude(ctx, in, first, before.Grants, again, answer)
	})
}

func releaseQuestion(in Delivery, asked time.Time) Asking {
	return Asking{RunID: in.RunID, RetryOf: in.RetryOf, Plan: in.Plan, Question: fairlead.QuestionRelease, Asked: asked}
}

// conclude adds people and calendar to the decision and signs it anew. known
// are the grants whose use was recorded before.
func (f *flows) conclude(ctx context.Context, in Delivery, r ruling, known []string, again int, answer reply) (ruling, error) {
	r.Decision = withPeople(r.Decision, answer.Hold, answer.At)
	r.Grants = slices.Compact(slices.Sorted(slices.Values(append(slices.Clone(known), answer.Grants...))))
	r.Decision.Time = answer.At // the newest decision of a run is the one that counts
	if answer.Over != "" {
		r.Ending = over(answer)
	}
	stale, err := f.stale(ctx, in.RunID, in.Plan, answer.At) // by what happened meanwhile
	if err != nil {
		return r, err
	}
	for _, rule := range stale.rules {
		r.Decision = withRule(r.Decision, rule)
	}
	if stale.weighed != nil {
		r.Decision.Inputs = stale.inputs
	}
	if r.Ending == nil && len(stale.rules) > 0 {
		r.Ending = refusal(r.Decision, nil)
	}
	var used []fairlead.Record
	for _, g := range answer.Grants {
		if slices.Contains(known, g) {
			continue
		}
		used = append(used, record(in.RunID+"/break-glass/"+g, fairlead.RecordGlassUsed, g, in.RunID, answer.At, bypasses(g, answer.Rules)))
	}
	id := r.Decision.ID + "/concluded"
	if again > 0 {
		id = fmt.Sprintf("%s/%d", id, again)
	}
	return r, f.commitDecision(ctx, in, r, r.Decision, stale.weighed, id, used...)
}

// withPeople gives a decision with what people and the calendar say. A rule
// that was gone past keeps its own outcome and makes the decision a warning.
func withPeople(d fairlead.Decision, h gate.Hold, at time.Time) fairlead.Decision {
	if len(h.Rules) == 0 {
		return d
	}
	d.Rules = append(slices.Clone(d.Rules), h.Rules...)
	d.Time = at
	switch {
	case h.Over != "":
		d.Outcome = fairlead.OutcomeDeny
	case h.Waiting != nil:
		d.Outcome = fairlead.OutcomeWait
	case len(h.Grants) > 0:
		d.Outcome = fairlead.OutcomeWarn
	}
	return d
}

// over is the ending of a run whose question was answered by no, or by nobody.
func over(answer reply) *Ending {
	end := &Ending{
		Result: fairlead.ResultFailure, Reason: answer.Over,
		Fault: &fairlead.Fault{Op: "wait for approval", Kind: fairlead.KindDenied, Cause: answer.Over, Hint: "mend what the reason says and run it again"},
	}
	if answer.Expired {
		end.Result, end.Fault.Kind, end.Fault.Hint = fairlead.ResultTimeout, fairlead.KindTimeout, "`fairlead retry` asks again"
	}
	return end
}

// bypass is what the record says of a grant that was used.
type bypass struct {
	Grant string   `json:"grant"`
	Rules []string `json:"rules"` // that did not hold
}

func bypasses(grant string, rules []fairlead.RuleOutcome) bypass {
	b := bypass{Grant: grant, Rules: []string{}}
	for _, r := range rules {
		if r.Bypassed == grant {
			b.Rules = append(b.Rules, r.Name)
		}
	}
	return b
}
