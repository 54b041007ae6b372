package e2e

import (
	"errors"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"fairlead.dev/internal/pgtest"
)

// The sentence these tests prove: a run that waits for people survives every
// death of every process, and goes on where it waited.

func TestWaitingSurvivesOnSQLite(t *testing.T) { waitThroughDeaths(t, "") }

func TestWaitingSurvivesOnPostgreSQL(t *testing.T) { waitThroughDeaths(t, pgtest.Start(t)) }

// waitThroughDeaths kills the control plane at each checkpoint around the wait,
// and then lets the two people approve.
func waitThroughDeaths(t *testing.T, database string) {
	t.Parallel()
	l := newLab(t, database)
	keys := l.guard("alice", "bob")
	for i, point := range []string{
		"ran decide", "after decide", "ran look at release 0", "after look at release 0", "ran note release 0", "after note release 0",
	} {
		l.commit("wait-" + string(rune('a'+i)))
		out, err := l.fairlead([]string{"FAIRLEAD_FAILPOINT=" + point}, "run").CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
			t.Fatalf("%s: the run was to be killed: %v\n%s", point, err, out)
		}
		l.exits(3, point, nil, "resume")
		run := l.waitingRun(point)
		l.exits(0, point, nil, "approve", run, "--key", keys["alice"])
		// The process that gives the last approval dies before it goes on: the next one does.
		died := "after look at release 2"
		out, err = l.fairlead([]string{"FAIRLEAD_FAILPOINT=" + died}, "approve", run, "--key", keys["bob"]).CombinedOutput()
		if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
			// One look saw both approvals.
			if err != nil {
				t.Fatalf("%s: approve: %v\n%s", point, err, out)
			}
		} else {
			l.exits(0, point, nil, "resume")
		}
		l.holdFinished(point)
	}
}

// guard adds people with keys to the configuration, who all have to approve.
func (l *lab) guard(names ...string) map[string]string {
	l.t.Helper()
	me, err := user.Current()
	if err != nil {
		l.t.Fatal(err)
	}
	keys, text := map[string]string{}, "people:\n  author: {emails: [d@example.org], accounts: [author]}\n"
	for _, n := range names {
		keys[n] = filepath.Join(l.t.TempDir(), n)
		if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", keys[n]).CombinedOutput(); err != nil {
			l.t.Fatalf("%v\n%s", err, out)
		}
		public, err := os.ReadFile(keys[n] + ".pub")
		if err != nil {
			l.t.Fatal(err)
		}
		text += "  " + n + ": {emails: [" + n + "@example.org], accounts: [not-" + me.Username + "-" + n + "], keys: ['" + strings.TrimSpace(string(public)) + "']}\n"
	}
	text += "gates:\n  - {name: everybody, require: {approvals: " + string(rune('0'+len(names))) + "}}\n"
	config, err := os.ReadFile(filepath.Join(l.dir, "fairlead.yaml"))
	if err != nil {
		l.t.Fatal(err)
	}
	l.write("fairlead.yaml", string(config)+text)
	return keys
}

// exits holds the exit code of a command.
func (l *lab) exits(code int, where string, env []string, args ...string) {
	l.t.Helper()
	out, err := l.fairlead(env, args...).CombinedOutput()
	got := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	}
	if got != code {
		l.t.Fatalf("%s: fairlead %v exits with %d, not %d\n%s", where, args, got, code, out)
	}
}

// waitingRun gives the one run that waits.
func (l *lab) waitingRun(where string) string {
	l.t.Helper()
	out, err := l.fairlead(nil, "status").CombinedOutput()
	if err != nil {
		l.t.Fatalf("%s: %v\n%s", where, err, out)
	}
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "waits for people") {
			return strings.Fields(line)[0]
		}
	}
	l.t.Fatalf("%s: nothing waits\n%s", where, out)
	return ""
}
