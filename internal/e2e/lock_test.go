package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"fairlead.dev/internal/pgtest"
)

// The sentence these tests prove: whoever pushes three times in a row finds all
// three, the newest, or whichever was ready first, released, as the environment
// says; never two at once, and nothing dropped in silence.

// push is one `fairlead run` among several.
type push struct {
	l   *lab
	cmd *exec.Cmd
	mu  sync.Mutex
	out bytes.Buffer
}

func (p *push) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.Write(b)
}

func (p *push) said() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.String()
}

// push commits a version and runs it in a process of its own. A release with a
// gate becomes ready when that file is there.
func (l *lab) push(version, lock, gate string) *push {
	l.t.Helper()
	path := filepath.Join(l.dir, "fairlead.yaml")
	b, err := os.ReadFile(path)
	if err != nil {
		l.t.Fatal(err)
	}
	lines := strings.Split(string(b), "\n")
	i := slices.IndexFunc(lines, func(s string) bool { return strings.HasPrefix(s, "  staging:") })
	at := strings.TrimPrefix(l.url, "http://")
	lines[i] = "  staging: {security: none, " + lock + ", target: {process: {command: [./tiny.bin], env: {TINY_GATE: '" + gate + `'}, replicas: 2, listen: "` + at + `", ready: {http: /}}}}`
	l.write("fairlead.yaml", strings.Join(lines, "\n"))
	l.commit(version)
	p := &push{l: l, cmd: l.fairlead(nil, "run")}
	p.cmd.Stdout, p.cmd.Stderr = p, p
	if err := p.cmd.Start(); err != nil {
		l.t.Fatal(err)
	}
	return p
}

// until waits until the run says something.
func (p *push) until(words string) *push {
	p.l.t.Helper()
	for end := time.Now().Add(2 * time.Minute); !strings.Contains(p.said(), words); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			p.l.t.Fatalf("it never says %q:\n%s", words, p.said())
		}
	}
	return p
}

func (p *push) id() string { return strings.Fields(p.said())[1] }

// ends waits for a run's end and holds its exit code and words.
func (p *push) ends(code int, words ...string) {
	p.l.t.Helper()
	_ = p.cmd.Wait()
	if got := p.cmd.ProcessState.ExitCode(); got != code {
		p.l.t.Errorf("it exits with %d, want %d:\n%s", got, code, p.said())
	}
	for _, w := range words {
		if !strings.Contains(p.said(), w) {
			p.l.t.Errorf("it does not say %q:\n%s", w, p.said())
		}
	}
}

// deployed gives the releases that became live, by commit message, oldest first.
func (l *lab) deployed() []string {
	l.t.Helper()
	out, err := l.fairlead(nil, "env", "show", "staging", "--json").Output()
	if err != nil {
		l.t.Fatal(err)
	}
	var order []string
	for line := range strings.Lines(string(out)) {
		if commit, ok := strings.CutPrefix(strings.TrimSpace(line), `"commit": "`); ok {
			order = append(order, strings.Trim(commit, "\",\n"))
		}
	}
	return order
}

func open(t *testing.T, gate string) {
	t.Helper()
	if err := os.WriteFile(gate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestThreePushesInARow(t *testing.T) {
	for name, database := range map[string]func(*testing.T) string{
		"SQLite": func(*testing.T) string { return "" }, "PostgreSQL": func(t *testing.T) string { return pgtest.Start(t) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, database(t))
			stop := l.visitors()
			l.threeInARow("serialize", 0, 0, 0)
			l.threeInARow("supersede", 0, 1, 0)
			l.threeInARow("parallel", 0, 0, 0)
			l.cancelRunning()
			l.deadHead()
			if sent, failures := stop(); len(failures) > 0 {
				t.Errorf("%d of %d requests failed, the first with %s", len(failures), sent, failures[0])
			}
		})
	}
}

func (l *lab) threeInARow(mode string, codes ...int) {
	l.t.Helper()
	gate := filepath.Join(l.t.TempDir(), mode)
	lock := "lock: " + mode
	first := l.push(mode+"-1", lock, gate).until("is delivered and started")
	second := l.push(mode+"-2", lock, "").until("waits in line for staging of tiny")
	third := l.push(mode+"-3", lock, "").until("waits in line for staging of tiny")
	out, err := l.fairlead(nil, "status").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "in line") || !strings.Contains(string(out), third.id()) {
		l.t.Errorf("status does not show the line: %v\n%s", err, out)
	}
	why, err := l.fairlead(nil, "why", third.id()).CombinedOutput()
	if err != nil || !strings.Contains(string(why), first.id()+"/deployment moves it") {
		l.t.Errorf("why does not say who moves it: %v\n%s", err, why)
	}
	open(l.t, gate)
	first.ends(codes[0], "success")
	if codes[1] == 0 {
		second.ends(0, "success")
	} else {
		second.ends(codes[1], "superseded by run "+third.id(), "`fairlead watch "+third.id()+"`", "`fairlead retry "+second.id()+"`")
		why, err := l.fairlead(nil, "why", second.id()).CombinedOutput()
		if err != nil || !strings.Contains(string(why), "run "+third.id()+" goes instead") {
			l.t.Errorf("why does not say who went instead: %v\n%s", err, why)
		}
	}
	third.ends(codes[2], "success")
	l.holdStill(mode)
	if mode != "parallel" {
		out, err := exec.Command("git", "-C", l.dir, "rev-parse", "HEAD").Output()
		if got := l.deployed(); err != nil || len(got) == 0 || got[0] != strings.TrimSpace(string(out)) {
			l.t.Errorf("%s: the newest push is not live: %v %v", mode, got, err)
		}
	}
}

func (l *lab) cancelRunning() {
	l.t.Helper()
	lock := "lock: supersede, cancel-running: true"
	first := l.push("cancel-1", lock, filepath.Join(l.t.TempDir(), "never")).until("is delivered and started")
	second := l.push("cancel-2", lock, "")
	second.ends(0, "success")
	first.ends(1, "superseded by run "+second.id(), "rolled back: all traffic is on release")
	l.holdStill("cancel running")
}

// deadHead: a process that is killed while it moves, or while others wait
// behind it, holds nobody up: who waits goes on with its run.
func (l *lab) deadHead() {
	l.t.Helper()
	gate := filepath.Join(l.t.TempDir(), "dead")
	first := l.push("dead-1", "lock: serialize", gate).until("is delivered and started")
	second := l.push("dead-2", "lock: serialize", "").until("waits in line for staging of tiny")
	third := l.push("dead-3", "lock: serialize", "").until("waits in line for staging of tiny")
	for _, p := range []*push{first, second} {
		if err := p.cmd.Process.Signal(syscall.SIGKILL); err != nil {
			l.t.Fatal(err)
		}
		_ = p.cmd.Wait()
	}
	open(l.t, gate)
	third.ends(0, "success")
	if out, err := l.fairlead(nil, "resume").CombinedOutput(); err != nil { // what was still to be written of the others
		l.t.Errorf("resume: %v\n%s", err, out)
	}
	for _, p := range []*push{first, second} {
		out, err := l.fairlead(nil, "why", p.id()).CombinedOutput()
		if err != nil || !strings.Contains(string(out), "success after") {
			l.t.Errorf("%s was lost: %v\n%s", p.id(), err, out)
		}
	}
	l.holdStill("killed at the head of the line")
}
