package control_test

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"fairlead.dev"
	"fairlead.dev/control"
	"fairlead.dev/engine"
	"fairlead.dev/evidence"
	"fairlead.dev/flow"
	"fairlead.dev/step"
	"fairlead.dev/store"
	"fairlead.dev/target"
	"fairlead.dev/worker"
)

// desk is a control plane with its real parts: store and engine on SQLite, the
// flows, worker and signer. The target is a hand-made fake on which everything
// is ready at once, and the only step type waits until it is let go.
type desk struct {
	*testing.T
	*control.Plane
	dir   string
	store *store.Store
	shelf *shelf
	parts flow.Parts
	open  chan struct{} // closed: tasks end
	fail  bool          // they end with a failure
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{T: t, dir: t.TempDir(), open: make(chan struct{})}
	db, err := store.Open(t.Context(), "sqlite:"+filepath.Join(d.dir, "fairlead.db"))
	must(t, err)
	t.Cleanup(func() { db.Close() })
	d.store = db
	key, err := evidence.OpenKey(filepath.Join(d.dir, "keys"))
	must(t, err)
	blobs, err := store.OpenBlobs(filepath.Join(d.dir, "blobs"))
	must(t, err)
	shelf := &shelf{stuck: make(chan struct{})}
	d.shelf = shelf
	d.parts = flow.Parts{
		Ledger: db, Reader: db, Situation: db, Archive: db, Line: db, Signer: decider{key}, Content: blobs.Open,
		Desk: flow.Desk{Votes: db, Past: db, Witness: evidence.Witness{Own: evidence.TrustKeys(key.Public())}},
		Worker: worker.New(worker.Options{
			Types: map[string]step.Type{"wait": d.wait()}, Memory: db, Shelf: db, Journal: db, Signer: key,
			Verifier: evidence.TrustKeys(key.Public()), Blobs: blobs, Dir: filepath.Join(d.dir, "work"), Logger: slog.New(slog.DiscardHandler),
		}),
		Target:  func(string) (target.Target, error) { return shelf, nil },
		Trouble: func(error) {}, Tick: time.Millisecond,
	}
	d.Plane = &control.Plane{Ledger: db, Reader: db, Engine: d.launch(), Desk: d.parts.Desk}
	return d
}

// launch starts an engine, as another process would.
func (d *desk) launch() *engine.Engine {
	d.Helper()
	e, err := engine.Open(d.Context(), engine.Config{
		URL: "sqlite:" + filepath.Join(d.dir, "engine.db"), Version: flow.Version, Logger: slog.New(slog.DiscardHandler),
	})
	must(d.T, err)
	d.Cleanup(func() { e.Close(5 * time.Second) })
	flow.Register(e, d.parts)
	must(d.T, e.Launch(d.Context()))
	return e
}

func (d *desk) wait() step.Type {
	return step.Type{Name: "wait", Needs: step.Needs{Network: true}, Config: struct{}{}, Run: func(ctx context.Context, _ step.In) (step.Out, error) {
		select {
		case <-d.open:
		case <-ctx.Done():
			return step.Out{}, ctx.Err()
		}
		if d.fail {
			return step.Out{Outcome: step.Failed, Reason: "as told"}, nil
		}
		return step.Out{Outcome: step.Done}, nil
	}}
}

// decider signs decisions as the wiring does.
type decider struct{ *evidence.Signer }

func (s decider) SignDecision(ctx context.Context, dec fairlead.Decision, _ []fairlead.Release) (fairlead.Evidence, error) {
	return s.Sign(ctx, dec.RunID, "", evidence.DecisionClaim(dec, fairlead.Release{}), dec.Time)
}

// shelf is a fake target on which whatever is wanted is ready at once.
type shelf struct {
	mu    sync.Mutex
	has   target.Desired
	slow  bool          // it answers when stuck is closed
	stuck chan struct{} // closed by the test
}

func (s *shelf) Deliver(context.Context, target.Place, target.Bundle, target.Content) error {
	return nil
}

func (s *shelf) Apply(ctx context.Context, _ target.Place, d target.Desired) error {
	if s.slow {
		select {
		case <-s.stuck:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.has = d
	return nil
}

func (s *shelf) Observe(context.Context, target.Place) (target.Observed, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var o target.Observed
	for _, w := range s.has.Releases {
		o.Releases = append(o.Releases, target.Instance{Release: w.Release, Wanted: w.Replicas, Ready: w.Replicas, Weight: w.Weight})
	}
	return o, nil
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// plan is one task, and a gate that wants it to succeed. The same n gives the
// same plan.
func plan(n int, changes ...func(*fairlead.Plan)) fairlead.Plan {
	p := fairlead.Plan{
		Service: "shop", Environment: "production", Strategy: fairlead.StrategyNone,
		Event:  fairlead.Event{Type: fairlead.EventPush, Branch: "main", Commit: fairlead.DigestBytes([]byte(fmt.Sprint(n))).Hex()[:40], Trigger: "ada"},
		Tasks:  []fairlead.Task{{ID: "wait", Type: "wait", Phase: fairlead.PhaseVerify}},
		Gates:  []fairlead.Gate{{Name: "done", Rule: `tasks.wait.result == "success"`, Outcome: fairlead.OutcomeDeny, Reason: "it failed", Source: "test"}},
		Inputs: fairlead.PlanInputs{Flow: flow.Version},
	}
	for _, change := range changes {
		change(&p)
	}
	p.Hash = fairlead.DigestJSON(p)
	return p
}

// ended waits for a run, not for ever.
func (d *desk) ended(id string) fairlead.Run {
	d.Helper()
	ctx, stop := context.WithTimeout(d.Context(), 20*time.Second)
	defer stop()
	run, err := d.Wait(ctx, id)
	must(d.T, err)
	return run
}
