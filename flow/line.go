package flow

import (
	"context"
	"fmt"
	"strings"
	"time"

	"fairlead.dev"
	"fairlead.dev/engine"
)

// Line is where runs that release wait for one another.
type Line interface {
	// TakeTurn claims all places of a run when its turn has come.
	TakeTurn(ctx context.Context, runID string) (fairlead.Turn, error)
	// Turn tells how it stands and changes nothing.
	Turn(ctx context.Context, runID string) (fairlead.Turn, error)
	// Superseder gives the run that goes instead, "" when none does.
	Superseder(ctx context.Context, runID string) (string, error)
}

// Tickets are the places in line that a run of the plan needs: none when it
// releases nothing.
func Tickets(p fairlead.Plan, runID string, since time.Time) []fairlead.Ticket {
	var all []fairlead.Ticket
	for _, part := range p.Parts() {
		all = append(all, fairlead.Ticket{
			Environment: p.Environment, Service: part.Service, RunID: runID, Holder: deploymentOf(p, runID, part.Service), Lock: p.Lock, Since: since,
		})
	}
	return all
}

// turn is the checkpoint of a turn in line.
type turn struct {
	Ending  *Ending                     `json:"ending,omitempty"` // it never comes
	Held    bool                        `json:"held,omitempty"`   // people or the calendar hold the run once more; it keeps its place
	Claimed []fairlead.EnvironmentState `json:"claimed,omitempty"`
}

// current gives what was live when the turn came, nil when nothing was.
func (t turn) current(service string) *fairlead.Release {
	for _, st := range t.Claimed {
		if st.Service == service {
			return st.Current
		}
	}
	return nil
}

// awaitTurn waits in line until the run may release. asked is since when people
// and calendar let it pass: before the claim they are looked at once more, and
// again counts how often they held the run then.
func (f *flows) awaitTurn(fl *engine.Flow, in Delivery, asked time.Time, again int) (turn, error) {
	name := "take turn"
	if again > 0 {
		name = fmt.Sprintf("%s again %d", name, again)
	}
	return do(f, fl, name, func(ctx context.Context) (turn, error) { return f.takeTurn(ctx, in, asked) })
}

// takeTurn asks until all places are claimed. The line itself is durable: a
// process that goes on with the run after a crash finds it where it stood.
func (f *flows) takeTurn(ctx context.Context, in Delivery, asked time.Time) (turn, error) {
	for looked, arrived := now(), false; ; {
		t, held, err := f.tryTurn(ctx, in, asked, &arrived)
		switch {
		case err != nil || held:
			return turn{Held: held}, err
		case t.By != "":
			return turn{Ending: superseded(t.By)}, nil
		case len(t.Claimed) > 0:
			return turn{Claimed: t.Claimed}, nil
		}
		if err := f.noteInLine(ctx, in, t); err != nil {
			return turn{}, err
		}
		if cancelled, err := f.Situation.CancelRequested(ctx, in.RunID); err != nil || cancelled {
			return turn{Ending: &Ending{Result: fairlead.ResultCancellation, Reason: "cancelled while it waited in line"}}, err
		}
		if now().Sub(looked) > 8*f.Tick {
			f.rescue(ctx, t)
			looked = now()
		}
		if err := pause(ctx, f.Tick); err != nil {
			return turn{}, err
		}
	}
}

// tryTurn takes the turn when it has come, and for a first time to arrive in
// line. Nothing is claimed while people or the calendar hold the run again, as a
// freeze that began, or an approval that expired, while it waited, nor when
// evidence or an exception does not count any more.
func (f *flows) tryTurn(ctx context.Context, in Delivery, asked time.Time, arrived *bool) (t fairlead.Turn, held bool, err error) {
	t, err = f.Line.Turn(ctx, in.RunID)
	if err != nil || t.By != "" || *arrived && len(t.Waits) > 0 {
		return t, false, err
	}
	begun, err := f.claimedBefore(ctx, in)
	if err != nil {
		return t, false, err
	}
	if !begun {
		h, err := f.Desk.Look(ctx, releaseQuestion(in, asked), now())
		if err != nil || h.Waiting != nil || h.Over != "" {
			return t, err == nil, err
		}
		if stale, err := f.stale(ctx, in.RunID, in.Plan, now()); err != nil || len(stale.rules) > 0 {
			return t, err == nil, err
		}
	}
	*arrived = true
	t, err = f.Line.TakeTurn(ctx, in.RunID)
	return t, false, err
}

// claimedBefore tells whether the run's turn had come before its process died.
// Then its release has begun, and nothing holds it any more.
func (f *flows) claimedBefore(ctx context.Context, in Delivery) (bool, error) {
	mine := Tickets(in.Plan, in.RunID, time.Time{})[0]
	st, err := f.Situation.Environment(ctx, mine.Environment, mine.Service)
	if fairlead.KindOf(err) == fairlead.KindNotFound {
		return false, nil
	}
	return st.Moving == mine.Holder, err
}

// superseded is how a run ends that a newer one goes instead of.
func superseded(by string) *Ending {
	return &Ending{Result: fairlead.ResultCancellation, Reason: "superseded by run " + by, Superseded: by}
}

// noteInLine records, once, that the run waits and for what.
func (f *flows) noteInLine(ctx context.Context, in Delivery, t fairlead.Turn) error {
	_, err := f.Ledger.Commit(ctx, fairlead.Update{Records: []fairlead.Record{
		record(in.RunID+"/in line", fairlead.RecordRunInLine, in.RunID, in.RunID, now(), t),
	}})
	return err
}

// rescue lets somebody look after the runs that this one waits for: one whose
// process died must not hold up the others for ever.
func (f *flows) rescue(ctx context.Context, t fairlead.Turn) {
	asked := map[string]bool{}
	ask := func(id string) {
		runID, _, _ := strings.Cut(id, "/")
		if runID == "" || asked[runID] {
			return
		}
		asked[runID] = true
		if err := f.Rescue(ctx, runID); fairlead.KindOf(err).Retryable() {
			f.Trouble(fmt.Errorf("look after run %s: %w", runID, err))
		}
	}
	for _, w := range t.Waits {
		ask(w.Holder)
		if len(w.Ahead) > 0 {
			ask(w.Ahead[0].RunID)
		}
	}
}
