package worker_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"fairlead.dev"
	"fairlead.dev/command"
	"fairlead.dev/confine"
	"fairlead.dev/evidence"
	"fairlead.dev/flow"
	"fairlead.dev/intake/worktree"
	"fairlead.dev/step"
	buildcommand "fairlead.dev/step/build/command"
	testcommand "fairlead.dev/step/test/command"
	"fairlead.dev/store"
	"fairlead.dev/worker"
)

func TestMain(m *testing.M) {
	command.Guard()
	confine.Guard(func() []step.Type { return []step.Type{confinedType()} })
	os.Exit(m.Run())
}

// shed is a worker with its real parts: a git repository, a store on SQLite,
// blobs, a key, and the step types that run commands. run.func is a step type
// of the test's own.
type shed struct {
	*testing.T
	repo  string // directory of the repository
	work  string // directory of the workspaces
	blobs string // directory of the blobs
	store *store.Store
	key   *evidence.Signer
	opts  worker.Options
	calls int // of run.func
	runs  int
	do    func(context.Context, step.In) (step.Out, error) // what run.func does
}

func newShed(t *testing.T) *shed {
	t.Helper()
	dir := t.TempDir()
	s := &shed{T: t, repo: filepath.Join(dir, "repo"), work: filepath.Join(dir, "work"), blobs: filepath.Join(dir, "blobs")}
	must(t, os.Mkdir(s.repo, 0o755))
	s.git("init", "-q", "-b", "main")
	s.commit("main.txt", "one", "docs/readme.md", "read me")
	db, err := store.Open(t.Context(), "sqlite:"+filepath.Join(dir, "fairlead.db"))
	must(t, err)
	t.Cleanup(func() { db.Close() })
	s.store = db
	s.key, err = evidence.OpenKey(filepath.Join(dir, "keys"))
	must(t, err)
	blobs, err := store.OpenBlobs(s.blobs)
	must(t, err)
	repo, err := worktree.Open(t.Context(), s.repo)
	must(t, err)
	fn := step.Type{
		Name: "run.func", Config: struct{}{}, Needs: step.Needs{Network: true},
		Run: func(ctx context.Context, in step.In) (step.Out, error) { s.calls++; return s.do(ctx, in) },
	}
	s.opts = worker.Options{
		Types:      map[string]step.Type{"run.confined": confinedType(), "build.command": buildcommand.Type(), "test.command": testcommand.Type(), "run.func": fn},
		Workspaces: repo, Memory: db, Shelf: db, Journal: db, Signer: s.key, Verifier: evidence.TrustKeys(s.key.Public()),
		Blobs: blobs, Dir: s.work, Parallel: 2, Logger: slog.New(slog.DiscardHandler),
	}
	return s
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (s *shed) git(args ...string) string {
	s.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = s.repo
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "GIT_AUTHOR_NAME=Ada",
		"GIT_AUTHOR_EMAIL=ada@example.org", "GIT_COMMITTER_NAME=Ada", "GIT_COMMITTER_EMAIL=ada@example.org")
	out, err := cmd.CombinedOutput()
	if err != nil {
		s.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// commit writes files, given as path and content in turn, and gives the commit.
func (s *shed) commit(pairs ...string) string {
	s.Helper()
	for i := 0; i < len(pairs); i += 2 {
		path := filepath.Join(s.repo, pairs[i])
		must(s.T, os.MkdirAll(filepath.Dir(path), 0o755))
		must(s.T, os.WriteFile(path, []byte(pairs[i+1]), 0o600))
	}
	s.git("add", "-A")
	s.git("commit", "-q", "-m", "Change "+strings.Join(pairs, " "))
	return s.git("rev-parse", "HEAD")
}

// order asks for one task at the newest commit, in a run of its own.
func (s *shed) order(typ, config string, changes ...func(*flow.Order)) flow.Order {
	s.Helper()
	s.runs++
	o := flow.Order{
		RunID: fmt.Sprintf("r%d", s.runs),
		Plan: fairlead.Plan{Service: "shop", Environment: "dev", Event: fairlead.Event{
			Type: fairlead.EventPush, Branch: "main", Commit: s.git("rev-parse", "HEAD"),
		}},
		Task: fairlead.Task{ID: "task", Type: typ, Config: []byte(config), Timeout: fairlead.Duration(time.Minute)},
	}
	for _, change := range changes {
		change(&o)
	}
	return o
}

// build asks for a script that leaves bin/shop.
func (s *shed) build(script string, changes ...func(*flow.Order)) flow.Order {
	s.Helper()
	return s.order("build.command", `{"run": `+quote(script)+`, "artifacts": ["bin/*"]}`, changes...)
}

func quote(s string) string { return fmt.Sprintf("%q", s) }

// run does a task.
func (s *shed) run(o flow.Order) (fairlead.TaskRun, []fairlead.Evidence, error) {
	return worker.New(s.opts).Execute(s.Context(), o)
}

// execute does a task and records it, as the flow does.
func (s *shed) execute(o flow.Order) (fairlead.TaskRun, []fairlead.Evidence) {
	s.Helper()
	tr, ev, err := s.run(o)
	if err != nil {
		s.Fatalf("execute: %v", err)
	}
	if tr.State != fairlead.StateFinished || tr.FinishedAt.IsZero() || tr.RunID != o.RunID || tr.ID != o.Task.ID {
		s.Errorf("task run %+v", tr)
	}
	s.record(o, tr, ev)
	return tr, ev
}

func (s *shed) record(o flow.Order, tr fairlead.TaskRun, ev []fairlead.Evidence) {
	s.Helper()
	rec := fairlead.Record{ID: o.RunID + "/task/finished", Type: fairlead.RecordTaskFinished, Subject: o.RunID, RunID: o.RunID, Time: tr.FinishedAt}
	_, err := s.store.Commit(s.Context(), fairlead.Update{Records: []fairlead.Record{rec}, Tasks: []fairlead.TaskRun{tr}, Evidence: ev})
	must(s.T, err)
}

// blob keeps content and gives it as an artifact.
func (s *shed) blob(content string) fairlead.Artifact {
	s.Helper()
	d, n, err := s.opts.Blobs.Put(s.Context(), strings.NewReader(content))
	must(s.T, err)
	return fairlead.Artifact{Name: "first.bin", Digest: d, Size: n, Mode: 0o644}
}

// content reads an artifact that a task left.
func (s *shed) content(tr fairlead.TaskRun, name string) string {
	s.Helper()
	i := slices.IndexFunc(tr.Artifacts, func(a fairlead.Artifact) bool { return a.Name == name })
	if i < 0 {
		s.Fatalf("no artifact %s in %v", name, tr.Artifacts)
	}
	r, err := s.opts.Blobs.Open(s.Context(), tr.Artifacts[i].Digest)
	must(s.T, err)
	defer r.Close()
	b, err := io.ReadAll(r)
	must(s.T, err)
	return string(b)
}

// succeeds does a task that has to succeed.
func (s *shed) succeeds(o flow.Order) (fairlead.TaskRun, []fairlead.Evidence) {
	s.Helper()
	tr, ev := s.execute(o)
	if tr.Result != fairlead.ResultSuccess {
		s.Fatalf("%s: %s\n%s", tr.Result, tr.Reason, s.output(o))
	}
	return tr, ev
}

// output is what a task's command wrote, as it is kept.
func (s *shed) output(o flow.Order) string {
	s.Helper()
	chunks, err := s.store.Output(s.Context(), o.RunID, o.Task.ID, 0, 0)
	must(s.T, err)
	var out strings.Builder
	for _, c := range chunks {
		out.Write(c.Data)
	}
	return out.String()
}

func problem(kind fairlead.Kind) error {
	return &fairlead.Problem{Op: "work", Kind: kind, Err: errors.New("as told")}
}

// eventually waits for a condition.
func (s *shed) eventually(what string, ok func() bool) {
	s.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			s.Fatalf("it never came to pass that %s", what)
		}
	}
}

// left lists what is below the directory of the workspaces.
func (s *shed) left() []string {
	s.Helper()
	all, err := filepath.Glob(filepath.Join(s.work, "*", "*"))
	must(s.T, err)
	return all
}
