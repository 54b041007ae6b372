package flow

import (
	"context"
	"time"

	"fairlead.dev"
	"fairlead.dev/engine"
)

// do is a durable step whose effects may be out of reach for a while: a
// database that does not answer, a disk that is full. It waits and tries again
// for as long as the process lives, so that nothing is decided without a
// record, and reports the trouble each time. Other errors are defects and end
// the flow.
func do[R any](f *flows, fl *engine.Flow, name string, fn func(context.Context) (R, error)) (R, error) {
	return engine.Do(fl, name, func(ctx context.Context) (R, error) { return persist(ctx, f, fn) })
}

func persist[R any](ctx context.Context, f *flows, fn func(context.Context) (R, error)) (R, error) {
	const longest = 5 * time.Second
	for wait := f.Tick; ; wait = min(2*wait, longest) {
		r, err := fn(ctx)
		if err == nil {
			return r, nil
		}
		if ctx.Err() != nil {
			return r, ctx.Err()
		}
		if !fairlead.KindOf(err).Retryable() {
			return r, err
		}
		f.Trouble(err)
		if err := pause(ctx, wait); err != nil {
			return r, err
		}
	}
}

// pause waits inside a step, where nothing durable is needed.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// attempt calls a target, a few times when the failure's kind says that this
// can help. A fault is the target's last word; an error means that the step
// was interrupted.
func (f *flows) attempt(ctx context.Context, call func() error) (*fairlead.Fault, error) {
	const attempts = 5
	for n := 1; ; n++ {
		err := call()
		if err == nil {
			return nil, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if n == attempts || !fairlead.KindOf(err).Retryable() {
			return fairlead.FaultOf(err), nil
		}
		if err := pause(ctx, f.Tick*time.Duration(n)); err != nil {
			return nil, err
		}
	}
}

// interrupted tells whether err only means that the process is going down: the
// flow then stays where it is and is resumed later.
func interrupted(fl *engine.Flow) bool { return fl.Context().Err() != nil }

// failed is the ending for an error.
func failed(err error) Ending {
	return Ending{Result: fairlead.ResultError, Reason: err.Error(), Fault: fairlead.FaultOf(err)}
}
