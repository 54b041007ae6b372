package control

import (
	"context"
	"strings"

	"fairlead.dev"
	"fairlead.dev/engine"
	"fairlead.dev/flow"
)

// Interrupted is an unfinished run and whether a process works on it.
type Interrupted struct {
	RunID string `json:"run_id"`
	Alive bool   `json:"alive"`
}

// Interrupted lists unfinished runs. Alive is false for one whose process died.
func (p *Plane) Interrupted(ctx context.Context) ([]Interrupted, error) {
	pending, err := p.Engine.Pending(ctx)
	if err != nil {
		return nil, err
	}
	var out []Interrupted
	for _, f := range pending {
		runID, _, _ := strings.Cut(f.ID, "/")
		if f.Name == flow.NameDelivery || strings.HasPrefix(runID, rollbackPrefix) && f.ID == flowOf(runID) {
			out = append(out, Interrupted{RunID: runID, Alive: f.Alive})
		}
	}
	return out, nil
}

// Resume takes over the unfinished runs whose process died, all of them or the
// one named, and starts those whose process died before they had begun. Runs
// of which the engine knows nothing any more end as errors. It gives the ids of
// all these runs, for [Plane.Wait].
func (p *Plane) Resume(ctx context.Context, runID string) ([]string, error) {
	if runID != "" {
		if err := p.needOwn(ctx, "resume "+runID, runID); err != nil {
			return nil, err
		}
	}
	ids, err := p.Engine.TakeOver(ctx, runID)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	var runs []string
	for _, id := range ids {
		run, _, _ := strings.Cut(id, "/")
		if !seen[run] {
			seen[run] = true
			runs = append(runs, run)
		}
	}
	started, err := p.startQueued(ctx, runID)
	if err != nil {
		return append(runs, started...), err
	}
	ended, err := p.endAllLost(ctx, runID)
	return append(append(runs, started...), ended...), err
}

// most bounds how many unfinished runs are looked at.
const most = 10_000

// startQueued starts the runs that were recorded as queued but have no flow.
// One that its own process is about to start may be among them: a run is
// started once, whoever comes first.
func (p *Plane) startQueued(ctx context.Context, runID string) ([]string, error) {
	queued, err := p.Reader.Runs(ctx, fairlead.RunFilter{State: fairlead.StatePending, Limit: most})
	if err != nil || len(queued) == 0 {
		return nil, err
	}
	pending, err := p.Engine.Pending(ctx)
	if err != nil {
		return nil, err
	}
	begun := map[string]bool{}
	for _, f := range pending {
		begun[f.ID] = true
	}
	var started []string
	for _, run := range queued {
		if begun[run.ID] || runID != "" && run.ID != runID {
			continue
		}
		if own, err := p.Owns(ctx, run.ID); err != nil {
			return started, err
		} else if !own {
			continue
		}
		plan, err := p.Reader.Plan(ctx, run.Plan)
		if err != nil {
			return started, err
		}
		if plan.Inputs.Flow != flow.Version {
			continue // for a process of that version
		}
		if err := engine.Start(ctx, p.Engine, flow.NameDelivery, run.ID, flow.Delivery{RunID: run.ID, RetryOf: run.RetryOf, Plan: plan}); err != nil {
			return started, err
		}
		started = append(started, run.ID)
	}
	return started, nil
}
