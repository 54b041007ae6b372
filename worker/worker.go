// Package worker does the work of one task: it prepares the workspace and the
// environment, runs the step type, tries again where that can help, takes an
// earlier result where nothing the task reads has changed, and signs what the
// task claims. What is recorded, and when, is the flow's business.
package worker

import (
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"fairlead.dev"
	"fairlead.dev/evidence"
	"fairlead.dev/flow"
	"fairlead.dev/step"
)

// Workspaces gives tasks the commit's files.
type Workspaces interface {
	// Checkout puts a clean copy of the commit into dir, which does not exist yet.
	Checkout(ctx context.Context, commit, dir string) error
	// TreeDigest is over the files of the commit that match the globs.
	TreeDigest(ctx context.Context, commit string, globs []string) (fairlead.Digest, error)
}

// Memory is what the worker asks about the past and the present.
type Memory interface {
	TaskByKey(ctx context.Context, key fairlead.Digest) (fairlead.TaskRun, bool, error)
	Task(ctx context.Context, runID, taskID string) (fairlead.TaskRun, error)
	CancelRequested(ctx context.Context, runID string) (bool, error)
	evidence.History
}

// Journal takes what happens while a task runs.
type Journal interface {
	Commit(ctx context.Context, u fairlead.Update) (bool, error)
	AppendOutput(ctx context.Context, runID, taskID string, attempt int, data []byte) error
}

// Signer signs what a task claims.
type Signer interface {
	Sign(ctx context.Context, runID, taskID string, c fairlead.Claim, at time.Time) (fairlead.Evidence, error)
}

// Blobs keeps content by digest.
type Blobs interface {
	step.Blobs
	Open(ctx context.Context, d fairlead.Digest) (io.ReadCloser, error)
}

// Options are the parts a Worker uses and its limits.
type Options struct {
	Types      map[string]step.Type
	Workspaces Workspaces
	Memory     Memory
	Shelf      evidence.Shelf
	Journal    Journal
	Signer     Signer
	Verifier   evidence.Verifier
	Blobs      Blobs
	Dir        string   // workspaces are made below it
	Hide       []string // absolute directories that commands must not see, but for their own workspace; they exist
	ReadOnly   []string // absolute directories that commands must not change, but for their own workspace; they exist
	Cache      string   // absolute directory that steps keep things in that make later ones faster; "" for none
	Parallel   int      // tasks at the same time; at least 1
	// Advisories gives the file of the database of vulnerabilities, "" when there
	// is none, and the digest of its content. Nil for no database.
	Advisories func(ctx context.Context) (file string, content fairlead.Digest, err error)
	Logger     *slog.Logger
}

// Worker executes tasks. It is safe for concurrent use.
type Worker struct {
	Options
	slots   chan struct{}
	book    evidence.Book
	hide    []anchor
	trouble error // why what is to be hidden cannot be
}

// New gives a worker. What it hides are the directories that are there now.
func New(o Options) *Worker {
	w := &Worker{Options: o, slots: make(chan struct{}, max(1, o.Parallel))}
	w.hide, w.trouble = hold(o.Hide)
	w.book = evidence.Book{Shelf: o.Shelf, History: o.Memory, Verifier: o.Verifier, Advisories: o.Advisories}
	if o.Blobs != nil {
		w.book.Content = o.Blobs.Open
	}
	return w
}

var _ flow.Worker = (*Worker)(nil)

// Execute does a task. See [flow.Worker].
func (w *Worker) Execute(ctx context.Context, o flow.Order) (fairlead.TaskRun, []fairlead.Evidence, error) {
	select {
	case w.slots <- struct{}{}:
		defer func() { <-w.slots }()
	case <-ctx.Done():
		return fairlead.TaskRun{}, nil, ctx.Err()
	}
	j := &job{Worker: w, order: o, tr: fairlead.TaskRun{
		RunID: o.RunID, ID: o.Task.ID, Type: o.Task.Type, State: fairlead.StateExecuting, StartedAt: now(),
	}}
	cancelled, err := w.Memory.CancelRequested(ctx, o.RunID)
	if err != nil {
		return fairlead.TaskRun{}, nil, err
	}
	if cancelled {
		j.end(fairlead.ResultCancellation, "cancelled before it started", nil)
		return j.tr, nil, nil
	}
	return j.run(ctx)
}

// job is one task on its way.
type job struct {
	*Worker
	order    flow.Order
	typ      step.Type
	config   any
	evidence []fairlead.Evidence
	secrets  []string // of the last attempt
	tr       fairlead.TaskRun
}

func (j *job) run(ctx context.Context) (fairlead.TaskRun, []fairlead.Evidence, error) {
	if err := j.resolve(); err != nil {
		j.end(fairlead.ResultError, err.Error(), err)
		return j.tr, nil, nil
	}
	reused, err := j.reuse(ctx)
	if err != nil || reused {
		return j.tr, j.evidence, err
	}
	dir := filepath.Join(j.Dir, WorkspaceName(j.order.RunID, j.order.Task.ID))
	defer func() {
		if err := removeAll(dir); err != nil {
			j.Logger.Warn("workspace not removed", "dir", dir, "error", err)
		}
	}()
	if err := removeAll(dir); err != nil { // what a process that died here left
		return fairlead.TaskRun{}, nil, unavailable("clear workspace", err)
	}
	if err := j.attempts(ctx, dir); err != nil {
		return fairlead.TaskRun{}, nil, err
	}
	return j.tr, j.evidence, nil
}

// end sets how the task ended.
func (j *job) end(r fairlead.Result, reason string, err error) {
	j.tr.State, j.tr.Result, j.tr.Reason, j.tr.FinishedAt = fairlead.StateFinished, r, reason, now()
	j.tr.Fault = fairlead.FaultOf(err)
}

func now() time.Time { return time.Now().UTC() }

func unavailable(op string, err error) error {
	return &fairlead.Problem{Op: op, Kind: fairlead.KindUnavailable, Err: err, Hint: "is the disk full or read-only?"}
}

// WorkspaceName is the directory of a task: "<run>.<task>.<digest of the task's
// id>". One level, so that no task removes what another one makes; the digest,
// so that ids which look alike once made safe stay apart.
func WorkspaceName(run, task string) string {
	return safe(run) + "." + safe(task) + "." + fairlead.DigestBytes([]byte(task)).Short()
}

// WorkspaceRun gives the run that a directory below Options.Dir belongs to.
func WorkspaceRun(name string) string {
	run, _, _ := strings.Cut(name, ".")
	return run
}

// safe turns an id into one path element.
func safe(id string) string {
	out := []rune(id)
	for i, r := range out {
		ok := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '='
		if !ok {
			out[i] = '_'
		}
	}
	return string(out)
}

// removeAll removes a workspace, also when a tool left directories in it read-only.
func removeAll(dir string) error {
	if err := os.RemoveAll(dir); err == nil {
		return nil
	}
	_ = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			return os.Chmod(path, 0o700) //nolint:gosec // a directory needs x to be emptied
		}
		return nil
	})
	return os.RemoveAll(dir)
}
