package engine_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fairlead.dev"
	"fairlead.dev/engine"
)

func openGate(t testing.TB, dir string) {
	t.Helper()
	if err := appendLine(filepath.Join(dir, "gate"), "open"); err != nil {
		t.Fatal(err)
	}
}

func effectsOf(t testing.TB, dir string) []string { return lines(t, filepath.Join(dir, "effects")) }

// executors launches n engines on one database.
func executors(t testing.TB, url, dir string, n int) []*engine.Engine {
	t.Helper()
	all := make([]*engine.Engine, n)
	for i := range all {
		all[i] = open(t, engine.Config{URL: url, Executor: fmt.Sprintf("e%d", i)})
		registerAll(all[i], dir)
		launch(t, all[i])
	}
	return all
}

func TestTakeoverAfterKill(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		dir := t.TempDir()
		watchers := executors(t, url, dir, 3)
		ctx, cancel := context.WithCancel(t.Context())
		var took atomic.Int32
		var wg sync.WaitGroup
		for _, e := range watchers {
			wg.Go(func() { e.Watch(ctx, 500*time.Millisecond, func(string) { took.Add(1) }) })
		}
		defer wg.Wait()
		defer cancel()

		victim := child(t, url, "hold", "", dir)
		victim.Stderr = os.Stderr
		if err := victim.Start(); err != nil {
			t.Fatal(err)
		}
		eventually(t, 20*time.Second, "the flow is in its step", func() bool { return len(effectsOf(t, dir)) == 1 })
		time.Sleep(1200 * time.Millisecond)
		if n := took.Load(); n != 0 {
			t.Fatalf("%d takeovers from a live executor", n)
		}
		openGateAfter := time.Now()
		_ = victim.Process.Kill()
		_ = victim.Wait()
		eventually(t, 5*time.Second, "the step runs again elsewhere", func() bool { return len(effectsOf(t, dir)) == 2 })
		t.Logf("takeover within %s of the kill", time.Since(openGateAfter).Round(time.Millisecond))
		openGate(t, dir)
		if got, err := engine.Result[string](t.Context(), watchers[0], "f"); err != nil || got != "passed" {
			t.Fatalf("result: %q, %v", got, err)
		}
		time.Sleep(time.Second) // give a second watcher the time to do wrong
		if n, runs := took.Load(), len(effectsOf(t, dir)); n != 1 || runs != 2 {
			t.Errorf("%d takeovers and %d executions, want 1 and 2", n, runs)
		}
	})
}

func TestLiveFlowsAreLeftAlone(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		dir := t.TempDir()
		two := executors(t, url, dir, 2)
		owner, other := two[0], two[1]
		if err := engine.Start(t.Context(), owner, "hold", "f", dir); err != nil {
			t.Fatal(err)
		}
		ids, err := other.TakeOver(t.Context(), "")
		if err != nil || len(ids) != 0 {
			t.Fatalf("took over %v, %v from a live executor", ids, err)
		}
		pending, err := other.Pending(t.Context())
		want := engine.Pending{ID: "f", Name: "hold", Version: "1", Executor: owner.Executor(), Alive: true}
		if err != nil || len(pending) != 1 || pending[0] != want {
			t.Fatalf("pending: %+v, %v; want %+v", pending, err, want)
		}

		owner.Close(5 * time.Second)
		if ids, err = other.TakeOver(t.Context(), "another"); err != nil || len(ids) != 0 {
			t.Fatalf("took over %v, %v outside the prefix", ids, err)
		}
		if ids, err = other.TakeOver(t.Context(), "f"); err != nil || !slices.Equal(ids, []string{"f"}) {
			t.Fatalf("took over %v, %v after an orderly close; want f", ids, err)
		}
		openGate(t, dir)
		if got, err := engine.Result[string](t.Context(), other, "f"); err != nil || got != "passed" {
			t.Fatalf("result: %q, %v", got, err)
		}
	})
}

// What is taken over and not yet begun belongs to who took it, also when he
// dies then.
func TestTakeoverOfATakeover(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		dir := t.TempDir()
		all := executors(t, url, dir, 3)
		for i := range 20 {
			if err := engine.Start(t.Context(), all[0], "hold", fmt.Sprintf("f%d", i), dir); err != nil {
				t.Fatal(err)
			}
		}
		all[0].Close(5 * time.Second)
		if ids, err := all[1].TakeOver(t.Context(), ""); err != nil || len(ids) != 20 {
			t.Fatalf("took over %v, %v", ids, err)
		}
		if ids, err := all[2].TakeOver(t.Context(), ""); err != nil || len(ids) != 0 {
			t.Fatalf("took over %v, %v from who just took them over", ids, err)
		}
		all[1].Close(5 * time.Second)
		if ids, err := all[2].TakeOver(t.Context(), ""); err != nil || len(ids) != 20 {
			t.Fatalf("took over %v, %v at last", ids, err)
		}
		openGate(t, dir)
		for i := range 20 {
			if _, err := engine.Result[string](t.Context(), all[2], fmt.Sprintf("f%d", i)); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestOtherVersionsAreLeftAlone(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		dir := t.TempDir()
		old := executors(t, url, dir, 1)[0]
		if err := engine.Start(t.Context(), old, "hold", "f", dir); err != nil {
			t.Fatal(err)
		}
		old.Close(5 * time.Second)
		e := open(t, engine.Config{URL: url, Version: "2"})
		registerAll(e, dir)
		launch(t, e)
		if ids, err := e.TakeOver(t.Context(), ""); err != nil || len(ids) != 0 {
			t.Errorf("took over %v, %v of another version", ids, err)
		}
	})
}

// Starting an id again does nothing, whoever does it and whatever became of it.
func TestStartAgainIsNoOp(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		dir := t.TempDir()
		two := executors(t, url, dir, 2)
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				if err := engine.Start(t.Context(), two[i%2], "hold", "f", dir); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		openGate(t, dir)
		for _, e := range two {
			if got, err := engine.Result[string](t.Context(), e, "f"); err != nil || got != "passed" {
				t.Fatalf("result: %q, %v", got, err)
			}
			if err := engine.Start(t.Context(), e, "hold", "f", dir); err != nil {
				t.Fatalf("start after the end: %v", err)
			}
			if err := engine.Start(t.Context(), e, "leaf", "f", dir); fairlead.KindOf(err) != fairlead.KindConflict {
				t.Errorf("start of another flow under the same id: %v", err)
			}
		}
		if n := len(effectsOf(t, dir)); n != 1 {
			t.Errorf("the step ran %d times", n)
		}
	})
}

func TestResultOfUnknownAndImpatience(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		dir := t.TempDir()
		e := executors(t, url, dir, 1)[0]
		if _, err := engine.Result[string](t.Context(), e, "nobody"); fairlead.KindOf(err) != fairlead.KindNotFound {
			t.Errorf("unknown flow: %v", err)
		}
		if err := engine.Start(t.Context(), e, "hold", "f", dir); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if _, err := engine.Result[string](ctx, e, "f"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("impatient wait: %v", err)
		}
		openGate(t, dir)
		if got, err := engine.Result[string](t.Context(), e, "f"); err != nil || got != "passed" {
			t.Errorf("the end of a wait ended the flow: %q, %v", got, err)
		}
	})
}

// However many executors want a dead one's flows, each flow goes to one.
func TestConcurrentTakeoversShareOut(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		dir := t.TempDir()
		all := executors(t, url, dir, 4)
		for i := range 30 {
			if err := engine.Start(t.Context(), all[0], "hold", fmt.Sprintf("f%d", i), dir); err != nil {
				t.Fatal(err)
			}
		}
		all[0].Close(5 * time.Second)
		before := len(effectsOf(t, dir))
		var mu sync.Mutex
		var taken []string
		var wg sync.WaitGroup
		for _, e := range all[1:] {
			for n := range 10 { // overlapping parts of the whole
				wg.Go(func() {
					ids, err := e.TakeOver(t.Context(), fmt.Sprintf("f%d", n))
					mu.Lock()
					defer mu.Unlock()
					if taken = append(taken, ids...); err != nil {
						t.Error(err)
					}
				})
			}
		}
		wg.Wait()
		slices.Sort(taken)
		if unique := len(slices.Compact(slices.Clone(taken))); unique != 30 || len(taken) != 30 {
			t.Errorf("%d takeovers of %d flows, want 30", len(taken), unique)
		}
		openGate(t, dir)
		for i := range 30 {
			if _, err := engine.Result[string](t.Context(), all[1], fmt.Sprintf("f%d", i)); err != nil {
				t.Error(err)
			}
		}
		if n := len(effectsOf(t, dir)) - before; n != 30 {
			t.Errorf("%d executions after the takeover, want 30", n)
		}
	})
}

// A child goes with its parent, whatever its id.
func TestChildrenGoWithTheirParents(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		dir := t.TempDir()
		define := func(e *engine.Engine) {
			registerAll(e, dir)
			engine.Register(e, "parent", func(f *engine.Flow, dir string) (string, error) {
				return engine.Child[string, string](f, "hold", "unrelated name", dir)
			})
		}
		first, second := open(t, engine.Config{URL: url}), open(t, engine.Config{URL: url})
		define(first)
		define(second)
		launch(t, first)
		launch(t, second)
		if err := engine.Start(t.Context(), first, "parent", "run-1", dir); err != nil {
			t.Fatal(err)
		}
		if err := engine.Start(t.Context(), first, "hold", "run-2", dir); err != nil {
			t.Fatal(err)
		}
		eventually(t, 5*time.Second, "both wait", func() bool { return len(effectsOf(t, dir)) == 2 })
		first.Close(5 * time.Second)
		ids, err := second.TakeOver(t.Context(), "run-1")
		slices.Sort(ids)
		if err != nil || !slices.Equal(ids, []string{"run-1", "unrelated name"}) {
			t.Fatalf("took over %v, %v", ids, err)
		}
		openGate(t, dir)
		if got, err := engine.Result[string](t.Context(), second, "run-1"); err != nil || got != "passed" {
			t.Errorf("result: %q, %v", got, err)
		}
	})
}
