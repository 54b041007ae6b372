package engine

import (
	"context"
	"time"
)

// vitals are the signs of life of the executors that share a database. A sign
// of life ends by itself with its process, however the process ends.
type vitals interface {
	// Hold takes the executor's sign of life, once, until Release.
	Hold(ctx context.Context, executor string) error
	// Lost gives one error when the sign of life ends before Release.
	Lost() <-chan error
	// Alive tells which of the executors live. This process counts only when it holds its own.
	Alive(ctx context.Context, executors []string) (map[string]bool, error)
	// Alone waits until no other process takes anything over, and keeps it so until done is called.
	Alone(ctx context.Context) (done func(), err error)
	// Bury forgets what a dead executor left behind.
	Bury(executor string)
	// Release ends the sign of life.
	Release()
}

// pause waits for d, or until ctx ends, which is its error.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
