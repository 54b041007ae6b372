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
// and calendar let it pass: after a wait they are looked at once more.
func (f *flows) awaitTurn(fl *engine.Flow, in Delivery, asked time.Time) (turn, error) {
	return do(f, fl, "take turn", func(ctx context.Context) (turn, error) { return f.takeTurn(ctx, in, asked) })
}

// takeTurn asks until all places are claimed. The line itself is durable: a
// process that goes on with the run after a crash finds it where it stood.
func (f *flows) takeTurn(ctx context.Context, in Delivery, asked time.Time) (turn, error) {
	for looked, arrived := now(), false; ; {
		t, end, err := f.tryTurn(ctx, in, asked, &arrived)
		switch {
		case err != nil || end != nil:
			return turn{Ending: end}, err
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
// freeze that began while it waited: it keeps its place.
func (f *flows) tryTurn(ctx context.Context, in Delivery, asked time.Time, arrived *bool) (fairlead.Turn, *Ending, error) {
	t, err := f.Line.Turn(ctx, in.RunID)
	if err != nil || *arrived && len(t.Waits) > 0 {
		return t, nil, err
	}
	held, err := f.Desk.Look(ctx, releaseQuestion(in, asked), now())
	switch {
	case err != nil:
		return t, nil, err
	case held.Over != "":
		return t, over(reply{Hold: held}), nil
	case held.Waiting != nil:
		return t, nil, nil
	}
	*arrived = true
	t, err = f.Line.TakeTurn(ctx, in.RunID)
	return t, nil, err
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
