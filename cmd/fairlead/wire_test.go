package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fairlead.dev"
	"fairlead.dev/cli"
	"fairlead.dev/command"
	"fairlead.dev/confine"
	stepall "fairlead.dev/step/all"
	"fairlead.dev/target/process"
)

func TestMain(m *testing.M) {
	command.Guard()
	process.Guard()
	confine.Guard(stepall.Types)
	os.Exit(m.Run())
}

// checkout makes a real repository with one commit.
func checkout(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		write(t, filepath.Join(dir, name), content)
	}
	return commitAll(t, dir)
}

// commitAll makes a directory a repository with one commit of all that is there.
func commitAll(t *testing.T, dir string) string {
	t.Helper()
	for _, args := range [][]string{{"init", "-q", "-b", "main"}, {"add", "-A"}, {"commit", "-q", "--allow-empty", "-m", "First"}} {
		cmd := exec.Command("git", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "GIT_AUTHOR_NAME=Ada",
			"GIT_AUTHOR_EMAIL=ada@example.org", "GIT_COMMITTER_NAME=Ada", "GIT_COMMITTER_EMAIL=ada@example.org")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	return dir
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// say runs one command line, wired as the program is.
func say(t *testing.T, args ...string) (code int, out, errs string) {
	t.Helper()
	var o, e bytes.Buffer
	stdio := cli.Stdio{In: strings.NewReader(""), Out: &o, Err: &e}
	code = cli.Run(t.Context(), args, stdio, wire(stdio, variables{}))
	return code, o.String(), e.String()
}

const checked = `version: 1
service: shop
tests:
  unit: {run: 'echo 1..1; echo ok 1 - adds', report: tap}
`

func TestPlanOfARepository(t *testing.T) {
	dir := checkout(t, map[string]string{"fairlead.yaml": checked})
	code, out, errs := say(t, "-C", dir, "plan", "--json")
	var p fairlead.Plan
	if err := json.Unmarshal([]byte(out), &p); err != nil || code != 0 {
		t.Fatalf("exit %d, %v\n%s%s", code, err, out, errs)
	}
	if p.Service != "shop" || p.Environment != "production" || p.Hash == "" || p.Inputs.Flow == "" || len(p.Reasons) == 0 ||
		!slices.ContainsFunc(p.Tasks, func(task fairlead.Task) bool { return task.Type == "test.command" }) {
		t.Errorf("plan %+v", p)
	}
	if _, err := os.Stat(filepath.Join(dir, ".fairlead")); err == nil {
		t.Error("planning leaves a state directory")
	}
}

// A verified change that releases nothing goes all the way, and is on record.
func TestRunOfARepository(t *testing.T) {
	dir := checkout(t, map[string]string{"fairlead.yaml": checked})
	code, out, errs := say(t, "-C", dir, "run")
	if code != 0 || !strings.Contains(out, "verified; nothing to release") || errs != "" {
		t.Fatalf("exit %d\n%s%s", code, out, errs)
	}
	if code, out, _ = say(t, "-C", dir, "status"); code != 0 || !strings.Contains(out, "success") {
		t.Errorf("status: exit %d\n%s", code, out)
	}
	if code, out, _ = say(t, "-C", dir, "logs", "", "unit"); code != 0 || !strings.Contains(out, "ok 1 - adds") {
		t.Errorf("logs: exit %d\n%s", code, out)
	}
	if code, out, _ = say(t, "-C", dir, "why", "--json"); code != 0 || !json.Valid([]byte(out)) {
		t.Errorf("why: exit %d\n%s", code, out)
	}
	if code, _, errs = say(t, "-C", dir, "retry"); code != 1 || !strings.Contains(errs, "it has succeeded") {
		t.Errorf("retry: exit %d\n%s", code, errs)
	}
}

func TestRefusals(t *testing.T) {
	clean := checkout(t, map[string]string{"fairlead.yaml": checked})
	dirty := checkout(t, map[string]string{"fairlead.yaml": checked})
	write(t, filepath.Join(dirty, "new.txt"), "new")
	broken := checkout(t, map[string]string{"fairlead.yaml": "version: 1\nservise: shop\n"})
	nowhere := t.TempDir()
	for _, tt := range []struct {
		args  []string
		code  int
		words string
	}{
		{[]string{"-C", nowhere, "plan"}, 2, "git"},
		{[]string{"-C", dirty, "run"}, 2, "uncommitted changes: new.txt"},
		{[]string{"-C", clean, "plan", "--event", "party"}, 2, `no event "party"`},
		{[]string{"-C", clean, "plan", "--branch", "nope"}, 2, "nope"},
		{[]string{"-C", broken, "plan"}, 2, "service"},
		{[]string{"-C", broken, "config", "lint"}, 2, "fairlead.yaml:2:1"},
		{[]string{"-C", clean, "config", "explain", "nonsense"}, 2, "nonsense"},
		{[]string{"-C", clean, "rollback"}, 2, `nothing was released to "production"`},
		{[]string{"-C", clean, "env", "show", "production"}, 2, `nothing was released to "production"`},
		{[]string{"-C", clean, "why"}, 2, "nothing has run here yet"},
		{[]string{"-C", clean, "cancel", "r1"}, 2, "r1"},
		{[]string{"-C", clean, "status", "--database", "mysql://x"}, 2, "neither SQLite nor PostgreSQL"},
	} {
		code, out, errs := say(t, tt.args...)
		if code != tt.code || !strings.Contains(errs, tt.words) || !strings.Contains(errs, "hint: ") || out != "" {
			t.Errorf("%v: exit %d, want %d and %q\n%s%s", tt.args[2:], code, tt.code, tt.words, out, errs)
		}
	}
}

// Uncommitted changes are named beside a plan, and no part of a named commit.
func TestDirtyTree(t *testing.T) {
	dir := checkout(t, map[string]string{"fairlead.yaml": checked})
	write(t, filepath.Join(dir, "new.txt"), "new")
	if code, out, errs := say(t, "-C", dir, "plan"); code != 0 || !strings.Contains(out, "note: uncommitted changes are not part of it: new.txt") {
		t.Errorf("exit %d\n%s%s", code, out, errs)
	}
	if code, out, errs := say(t, "-C", dir, "plan", "--commit", "HEAD"); code != 0 || strings.Contains(out, "note:") {
		t.Errorf("exit %d\n%s%s", code, out, errs)
	}
}

// The state directory never enters a commit, and is nobody else's to read.
func TestHome(t *testing.T) {
	dir := checkout(t, nil)
	h, err := openHome(t.Context(), cli.Settings{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if ignore, err := os.ReadFile(filepath.Join(h.root, ".gitignore")); err != nil || string(ignore) != "*\n" {
		t.Errorf(".gitignore is %q, %v", ignore, err)
	}
	for _, private := range []string{h.private(), h.keys(), h.work()} {
		if info, err := os.Stat(private); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("%s: %v, %v", private, info, err)
		}
	}
	for _, below := range []string{h.keys(), h.blobs(), h.agent()} {
		if !strings.HasPrefix(below, h.private()+string(filepath.Separator)) {
			t.Errorf("%s is not private", below)
		}
	}
	file := filepath.Join(t.TempDir(), "file")
	write(t, file, "")
	if _, err := openHome(t.Context(), cli.Settings{State: filepath.Join(file, "state")}); fairlead.KindOf(err) != fairlead.KindUnavailable || fairlead.HintOf(err) == "" {
		t.Errorf("a state directory below a file: %v", err)
	}
}

func TestDatabases(t *testing.T) {
	h := home{"/state"}
	for _, tt := range []struct{ flag, env, ours, engines string }{
		{"", "", "sqlite:/state/private/fairlead.db", "sqlite:/state/private/engine.db"},
		{"", "postgres://env", "postgres://env", "postgres://env"},
		{"postgres://flag", "postgres://env", "postgres://flag", "postgres://flag"},
	} {
		ours, engines := h.databases(cli.Settings{Database: tt.flag}, variables{"FAIRLEAD_DATABASE": tt.env})
		if ours != tt.ours || engines != tt.engines {
			t.Errorf("%+v: %s and %s", tt, ours, engines)
		}
	}
}

// The names of checkpoints do not depend on the run.
func TestCheckpointsAreListed(t *testing.T) {
	list := filepath.Join(t.TempDir(), "points")
	if failpoint(variables{}) != nil {
		t.Error("there is a failpoint that nobody asked for")
	}
	point := failpoint(environment([]string{"FAIRLEAD_CHECKPOINTS=" + list, "FAIRLEAD_FAILPOINT=ran another"}))
	point("before r1102-0800/task build")
	point("after r1102-0800/deployment/rollback/await r1102-0800/x")
	if got, err := os.ReadFile(list); err != nil || string(got) != "before task build\nafter deployment/rollback/await x\n" {
		t.Errorf("listed %q, %v", got, err)
	}
}
