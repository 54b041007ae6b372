package main

import (
	"context"
	"errors"

	"fairlead.dev"
	"fairlead.dev/cli"
	"fairlead.dev/control"
	"fairlead.dev/store"
)

// records reads what happened.
type records struct {
	*store.Store
	home home
	own  func(ctx context.Context, id string) (bool, error) // whether a run or something of it belongs to this state directory
}

func (w *wiring) openRecords(ctx context.Context, s cli.Settings) (*records, error) {
	h, err := openHome(ctx, s)
	if err != nil {
		return nil, err
	}
	scope, err := h.scope()
	if err != nil {
		return nil, err
	}
	url, _ := h.databases(s, w.env)
	db, err := store.Open(ctx, url)
	if err != nil {
		return nil, err
	}
	return &records{Store: db, home: h, own: (&control.Plane{Reader: db, Scope: scope}).Owns}, nil
}

// Close lets go of the store.
func (r *records) Close() { _ = r.Store.Close() }

// FindRun finds a run by the beginning of its id, the newest without one.
func (r *records) FindRun(ctx context.Context, id string) (fairlead.Run, error) {
	if id != "" {
		return r.RunByPrefix(ctx, id)
	}
	runs, err := r.Runs(ctx, fairlead.RunFilter{Limit: 1000})
	if err != nil {
		return fairlead.Run{}, err
	}
	for _, run := range runs {
		if own, err := r.own(ctx, run.ID); err != nil || own {
			return run, err
		}
	}
	return fairlead.Run{}, &fairlead.Problem{
		Op: "find run", Kind: fairlead.KindNotFound, Err: errors.New("nothing has run here yet"), Hint: "`fairlead run` starts the first",
	}
}

// Events gives the next records of a run.
func (r *records) Events(ctx context.Context, runID string, after int64) ([]fairlead.Record, error) {
	return r.Records(ctx, fairlead.RecordFilter{RunID: runID, After: after})
}

// Output gives the next chunks of a task's output.
func (r *records) Output(ctx context.Context, runID, taskID string, after int64) ([]fairlead.OutputChunk, error) {
	return r.Store.Output(ctx, runID, taskID, after, 0)
}
