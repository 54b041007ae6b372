package flow

import (
	"context"

	"fairlead.dev/target"
)

// late is a target that is opened when a step needs it, and again as long as
// that fails. So a target that cannot be opened is a failure like any other:
// it is tried again, recorded, and leaves no environment claimed.
type late struct {
	open func() (target.Target, error)
	to   target.Target
}

// target gives the target of a type. It belongs to one flow.
func (f *flows) target(typ string) target.Target {
	return &late{open: func() (target.Target, error) { return f.Target(typ) }}
}

func (l *late) opened() (target.Target, error) {
	if l.to != nil {
		return l.to, nil
	}
	to, err := l.open()
	if err == nil {
		l.to = to
	}
	return to, err
}

func (l *late) Deliver(ctx context.Context, at target.Place, b target.Bundle, open target.Content) error {
	to, err := l.opened()
	if err != nil {
		return err
	}
	return to.Deliver(ctx, at, b, open)
}

func (l *late) Apply(ctx context.Context, at target.Place, d target.Desired) error {
	to, err := l.opened()
	if err != nil {
		return err
	}
	return to.Apply(ctx, at, d)
}

func (l *late) Observe(ctx context.Context, at target.Place) (target.Observed, error) {
	to, err := l.opened()
	if err != nil {
		return target.Observed{}, err
	}
	return to.Observe(ctx, at)
}
