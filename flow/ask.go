package flow

import (
	"context"
	"errors"
	"fmt"
	"time"

	"fairlead.dev"
	"fairlead.dev/gate"
)

// askFor is how long a person is waited for where the judge has no answer.
const askFor = fairlead.Duration(72 * time.Hour)

// asked is the checkpoint of a question that the judge could not answer.
type asked struct {
	reply
	Verdict fairlead.Verdict `json:"verdict"`
	Stop    *stop            `json:"stop,omitempty"` // came before any person's answer
}

// ask lets a person say whether a step that ended undecided goes on. It waits
// durably and watches meanwhile: worse, the deployment's cancellation or a
// rollback end it at once. While no process works on the run nobody watches;
// what was served then is looked at as soon as one does.
func (m *move) ask(s step) (*stop, error) {
	q, err := m.question(s)
	if err != nil {
		return nil, err
	}
	var before *fairlead.Waiting
	for n := 0; ; n++ {
		a, err := do(m.flows, m.fl, fmt.Sprintf("ask about %s %d", s.name, n), func(ctx context.Context) (asked, error) {
			return m.await(ctx, s, q, before)
		})
		if err != nil {
			return nil, err
		}
		if a.Stop == nil && before == nil && a.Waiting == nil && a.Over == "" {
			return undecided(s.name + ": undecided, and nobody is known who could be asked"), nil
		}
		if _, err := do(m.flows, m.fl, fmt.Sprintf("note question about %s %d", s.name, n), func(ctx context.Context) (bool, error) {
			return m.noteWaiting(ctx, q, n, a.reply)
		}); err != nil {
			return nil, err
		}
		if a.Stop == nil && a.Waiting != nil {
			before = a.Waiting
			continue
		}
		return m.answered(q, a)
	}
}

// question is what is asked about a step.
func (m *move) question(s step) (Asking, error) {
	at, err := m.fl.Now()
	return Asking{
		RunID: m.in.RunID, Plan: m.in.Plan, Asked: at, Question: m.in.ID + " after " + s.name,
		Rules: []fairlead.ApprovalRule{{
			Name:  fmt.Sprintf("%s is undecided after %s", m.in.ID, s.name),
			Count: 1, Expires: askFor, Source: "deploy." + string(m.in.Plan.Strategy) + ".undecided: ask",
		}},
	}, err
}

// await watches the step until what people say changes, or until there is a
// reason to stop.
func (m *move) await(ctx context.Context, s step, q Asking, before *fairlead.Waiting) (asked, error) {
	kept, err := m.load(ctx)
	if err != nil {
		return asked{}, err
	}
	for {
		out := asked{reply: reply{At: now()}}
		o, why, err := m.observe(ctx)
		if err != nil {
			return out, err
		}
		if why == nil && m.dueLook(kept, o) {
			if kept, err = m.see(ctx, kept, s, o, false); err != nil {
				return out, err
			}
		}
		out.Verdict = m.verdict(kept, s)
		if why == nil {
			why, err = m.dismissed(ctx)
		}
		if err != nil {
			return out, err
		}
		if why == nil && out.Verdict.Answer == fairlead.AnswerWorse {
			why = &stop{Reason: s.name + ": " + out.Verdict.Reason}
		}
		if out.Stop = why; why != nil {
			return out, nil
		}
		if out.Hold, err = m.Desk.Look(ctx, q, out.At); err != nil {
			return out, err
		}
		if before == nil || out.Waiting == nil || !sameWait(*before, *out.Waiting) {
			return out, nil
		}
		if err := pause(ctx, max(m.Tick, 100*time.Millisecond)); err != nil {
			return out, err
		}
	}
}

// answered records what came of a question: a verdict of its own, so that the
// record says who let an undecided release go on.
func (m *move) answered(q Asking, a asked) (*stop, error) {
	m.waited += a.At.Sub(q.Asked)
	v := a.Verdict
	v.ID, v.Stage = v.ID+", answered", v.Stage+", answered"
	why := a.Stop
	switch {
	case why != nil:
	case a.Over != "":
		v.Reason += "; " + a.Over
		why = &stop{Reason: v.Stage + ": " + a.Over, Fault: fairlead.FaultOf(&fairlead.Problem{
			Op: "wait for a person's answer", Kind: fairlead.KindDenied, Err: errors.New(a.Over), Hint: "mend what the reason says and run it again",
		})}
	default:
		v.Reason += "; it goes on: " + said(a.Hold)
	}
	return why, m.noteVerdict(v)
}

// said gives what the rules say that hold.
func said(h gate.Hold) string {
	for _, r := range h.Rules {
		if r.Outcome == fairlead.OutcomeAllow {
			return r.Reason
		}
	}
	return "nothing holds it any more"
}
