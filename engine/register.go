package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"fairlead.dev"
	"github.com/dbos-inc/dbos-transact-golang/dbos"
)

// flowType is a registered flow. DBOS knows all flows by one method, bound to
// different instances, and tells them apart by name.
type flowType struct {
	name   string
	engine *Engine
	code   func(*Flow, json.RawMessage) json.RawMessage // gives a sealed outcome
}

// maxAttempts is far above what any honest sequence of crashes needs. DBOS
// counts the attempts since the last takeover.
const maxAttempts = 1000

// Register makes fn known under name, which is recorded with every flow and
// must stay the same for as long as such flows are unfinished. It must be
// called between Open and Launch; a second flow of the same name panics.
func Register[P, R any](e *Engine, name string, fn func(*Flow, P) (R, error)) {
	t := &flowType{name: name, engine: e}
	t.code = func(f *Flow, input json.RawMessage) json.RawMessage {
		return seal(guarded("run flow "+name, func(f *Flow) (R, error) {
			var in P
			if err := json.Unmarshal(input, &in); err != nil {
				var zero R
				return zero, &fairlead.Problem{Op: "read the input of flow " + name, Kind: fairlead.KindInternal, Err: err}
			}
			return fn(f, in)
		}, f))
	}
	dbos.RegisterWorkflow(e.dbos, t.run, dbos.WithWorkflowName(name), dbos.WithInstance(t),
		dbos.WithMaxRecoveryAttempts(maxAttempts))
	e.flows[name] = t
}

// ConfigName tells DBOS which instance this is.
func (t *flowType) ConfigName() string { return t.name }

// run is one execution of a flow. It gives an error only when the outcome must
// not be recorded.
func (t *flowType) run(ctx dbos.Context, input json.RawMessage) (json.RawMessage, error) {
	id, err := dbos.GetWorkflowID(ctx)
	if err != nil {
		return nil, err
	}
	ended := make(chan struct{})
	t.engine.ended.Store(id, ended)
	defer func() {
		t.engine.ended.CompareAndDelete(id, ended)
		close(ended)
	}()
	f := &Flow{engine: t.engine, dbos: ctx, id: id}
	out := t.code(f, input)
	f.steps.Wait()
	return f.settle(out)
}

// settle decides whether the outcome of this execution is the flow's.
func (f *Flow) settle(out json.RawMessage) (json.RawMessage, error) {
	halted := f.stop()
	var p *fairlead.Problem
	switch {
	case halted == nil:
		return out, nil
	case errors.Is(halted, ErrStopped):
		<-f.dbos.Done() // an outcome given earlier would be recorded
		return nil, context.Canceled
	case errors.As(halted, &p):
		return seal(struct{}{}, halted), nil
	default:
		return nil, halted
	}
}

// Start starts the named flow under id. It is a no-op when a flow with this id
// exists, whoever owns it and whatever its state; KindConflict when that flow
// has another name. A nil error means that the flow is recorded and will run.
func Start[P any](ctx context.Context, e *Engine, flow, id string, input P) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	t, raw, err := e.prepare(flow, input)
	if err != nil {
		return err
	}
	// The flow must not inherit the caller's context, with which it would end for good.
	if _, err := dbos.RunWorkflow(e.dbos, t.run, raw, dbos.WithWorkflowID(id), dbos.WithRunInstance(t)); err != nil {
		return startProblem(flow, id, err)
	}
	return nil
}

func (e *Engine) prepare(flow string, input any) (*flowType, json.RawMessage, error) {
	t, ok := e.flows[flow]
	if !ok {
		return nil, nil, &fairlead.Problem{Op: "start flow", Kind: fairlead.KindInternal, Err: fmt.Errorf("no flow is named %q", flow)}
	}
	raw, err := json.Marshal(input)
	if err != nil {
		return nil, nil, &fairlead.Problem{Op: "start flow " + flow, Kind: fairlead.KindInternal, Err: err}
	}
	return t, raw, nil
}

func startProblem(flow, id string, err error) error {
	if errors.Is(err, dbos.ErrUnexpectedWorkflow) {
		return &fairlead.Problem{Op: "start flow " + flow, Kind: fairlead.KindConflict, Err: fmt.Errorf("the id %q belongs to another flow", id)}
	}
	return unavailable("start flow "+flow, err)
}
