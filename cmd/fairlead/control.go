package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"strings"
	"syscall"
	"time"

	"fairlead.dev"
	"fairlead.dev/cli"
	"fairlead.dev/control"
	"fairlead.dev/engine"
	"fairlead.dev/evidence"
	"fairlead.dev/flow"
	"fairlead.dev/intake/worktree"
	"fairlead.dev/step"
	stepall "fairlead.dev/step/all"
	"fairlead.dev/store"
	"fairlead.dev/target"
	"fairlead.dev/worker"
)

// controlPlane is the control plane in this process.
type controlPlane struct {
	*control.Plane
	store   *store.Store
	engine  *engine.Engine
	book    evidence.Book
	wiring  *wiring
	key     *evidence.Signer
	trouble chan error
	set     cli.Settings
}

// signer signs what tasks claim and what the gate decides.
type signer struct{ *evidence.Signer }

// SignDecision signs a decision about releases, or about the commit alone.
func (s signer) SignDecision(ctx context.Context, d fairlead.Decision, releases []fairlead.Release) (fairlead.Evidence, error) {
	return s.Sign(ctx, d.RunID, "", evidence.DecisionClaim(d, releases...), d.Time)
}

// openControl opens everything that executing a run needs.
//
// The context ends with the first interrupt, and what a run does afterwards,
// such as rolling back, still needs all of it: so nothing here hangs on it.
func (w *wiring) openControl(ctx context.Context, s cli.Settings) (*controlPlane, error) {
	ctx = context.WithoutCancel(ctx)
	h, err := openHome(ctx, s)
	if err != nil {
		return nil, err
	}
	repo, err := worktree.Open(ctx, s.Dir)
	if err != nil {
		return nil, err
	}
	key, err := evidence.OpenKey(h.keys())
	if err != nil {
		return nil, err
	}
	blobs, err := store.OpenBlobs(h.blobs())
	if err != nil {
		return nil, err
	}
	scope, err := h.scope()
	if err != nil {
		return nil, err
	}
	ours, engines := h.databases(s, w.env)
	db, err := store.Open(ctx, ours)
	if err != nil {
		return nil, err
	}
	log := w.logger(s.Verbose)
	e, err := engine.Open(ctx, engine.Config{URL: engines, Version: flow.Version + "@" + scope, Logger: log, Checkpoint: failpoint(w.env)})
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	c := &controlPlane{
		set: s, store: db, engine: e, wiring: w, key: key, trouble: make(chan error, 1),
		Plane: &control.Plane{Ledger: db, Reader: db, Engine: e, Scope: scope, Desk: desk(db, key.Public())},
	}
	sweep(ctx, h, db)
	c.register(h, log, repo, key, blobs)
	if err := e.Launch(ctx); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// register makes the flows known to the engine, with all that they use.
func (c *controlPlane) register(h home, log *slog.Logger, repo *worktree.Repo, key *evidence.Signer, blobs *store.Blobs) {
	all, types := targets(h, true), map[string]step.Type{}
	for _, t := range stepall.Types() {
		types[t.Name] = t
	}
	db := c.store
	trust := evidence.TrustKeys(key.Public())
	database := c.wiring.env.vulndb(h, c.set)
	known := advisories(database)
	c.book = evidence.Book{Shelf: db, History: db, Verifier: trust, Content: blobs.Open, Advisories: known}
	flow.Register(c.engine, flow.Parts{
		Ledger: db, Reader: db, Situation: db, Archive: db, Line: db, Looks: db, Metrics: c.wiring.env.openMetrics, Signer: signer{key}, Content: blobs.Open, Desk: c.Desk,
		Followed: db, Arrivals: lookout{db, trust, database}, Organisation: organisation(h, c.wiring.env),
		Worker: worker.New(worker.Options{
			Types: types, Workspaces: repo, Memory: db, Shelf: db, Journal: db, Signer: key, Blobs: blobs,
			Verifier: trust, Dir: h.work(), Cache: h.cache(), Hide: []string{h.root}, ReadOnly: repo.Protected(),
			Parallel: runtime.GOMAXPROCS(0), Logger: log, Advisories: known,
		}),
		Target:  func(typ string) (target.Target, error) { return openTarget(all, typ) },
		Rescue:  c.rescue,
		Trouble: c.report,
	})
}

// failpoint is for the tests that kill the control plane at every step: with
// FAIRLEAD_FAILPOINT set to a checkpoint's name, the process kills itself there.
// With FAIRLEAD_CHECKPOINTS set to a file, every checkpoint's name is appended to it.
func failpoint(env variables) func(string) {
	at, list := env["FAIRLEAD_FAILPOINT"], env["FAIRLEAD_CHECKPOINTS"]
	if at == "" && list == "" {
		return nil
	}
	return func(point string) {
		// A run's id differs from run to run; what surrounds it does not.
		when, where, _ := strings.Cut(point, " ")
		run, where, _ := strings.Cut(where, "/")
		name := when + " " + strings.ReplaceAll(where, run+"/", "")
		if list != "" {
			if f, err := os.OpenFile(list, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); err == nil {
				_, _ = fmt.Fprintln(f, name)
				_ = f.Close()
			}
		}
		if name == at {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}
}

// rescue sees to a run that others wait for in line: should its process be
// dead, this one goes on with it. What belongs to another repository is left to
// that one.
func (c *controlPlane) rescue(ctx context.Context, runID string) error {
	if own, err := c.Owns(ctx, runID); err != nil || !own {
		return err
	}
	_, err := c.Resume(ctx, runID)
	return err
}

// report passes on that something is out of reach, without ever blocking.
func (c *controlPlane) report(err error) {
	select {
	case c.trouble <- err:
	default:
	}
}

// Trouble tells what keeps this process from recording.
func (c *controlPlane) Trouble() <-chan error { return c.trouble }

// Start makes a run of the plan and sets it going.
func (c *controlPlane) Start(ctx context.Context, p fairlead.Plan) (string, error) {
	return c.Plane.Start(ctx, p, "")
}

// Cancel asks a run to stop in the name of the person at the keyboard.
func (c *controlPlane) Cancel(ctx context.Context, runID, reason string) (fairlead.Run, error) {
	return c.Plane.Cancel(ctx, runID, who(), reason)
}

// Vote records the vote of the person at the keyboard.
func (c *controlPlane) Vote(ctx context.Context, b cli.Ballot) (cli.Voted, error) {
	v, err := c.Plane.Vote(ctx, control.Ballot{RunID: b.RunID, Vote: b.Vote, Reason: b.Reason}, c.wiring.person(b.Key, c.key))
	return cli.Voted(v), err
}

// Rollback gives an environment's traffic back to a good release.
func (c *controlPlane) Rollback(ctx context.Context, q cli.RollbackQuery) (cli.RolledBack, error) {
	b := control.Back{Environment: q.Environment, To: q.To, Who: who(), Reason: q.Reason, Began: q.Began}
	var err error
	if q.Service == "" {
		if b.Services, err = c.together(ctx, q.Environment); err != nil {
			return cli.RolledBack{}, err
		}
	}
	if len(b.Services) == 0 {
		if b.Service, err = c.serviceIn(ctx, q.Environment, q.Service); err != nil {
			return cli.RolledBack{}, err
		}
	}
	runID, said, err := c.Plane.Rollback(ctx, b)
	return cli.RolledBack{RunID: runID, Reason: said}, err
}

// Serve takes over runs of processes that die, until ctx ends.
func (c *controlPlane) Serve(ctx context.Context, onTakeover func(string)) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	go func() {
		select {
		case <-c.engine.Lost():
			stop(c.engine.Err())
		case <-ctx.Done():
		}
	}()
	// What waits already, queued runs included, that no process came to start.
	waiting, err := c.Resume(ctx, "")
	if err != nil && ctx.Err() == nil {
		return err
	}
	for _, id := range waiting {
		onTakeover(id)
	}
	c.engine.Watch(ctx, 500*time.Millisecond, onTakeover)
	if err := context.Cause(ctx); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// Close ends this process's part in order: what it was doing stays pending.
func (c *controlPlane) Close() {
	c.engine.Close(10 * time.Second)
	_ = c.store.Close()
}
