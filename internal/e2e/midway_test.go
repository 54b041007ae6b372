package e2e

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"fairlead.dev/target/process"
)

// begun starts a run and waits until its output says something.
func (l *lab) begun(until string) (*exec.Cmd, func() string) {
	l.t.Helper()
	path := filepath.Join(l.t.TempDir(), "out")
	out, err := os.Create(path)
	if err != nil {
		l.t.Fatal(err)
	}
	defer out.Close()
	cmd := l.fairlead(nil, "run")
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		l.t.Fatal(err)
	}
	said := func() string {
		b, err := os.ReadFile(path)
		if err != nil {
			l.t.Fatal(err)
		}
		return string(b)
	}
	for end := time.Now().Add(30 * time.Second); !strings.Contains(said(), until); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			l.t.Fatalf("it never says %q:\n%s", until, said())
		}
	}
	return cmd, said
}

// slower gives the lab's canary a long first stage.
func (l *lab) slower() {
	l.t.Helper()
	path := filepath.Join(l.dir, "fairlead.yaml")
	b, err := os.ReadFile(path)
	if err != nil {
		l.t.Fatal(err)
	}
	l.write("fairlead.yaml", strings.Replace(string(b), "weight: 20, for: 150ms", "weight: 20, for: 1m", 1))
}

// TestInterruptMidway: one interrupt in the middle of a canary rolls it back
// in order and leaves nothing behind.
func TestInterruptMidway(t *testing.T) {
	l := newLab(t, "")
	l.slower()
	l.commit("interrupted")
	cmd, said := l.begun("20% of traffic")
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 1 {
		t.Errorf("exit code %d\n%s", code, said())
	}
	for _, want := range []string{"cancelling", "all traffic is back on release", "cancellation"} {
		if !strings.Contains(said(), want) {
			t.Errorf("it does not say %q:\n%s", want, said())
		}
	}
	l.holdStill("interrupt")
}

// holdStill holds that nothing moves, nothing is unfinished and the service answers.
func (l *lab) holdStill(what string) {
	l.t.Helper()
	out, err := l.fairlead(nil, "status", "--json").Output()
	if err != nil || strings.Contains(string(out), `"moving"`) || !strings.Contains(string(out), `"unfinished": []`) {
		l.t.Errorf("%s: something is left: %v\n%s", what, err, out)
	}
	if err := visit(l.url, "v"); err != nil {
		l.t.Errorf("%s: %v", what, err)
	}
}

// TestAgentKilledMidway: when the agent itself is killed in the middle of a
// canary, it is started again, nothing is leaked, and the run ends in order.
func TestAgentKilledMidway(t *testing.T) {
	l := newLab(t, "")
	l.slower()
	l.commit("agent-killed")
	cmd, said := l.begun("20% of traffic")
	health, err := process.Dial(filepath.Join(l.dir, ".fairlead", "private", "agent")).Health(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(health.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(20 * time.Second); visit(l.url, "v") != nil; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the service does not come back\n%s", said())
		}
	}
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if !strings.Contains(said(), "rolled back") {
		t.Errorf("it was not rolled back:\n%s", said())
	}
	l.holdStill("agent killed")
}

// TestKilledInsideATask: a command that was cut off with its control plane is
// gone, and the next process does the task anew, once.
func TestKilledInsideATask(t *testing.T) {
	l := newLab(t, "")
	path := filepath.Join(l.dir, "fairlead.yaml")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	gate := filepath.Join(t.TempDir(), "go-on")
	l.write("fairlead.yaml", strings.Replace(string(b), "{run: 'cp ", "{run: 'echo begun >>$TINY_EFFECTS; while ! test -e "+gate+"; do sleep 0.05; done; cp ", 1))
	l.commit("cut-off")
	cmd, _ := l.begun("build starts")
	for end := time.Now().Add(20 * time.Second); !strings.Contains(l.effectsNow(), "begun"); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the build does not begin")
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if err := os.WriteFile(gate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := l.fairlead(nil, "resume").CombinedOutput(); err != nil {
		t.Fatalf("resume: %v\n%s", err, out)
	}
	l.holdFinished("killed inside a task")
	l.holdEffects("cut-off", "killed inside a task")
}

func (l *lab) effectsNow() string {
	b, err := os.ReadFile(l.effects)
	if err != nil {
		l.t.Fatal(err)
	}
	return string(b)
}

// TestServeBeginsWithWhatWaits: a server that starts finishes the runs that a
// dead process left, without being asked.
func TestServeBeginsWithWhatWaits(t *testing.T) {
	l := newLab(t, "")
	l.commit("left behind")
	if out, err := l.fairlead([]string{"FAIRLEAD_FAILPOINT=ran decide"}, "run").CombinedOutput(); err == nil {
		t.Fatalf("the run was to be killed\n%s", out)
	}
	serve := l.fairlead(nil, "serve")
	if err := serve.Start(); err != nil {
		t.Fatal(err)
	}
	out, err := l.fairlead(nil, "watch").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "is live in staging") {
		t.Errorf("watch: %v\n%s", err, out)
	}
	if err := serve.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := serve.Wait(); err != nil {
		t.Errorf("serve: %v", err)
	}
	l.holdFinished("serve")
}

// TestServeStopsInOrder: a server that is told to stop, even in its first
// moment, ends with success.
func TestServeStopsInOrder(t *testing.T) {
	l := newLab(t, "")
	for range 10 {
		serve := l.fairlead(nil, "serve")
		out, err := serve.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := serve.Start(); err != nil {
			t.Fatal(err)
		}
		if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "ready\n" {
			t.Fatalf("serve says %q: %v", line, err)
		}
		if err := serve.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if err := serve.Wait(); err != nil {
			t.Fatalf("serve: %v", err)
		}
	}
}
