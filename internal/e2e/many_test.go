package e2e

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"fairlead.dev"
	"fairlead.dev/store"
)

// How much TestManyWait does; `make bench-waiting` asks for fifty runs.
var (
	manyRuns = flag.Int("waiting", 5, "runs of TestManyWait")
	manySpan = flag.Duration("watched", 2*time.Second, "for how long TestManyWait measures the server that they wait in")
)

// TestManyWait: many runs wait for people at the same time, as they would for
// days. Servers are killed under them and started again; none is lost, waiting
// costs next to nothing, and all go on when somebody approves.
func TestManyWait(t *testing.T) {
	t.Parallel()
	l := newLab(t, "")
	config, err := os.ReadFile(filepath.Join(l.dir, "fairlead.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	l.write("fairlead.yaml", strings.Replace(string(config), "staging: {", "staging: {lock: parallel, ", 1))
	keys := l.guard("alice")
	var runs, versions []string
	for i := range *manyRuns {
		versions = append(versions, fmt.Sprintf("many-%d", i))
		l.commit(versions[i])
		runs = append(runs, l.begunWaiting())
	}
	for death := range 3 {
		s := l.serveAll(runs)
		if death == 1 {
			s.measure(t, len(runs), *manySpan)
		}
		if err := s.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = s.Wait()
	}
	s := l.serveAll(runs)
	defer func() {
		_ = s.Process.Signal(syscall.SIGTERM)
		_ = s.Wait()
	}()
	began := time.Now()
	for _, id := range runs {
		l.exits(0, "approve "+id, nil, "approve", id, "--key", keys["alice"])
	}
	t.Logf("| all approved one after the other, and live, within | %s |", time.Since(began).Round(time.Second))
	for i, id := range runs {
		run := l.runOf(id)
		if run.Result != fairlead.ResultSuccess || run.Waiting != nil {
			t.Errorf("%s: %s: %s, waiting %v", id, run.Result, run.Reason, run.Waiting)
		}
		l.holdEffects(versions[i], id)
	}
}

var began = regexp.MustCompile(`(?m)^run (r\S+)`)

// begunWaiting starts a run that has to wait, and gives its id.
func (l *lab) begunWaiting() string {
	l.t.Helper()
	out, err := l.fairlead(nil, "run").CombinedOutput()
	var exit *exec.ExitError
	id := began.FindSubmatch(out)
	if !errors.As(err, &exit) || exit.ExitCode() != 3 || id == nil {
		l.t.Fatalf("it was to wait: %v\n%s", err, out)
	}
	return string(id[1])
}

// server is a `fairlead serve` that goes on with all runs.
type server struct{ *exec.Cmd }

// serveAll starts a server and waits until it has taken all runs over.
func (l *lab) serveAll(runs []string) server {
	l.t.Helper()
	s := server{l.fairlead(nil, "serve")}
	pipe, err := s.StdoutPipe()
	if err != nil {
		l.t.Fatal(err)
	}
	if err := s.Start(); err != nil {
		l.t.Fatal(err)
	}
	left := map[string]bool{}
	for _, id := range runs {
		left[id] = true
	}
	all := make(chan struct{})
	go func() {
		for lines := bufio.NewScanner(pipe); lines.Scan(); {
			id, taken := strings.CutPrefix(lines.Text(), "took over ")
			if taken && left[id] {
				if delete(left, id); len(left) == 0 {
					close(all)
				}
			}
		}
	}()
	select {
	case <-all:
	case <-time.After(2 * time.Minute):
		_ = s.Process.Kill()
		l.t.Fatal("the server does not take all of them over")
	}
	return s
}

// measure says what it costs that they wait.
func (s server) measure(t *testing.T, runs int, span time.Duration) {
	t.Helper()
	pid, before := s.Process.Pid, ticks(t, s.Process.Pid)
	time.Sleep(span) // what is measured is that time passes
	used := time.Duration(ticks(t, pid)-before) * 10 * time.Millisecond
	t.Logf("| runs that wait | %d |", runs)
	t.Logf("| processor while they wait | %.2f %% of one core, over %s |", 100*used.Seconds()/span.Seconds(), span)
	t.Logf("| memory while they wait | %s (peak %s) |", mebibytes(status(pid, "VmRSS")<<10), mebibytes(status(pid, "VmHWM")<<10))
	if m := status(pid, "VmRSS") << 10; m > 500<<20 {
		t.Errorf("%s to wait with %d runs", mebibytes(m), runs)
	}
}

// ticks is the processor time of a process, in hundredths of a second.
func ticks(t *testing.T, pid int) int64 {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	user, _ := strconv.ParseInt(fields[11], 10, 64)
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	return user + system
}

// runOf gives what is recorded of a run.
func (l *lab) runOf(id string) fairlead.Run {
	l.t.Helper()
	db, err := store.Open(l.t.Context(), "sqlite:"+filepath.Join(l.dir, ".fairlead", "private", "fairlead.db"))
	if err != nil {
		l.t.Fatal(err)
	}
	defer db.Close()
	run, err := db.Run(l.t.Context(), id)
	if err != nil {
		l.t.Fatal(err)
	}
	return run
}
