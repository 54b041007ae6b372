package main

import (
	"context"
	"fmt"

	"fairlead.dev"
	"fairlead.dev/cli"
	"fairlead.dev/store"
)

// records reads what happened.
type records struct {
	*store.Store
	home home
}

func (w *wiring) openRecords(ctx context.Context, s cli.Settings) (*records, error) {
	h, err := openHome(ctx, s)
	if err != nil {
		return nil, err
	}
	url, _ := h.databases(s, w.env)
	db, err := store.Open(ctx, url)
	if err != nil {
		return nil, err
	}
	return &records{Store: db, home: h}, nil
}

// Close lets go of the store.
func (r *records) Close() { _ = r.Store.Close() }

// FindRun finds a run by the beginning of its id, the newest without one.
func (r *records) FindRun(ctx context.Context, id string) (fairlead.Run, error) {
	if id != "" {
		return r.RunByPrefix(ctx, id)
	}
	runs, err := r.Runs(ctx, fairlead.RunFilter{Limit: 1})
	if err != nil {
		return fairlead.Run{}, err
	}
	if len(runs) == 0 {
		return fairlead.Run{}, &fairlead.Problem{
			Op: "find run", Kind: fairlead.KindNotFound, Err: fmt.Errorf("nothing has run here yet"), Hint: "`fairlead run` starts the first",
		}
	}
	return runs[0], nil
}

// Events gives the next records of a run.
func (r *records) Events(ctx context.Context, runID string, after int64) ([]fairlead.Record, error) {
	return r.Records(ctx, fairlead.RecordFilter{RunID: runID, After: after})
}

// Output gives the next chunks of a task's output.
func (r *records) Output(ctx context.Context, runID, taskID string, after int64) ([]fairlead.OutputChunk, error) {
	return r.Store.Output(ctx, runID, taskID, after, 0)
}
