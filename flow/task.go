package flow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"

	"fairlead.dev"
)

// task does one task and records it. A task that was recorded as finished is
// not done again, whatever became of its checkpoint.
func (f *flows) task(ctx context.Context, o Order) (TaskEnding, error) {
	done, err := f.Reader.Task(ctx, o.RunID, o.Task.ID)
	switch {
	case err == nil && done.State == fairlead.StateFinished:
		return TaskEnding{ID: done.ID, Result: done.Result, Reason: done.Reason}, nil
	case err != nil && fairlead.KindOf(err) != fairlead.KindNotFound:
		return TaskEnding{}, err
	}
	if o.Needs, err = f.needs(ctx, o); err != nil {
		return TaskEnding{}, err
	}
	tr, evidence, err := f.do(ctx, o)
	if err != nil {
		return TaskEnding{}, err
	}
	subject := o.RunID + "/" + o.Task.ID
	_, err = f.Ledger.Commit(ctx, fairlead.Update{
		Records:  []fairlead.Record{record(subject+"/finished", fairlead.RecordTaskFinished, subject, o.RunID, tr.FinishedAt, summary(tr, o.Plan.Promotion != nil))},
		Tasks:    []fairlead.TaskRun{tr},
		Evidence: evidence,
	})
	return TaskEnding{ID: tr.ID, Result: tr.Result, Reason: tr.Reason}, err
}

// do lets the worker do the task, unless something it needs did not succeed.
func (f *flows) do(ctx context.Context, o Order) (fairlead.TaskRun, []fairlead.Evidence, error) {
	for _, n := range o.Needs {
		if !n.Succeeded() && n.Bypassed == "" {
			return fairlead.TaskRun{
				RunID: o.RunID, ID: o.Task.ID, Type: o.Task.Type, State: fairlead.StateFinished, Result: fairlead.ResultSkip,
				Reason:    fmt.Sprintf("%s, which it needs, ended with %s", n.ID, n.Result),
				StartedAt: n.FinishedAt, FinishedAt: n.FinishedAt,
			}, nil, nil
		}
	}
	if o.Task.Slow {
		at := now()
		if g, err := f.Desk.Spares(ctx, o.Plan, at); err != nil || g != nil {
			return spared(o, g, at), nil, err
		}
	}
	return f.Worker.Execute(ctx, o)
}

// spared is a slow test that break-glass goes past.
func spared(o Order, g *fairlead.Grant, at time.Time) fairlead.TaskRun {
	t := fairlead.TaskRun{
		RunID: o.RunID, ID: o.Task.ID, Type: o.Task.Type, State: fairlead.StateFinished, Result: fairlead.ResultSkip,
		StartedAt: at, FinishedAt: at,
	}
	if g != nil {
		t.Bypassed, t.Reason = g.ID, "skipped with break-glass "+g.ID+" of "+g.Person+": "+g.Reason
	}
	return t
}

// owed is the rule that slow tests are run, gone past with grants; nil when
// none was skipped.
func owed(tasks []fairlead.TaskRun) *fairlead.RuleOutcome {
	var r *fairlead.RuleOutcome
	for _, t := range tasks {
		if t.Bypassed == "" {
			continue
		}
		if r == nil {
			r = &fairlead.RuleOutcome{
				Name: fairlead.SkipSlowTests, Outcome: fairlead.OutcomeWait, Bypassed: t.Bypassed, Source: "break-glass",
				Fix: "once the commit is live, run it again: they are run then",
			}
		}
		r.Tasks = append(r.Tasks, t.ID)
	}
	if r != nil {
		r.Reason = strings.Join(r.Tasks, ", ") + " did not run; bypassed by break-glass " + r.Bypassed
	}
	return r
}

// needs reads the results of the tasks that this one needs.
func (f *flows) needs(ctx context.Context, o Order) ([]fairlead.TaskRun, error) {
	needs := make([]fairlead.TaskRun, 0, len(o.Task.Needs))
	for _, id := range o.Task.Needs {
		n, err := f.Reader.Task(ctx, o.RunID, id)
		if err != nil {
			return nil, err
		}
		needs = append(needs, n)
	}
	return needs, nil
}

// taskSummary is what the record says of a finished task; the whole TaskRun is
// a document of its own.
type taskSummary struct {
	Result     fairlead.Result `json:"result"`
	Reason     string          `json:"reason,omitempty"`
	Attempts   int             `json:"attempts"`
	ReusedFrom string          `json:"reused_from,omitempty"`
	Promoted   bool            `json:"promoted,omitempty"` // taken over by a promotion
	Again      string          `json:"again,omitempty"`
	Seconds    float64         `json:"seconds"`
	Artifacts  int             `json:"artifacts,omitempty"`
	Cases      int             `json:"cases,omitempty"`
	Findings   int             `json:"findings,omitempty"`
}

func summary(t fairlead.TaskRun, promotion bool) taskSummary {
	return taskSummary{
		Result: t.Result, Reason: t.Reason, Attempts: t.Attempts, ReusedFrom: t.ReusedFrom, Again: t.Again,
		Promoted:  promotion && t.ReusedFrom != "",
		Seconds:   t.FinishedAt.Sub(t.StartedAt).Seconds(),
		Artifacts: len(t.Artifacts), Cases: len(t.Cases), Findings: len(t.Findings),
	}
}

// assembleAll makes the release of every service of the plan, or none of them.
func assembleAll(p fairlead.Plan, tasks []fairlead.TaskRun) ([]fairlead.Release, *fairlead.Fault) {
	var all []fairlead.Release
	for _, part := range p.Parts() {
		r, fault := assemble(part, tasks)
		if fault != nil {
			return nil, fault
		}
		all = append(all, *r)
	}
	return all, nil
}

// assemble makes the release from the artifacts that the builds left and that
// the plan's patterns name.
func assemble(p fairlead.Plan, tasks []fairlead.TaskRun) (*fairlead.Release, *fairlead.Fault) {
	var built []fairlead.Artifact
	for _, t := range tasks {
		if strings.HasPrefix(t.Type, "build.") {
			built = append(built, t.Artifacts...)
		}
	}
	r := blank(p)
	var missing []string
	for _, pattern := range p.Release.Artifacts {
		found := false
		for _, a := range built {
			if ok, err := doublestar.Match(pattern, a.Name); err != nil || !ok && a.Name != pattern {
				continue
			}
			found = true
			if !slices.Contains(r.Artifacts, a) {
				r.Artifacts = append(r.Artifacts, a)
			}
		}
		if !found {
			missing = append(missing, pattern)
		}
	}
	if len(missing) > 0 {
		return nil, fairlead.FaultOf(&fairlead.Problem{
			Op: "assemble release", Kind: fairlead.KindDenied,
			Err:  errors.New("no task produced " + strings.Join(missing, ", ")),
			Hint: "name it under build.artifacts, or see why the build did not succeed",
		})
	}
	r = r.Identify()
	return &r, nil
}

// blank is a plan's release without its artifacts.
func blank(p fairlead.Plan) fairlead.Release {
	return fairlead.Release{
		Service: p.Service, Commit: p.Event.Commit, Command: p.Release.Command, Env: p.Release.Env,
		Target: p.Release.Target, Config: p.Release.Config, Replicas: p.Release.Replicas,
	}
}

// Promised are the releases that a promotion's plan makes, in the order of its services.
func Promised(p fairlead.Plan) []fairlead.Release {
	var all []fairlead.Release
	for _, part := range p.Parts() {
		r := blank(part)
		r.Artifacts = part.Promotion.Artifacts
		all = append(all, r.Identify())
	}
	return all
}
