package e2e

import (
	"errors"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"fairlead.dev/internal/pgtest"
)

// TestSharedByTwoRepositories: repositories that share one PostgreSQL never
// take over, roll back or steer what belongs to the other.
func TestSharedByTwoRepositories(t *testing.T) {
	database := pgtest.Start(t)
	a, b := newLabOf(t, database, "alpha"), newLabOf(t, database, "beta")
	a.commit("2")
	if out, err := a.fairlead(nil, "run").CombinedOutput(); err != nil {
		t.Fatalf("second release: %v\n%s", err, out)
	}

	b.refused(1, "was released to staging from another repository", "rollback", "staging", "--service", "alpha")
	if out, err := a.fairlead(nil, "rollback", "staging").CombinedOutput(); err != nil {
		t.Errorf("a repository rolls its own service back: %v\n%s", err, out)
	}

	a.commit("3")
	out, err := a.fairlead([]string{"FAIRLEAD_FAILPOINT=ran task build"}, "run").Output()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Fatalf("the run was to be killed: %v\n%s", err, out)
	}
	run := strings.Fields(string(out))[1]
	if out, err := b.fairlead(nil, "resume").CombinedOutput(); err != nil || !strings.Contains(string(out), "nothing to resume") {
		t.Errorf("beta resumes: %v\n%s", err, out)
	}
	for _, words := range [][]string{{"resume", run}, {"cancel", run}, {"retry", run}} {
		b.refused(1, "it belongs to another repository", words...)
	}
	if out, err := b.fairlead(nil, "why").CombinedOutput(); err != nil || strings.Contains(string(out), run) {
		t.Errorf("beta explains alpha's run: %v\n%s", err, out)
	}
	if out, err := a.fairlead(nil, "resume").CombinedOutput(); err != nil || !strings.Contains(string(out), "success") {
		t.Errorf("alpha resumes: %v\n%s", err, out)
	}
}

// refused holds an exit code and words of a command that is not done.
func (l *lab) refused(code int, words string, args ...string) {
	l.t.Helper()
	out, err := l.fairlead(nil, args...).CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != code || !strings.Contains(string(out), words) {
		l.t.Errorf("%v: %v, want code %d and %q\n%s", args, err, code, words, out)
	}
}
