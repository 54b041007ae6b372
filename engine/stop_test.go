package engine_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"fairlead.dev"
	"fairlead.dev/engine"
	"fairlead.dev/internal/pgtest"
	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"
)

// A flow that is stopped in the middle cannot do anything more, however it
// reacts, and goes on elsewhere as if nothing had happened.
func TestCloseLeavesFlowsAsTheyAre(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		var mu sync.Mutex
		var after []error
		define := func(e *engine.Engine, gate <-chan struct{}) {
			engine.Register(e, "stubborn", func(f *engine.Flow, _ string) (string, error) {
				wait := func(ctx context.Context) (string, error) {
					select {
					case <-gate:
						return "gate", nil
					case <-ctx.Done():
						return "", errors.New("cancelled, says the step")
					}
				}
				fu := engine.Go(f, "parallel", wait)
				got, err := engine.Do(f, "wait", wait)
				if err != nil { // a flow should return now; this one insists
					_, err2 := engine.Do(f, "cleanup", func(context.Context) (int, error) { t.Error("a step ran after the stop"); return 0, nil })
					_, err3 := fu.Wait()
					_, err4 := engine.Child[string, string](f, "stubborn", "child of the stopped", "")
					_, err5 := f.Patch("late")
					mu.Lock()
					after = append(after, err, err2, err3, err4, err5, f.Sleep(time.Hour))
					mu.Unlock()
					return "insisted", nil
				}
				return got, nil
			})
		}
		first, second := open(t, engine.Config{URL: url}), open(t, engine.Config{URL: url})
		opened := make(chan struct{})
		close(opened)
		define(first, nil)
		define(second, opened)
		launch(t, first)
		launch(t, second)
		if err := engine.Start(t.Context(), first, "stubborn", "f", ""); err != nil {
			t.Fatal(err)
		}
		time.Sleep(50 * time.Millisecond)
		begun := time.Now()
		first.Close(10 * time.Second)
		if took := time.Since(begun); took > 3*time.Second {
			t.Errorf("close took %s", took)
		}
		mu.Lock()
		for i, err := range after {
			if !errors.Is(err, engine.ErrStopped) {
				t.Errorf("operation %d after the stop: %v", i, err)
			}
		}
		if len(after) != 6 {
			t.Errorf("%d operations after the stop", len(after))
		}
		mu.Unlock()
		ids, err := second.TakeOver(t.Context(), "")
		if err != nil || len(ids) != 1 {
			t.Fatalf("took over %v, %v", ids, err)
		}
		if got, err := engine.Result[string](t.Context(), second, "f"); err != nil || got != "gate" {
			t.Errorf("result: %q, %v; want gate", got, err)
		}
	})
}

func TestCloseInAnyState(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		e := open(t, engine.Config{URL: url})
		e.Close(time.Second) // never launched
		e.Close(time.Second)
		e = executors(t, url, t.TempDir(), 1)[0]
		e.Close(time.Second)
		if err := engine.Start(t.Context(), e, "leaf", "f", ""); err == nil {
			t.Error("a closed engine starts flows")
		}
		select {
		case <-e.Lost():
			t.Error("a closed engine counts as lost")
		default:
		}
	})
}

// An executor whose sign of life ends must not go on: others take its flows.
func TestLostSignOfLifeStopsTheEngine(t *testing.T) {
	url := pgtest.Start(t)
	dir := t.TempDir()
	two := executors(t, url, dir, 2)
	if err := engine.Start(t.Context(), two[0], "hold", "f", dir); err != nil {
		t.Fatal(err)
	}
	eventually(t, 5*time.Second, "the flow is in its step", func() bool { return len(effectsOf(t, dir)) == 1 })
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if _, err := conn.Exec(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'`); err != nil {
		t.Fatal(err)
	}
	for _, e := range two {
		select {
		case <-e.Lost():
			if fairlead.KindOf(e.Err()) != fairlead.KindUnavailable || fairlead.HintOf(e.Err()) == "" {
				t.Errorf("reason: %v", e.Err())
			}
		case <-time.After(3 * time.Second):
			t.Fatal("the engine does not notice")
		}
	}
	if _, err := engine.Result[string](t.Context(), two[0], "f"); fairlead.KindOf(err) != fairlead.KindUnavailable {
		t.Errorf("waiting on a lost engine: %v", err)
	}
	two[0].Close(5 * time.Second)
	heir := executors(t, url, dir, 1)[0]
	if ids, err := heir.TakeOver(t.Context(), ""); err != nil || len(ids) != 1 {
		t.Fatalf("took over %v, %v", ids, err)
	}
	openGate(t, dir)
	if got, err := engine.Result[string](t.Context(), heir, "f"); err != nil || got != "passed" {
		t.Errorf("result: %q, %v", got, err)
	}
}

// When the record cannot be written the engine stops instead of going on
// without it, and the flow is finished when there is room again.
func TestFullDiskStopsTheEngine(t *testing.T) {
	url := "sqlite:" + filepath.Join(t.TempDir(), "flows.db")
	big := func(e *engine.Engine) {
		engine.Register(e, "big", func(f *engine.Flow, _ string) (int, error) {
			return engine.Do(f, "big", func(context.Context) (int, error) {
				return len(strings.Repeat("x", 1<<20)), nil
			})
		})
		engine.Register(e, "huge", func(f *engine.Flow, _ string) (int, error) {
			s, err := engine.Do(f, "huge", func(context.Context) (string, error) { return strings.Repeat("x", 1<<20), nil })
			return len(s), err
		})
	}
	e := open(t, engine.Config{URL: url})
	big(e)
	launch(t, e)
	engine.LimitSize(t, e, 400<<10)
	if err := engine.Start(t.Context(), e, "huge", "f", ""); err != nil {
		t.Fatal(err)
	}
	_, err := engine.Result[int](t.Context(), e, "f")
	if fairlead.KindOf(err) != fairlead.KindUnavailable || !strings.Contains(err.Error(), "full") || fairlead.HintOf(err) == "" {
		t.Fatalf("result on a full disk: %v", err)
	}
	<-e.Lost()
	e.Close(5 * time.Second)
	e = open(t, engine.Config{URL: url})
	big(e)
	launch(t, e)
	if ids, err := e.TakeOver(t.Context(), ""); err != nil || len(ids) != 1 {
		t.Fatalf("took over %v, %v", ids, err)
	}
	if got, err := engine.Result[int](t.Context(), e, "f"); err != nil || got != 1<<20 {
		t.Errorf("result: %d, %v", got, err)
	}
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	garbage := filepath.Join(dir, "garbage.db")
	if err := os.WriteFile(garbage, []byte(strings.Repeat("this is no database\n", 500)), 0o600); err != nil {
		t.Fatal(err)
	}
	damaged := filepath.Join(dir, "damaged", "flows.db")
	damage(t, damaged)
	for _, c := range []struct {
		name string
		cfg  engine.Config
		kind fairlead.Kind
		text string // in the hint
	}{
		{"no version", engine.Config{URL: "sqlite:" + dir + "/x.db"}, fairlead.KindInvalid, ""},
		{"unknown kind", engine.Config{URL: "mysql://host/db", Version: "1"}, fairlead.KindInvalid, "sqlite:"},
		{"relative path", engine.Config{URL: "sqlite:x.db", Version: "1"}, fairlead.KindInvalid, "sqlite:/"},
		{"a directory", engine.Config{URL: "sqlite:" + dir, Version: "1"}, fairlead.KindUnavailable, "writable"},
		{"no database", engine.Config{URL: "sqlite:" + garbage, Version: "1"}, fairlead.KindUnavailable, "damaged"},
		{"a damaged database", engine.Config{URL: "sqlite:" + damaged, Version: "1"}, fairlead.KindUnavailable, "damaged"},
		{"no server", engine.Config{URL: "postgres://x@127.0.0.1:1/x", Version: "1"}, fairlead.KindUnavailable, "PostgreSQL"},
	} {
		t.Run(c.name, func(t *testing.T) {
			e, err := engine.Open(t.Context(), c.cfg)
			if err == nil {
				e.Close(time.Second)
			}
			if fairlead.KindOf(err) != c.kind || !strings.Contains(fairlead.HintOf(err), c.text) {
				t.Errorf("%v (kind %s, hint %q)", err, fairlead.KindOf(err), fairlead.HintOf(err))
			}
		})
	}
	t.Run("environment", func(t *testing.T) {
		t.Setenv("DBOS__APPVERSION", "other")
		_, err := engine.Open(t.Context(), engine.Config{URL: "sqlite:" + dir + "/x.db", Version: "1"})
		if fairlead.KindOf(err) != fairlead.KindInvalid || !strings.Contains(err.Error(), "DBOS__APPVERSION") {
			t.Errorf("%v", err)
		}
	})
}

// damage makes a database and overwrites its pages behind the first.
func damage(t *testing.T, path string) {
	t.Helper()
	e := open(t, engine.Config{URL: "sqlite:" + path})
	e.Close(time.Second)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte(strings.Repeat("\xa5", int(info.Size())-200)), 200); err != nil {
		t.Fatal(err)
	}
}

func TestNothingRunsAfterClose(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		already := goleak.IgnoreCurrent()
		dir := t.TempDir()
		e := executors(t, url, dir, 1)[0]
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { e.Watch(ctx, 10*time.Millisecond, nil) })
		for _, id := range []string{"f", "g"} {
			if err := engine.Start(t.Context(), e, "hold", id, dir); err != nil {
				t.Fatal(err)
			}
		}
		eventually(t, 5*time.Second, "the flows are in their steps", func() bool { return len(effectsOf(t, dir)) == 2 })
		e.Close(5 * time.Second)
		wg.Wait() // the stop ends the watch
		cancel()
		goleak.VerifyNone(t, already)
	})
}
