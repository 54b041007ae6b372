package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"fairlead.dev"
	"github.com/dbos-inc/dbos-transact-golang/dbos"
)

const (
	fastest = time.Millisecond       // between looks, right after a flow's code returned here
	slowest = 100 * time.Millisecond // between looks, while a flow runs
)

// Result waits until the flow has ended, wherever it runs, and gives its
// result or its error. The end of ctx ends the wait, not the flow. The errors
// of the wait itself are Problems: KindNotFound when no such flow was started,
// KindUnavailable when the engine stopped by itself; ErrStopped after Close.
func Result[R any](ctx context.Context, e *Engine, id string) (R, error) {
	raw, err := e.await(ctx, id)
	if err != nil {
		var zero R
		return zero, err
	}
	return unseal[R](raw)
}

func (e *Engine) await(ctx context.Context, id string) (json.RawMessage, error) {
	pause := fastest
	var returned <-chan struct{}
	if c, ok := e.ended.Load(id); ok {
		returned = c.(chan struct{})
	}
	for {
		raw, ended, err := e.look(ctx, id)
		if err != nil || ended {
			return raw, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-e.stopped:
			if err := e.Err(); err != nil {
				return nil, err
			}
			return nil, ErrStopped
		case <-returned:
			returned, pause = nil, fastest
		case <-time.After(pause):
			pause = min(2*pause, slowest)
		}
	}
}

// look gives a flow's sealed outcome when it has ended.
func (e *Engine) look(ctx context.Context, id string) (raw json.RawMessage, ended bool, err error) {
	found, err := dbos.ListWorkflows(e.client(ctx), dbos.WithFilterWorkflowIDs(id),
		dbos.WithFilterLoadInput(false), dbos.WithFilterLoadOutput(true))
	switch {
	case ctx.Err() != nil:
		return nil, false, ctx.Err()
	case err != nil:
		return nil, false, unavailable("look at flow "+id, err)
	case len(found) == 0:
		return nil, false, &fairlead.Problem{Op: "look at flow", Kind: fairlead.KindNotFound, Err: fmt.Errorf("no flow has the id %q", id)}
	}
	switch s := found[0]; s.Status {
	case dbos.WorkflowStatusPending, dbos.WorkflowStatusEnqueued, dbos.WorkflowStatusDelayed:
		return nil, false, nil
	case dbos.WorkflowStatusSuccess:
		text, ok := s.Output.(string)
		if !ok {
			return nil, false, &fairlead.Problem{Op: "look at flow " + id, Kind: fairlead.KindInternal, Err: fmt.Errorf("its result is recorded as %T", s.Output)}
		}
		return json.RawMessage(text), true, nil
	default:
		err := s.Error
		if err == nil {
			err = fmt.Errorf("the flow ended as %s", s.Status)
		}
		return nil, true, &fairlead.Problem{Op: "run flow " + id, Kind: fairlead.KindInternal, Err: err}
	}
}
