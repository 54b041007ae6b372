package flow

import (
	"context"
	"fmt"
	"slices"
	"time"

	"fairlead.dev"
	"fairlead.dev/engine"
)

// Delivery is the input of the delivery flow.
type Delivery struct {
	RunID   string        `json:"run_id"`
	RetryOf string        `json:"retry_of,omitempty"`
	Plan    fairlead.Plan `json:"plan"`
}

// Ending is how a flow ended.
type Ending struct {
	Result fairlead.Result `json:"result"`
	Reason string          `json:"reason"`
	Fault  *fairlead.Fault `json:"fault,omitempty"`
	// Deployment is the deployment that came of it, "" when none began.
	Deployment string `json:"deployment,omitempty"`
	Superseded string `json:"superseded_by,omitempty"` // run that goes instead
	Alone      bool   `json:"alone,omitempty"`         // a rollout whose live release did not serve
}

// TaskEnding is the checkpoint of one task; everything else about it is in the ledger.
type TaskEnding struct {
	ID     string          `json:"id"`
	Result fairlead.Result `json:"result"`
	Reason string          `json:"reason,omitempty"`
}

// delivery takes a plan from its first task to a finished run.
func (f *flows) delivery(fl *engine.Flow, in Delivery) (Ending, error) {
	started, err := fl.Now()
	if err != nil {
		return Ending{}, err
	}
	if _, err := do(f, fl, "begin", func(ctx context.Context) (bool, error) {
		return f.begin(ctx, in, started)
	}); err != nil {
		return Ending{}, err
	}
	r, end, err := f.deliver(fl, in)
	if err != nil {
		if interrupted(fl) {
			return Ending{}, err
		}
		end = failed(err)
	}
	return end, f.finish(fl, in, r, end, started)
}

// deliver runs the tasks, decides and releases.
func (f *flows) deliver(fl *engine.Flow, in Delivery) (ruling, Ending, error) {
	if err := f.tasks(fl, in); err != nil {
		return ruling{}, Ending{}, err
	}
	at, err := fl.Now()
	if err != nil {
		return ruling{}, Ending{}, err
	}
	first, err := do(f, fl, "decide", func(ctx context.Context) (ruling, error) { return f.decide(ctx, in, at) })
	if err != nil {
		return ruling{}, Ending{}, err
	}
	r := first
	for again := 0; ; again++ {
		if r, err = f.hold(fl, in, first, r, again); err != nil {
			return r, Ending{}, err
		}
		if r.Ending != nil {
			return r, *r.Ending, nil
		}
		if len(r.Releases) == 0 {
			return r, Ending{Result: fairlead.ResultSuccess, Reason: "verified; nothing to release"}, nil
		}
		t, err := f.awaitTurn(fl, in, r.Asked, again)
		switch {
		case err != nil:
			return r, Ending{}, err
		case t.Ending != nil:
			return r, *t.Ending, nil
		case !t.Held:
			end, err := f.release(fl, in, r, t)
			return r, end, err
		}
	}
}

// begin records that the run started.
func (f *flows) begin(ctx context.Context, in Delivery, at time.Time) (bool, error) {
	run := newRun(in, at)
	run.State = fairlead.StateExecuting
	return f.Ledger.Commit(ctx, fairlead.Update{
		Records: []fairlead.Record{record(in.RunID+"/started", fairlead.RecordRunStarted, in.RunID, in.RunID, at, run)},
		Run:     &run,
		Join:    Tickets(in.Plan, in.RunID, at), // unless it stands in line since it was queued
	})
}

func newRun(in Delivery, at time.Time) fairlead.Run {
	p := in.Plan
	return fairlead.Run{
		ID: in.RunID, Plan: p.Hash, Service: p.Service, Environment: p.Environment, Strategy: p.Strategy,
		Commit: p.Event.Commit, Branch: p.Event.Branch, Trigger: p.Event.Trigger, RetryOf: in.RetryOf, Promotion: p.Promotion,
		State: fairlead.StatePending, StartedAt: at,
	}
}

// tasks runs every task of the verify phase. All steps are started at once, in
// plan order, and each waits in memory for what it needs: so the numbering of
// the durable steps never depends on which task ends first.
func (f *flows) tasks(fl *engine.Flow, in Delivery) error {
	futures := make(map[string]engine.Future[TaskEnding], len(in.Plan.Tasks))
	var order []string
	for _, t := range in.Plan.Tasks {
		if t.Phase != fairlead.PhaseVerify {
			continue
		}
		needs := make([]engine.Future[TaskEnding], len(t.Needs))
		for i, n := range t.Needs {
			needs[i] = futures[n]
		}
		futures[t.ID] = engine.Go(fl, "task "+t.ID, func(ctx context.Context) (TaskEnding, error) {
			for _, n := range needs {
				if _, err := n.Wait(); err != nil {
					return TaskEnding{}, err
				}
			}
			return persist(ctx, f, func(ctx context.Context) (TaskEnding, error) {
				return f.task(ctx, Order{RunID: in.RunID, RetryOf: in.RetryOf, Plan: in.Plan, Task: t})
			})
		})
		order = append(order, t.ID)
	}
	var first error
	for _, id := range order { // all of them: no task may go on after its run has ended
		if _, err := futures[id].Wait(); err != nil && first == nil {
			first = fmt.Errorf("task %s: %w", id, err)
		}
	}
	return first
}

// release hands over to the rollout, once the places in line are claimed.
func (f *flows) release(fl *engine.Flow, in Delivery, d ruling, t turn) (Ending, error) {
	if len(in.Plan.Services) > 0 {
		return f.together(fl, in, d.Releases, t)
	}
	return engine.Child[Rollout, Ending](fl, NameRollout, in.RunID+"/rollout", Rollout{
		RunID: in.RunID, ID: DeploymentID(in.RunID), Plan: in.Plan, Release: d.Releases[0],
	})
}

// finish records how the run ended.
func (f *flows) finish(fl *engine.Flow, in Delivery, d ruling, end Ending, started time.Time) error {
	at, err := fl.Now()
	if err != nil {
		return err
	}
	_, err = do(f, fl, "finish", func(ctx context.Context) (bool, error) {
		known, err := f.Reader.Run(ctx, in.RunID) // grants may have been used after the decision
		if err != nil {
			return false, err
		}
		run := newRun(in, started)
		run.State, run.Result, run.Reason, run.Fault = fairlead.StateFinished, end.Result, end.Reason, end.Fault
		run.Decision, run.Deployment, run.Superseded, run.FinishedAt = d.Decision.ID, end.Deployment, end.Superseded, at
		run.BreakGlass = slices.Compact(slices.Sorted(slices.Values(append(known.BreakGlass, d.Grants...))))
		if end.Deployment != "" {
			run.Deployments = deployments(in)
		}
		u := fairlead.Update{
			Records: []fairlead.Record{record(in.RunID+"/finished", fairlead.RecordRunFinished, in.RunID, in.RunID, at, run)},
			Run:     &run,
		}
		if end.Superseded != "" {
			u.Records = append(u.Records, record(in.RunID+"/superseded", fairlead.RecordRunSuperseded, in.RunID, in.RunID, at, run))
		}
		return f.Ledger.Commit(ctx, u)
	})
	return err
}

// DeploymentID names the deployment of a run that releases one service.
func DeploymentID(runID string) string { return runID + "/deployment" }

// deploymentOf names the deployment of one of a plan's services.
func deploymentOf(p fairlead.Plan, runID, service string) string {
	if len(p.Services) == 0 {
		return DeploymentID(runID)
	}
	return DeploymentID(runID + "/" + service)
}

// deployments names those of a release of several services, none for one of one.
func deployments(in Delivery) []string {
	var all []string
	for _, s := range in.Plan.Services {
		all = append(all, deploymentOf(in.Plan, in.RunID, s.Name))
	}
	return all
}
