package worker

import (
	"context"
	"errors"
	"io"
	"sync"
)

// stream stores a task's output in chunks.
type stream struct {
	ctx context.Context
	j   *job
	mu  sync.Mutex
}

// Write stores p. The context of the attempt may be over when the last lines
// come; they are stored all the same.
func (s *stream) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ctx := context.WithoutCancel(s.ctx)
	if err := s.j.Journal.AppendOutput(ctx, s.j.order.RunID, s.j.order.Task.ID, s.j.tr.Attempts, p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// closers closes writers in order, outermost first.
type closers []io.WriteCloser

func (c closers) Write(p []byte) (int, error) { return c[0].Write(p) }

func (c closers) Close() error {
	var errs []error
	for _, w := range c {
		errs = append(errs, w.Close())
	}
	return errors.Join(errs...)
}
