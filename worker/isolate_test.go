package worker_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fairlead.dev"
	"fairlead.dev/flow"
	"fairlead.dev/intake/worktree"
	"fairlead.dev/worker"
)

// guarded is a shed whose worker hides its state directory and protects the
// repository, as the program does.
func guarded(t *testing.T) (s *shed, state string) {
	t.Helper()
	s = newShed(t)
	state = filepath.Join(s.repo, ".fairlead")
	s.work = filepath.Join(state, "work")
	must(t, os.MkdirAll(filepath.Join(state, "private"), 0o700))
	must(t, os.MkdirAll(s.work, 0o700))
	must(t, os.WriteFile(filepath.Join(state, "private", "key"), []byte("the-signing-key"), 0o600))
	repo, err := worktree.Open(t.Context(), s.repo)
	must(t, err)
	s.opts.Dir, s.opts.Hide, s.opts.ReadOnly = s.work, []string{state}, repo.Protected()
	return s, state
}

// What one task does to directories and git's settings does not help the next
// one to the key.
func TestTaskCannotReachTheKey(t *testing.T) {
	s, state := guarded(t)
	w := worker.New(s.opts)
	for _, script := range []string{
		"mv STATE REPO/.fl2; mkdir -p STATE/private STATE/work; mv REPO REPO-2; mkdir -p REPO/.fairlead/private; mkdir bin; touch bin/shop",
		"echo '[core] fsmonitor = touch /tmp/x' >>REPO/.git/config; mkdir bin; touch bin/shop",
		"cat STATE/private/key REPO/.fl2/private/key REPO-2/.fairlead/private/key; find REPO -name key; git log -1 --format=%s; mkdir bin; touch bin/shop",
	} {
		o := s.build(strings.NewReplacer("STATE", state, "REPO", s.repo).Replace(script))
		tr, ev, err := w.Execute(t.Context(), o)
		must(t, err)
		s.record(o, tr, ev)
		if out := s.output(o); strings.Contains(out, "the-signing-key") {
			t.Errorf("%s: %s: %s", script, tr.Result, out)
		}
	}
	config, err := os.ReadFile(filepath.Join(s.repo, ".git", "config"))
	if key, kerr := os.ReadFile(filepath.Join(state, "private", "key")); kerr != nil || err != nil || string(key) != "the-signing-key" || strings.Contains(string(config), "fsmonitor") {
		t.Errorf("key %q, %v; config %q, %v", key, kerr, config, err)
	}
}

// A task neither sees nor changes the workspace of one that runs at the same time.
func TestTasksAreApart(t *testing.T) {
	s, _ := guarded(t)
	w := worker.New(s.opts)
	victim := s.build("mkdir bin; echo good >bin/shop; sleep 60 & while ! test -e go; do sleep 0.01; done")
	src := filepath.Join(s.work, worker.WorkspaceName(victim.RunID, "task"), "1", "src")
	type ended struct {
		tr  fairlead.TaskRun
		err error
	}
	done := make(chan ended, 1)
	go func() {
		tr, _, err := w.Execute(t.Context(), victim)
		done <- ended{tr, err}
	}()
	s.eventually("the victim has built", func() bool { _, err := os.Stat(filepath.Join(src, "bin", "shop")); return err == nil })
	attack := s.build(fmt.Sprintf("ls %[1]s; echo evil >%[1]s/bin/shop", src), func(o *flow.Order) { o.RunID, o.Task.ID = victim.RunID, "other" })
	tr, _, err := w.Execute(t.Context(), attack)
	must(t, err)
	if out := s.output(attack); tr.Result != fairlead.ResultFailure || strings.Contains(out, "main.txt") {
		t.Errorf("the attack: %s: %s", tr.Result, out)
	}
	must(t, os.WriteFile(filepath.Join(src, "go"), nil, 0o600))
	select {
	case e := <-done:
		must(t, e.err)
		if got := s.content(e.tr, "bin/shop"); got != "good\n" {
			t.Errorf("the victim's artifact is %q", got)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the victim did not end")
	}
}

// Once the state directory is another one than at the start, nothing runs.
func TestReplacedStateIsNotTrusted(t *testing.T) {
	s, state := guarded(t)
	w := worker.New(s.opts)
	must(t, os.Rename(state, state+"2"))
	must(t, os.MkdirAll(filepath.Join(state, "work"), 0o700))
	tr, _, err := w.Execute(t.Context(), s.build("mkdir bin; touch bin/shop"))
	must(t, err)
	if tr.Result != fairlead.ResultError || tr.Fault == nil || tr.Fault.Kind != fairlead.KindUnavailable || !strings.Contains(tr.Reason, "put in its place") {
		t.Errorf("%s: %s", tr.Result, tr.Reason)
	}
	s.opts.Hide = []string{filepath.Join(state, "none")}
	if tr, _ = s.execute(s.build("true")); tr.Result != fairlead.ResultError || !strings.Contains(tr.Reason, "hide") {
		t.Errorf("nothing to hide: %s: %s", tr.Result, tr.Reason)
	}
}
