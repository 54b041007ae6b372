package process

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"fairlead.dev"
)

// startAgent runs an agent as a process of its own.
func startAgent(t *testing.T, dir string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "agent", dir)
	if testing.Verbose() {
		cmd.Stderr = os.Stderr
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	})
	l := &lab{t: t, dir: dir, Client: Dial(dir)}
	defer l.Close()
	l.eventually(10*time.Second, "the agent answers", func() bool {
		h, err := l.Health(context.Background())
		return err == nil && h.PID == cmd.Process.Pid
	})
	return cmd
}

func TestAgentKilled(t *testing.T) {
	l := &lab{t: t, dir: t.TempDir()}
	l.Client = Dial(l.dir)
	defer l.Close()
	first := startAgent(t, l.dir)
	g, next := makeRelease(t, "good", "parent"), makeRelease(t, "next")
	l.roll(3, g, 2)
	l.deliver(next)
	l.apply(want(4, run(g, 2, 100), run(next, 1, 0)))
	l.untilReady(next, 1)
	url, before := l.observe().Endpoint, alive(t, l.dir)
	if err := first.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = first.Wait()
	if len(alive(t, l.dir)) == 0 {
		t.Fatal("the replicas died with the agent: there is nothing to clear")
	}
	began := time.Now()
	startAgent(t, l.dir)
	for _, old := range before {
		for _, now := range alive(t, l.dir) {
			if old == now {
				t.Errorf("%s was left running", old)
			}
		}
	}
	l.untilReady(g, 2)
	t.Logf("serves again %s after the restart", time.Since(began))
	if body := mustGet(t, url); body != "good" {
		t.Errorf("answered by %q", body)
	}
	l.untilReady(next, 1)
	if o := l.observe(); o.Fence != 4 || o.Endpoint != url || l.instance(g).Weight != 100 {
		t.Errorf("resumed as %+v", o)
	}
	refused(t, l.Apply(context.Background(), shop, want(3)), fairlead.KindConflict, "lower than 4")
	if n := len(alive(t, l.dir)); n != 5 { // two with a child each, and one
		t.Errorf("%d processes run, want 5", n)
	}
}

func TestAgentStopsInOrder(t *testing.T) {
	l := &lab{t: t, dir: t.TempDir()}
	stop := l.serve(AgentOptions{})
	g := makeRelease(t, "good")
	l.roll(1, g, 2)
	url := l.observe().Endpoint
	answer := make(chan string, 1)
	go func() {
		_, body, err := get(url + "/slow?for=700ms")
		answer <- fmt.Sprint(body, err)
	}()
	time.Sleep(200 * time.Millisecond)
	stop()
	if got := <-answer; got != "good<nil>" {
		t.Errorf("the request in flight ended with %s", got)
	}
	if left := alive(t, l.dir); len(left) > 0 {
		t.Errorf("left running: %v", left)
	}
	// What was wanted is started again, at the same address.
	stop = l.serve(AgentOptions{})
	defer stop()
	l.untilReady(g, 2)
	if body := mustGet(t, url); body != "good" {
		t.Errorf("answered by %q", body)
	}
}

func TestTamperedWhileTheAgentWasDown(t *testing.T) {
	l := &lab{t: t, dir: t.TempDir()}
	stop := l.serve(AgentOptions{})
	g := makeRelease(t, "good")
	l.roll(1, g, 1)
	stop()
	change(t, filepath.Join(l.dir, "releases", g.id().Hex(), "bin", "shop"))
	stop = l.serve(AgentOptions{})
	defer stop()
	l.eventually(5*time.Second, "it is refused", func() bool {
		p := l.instance(g).Problem
		return p != nil && p.Kind == fairlead.KindDenied && strings.Contains(p.Cause, "bin/shop was changed")
	})
	if i := l.instance(g); i.Running != 0 || i.Weight != 0 {
		t.Errorf("got %+v", i)
	}
}

func TestShutdown(t *testing.T) {
	dir := t.TempDir()
	agent := startAgent(t, dir)
	c := Dial(dir)
	defer c.Close()
	if err := c.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := agent.Wait(); err != nil {
		t.Error(err)
	}
	_, err := c.Health(context.Background())
	refused(t, err, fairlead.KindUnavailable)
}

func TestIdleAgentEnds(t *testing.T) {
	l := &lab{t: t, dir: t.TempDir()}
	stop := l.serve(AgentOptions{Idle: 300 * time.Millisecond})
	g := makeRelease(t, "good")
	l.roll(1, g, 1)
	time.Sleep(600 * time.Millisecond)
	if i := l.instance(g); i.Ready != 1 {
		t.Fatal("a busy agent ended")
	}
	l.apply(want(2))
	l.eventually(5*time.Second, "the agent is gone", func() bool {
		unlock, err := lockDir(l.dir)
		if err == nil {
			unlock()
		}
		return err == nil
	})
	stop()
}

func TestSecondAgentIsRefused(t *testing.T) {
	l := startLab(t)
	err := Serve(context.Background(), AgentOptions{Dir: l.dir, Verify: checkPapers})
	refused(t, err, fairlead.KindConflict, "another agent", l.dir)
	if _, err := l.Health(context.Background()); err != nil {
		t.Errorf("the first one was disturbed: %v", err)
	}
}

func TestStaleSocket(t *testing.T) {
	l := &lab{t: t, dir: t.TempDir()}
	old, err := net.Listen("unix", filepath.Join(l.dir, "agent.sock"))
	if err != nil {
		t.Fatal(err)
	}
	old.(*net.UnixListener).SetUnlinkOnClose(false)
	_ = old.Close()
	l.serve(AgentOptions{})()
}

func TestLongDirectory(t *testing.T) {
	l := &lab{t: t, dir: filepath.Join(t.TempDir(), strings.Repeat("long/", 30))}
	stop := l.serve(AgentOptions{})
	defer stop()
	g := makeRelease(t, "good")
	l.roll(1, g, 1)
}

func TestCorruptState(t *testing.T) {
	for name, content := range map[string]string{
		"empty": "", "cut": `{"version":1,"places":[{"environ`, "newer": `{"version":2}`, "other": `[]`,
		"two": `{"version":1}{}`, "escape": `{"version":1,"places":[{"environment":"../..","service":"x"}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "state.json")
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			err := Serve(context.Background(), AgentOptions{Dir: dir, Verify: checkPapers})
			refused(t, err, fairlead.KindInvalid, path)
			if !strings.Contains(fairlead.HintOf(err), path) {
				t.Errorf("hint %q", fairlead.HintOf(err))
			}
			if now, _ := os.ReadFile(path); string(now) != content {
				t.Error("the file was changed")
			}
		})
	}
}

func TestLeftoverWithAnotherStartIsSpared(t *testing.T) {
	dir := t.TempDir()
	bystander := exec.Command("sleep", "60")
	bystander.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := bystander.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = bystander.Process.Kill()
		_ = bystander.Wait()
	}()
	start, err := startTime(bystander.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	traces := traces{dir: dir, mark: "FAIRLEAD_KEEPER=nobody:"}
	write := func(tr string) {
		if err := os.WriteFile(filepath.Join(dir, "shop-1.json"), []byte(tr), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, tr := range []string{
		fmt.Sprintf(`{"pid":%d,"start":%d,"boot":%q}`, bystander.Process.Pid, start+1, bootID()),
		fmt.Sprintf(`{"pid":%d,"start":%d,"boot":"another"}`, bystander.Process.Pid, start),
		`{"pid":`,
	} {
		write(tr)
		if err := traces.clear(quiet()); err != nil {
			t.Fatal(err)
		}
		if s := state(bystander.Process.Pid); s == "" || s == "Z" {
			t.Fatalf("killed because of %s", tr)
		}
	}
	write(fmt.Sprintf(`{"pid":%d,"start":%d,"boot":%q}`, bystander.Process.Pid, start, bootID()))
	if err := traces.clear(quiet()); err != nil {
		t.Fatal(err)
	}
	if s := state(bystander.Process.Pid); s != "" && s != "Z" {
		t.Errorf("the leftover lives on in state %s", s)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("%d records are left", len(left))
	}
}

func TestListenerTakenWhileTheAgentWasDown(t *testing.T) {
	l := &lab{t: t, dir: t.TempDir()}
	stop := l.serve(AgentOptions{})
	g, addr := makeRelease(t, "good"), freeAddr(t)
	d := want(1, run(g, 1, 0))
	d.Config = []byte(`{"listen":"` + addr + `","ready":{"http":"/readyz"}}`)
	l.deliver(g)
	l.apply(d)
	l.untilReady(g, 1)
	d.Releases[0].Weight = 100
	l.apply(d)
	stop()
	thief, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	stop = l.serve(AgentOptions{})
	defer stop()
	l.eventually(5*time.Second, "the problem is shown", func() bool {
		p := l.instance(g).Problem
		return p != nil && p.Kind == fairlead.KindConflict && strings.Contains(p.Cause, addr)
	})
	_ = thief.Close()
	l.eventually(5*time.Second, "it serves again", func() bool { _, body, _ := get("http://" + addr); return body == "good" })
	if p := l.instance(g).Problem; p != nil {
		t.Errorf("the problem is still shown: %+v", p)
	}
}

func TestOneReleaseInTwoPlaces(t *testing.T) {
	l := startLab(t)
	g := makeRelease(t, "good")
	l.roll(1, g, 1)
	live := shop
	live.Environment = "production"
	g.sign(live)
	ctx := context.Background()
	if err := l.Deliver(ctx, live, g.Bundle, g.open); err != nil {
		t.Fatal(err)
	}
	if err := l.Apply(ctx, live, want(1, run(g, 1, 0))); err != nil {
		t.Fatal(err)
	}
	l.eventually(5*time.Second, "it is ready in production", func() bool {
		o, err := l.Observe(ctx, live)
		i, _ := o.Find(g.id())
		return err == nil && i.Ready == 1
	})
	l.apply(want(2))
	l.eventually(5*time.Second, "it is gone from staging", func() bool { return len(l.observe().Releases) == 0 })
	if o, _ := l.Observe(ctx, live); len(o.Releases) != 1 || o.Releases[0].Ready != 1 {
		t.Errorf("production: %+v", o)
	}
}
