package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"fairlead.dev"
	"fairlead.dev/store"
	"fairlead.dev/target"
	"fairlead.dev/target/kubernetes"
	"fairlead.dev/target/process"
	"fairlead.dev/worker"
)

// targets makes the targets of this repository, by type. A new target type is
// a folder, its line in target/all and its line here. Where nothing is started,
// a target that needs something of its own running is only looked at.
func targets(h home, start bool) map[string]target.Target {
	return map[string]target.Target{
		process.Type().Name: kept{home: h, client: process.Dial(h.agent()), start: start},
		kubernetes.Type().Name: kubernetes.New(kubernetes.Options{
			Dir: h.kubernetes(), Verify: func(at target.Place, b target.Bundle) error { return verify(h.keys(), at, b) },
		}),
	}
}

// logger is a target that keeps what replicas write: of one by its name, or of
// all of a release for "". The caller closes what it gets.
type logger interface {
	Logs(ctx context.Context, at target.Place, release fairlead.Digest, replica string) (io.ReadCloser, error)
}

// openTarget gives the target of a type.
func openTarget(all map[string]target.Target, typ string) (target.Target, error) {
	if t, ok := all[typ]; ok {
		return t, nil
	}
	return nil, &fairlead.Problem{
		Op: "open target", Kind: fairlead.KindInvalid, Err: fmt.Errorf("no target %q in this version", typ),
		Hint: "`fairlead explain` lists the targets",
	}
}

// kept is the process target with an agent that is started when it is needed
// and does not answer: the first time, and after it died.
type kept struct {
	home   home
	client *process.Client
	start  bool
}

// call does something with the agent, once more when it had to be started.
func (k kept) call(ctx context.Context, do func() error) error {
	err := do()
	if !k.start || fairlead.KindOf(err) != fairlead.KindUnavailable || ctx.Err() != nil {
		return err
	}
	c, startErr := k.home.ensureAgent(ctx)
	if startErr != nil {
		return errors.Join(err, startErr)
	}
	c.Close()
	return do()
}

// Deliver hands a release to the agent.
func (k kept) Deliver(ctx context.Context, at target.Place, b target.Bundle, open target.Content) error {
	return k.call(ctx, func() error { return k.client.Deliver(ctx, at, b, open) })
}

// Apply makes a state the wanted one.
func (k kept) Apply(ctx context.Context, at target.Place, d target.Desired) error {
	return k.call(ctx, func() error { return k.client.Apply(ctx, at, d) })
}

// Observe tells what is there now.
func (k kept) Observe(ctx context.Context, at target.Place) (target.Observed, error) {
	var o target.Observed
	err := k.call(ctx, func() (err error) {
		o, err = k.client.Observe(ctx, at)
		return err
	})
	return o, err
}

// Logs gives what a release's replicas wrote.
func (k kept) Logs(ctx context.Context, at target.Place, release fairlead.Digest, replica string) (io.ReadCloser, error) {
	var r io.ReadCloser
	err := k.call(ctx, func() (err error) {
		r, err = k.client.Logs(ctx, at, release, replica)
		return err
	})
	return r, err
}

// sweep removes workspaces that processes which died left behind: those of
// runs that have ended. Others may still be worked in.
func sweep(ctx context.Context, h home, db *store.Store) {
	dirs, err := os.ReadDir(h.work())
	if err != nil {
		return // nothing to sweep; making a workspace will say what is wrong
	}
	for _, d := range dirs {
		// A run that this database does not know may live in another one.
		if run, err := db.Run(ctx, worker.WorkspaceRun(d.Name())); err == nil && run.State == fairlead.StateFinished {
			_ = os.RemoveAll(filepath.Join(h.work(), d.Name()))
		}
	}
}
