package main

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"fairlead.dev"
	"fairlead.dev/cli"
	"fairlead.dev/evidence"
	"fairlead.dev/target"
	"fairlead.dev/target/process"
)

// agentTools are the commands about the agent.
type agentTools struct {
	*wiring
	set cli.Settings
}

// Serve is the agent of the process target.
func (a agentTools) Serve(ctx context.Context, dir, trust string, idle time.Duration) error {
	if dir == "" || trust == "" {
		h, err := openHome(ctx, a.set)
		if err != nil {
			return err
		}
		if dir == "" {
			dir = h.agent()
		}
		if trust == "" {
			trust = h.keys()
		}
	}
	return process.Serve(ctx, process.AgentOptions{
		Dir: dir, Hide: hidden(dir, trust), Idle: idle, Logger: slog.New(slog.NewTextHandler(a.err, nil)),
		Verify: func(at target.Place, b target.Bundle) error { return verify(trust, at, b) },
	})
}

// hidden gives what no replica may see: the directory of the keys, or, for a
// state directory's own agent, all that is private there.
func hidden(dir, trust string) []string {
	if private := filepath.Dir(dir); private == filepath.Dir(trust) && filepath.Base(private) == "private" {
		return []string{private}
	}
	return []string{trust}
}

// verify is the agent's last question before anything starts. The keys are
// read each time, so one that is removed is trusted no longer.
func verify(trust string, at target.Place, b target.Bundle) error {
	t, err := evidence.LoadTrust(trust)
	if err != nil {
		return err
	}
	return evidence.VerifyRelease(t, evidence.Entry{
		Environment: at.Environment, Service: at.Service, Release: b.Release, Decision: b.Decision, Builds: b.Evidence,
	})
}

// Start starts the agent in the background, unless it runs.
func (a agentTools) Start(ctx context.Context) error {
	h, err := openHome(ctx, a.set)
	if err != nil {
		return err
	}
	c, err := h.ensureAgent(ctx)
	if err == nil {
		c.Close()
	}
	return err
}

// Stop ends the agent and everything that it runs. When none runs there is
// nothing to end.
func (a agentTools) Stop(ctx context.Context) (bool, error) {
	h, err := openHome(ctx, a.set)
	if err != nil {
		return false, err
	}
	err = process.Dial(h.agent()).Shutdown(ctx)
	if fairlead.KindOf(err) == fairlead.KindNotFound {
		return false, nil
	}
	return err == nil, err
}

// ensureAgent connects to the agent, starting it as a process of its own that
// outlives this one when none runs.
func (h home) ensureAgent(ctx context.Context) (*process.Client, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, &fairlead.Problem{Op: "start agent", Kind: fairlead.KindUnavailable, Err: err}
	}
	return process.Ensure(ctx, h.agent(), process.Detached(h.agent(), self, "agent", "--agent-dir", h.agent(), "--trust", h.keys()))
}
