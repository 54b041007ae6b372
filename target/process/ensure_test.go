package process

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fairlead.dev"
)

func TestEnsureStartsOne(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "agent")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var starts atomic.Int32
	start := func() error {
		starts.Add(1)
		return Detached(dir, self, "agent", dir)()
	}
	var callers sync.WaitGroup
	pids := make([]int, 4)
	for i := range pids {
		callers.Go(func() {
			c, err := Ensure(context.Background(), dir, start)
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			h, err := c.Health(context.Background())
			if err != nil {
				t.Error(err)
			}
			pids[i] = h.PID
		})
	}
	callers.Wait()
	if n := starts.Load(); n != 1 {
		t.Errorf("%d agents were started", n)
	}
	for _, pid := range pids {
		if pid == 0 || pid != pids[0] {
			t.Errorf("clients of %v", pids)
		}
	}
	c := Dial(dir)
	defer c.Close()
	if err := c.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	log, err := os.ReadFile(filepath.Join(dir, agentLog))
	if err != nil || !bytes.Contains(log, []byte("agent started")) {
		t.Errorf("agent.log: %q %v", log, err)
	}
}

func TestShutdownWhenNoneRuns(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "agent")
	refused(t, Dial(dir).Shutdown(context.Background()), fairlead.KindNotFound, "no agent runs")
	if _, err := os.Stat(dir); err == nil {
		t.Error("it made the directory")
	}
	l := &lab{t: t, dir: dir}
	stop := l.serve(AgentOptions{})
	if err := l.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	stop()
	refused(t, l.Shutdown(context.Background()), fairlead.KindNotFound, "no agent runs")
	unlock, err := lockDir(dir) // one that no longer answers but still drains
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(100*time.Millisecond, unlock)
	if err := l.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
}

func TestEnsureTellsWhyNot(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	_, err := Ensure(ctx, t.TempDir(), func() error { return nil })
	refused(t, err, fairlead.KindTimeout)
	_, err = Ensure(context.Background(), t.TempDir(), func() error { return os.ErrPermission })
	refused(t, err, fairlead.KindUnavailable, "permission")
}

func TestEnsureGivesTheLastWordsOfAnAgentThatEnded(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "state.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	_, err = Ensure(context.Background(), dir, Detached(dir, self, "agent", dir))
	refused(t, err, fairlead.KindUnavailable, "last words", "state.json")
}

func TestEnsureWaitsForAnAgentThatStops(t *testing.T) {
	l := &lab{t: t, dir: t.TempDir()}
	stop := l.serve(AgentOptions{})
	g := makeRelease(t, "good")
	l.roll(1, g, 1)
	go func() { _, _, _ = get(l.observe().Endpoint + "/slow?for=800ms") }()
	time.Sleep(200 * time.Millisecond)
	stopped := make(chan struct{})
	go func() { stop(); close(stopped) }()
	l.eventually(time.Second, "the socket is gone", func() bool {
		_, err := os.Stat(filepath.Join(l.dir, "agent.sock"))
		return err != nil
	})
	c, err := Ensure(context.Background(), l.dir, func() error { startAgent(t, l.dir); return nil })
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	select {
	case <-stopped:
	default:
		t.Error("the second agent started before the first one had ended")
	}
	l.Client = c
	l.untilReady(g, 1)
}
