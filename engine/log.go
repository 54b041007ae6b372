package engine

import (
	"context"
	"log/slog"
)

// quiet gives DBOS a logger on which what it calls information is debugging
// output: it reports every start, connection and takeover. So is everything
// once stopping is true, when it complains of the queries it was told to give
// up; the engine itself says what went wrong.
func quiet(log *slog.Logger, stopping func() bool) *slog.Logger {
	return slog.New(quietHandler{log.Handler(), stopping}).With("component", "dbos")
}

type quietHandler struct {
	slog.Handler
	stopping func() bool
}

func (h quietHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.Handler.Enabled(ctx, h.lower(level))
}

func (h quietHandler) Handle(ctx context.Context, r slog.Record) error {
	r.Level = h.lower(r.Level)
	if !h.Handler.Enabled(ctx, r.Level) { // the stop came in between
		return nil
	}
	return h.Handler.Handle(ctx, r)
}

func (h quietHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return quietHandler{h.Handler.WithAttrs(attrs), h.stopping}
}

func (h quietHandler) WithGroup(name string) slog.Handler {
	return quietHandler{h.Handler.WithGroup(name), h.stopping}
}

func (h quietHandler) lower(level slog.Level) slog.Level {
	if level < slog.LevelWarn || h.stopping() {
		return slog.LevelDebug
	}
	return level
}
