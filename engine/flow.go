package engine

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"fairlead.dev"
	"github.com/dbos-inc/dbos-transact-golang/dbos"
)

// Flow is one execution of a flow, handed to its code. Its operations belong
// to the goroutine that runs the flow and must not be used inside a step.
type Flow struct {
	engine *Engine
	dbos   dbos.Context
	id     string
	steps  sync.WaitGroup // parallel steps still running

	mu     sync.Mutex
	halted error // why nothing more may happen in this execution
}

// ID is the id under which the flow was started.
func (f *Flow) ID() string { return f.id }

// Context ends when the engine stops.
func (f *Flow) Context() context.Context { return f.dbos }

// Now is the time when the flow first came here, UTC.
func (f *Flow) Now() (time.Time, error) {
	return Do(f, "now", func(context.Context) (time.Time, error) { return time.Now().UTC(), nil })
}

// Sleep waits until d has passed since the flow first came here; an
// interrupted flow sleeps only for the rest.
func (f *Flow) Sleep(d time.Duration) error {
	until, err := Do(f, "sleep", func(context.Context) (time.Time, error) { return time.Now().Add(d).UTC(), nil })
	if err != nil {
		return err
	}
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-f.dbos.Done():
		return f.stop()
	}
}

// Patch tells whether this execution runs the code as changed under name: true
// for flows that came here for the first time with the change in place, false
// for those that had already gone past it.
func (f *Flow) Patch(name string) (bool, error) {
	if err := f.stop(); err != nil {
		return false, err
	}
	patched, err := dbos.Patch(f.dbos, name)
	if err != nil {
		return false, f.halt(err)
	}
	return patched, nil
}

// Do runs fn as a durable step: its result, or its error, is recorded and
// given again whenever the flow comes here. A panic in fn is an error of
// KindInternal. The context given to fn ends when the engine stops; what fn
// returns after that is not recorded and the step runs again.
func Do[R any](f *Flow, name string, fn func(context.Context) (R, error)) (R, error) {
	if err := f.stop(); err != nil {
		var zero R
		return zero, err
	}
	ran := false
	raw, err := dbos.RunAsStep(f.dbos, body(f, name, fn, &ran), dbos.WithStepName(name))
	return finish[R](f, name, raw, err, ran)
}

// Go runs fn as a durable step in parallel with the flow. Calls must come in
// the same order on every execution; the steps may end in any order. Whatever
// a flow starts it should wait for: a flow ends only when its steps have.
func Go[R any](f *Flow, name string, fn func(context.Context) (R, error)) Future[R] {
	fu := Future[R]{flow: f, name: name, ran: new(bool)}
	if fu.err = f.stop(); fu.err != nil {
		return fu
	}
	out, err := dbos.Go(f.dbos, body(f, name, fn, fu.ran), dbos.WithStepName(name))
	if err != nil {
		fu.err = f.halt(err)
		return fu
	}
	fu.done = make(chan struct{})
	fu.result = new(futureResult[R])
	f.steps.Add(1)
	go func() {
		defer f.steps.Done()
		defer close(fu.done)
		o := <-out
		fu.result.value, fu.result.err = finish[R](f, name, o.Result, o.Err, *fu.ran)
	}()
	return fu
}

// Future is the result of a step that Go started.
type Future[R any] struct {
	flow   *Flow
	name   string
	ran    *bool
	err    error // the step could not be started
	done   chan struct{}
	result *futureResult[R]
}

type futureResult[R any] struct {
	value R
	err   error
}

// Wait gives the step's result as Do would. It may be called again.
func (fu Future[R]) Wait() (R, error) {
	if fu.done == nil {
		var zero R
		return zero, fu.err
	}
	<-fu.done
	return fu.result.value, fu.result.err
}

// Child starts a flow under id, unless one with this id exists, and waits for
// its result. The child is a flow of its own: it survives its parent.
func Child[P, R any](f *Flow, flow, id string, input P) (R, error) {
	var zero R
	if err := f.stop(); err != nil {
		return zero, err
	}
	t, raw, err := f.engine.prepare(flow, input)
	if err != nil {
		return zero, err
	}
	if _, err := dbos.RunWorkflow(f.dbos, t.run, raw, dbos.WithWorkflowID(id), dbos.WithRunInstance(t)); err != nil {
		if errors.Is(err, dbos.ErrUnexpectedWorkflow) {
			return zero, startProblem(flow, id, err)
		}
		return zero, f.halt(err)
	}
	return Do(f, "await "+id, func(ctx context.Context) (R, error) { return Result[R](ctx, f.engine, id) })
}

func body[R any](f *Flow, name string, fn func(context.Context) (R, error), ran *bool) stepBody {
	return func(ctx context.Context) (json.RawMessage, error) {
		f.point("before", name)
		*ran = true
		value, err := guarded(name, fn, ctx)
		if err != nil && f.engine.stopping() {
			<-ctx.Done() // the stop may have caused the error, and an error given earlier would be recorded
		}
		f.point("ran", name)
		return seal(value, err), nil
	}
}

// finish turns what DBOS says about a step into what the flow sees.
func finish[R any](f *Flow, name string, raw json.RawMessage, err error, ran bool) (R, error) {
	if err != nil {
		var zero R
		return zero, f.halt(err)
	}
	if ran {
		f.point("after", name)
	}
	return unseal[R](raw)
}

func (f *Flow) point(when, step string) { f.engine.point(when + " " + f.id + "/" + step) }

// stop tells whether this execution may go on: an error means no.
func (f *Flow) stop() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.halted == nil && f.dbos.Err() != nil {
		f.halted = ErrStopped
	}
	return f.halted
}

// halt ends this execution because of an error of the engine, as opposed to
// one of a step. Three things can have happened: the engine stopped; the flow
// has another owner or no longer matches its record, which ends this
// execution; or the record cannot be kept, which ends the engine.
func (f *Flow) halt(err error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.halted != nil {
		return f.halted
	}
	switch {
	case f.dbos.Err() != nil:
		f.halted = ErrStopped
	case errors.Is(err, dbos.ErrConflictingWorkflowID), errors.Is(err, dbos.ErrWorkflowCancelled):
		f.halted = err
	case diverged(err):
		f.halted = &fairlead.Problem{
			Op: "replay flow " + f.id, Kind: fairlead.KindInternal, Err: err,
			Hint: "the flow's code changed without a patch while this run was in flight",
		}
	default:
		f.halted = ErrStopped
		f.engine.fail(unavailable("record flow "+f.id, err))
	}
	return f.halted
}

func diverged(err error) bool {
	var de *dbos.Error
	return errors.Is(err, dbos.ErrStepNondeterminism) ||
		errors.As(err, &de) && errors.Is(err, &dbos.Error{Code: dbos.ErrorCodeUnexpectedStep})
}
