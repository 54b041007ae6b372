package e2e

import (
	"bufio"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"fairlead.dev/target/process"
)

// endAll ends, each by its id, every process that a test left below a directory:
// first what would start an agent again, then the agents in order, with all that
// they run, then whatever is left.
func endAll(dir string) {
	for _, p := range left(dir) {
		if p.agent == "" && !p.replica {
			p.kill()
		}
	}
	for _, p := range left(dir) {
		if p.agent != "" {
			ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
			_ = process.Dial(p.agent).Shutdown(ctx)
			cancel()
		}
	}
	for _, p := range left(dir) {
		p.kill()
	}
}

// leftover is a process that works below a directory, or was told of it.
type leftover struct {
	pid     int
	agent   string // the directory of an agent; "" for anything else
	replica bool   // an agent runs it
}

func (l leftover) kill() {
	if p, err := os.FindProcess(l.pid); err == nil {
		_ = p.Kill()
	}
}

// left finds the processes that have to do with a directory.
func left(dir string) []leftover {
	var all []leftover
	paths, _ := filepath.Glob("/proc/[0-9]*")
	for _, path := range paths {
		pid, err := strconv.Atoi(filepath.Base(path))
		if err != nil || pid == os.Getpid() {
			continue
		}
		line, _ := os.ReadFile(filepath.Join(path, "cmdline"))
		at, _ := os.Readlink(filepath.Join(path, "cwd"))
		words := strings.Split(string(line), "\x00")
		// One directory's name may be the beginning of another's.
		about := func(word string) bool { return strings.HasSuffix(word, dir) || strings.Contains(word, dir+"/") }
		if !slices.ContainsFunc(append(words, at), about) {
			continue
		}
		l := leftover{pid: pid, replica: strings.Contains(at, "/private/agent/")}
		if i := slices.Index(words, "--agent-dir"); i > 0 && i+1 < len(words) {
			l.agent = words[i+1]
		}
		all = append(all, l)
	}
	return all
}

// A run that goes on in the background starts the agent again when that is ended
// first: nothing of both is left.
func TestNothingGoesOnAfterATest(t *testing.T) {
	t.Parallel()
	l := newLab(t, "")
	config, err := os.ReadFile(filepath.Join(l.dir, "fairlead.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	l.write("fairlead.yaml", strings.ReplaceAll(string(config), "150ms", "10m"))
	l.commit("long")
	cmd := l.fairlead(nil, "run")
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(out); lines.Scan() && !strings.Contains(lines.Text(), "% of traffic"); {
	}
	endAll(l.dir)
	if err := cmd.Wait(); err == nil {
		t.Error("the run has ended by itself")
	}
	for end := time.Now().Add(time.Minute); len(left(l.dir)) > 0; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("left are %v", left(l.dir))
		}
	}
}
