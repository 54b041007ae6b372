package engine_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fairlead.dev"
	"fairlead.dev/engine"
	"fairlead.dev/internal/pgtest"
)

// onEach runs a test on every kind of database, each time on a fresh one.
func onEach(t *testing.T, test func(t *testing.T, url string)) {
	t.Run("sqlite", func(t *testing.T) {
		test(t, "sqlite:"+filepath.Join(t.TempDir(), "state", "flows.db"))
	})
	t.Run("postgres", func(t *testing.T) { test(t, pgtest.Start(t)) })
}

// freshLike gives a fresh database of the same kind as the one at url.
func freshLike(t *testing.T, url string) string {
	t.Helper()
	if strings.HasPrefix(url, "sqlite:") {
		return "sqlite:" + filepath.Join(t.TempDir(), "state", "flows.db")
	}
	return pgtest.Start(t)
}

// open gives an engine that is closed at the end of the test.
func open(t testing.TB, cfg engine.Config) *engine.Engine {
	t.Helper()
	if cfg.Version == "" {
		cfg.Version = "1"
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	e, err := engine.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close(5 * time.Second) })
	return e
}

func launch(t testing.TB, e *engine.Engine) {
	t.Helper()
	if err := e.Launch(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestFlowGivesItsResult(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		e := open(t, engine.Config{URL: url})
		engine.Register(e, "double", func(f *engine.Flow, n int) (int, error) {
			return engine.Do(f, "multiply", func(context.Context) (int, error) { return 2 * n, nil })
		})
		engine.Register(e, "sum", func(f *engine.Flow, n int) (int, error) {
			if err := f.Sleep(time.Millisecond); err != nil {
				return 0, err
			}
			var parts []engine.Future[int]
			for i := range n {
				parts = append(parts, engine.Go(f, fmt.Sprintf("part %d", i), func(context.Context) (int, error) { return i, nil }))
			}
			sum := 0
			for _, p := range parts {
				v, err := p.Wait()
				if err != nil {
					return 0, err
				}
				sum += v
			}
			return engine.Child[int, int](f, "double", f.ID()+"/double", sum)
		})
		launch(t, e)
		if err := engine.Start(t.Context(), e, "sum", "s1", 5); err != nil {
			t.Fatal(err)
		}
		got, err := engine.Result[int](t.Context(), e, "s1")
		if err != nil || got != 20 {
			t.Fatalf("result = %d, %v; want 20", got, err)
		}
		if child, err := engine.Result[int](t.Context(), e, "s1/double"); err != nil || child != 20 {
			t.Fatalf("child's result = %d, %v; want 20", child, err)
		}
	})
}

func TestErrorsKeepTextAndProblemsKeepKind(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		e := open(t, engine.Config{URL: url})
		engine.Register(e, "fail", func(f *engine.Flow, how string) (string, error) {
			return engine.Do(f, "step", func(context.Context) (string, error) {
				switch how {
				case "problem":
					return "", &fairlead.Problem{Op: "deploy", Kind: fairlead.KindDenied, Hint: "ask", Err: errors.New("no signature")}
				case "panic":
					panic("out of cheese")
				default:
					return "", context.DeadlineExceeded
				}
			})
		})
		launch(t, e)
		for _, c := range []struct {
			how, text string
			kind      fairlead.Kind
		}{
			{"problem", "deploy: no signature", fairlead.KindDenied},
			{"panic", "step: panic: out of cheese", fairlead.KindInternal},
			{"plain", "context deadline exceeded", fairlead.KindInternal},
		} {
			if err := engine.Start(t.Context(), e, "fail", c.how, c.how); err != nil {
				t.Fatal(err)
			}
			_, err := engine.Result[string](t.Context(), e, c.how)
			if err == nil || err.Error() != c.text || fairlead.KindOf(err) != c.kind {
				t.Errorf("%s: %v (%s); want %s (%s)", c.how, err, fairlead.KindOf(err), c.text, c.kind)
			}
		}
	})
}
