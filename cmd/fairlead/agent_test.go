package main

import (
	"context"
	"io"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"fairlead.dev/cli"
	"fairlead.dev/target/process"
)

func TestStoppingAnAgentThatDoesNotRun(t *testing.T) {
	tools := agentTools{wiring: &wiring{err: io.Discard}, set: cli.Settings{State: t.TempDir()}}
	if ran, err := tools.Stop(t.Context()); err != nil || ran {
		t.Errorf("one ran: %v, %v", ran, err)
	}
}

func TestTheAgentConfinesWhatItRuns(t *testing.T) {
	state := t.TempDir()
	tools := agentTools{wiring: &wiring{err: io.Discard}, set: cli.Settings{State: state}}
	ended := make(chan error, 1)
	go func() { ended <- tools.Serve(t.Context(), "", "", 0) }()
	c := process.Dial(home{root: state}.agent())
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	h, err := c.Health(ctx)
	for ; err != nil && ctx.Err() == nil; h, err = c.Health(ctx) {
		time.Sleep(10 * time.Millisecond)
	}
	if h.Isolation != "namespace" {
		t.Errorf("isolation %q: this system must allow user and mount namespaces (%v)", h.Isolation, err)
	}
	if ran, err := tools.Stop(ctx); err != nil || !ran {
		t.Errorf("one ran: %v, %v", ran, err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestHidden(t *testing.T) {
	own := home{root: "/srv/shop/.fairlead"}
	for name, c := range map[string]struct {
		dir, trust string
		want       []string
	}{
		"own agent":    {own.agent(), own.keys(), []string{own.private()}},
		"other place":  {"/var/lib/agent", own.keys(), []string{own.keys()}},
		"no state dir": {"/srv/agent", "/srv/trust", []string{filepath.Join("/srv", "trust")}},
	} {
		if got := hidden(c.dir, c.trust); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
