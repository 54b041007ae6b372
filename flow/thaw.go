package flow

import (
	"context"
	"fmt"
	"slices"
	"time"

	"fairlead.dev"
)

// thawed is the checkpoint of the last look before the first traffic.
type thawed struct {
	reply
	Stop *stop `json:"stop,omitempty"`
}

// thaw is the last look before a release serves anybody: a freeze that began
// since the run's turn came holds it where it is, ready and without traffic, for
// as long as it takes. Evidence that does not count any more stops it. Of
// several services that are released as one only the first is held: once it
// serves, what is half done is worse than what is done.
func (m *move) thaw() (*stop, error) {
	at, err := m.fl.Now()
	if err != nil {
		return nil, err
	}
	var before *fairlead.Waiting
	for n := 0; ; n++ {
		r, err := do(m.flows, m.fl, fmt.Sprintf("look before the first traffic %d", n), func(ctx context.Context) (thawed, error) {
			return m.untilChange(ctx, at, before)
		})
		if err != nil || before == nil && r.Waiting == nil && len(r.Grants) == 0 {
			return r.Stop, err
		}
		q := Asking{RunID: m.in.RunID, Question: fairlead.QuestionTraffic, Of: m.of()}
		if _, err := do(m.flows, m.fl, fmt.Sprintf("note hold before the first traffic %d", n), func(ctx context.Context) (bool, error) {
			if err := m.useGrants(ctx, m.in.RunID, r.reply); err != nil {
				return false, err
			}
			return m.noteWaiting(ctx, q, n, r.reply)
		}); err != nil {
			return nil, err
		}
		if r.Waiting == nil || r.Stop != nil {
			m.waited += r.At.Sub(at)
			return r.Stop, nil
		}
		before = r.Waiting
	}
}

// of names the service among those that are released as one.
func (m *move) of() string {
	if !m.in.Together {
		return ""
	}
	return m.in.Plan.Service
}

// untilChange gives what holds the first traffic as soon as that is something
// else than before, or why the release stops.
func (m *move) untilChange(ctx context.Context, since time.Time, before *fairlead.Waiting) (thawed, error) {
	whole, err := m.Desk.Past.Plan(ctx, m.in.Plan.Hash)
	if err != nil {
		return thawed{}, err
	}
	q := Asking{RunID: m.in.RunID, Plan: whole, Question: fairlead.QuestionTraffic, Asked: since}
	for {
		r := thawed{reply: reply{Asked: since, At: now()}}
		if r.Stop, err = m.dismissed(ctx); err != nil || r.Stop != nil {
			return r, err
		}
		if r.Hold, err = m.Desk.Look(ctx, q, r.At); err != nil {
			return r, err
		}
		if r.Waiting == nil {
			r.Stop, err = m.outdated(ctx, whole, r.At)
			return r, err
		}
		if before == nil || !sameWait(*before, *r.Waiting) {
			return r, nil
		}
		if err := pause(ctx, max(m.Tick, 100*time.Millisecond)); err != nil {
			return r, err
		}
	}
}

// outdated stops a release that would not be let in any more, by evidence that
// was revoked or an exception that expired since the decision: nothing of it
// serves yet.
func (m *move) outdated(ctx context.Context, whole fairlead.Plan, at time.Time) (*stop, error) {
	stale, err := m.stale(ctx, m.in.RunID, whole, at)
	if err != nil || len(stale.rules) == 0 {
		return nil, err
	}
	r := stale.rules[0]
	return &stop{
		Reason: r.Name + ": " + r.Reason,
		Fault:  &fairlead.Fault{Op: "move the first traffic", Kind: fairlead.KindDenied, Cause: r.Reason, Hint: r.Fix},
	}, nil
}

// useGrants records the grants with which something was gone past after the
// decision, each once for the run, and names them in the run.
func (f *flows) useGrants(ctx context.Context, runID string, r reply) error {
	for _, g := range r.Grants {
		run, err := f.Reader.Run(ctx, runID)
		if err != nil {
			return err
		}
		if !slices.Contains(run.BreakGlass, g) {
			run.BreakGlass = append(run.BreakGlass, g)
			slices.Sort(run.BreakGlass)
		}
		if _, err := f.Ledger.Commit(ctx, fairlead.Update{
			Records: []fairlead.Record{record(runID+"/break-glass/"+g, fairlead.RecordGlassUsed, g, runID, r.At, bypasses(g, r.Rules))},
			Run:     &run,
		}); err != nil {
			return err
		}
	}
	return nil
}
