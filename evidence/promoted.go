package evidence

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"fairlead.dev"
)

// mostRuns bounds how many runs of one commit are looked at, newest first.
const mostRuns = 1000

// IsBuild tells whether a task makes what is released: what a promotion takes
// over and never does again.
func IsBuild(t fairlead.Task) bool { return strings.HasPrefix(t.Type, "build.") }

// Promoted tells what a task of a promotion can take over. A build comes from
// the run that released it. Anything else is the newest result, in any run, of
// the same work on the same commit: a later failure revokes an earlier success.
// self is the run that asks, "" for none.
func (b Book) Promoted(ctx context.Context, p fairlead.Plan, t fairlead.Task, self string, at time.Time) (Worth, error) {
	if IsBuild(t) {
		return b.promotedBuild(ctx, p, t, at)
	}
	newest, needs, err := b.newest(ctx, p, t, self)
	switch {
	case err != nil:
		return Worth{}, err
	case newest.ID == "":
		return Worth{Lapsed: "nothing has proven it for commit " + p.Event.Commit[:min(len(p.Event.Commit), 10)]}, nil
	}
	w, err := b.Weigh(ctx, newest, p.ValidFor.Of(t.Type), at)
	if err != nil || w.Lapsed != "" {
		return w, err
	}
	if len(w.Evidence) == 0 {
		w.Lapsed = "it left no signed evidence in run " + newest.RunID
		return w, nil
	}
	w.Lapsed, err = b.otherBuild(ctx, p.Promotion.Run, newest, needs)
	return w, err
}

func (b Book) promotedBuild(ctx context.Context, p fairlead.Plan, t fairlead.Task, at time.Time) (Worth, error) {
	built, ok, err := b.task(ctx, p.Promotion.Run, t.ID)
	switch {
	case err != nil:
		return Worth{}, err
	case !ok:
		return Worth{Lapsed: fmt.Sprintf("run %s has no task %s", p.Promotion.Run, t.ID)}, nil
	}
	w, err := b.Weigh(ctx, built, p.ValidFor.Of(t.Type), at)
	if err == nil && w.Lapsed == "" && len(w.Evidence) == 0 {
		w.Lapsed = "it left no signed evidence in run " + built.RunID
	}
	return w, err
}

// newest finds the newest result of the same work on the same commit, by the
// time at which the work was done, and the tasks it needed.
func (b Book) newest(ctx context.Context, p fairlead.Plan, t fairlead.Task, self string) (found fairlead.TaskRun, needs []string, err error) {
	runs, err := b.History.Runs(ctx, fairlead.RunFilter{Service: p.Service, Commit: p.Event.Commit, Limit: mostRuns})
	if err != nil {
		return found, nil, err
	}
	var last time.Time
	for _, run := range runs {
		if run.ID == self || run.Plan == "" {
			continue
		}
		plan, err := b.History.Plan(ctx, run.Plan)
		if fairlead.KindOf(err) == fairlead.KindNotFound {
			continue
		}
		if err != nil {
			return found, nil, err
		}
		tasks, err := b.History.Tasks(ctx, run.ID)
		if err != nil {
			return found, nil, err
		}
		for _, tr := range tasks {
			planned, same := sameWork(plan, tr.ID, t)
			at := provenAt(tr)
			if same && isResult(tr) && at.After(last) {
				found, needs, last = tr, planned.Needs, at
			}
		}
	}
	return found, needs, nil
}

// sameWork tells whether a plan's task does what t does, wherever it does it.
func sameWork(p fairlead.Plan, id string, t fairlead.Task) (fairlead.Task, bool) {
	i := slices.IndexFunc(p.Tasks, func(o fairlead.Task) bool { return o.ID == id })
	if i < 0 {
		return fairlead.Task{}, false
	}
	o := p.Tasks[i]
	return o, o.Type == t.Type && bytes.Equal(o.Config, t.Config) && bytes.Equal(o.Matrix, t.Matrix) &&
		slices.Equal(o.Env, t.Env) && slices.Equal(o.Reads, t.Reads)
}

// isResult tells whether a task came to an end that says something about the
// commit: one that was skipped, cancelled or could not be done does not.
func isResult(tr fairlead.TaskRun) bool {
	return tr.Result == fairlead.ResultSuccess || tr.Result == fairlead.ResultFailure || tr.Result == fairlead.ResultTimeout
}

func provenAt(tr fairlead.TaskRun) time.Time {
	if !tr.ProvenAt.IsZero() {
		return tr.ProvenAt
	}
	return tr.FinishedAt
}

// otherBuild says that a result is about a build of the commit that is not the
// one to be released: builds of one commit need not be equal.
func (b Book) otherBuild(ctx context.Context, run string, tr fairlead.TaskRun, needs []string) (string, error) {
	if tr.RunID == run {
		return "", nil
	}
	for _, need := range needs {
		theirs, had, err := b.task(ctx, tr.RunID, need)
		if err != nil {
			return "", err
		}
		ours, have, err := b.task(ctx, run, need)
		if err != nil {
			return "", err
		}
		if had && have && !slices.Equal(theirs.Artifacts, ours.Artifacts) {
			return fmt.Sprintf("run %s proved it with other artifacts of %s", tr.RunID, need), nil
		}
	}
	return "", nil
}

func (b Book) task(ctx context.Context, run, id string) (fairlead.TaskRun, bool, error) {
	tasks, err := b.History.Tasks(ctx, run)
	if err != nil {
		return fairlead.TaskRun{}, false, err
	}
	i := slices.IndexFunc(tasks, func(t fairlead.TaskRun) bool { return t.ID == id })
	if i < 0 {
		return fairlead.TaskRun{}, false, nil
	}
	return tasks[i], true, nil
}

// Answer is what a promotion does about one task.
type Answer struct {
	Task     string            `json:"task"`
	Reused   bool              `json:"reused"`
	Run      string            `json:"run,omitempty"`      // that did the work
	Evidence []fairlead.Digest `json:"evidence,omitempty"` // originals that it rests on
	ProvenAt time.Time         `json:"proven_at,omitzero"`
	Until    time.Time         `json:"until,omitzero"` // when it expires
	Why      string            `json:"why,omitempty"`  // why it is asked for again
	Blocks   bool              `json:"blocks,omitempty"`
}

// Foresee says, for every task of a promotion's plan, whether it is taken over
// and why not. Blocks is set where that ends the promotion: a build is never
// done again.
func (b Book) Foresee(ctx context.Context, p fairlead.Plan, at time.Time) ([]Answer, error) {
	answers := []Answer{}
	for _, t := range p.Tasks {
		if t.Phase != fairlead.PhaseVerify {
			answers = append(answers, Answer{Task: t.ID, Why: "it checks the release in " + p.Environment})
			continue
		}
		w, err := b.Promoted(ctx, p, t, "", at)
		if err != nil {
			return nil, err
		}
		a := Answer{Task: t.ID, Reused: w.Lapsed == "", Why: w.Lapsed, Blocks: w.Lapsed != "" && IsBuild(t)}
		if a.Reused {
			a.Run, a.Evidence, a.ProvenAt, a.Until = w.run(), Names(w.Evidence), w.ProvenAt, w.Until
		}
		answers = append(answers, a)
	}
	return answers, nil
}
