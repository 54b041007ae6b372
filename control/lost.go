package control

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"fairlead.dev"
	"fairlead.dev/engine"
	"fairlead.dev/flow"
)

// flowOf gives the id of the flow that executes a run.
func flowOf(runID string) string {
	if strings.HasPrefix(runID, rollbackPrefix) {
		return runID + "/rollback"
	}
	return runID
}

// lost tells whether a run has begun of which the engine knows nothing: its
// database was removed or replaced, so nobody will ever finish the run.
func (p *Plane) lost(ctx context.Context, run fairlead.Run) (bool, error) {
	const birth = time.Minute // a rollback is recorded a moment before its flow
	switch {
	case run.State == fairlead.StateFinished, run.State == fairlead.StatePending:
		return false, nil // a run that has not begun can be started
	case strings.HasPrefix(run.ID, rollbackPrefix) && time.Since(run.StartedAt) < birth:
		return false, nil
	}
	pending, err := p.Engine.Pending(ctx)
	if err != nil {
		return false, err
	}
	for _, f := range pending {
		if f.ID == flowOf(run.ID) {
			return false, nil
		}
	}
	_, err = engine.Result[flow.Ending](ctx, p.Engine, flowOf(run.ID)) // what is not pending answers at once
	return fairlead.KindOf(err) == fairlead.KindNotFound, nil
}

// endLost ends such a run. What it had begun to release stays as it is, and the
// environment its own, until somebody rolls that back; an environment that it
// had claimed and not touched is free again.
func (p *Plane) endLost(ctx context.Context, run fairlead.Run) (fairlead.Run, error) {
	run.State, run.Result, run.Reason, run.FinishedAt = fairlead.StateFinished, fairlead.ResultError, "its engine state is lost", time.Now().UTC()
	run.Fault = &fairlead.Fault{Op: "run " + run.ID, Kind: fairlead.KindUnavailable, Cause: run.Reason, Hint: "`fairlead retry " + run.ID + "` does it anew"}
	if strings.HasPrefix(run.ID, rollbackPrefix) {
		run.Fault.Hint = "`fairlead rollback " + run.Environment + "` asks for another one"
	}
	u := fairlead.Update{Run: &run}
	if err := p.leave(ctx, run, &u); err != nil {
		return run, err
	}
	data, err := json.Marshal(run)
	if err != nil {
		panic("control: encode run: " + err.Error()) // plain data always encodes
	}
	u.Records = []fairlead.Record{{
		ID: run.ID + "/lost", Type: fairlead.RecordRunFinished, Subject: run.ID, RunID: run.ID, Time: run.FinishedAt, Data: data,
	}}
	_, err = p.Ledger.Commit(ctx, u)
	return run, err
}

// leave says in the update of a lost run what becomes of its environment, of
// each of its services.
func (p *Plane) leave(ctx context.Context, run fairlead.Run, u *fairlead.Update) error {
	all := Services(run)
	if len(all) == 0 {
		all = []string{run.Service}
	}
	for _, service := range all {
		st, err := p.Reader.Environment(ctx, run.Environment, service)
		if fairlead.KindOf(err) == fairlead.KindNotFound {
			continue
		}
		if err != nil {
			return err
		}
		if !strings.HasPrefix(st.Moving, run.ID+"/") || strings.HasPrefix(run.ID, rollbackPrefix) {
			continue
		}
		_, err = p.Reader.Deployment(ctx, strings.TrimSuffix(st.Moving, "/rollback"))
		if fairlead.KindOf(err) == fairlead.KindNotFound {
			if err := p.free(ctx, run, st, u); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		if again := "`fairlead rollback " + run.Environment + "` gives the environment back to what is good; then "; !strings.HasPrefix(run.Fault.Hint, again) {
			run.Fault.Hint = again + run.Fault.Hint
		}
	}
	return nil
}

// free lets go of a place that a lost run had claimed and not touched: the
// first with the update that ends the run, others before it.
func (p *Plane) free(ctx context.Context, run fairlead.Run, st fairlead.EnvironmentState, u *fairlead.Update) error {
	st.Moving = ""
	if u.Environment == nil {
		u.Environment = &st
		return nil
	}
	_, err := p.Ledger.Commit(ctx, fairlead.Update{Environment: &st, Records: []fairlead.Record{{
		ID: run.ID + "/lost/" + st.Service, Type: fairlead.RecordDeploymentEnded, Subject: run.ID + "/" + st.Service, RunID: run.ID, Time: run.FinishedAt,
	}}})
	return err
}

// endAllLost ends the lost runs of this scope, all of them or the one named.
func (p *Plane) endAllLost(ctx context.Context, runID string) ([]string, error) {
	var ended []string
	for _, state := range []fairlead.State{fairlead.StateExecuting, fairlead.StateFinalizing} {
		runs, err := p.Reader.Runs(ctx, fairlead.RunFilter{State: state, Limit: most})
		if err != nil {
			return ended, err
		}
		for _, run := range runs {
			if runID != "" && run.ID != runID {
				continue
			}
			if over, err := p.endIfLost(ctx, run); err != nil {
				return ended, err
			} else if over {
				ended = append(ended, run.ID)
			}
		}
	}
	return ended, nil
}

func (p *Plane) endIfLost(ctx context.Context, run fairlead.Run) (bool, error) {
	if own, err := p.Owns(ctx, run.ID); err != nil || !own {
		return false, err
	}
	lost, err := p.lost(ctx, run)
	if err == nil && lost {
		_, err = p.endLost(ctx, run)
	}
	return lost, err
}

// abandoned tells whether an environment is claimed by a rollback that was lost.
func (p *Plane) abandoned(ctx context.Context, moving string) (bool, error) {
	runID, _, _ := strings.Cut(moving, "/")
	if !strings.HasPrefix(runID, rollbackPrefix) {
		return false, nil
	}
	run, err := p.Reader.Run(ctx, runID)
	return err == nil && run.State == fairlead.StateFinished, err
}
