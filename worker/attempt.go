package worker

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"fairlead.dev"
	"fairlead.dev/command"
	"fairlead.dev/confine"
	"fairlead.dev/step"
)

// errCancelled is the cause of a task's context when somebody asked for the run to stop.
var errCancelled = errors.New("the run was cancelled")

// resolve finds the step type and decodes the task's config into its type.
func (j *job) resolve() error {
	typ, ok := j.Types[j.order.Task.Type]
	if !ok {
		return &fairlead.Problem{
			Op: "task " + j.order.Task.ID, Kind: fairlead.KindInvalid,
			Err:  fmt.Errorf("no step type %q in this version", j.order.Task.Type),
			Hint: "`fairlead explain` lists the step types",
		}
	}
	cfg, err := step.Decode(typ, j.order.Task.Config)
	if err != nil {
		return &fairlead.Problem{Op: "task " + j.order.Task.ID, Kind: fairlead.KindInvalid, Err: err}
	}
	j.typ, j.config = typ, cfg
	return nil
}

// attempts runs the step until it ends in a way that trying again cannot
// change. The error means that the process is going down.
func (j *job) attempts(ctx context.Context, dir string) error {
	for {
		j.tr.Attempts++
		if err := j.started(ctx); err != nil {
			return err
		}
		out, err := j.attempt(ctx, filepath.Join(dir, fmt.Sprint(j.tr.Attempts)))
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil && fairlead.KindOf(err).Retryable() && j.tr.Attempts <= j.order.Task.Retries {
			j.Logger.Info("task is tried again", "task", j.order.Task.ID, "attempt", j.tr.Attempts, "error", err)
			if err := pause(ctx, time.Duration(j.tr.Attempts)*time.Second); err != nil {
				return err
			}
			continue
		}
		return j.conclude(ctx, out, err)
	}
}

// started records that an attempt began.
func (j *job) started(ctx context.Context) error {
	subject := j.order.RunID + "/" + j.order.Task.ID
	data, err := json.Marshal(map[string]any{"type": j.tr.Type, "attempt": j.tr.Attempts})
	if err != nil {
		return err
	}
	at := now()
	_, err = j.Journal.Commit(ctx, fairlead.Update{
		Records: []fairlead.Record{{
			// The time is part of the id: a task that is done again after a crash did start again.
			ID: fmt.Sprintf("%s/started/%d/%d", subject, j.tr.Attempts, at.UnixNano()), Type: fairlead.RecordTaskStarted,
			Subject: subject, RunID: j.order.RunID, Time: at, Data: data,
		}},
		Tasks: []fairlead.TaskRun{j.tr},
	})
	return err
}

// attempt prepares everything and runs the step once, within the task's limit.
func (j *job) attempt(ctx context.Context, dir string) (step.Out, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stopped, watched := make(chan struct{}), ctx
	go func() {
		defer close(stopped)
		j.watchCancel(watched, cancel)
	}()
	defer func() { cancel(nil); <-stopped }()
	if limit := j.order.Task.Timeout.D(); limit > 0 {
		var done context.CancelFunc
		ctx, done = context.WithTimeout(ctx, limit)
		defer done()
	}
	result, err := j.once(ctx, dir)
	switch {
	case errors.Is(context.Cause(ctx), errCancelled):
		return step.Out{}, &fairlead.Problem{Op: j.tr.ID, Kind: fairlead.KindCancelled, Err: errCancelled}
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return step.Out{}, &fairlead.Problem{
			Op: j.tr.ID, Kind: fairlead.KindTimeout, Err: fmt.Errorf("not done after %s", j.order.Task.Timeout),
			Hint: "raise the task's timeout, or see `fairlead logs` for where it hangs",
		}
	}
	return result, err
}

// once prepares the step's world and runs the step in it.
func (j *job) once(ctx context.Context, dir string) (step.Out, error) {
	in, out, err := j.input(ctx, dir)
	if err != nil {
		return step.Out{}, err
	}
	run := j.typ.Run
	if j.typ.Needs.Confined {
		run = func(ctx context.Context, in step.In) (step.Out, error) { return in.Confine(ctx, j.typ, in) }
	}
	result, err := run(ctx, in)
	if cerr := out.Close(); err == nil && cerr != nil {
		err = &fairlead.Problem{Op: "store output", Kind: fairlead.KindUnavailable, Err: cerr}
	}
	return result, err
}

// watchCancel cancels the attempt when the run is cancelled.
func (j *job) watchCancel(ctx context.Context, cancel context.CancelCauseFunc) {
	const every = 200 * time.Millisecond
	for pause(ctx, every) == nil {
		if yes, err := j.Memory.CancelRequested(ctx, j.order.RunID); err == nil && yes {
			cancel(errCancelled)
			return
		}
	}
}

// input makes the step's whole world.
func (j *job) input(ctx context.Context, dir string) (step.In, io.WriteCloser, error) {
	o := j.order
	in := step.In{
		Key: o.RunID + "/" + o.Task.ID, Event: o.Plan.Event, Service: o.Plan.Service, Environment: o.Plan.Environment,
		Task: o.Task, Attempt: j.tr.Attempts, Config: j.config, Blobs: j.Blobs, ReadOnly: j.ReadOnly, Endpoint: o.Endpoint,
		Scratch: filepath.Join(dir, "scratch"), Workspace: filepath.Join(dir, "src"),
		Confine: func(ctx context.Context, t step.Type, in step.In) (step.Out, error) {
			return confine.Run(ctx, confine.Self, t, in)
		},
	}
	var err error
	if in.Hide, err = j.hidden(); err != nil {
		return in, nil, err
	}
	if in.Advisories, _, err = j.advisories(ctx); err != nil {
		return in, nil, err
	}
	if j.typ.Needs.Cache && j.Cache != "" {
		in.Cache = filepath.Join(j.Cache, fairlead.DigestBytes([]byte(in.Service)).Short(), j.typ.Name)
		boundCache(in.Cache, mostCache, cacheRest, time.Now())
	}
	for _, dir := range []string{in.Scratch, in.Cache} {
		if err := os.MkdirAll(cmp.Or(dir, in.Scratch), 0o700); err != nil {
			return in, nil, unavailable("make workspace", err)
		}
	}
	if j.typ.Needs.Workspace {
		if err := j.Workspaces.Checkout(ctx, o.Plan.Event.Commit, in.Workspace); err != nil {
			return in, nil, err
		}
		if err := j.place(ctx, in.Workspace); err != nil {
			return in, nil, err
		}
	}
	if in.Env, err = command.CleanEnv(o.Task.Env, j.variables(in)); err != nil {
		return in, nil, err
	}
	in.Secrets = secrets(in.Env, o.Task.Env)
	j.secrets = in.Secrets
	kept := command.NewLimit(&stream{ctx: ctx, j: j}, outputHead, outputTail)
	masked := command.NewMask(kept, in.Secrets)
	in.Output = masked
	return in, closers{masked, kept}, nil
}

// Bytes of a task's output that are kept: the beginning says what it did, the end why it failed.
const (
	outputHead = 4 << 20
	outputTail = 4 << 20
)

// advisories gives the database of vulnerabilities to a step that reads it.
func (j *job) advisories(ctx context.Context) (string, fairlead.Digest, error) {
	if !j.typ.Needs.Advisories || j.Advisories == nil {
		return "", "", nil
	}
	return j.Advisories(ctx)
}

// variables are what Fairlead tells every command.
func (j *job) variables(in step.In) map[string]string {
	v := j.setting()
	v["FAIRLEAD_RUN"], v["FAIRLEAD_TASK"], v["FAIRLEAD_ATTEMPT"] = j.order.RunID, j.order.Task.ID, fmt.Sprint(in.Attempt)
	v["FAIRLEAD_COMMIT"] = in.Event.Commit
	return v
}

// setting is the part of the variables that a result may depend on and still be
// taken over: it belongs to the content key. Run, task, attempt and commit are
// other ones each time.
func (j *job) setting() map[string]string {
	p := j.order.Plan
	v := map[string]string{
		"FAIRLEAD_SERVICE": p.Service, "FAIRLEAD_ENVIRONMENT": p.Environment,
		"FAIRLEAD_BRANCH": p.Event.Branch, "FAIRLEAD_TAG": p.Event.Tag, "FAIRLEAD_EVENT": string(p.Event.Type),
	}
	var cell map[string]string
	if len(j.order.Task.Matrix) > 0 && json.Unmarshal(j.order.Task.Matrix, &cell) == nil {
		for name, value := range cell {
			v["FAIRLEAD_MATRIX_"+strings.ToUpper(variable(name))] = value
		}
	}
	return v
}

// variable makes a matrix axis part of a variable's name.
func variable(axis string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, axis)
}

// secrets are the values of the variables that the config declares: whatever
// they hold is not for the record.
func secrets(env, declared []string) []string {
	var out []string
	for _, name := range declared {
		for _, e := range env {
			if v, ok := strings.CutPrefix(e, name+"="); ok && v != "" {
				out = append(out, v)
			}
		}
	}
	return out
}

// place puts the artifacts of the tasks needed into the workspace.
func (j *job) place(ctx context.Context, dir string) error {
	for _, n := range j.order.Needs {
		for _, a := range n.Artifacts {
			if err := j.placeOne(ctx, dir, a); err != nil {
				return &fairlead.Problem{Op: "place artifact " + a.Name, Kind: fairlead.KindOf(err), Err: err}
			}
		}
	}
	return nil
}

func (j *job) placeOne(ctx context.Context, dir string, a fairlead.Artifact) error {
	if !filepath.IsLocal(a.Name) {
		return errors.New("its name leaves the workspace")
	}
	r, err := j.Blobs.Open(ctx, a.Digest)
	if err != nil {
		return err
	}
	defer r.Close()
	path := filepath.Join(dir, filepath.FromSlash(a.Name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // a workspace like any checkout
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, os.FileMode(a.Mode).Perm())
	if err != nil {
		return err
	}
	if _, err := io.Copy(f, r); err != nil {
		return errors.Join(err, f.Close())
	}
	return f.Close()
}

// pause waits, or ends with the context's error.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
