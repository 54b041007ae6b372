package process

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fairlead.dev"
)

func TestCrashAtStart(t *testing.T) {
	l := startLab(t)
	g := makeRelease(t, "bad", "crash")
	l.deliver(g)
	l.apply(want(1, run(g, 1, 0)))
	l.eventually(10*time.Second, "it went down three times", func() bool { return l.instance(g).Sample.Restarts >= 3 })
	i := l.instance(g)
	if i.Ready != 0 || i.Problem == nil || i.Problem.Kind != fairlead.KindFailed {
		t.Fatalf("got %+v with problem %+v", i, i.Problem)
	}
	for _, word := range []string{"exited with code 3", "before it was ready", "cannot find my teapot"} {
		if !strings.Contains(i.Problem.Cause, word) {
			t.Errorf("the problem %q does not say %q", i.Problem.Cause, word)
		}
	}
	logs, err := l.Logs(context.Background(), shop, g.id(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer logs.Close()
	if b, _ := io.ReadAll(logs); strings.Count(string(b), "starting up\n") < 3 {
		t.Errorf("logs hold %q", b)
	}
}

func TestCommandThatDoesNotExist(t *testing.T) {
	l := startLab(t)
	g := makeReleaseOf(t, map[string][]byte{"data": []byte("x")}, "no-such-program")
	l.deliver(g)
	l.apply(want(1, run(g, 1, 0)))
	l.eventually(5*time.Second, "the problem is shown", func() bool {
		p := l.instance(g).Problem
		return p != nil && strings.Contains(p.Cause, "no-such-program") && p.Hint != ""
	})
}

func TestCrashIsRepaired(t *testing.T) {
	l := startLab(t)
	g := makeRelease(t, "good")
	l.roll(1, g, 2)
	url := l.observe().Endpoint
	_, _, _ = get(url + "/exit")
	l.eventually(10*time.Second, "the crash is counted", func() bool { return l.instance(g).Sample.Restarts == 1 })
	if body := mustGet(t, url); body != "good" {
		t.Errorf("the other replica answered %q", body)
	}
	if i := l.untilReady(g, 2); i.Problem != nil || i.Sample.Restarts != 1 {
		t.Errorf("after repair: %+v", i)
	}
}

func TestProcessThatIgnoresTerm(t *testing.T) {
	l := startLab(t)
	g := makeRelease(t, "deaf", "deaf")
	d := want(1, run(g, 1, 0))
	d.Config = []byte(`{"listen":"127.0.0.1:0","ready":{"http":"/readyz"},"drain":"1s","grace":"300ms"}`)
	l.deliver(g)
	l.apply(d)
	l.untilReady(g, 1)
	began := time.Now()
	d.Releases = nil
	l.apply(d)
	l.eventually(5*time.Second, "it is gone", func() bool { return len(l.observe().Releases) == 0 })
	if took := time.Since(began); took < 300*time.Millisecond {
		t.Errorf("it was killed after %s, before its grace was over", took)
	}
	if left := alive(t, l.dir); len(left) > 0 {
		t.Errorf("left over: %v", left)
	}
}

func TestChildThatLeftTheGroupIsKilled(t *testing.T) {
	l := startLab(t)
	g := makeRelease(t, "parent", "parent")
	l.roll(1, g, 1)
	if n := len(alive(t, l.dir)); n < 2 {
		t.Fatalf("%d processes, want the service and its child", n)
	}
	l.apply(want(2))
	l.eventually(5*time.Second, "nothing runs", func() bool { return len(alive(t, l.dir)) == 0 })
	l.eventually(5*time.Second, "nothing is seen", func() bool { return l.observe().Endpoint == "" && len(l.observe().Releases) == 0 })
}

func TestScale(t *testing.T) {
	l := startLab(t)
	g := makeRelease(t, "good")
	l.roll(1, g, 1)
	for i, n := range []int{3, 1, 2} {
		l.apply(want(int64(i+2), run(g, n, 100)))
		l.untilReady(g, n)
		l.eventually(5*time.Second, "the rest is gone", func() bool { return l.instance(g).Running == n })
	}
	if i := l.instance(g); i.Sample.Restarts != 0 {
		t.Errorf("%d restarts were counted", i.Sample.Restarts)
	}
}

func TestEnvironmentOfAReplica(t *testing.T) {
	t.Setenv("AGENT_SECRET", "do not tell")
	l := startLab(t)
	g := makeRelease(t, "env")
	d := want(1, run(g, 1, 0))
	d.Config = []byte(`{"listen":"127.0.0.1:0","port":"HTTP_PORT","ready":{"http":"/readyz"}}`)
	l.deliver(g)
	l.apply(d)
	i := l.untilReady(g, 1)
	data := filepath.Join(l.dir, "data", "staging", "shop")
	env := "\n" + mustGet(t, i.Endpoint+"/env") + "\n"
	for _, has := range []string{
		"GREETING=hello", "HOME=" + data, "FAIRLEAD_DATA=" + data, "PATH=" + os.Getenv("PATH"),
		"FAIRLEAD_ENVIRONMENT=staging", "FAIRLEAD_SERVICE=shop", "FAIRLEAD_RELEASE=" + string(g.id()),
		"FAIRLEAD_ROOT=" + filepath.Join(l.dir, "releases", g.id().Hex()),
	} {
		if !strings.Contains(env, "\n"+has+"\n") {
			t.Errorf("the environment lacks %q", has)
		}
	}
	for _, hasNot := range []string{"AGENT_SECRET", "agent.sock", "\nPORT="} {
		if strings.Contains(env, hasNot) {
			t.Errorf("the environment has %q", hasNot)
		}
	}
	if dir := mustGet(t, i.Endpoint+"/dir"); dir != data {
		t.Errorf("works in %q, want %q", dir, data)
	}
}

func TestReadyByConnection(t *testing.T) {
	l := startLab(t)
	g := makeRelease(t, "tcp", "never-ready") // /readyz says no, but nobody asks
	d := want(1, run(g, 1, 0))
	d.Config = []byte(`{"listen":"127.0.0.1:0"}`)
	l.deliver(g)
	l.apply(d)
	l.untilReady(g, 1)
}

func TestReadinessComesAndGoes(t *testing.T) {
	l := startLab(t)
	g := makeRelease(t, "good")
	l.roll(1, g, 1)
	preview := l.instance(g).Endpoint
	// The only replica is asked to be unready, and later, on its own port
	// since no traffic reaches it through the proxy, to be ready.
	mustGet(t, preview+"/unready")
	l.eventually(5*time.Second, "it is out", func() bool { return l.instance(g).Ready == 0 })
	mustGet(t, "http://127.0.0.1:"+portOf(t, l.dir)+"/ready")
	if i := l.untilReady(g, 1); i.Problem != nil || i.Weight != 100 || i.Sample.Restarts != 0 {
		t.Errorf("after it came back: %+v", i)
	}
}

func TestStickyByHeader(t *testing.T) {
	l := startLab(t)
	a, b := makeRelease(t, "a"), makeRelease(t, "b")
	d := want(1, run(a, 1, 0), run(b, 1, 0))
	d.Config = []byte(`{"listen":"127.0.0.1:0","ready":{"http":"/readyz"},"sticky":"header","sticky-name":"X-User"}`)
	l.deliver(a, b)
	l.apply(d)
	l.untilReady(a, 1)
	l.untilReady(b, 1)
	d.Releases[0].Weight, d.Releases[1].Weight = 50, 50
	l.apply(d)
	seen := map[string]bool{}
	for user := range 20 {
		first := ""
		for range 3 {
			body := getAs(t, l.observe().Endpoint, string(rune('a'+user)))
			if first == "" {
				first = body
			}
			if body != first {
				t.Fatalf("user %d met %q and %q", user, first, body)
			}
		}
		seen[first] = true
	}
	if len(seen) != 2 {
		t.Errorf("all users met %v", seen)
	}
}

func TestTheWholeGroupHasTheGrace(t *testing.T) {
	l := startLab(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// The shell ends at once; the service behind it still has to write a file.
	script := fmt.Sprintf("#!/bin/sh\n'%s' service behind slow-end &\ntrap 'exit 0' TERM\nwait\n", self)
	g := makeReleaseOf(t, map[string][]byte{"run.sh": []byte(script)}, "run.sh")
	l.roll(1, g, 1)
	l.apply(want(2))
	l.eventually(5*time.Second, "it is gone", func() bool { return len(l.observe().Releases) == 0 })
	if _, err := os.Stat(filepath.Join(l.dir, "data", "staging", "shop", "ended")); err != nil {
		t.Errorf("the service was cut: %v", err)
	}
}

func TestPortTakenByAnother(t *testing.T) {
	l := startLab(t)
	g := makeRelease(t, "robbed", "slow-start")
	l.deliver(g)
	l.apply(want(1, run(g, 1, 0)))
	port := ""
	l.eventually(5*time.Second, "it starts", func() bool { port = portOf(t, l.dir); return port != "" })
	thief, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	defer thief.Close()
	if i := l.untilReady(g, 1); i.Sample.Restarts != 0 || i.Problem != nil {
		t.Errorf("the theft is held against the release: %+v", i)
	}
	if now := portOf(t, l.dir); now == port {
		t.Error("it has the same port")
	}
}

// portOf gives the port of a replica that runs; "" when none does.
func portOf(t *testing.T, dir string) string {
	t.Helper()
	for _, environ := range alive(t, dir) {
		b, _ := os.ReadFile(environ)
		for v := range strings.SplitSeq(string(b), "\x00") {
			if port, ok := strings.CutPrefix(v, "PORT="); ok {
				return port
			}
		}
	}
	return ""
}
