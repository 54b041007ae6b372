// Package control is the control plane: what a person or a program can ask of
// Fairlead, whatever interface the question comes through. It starts runs,
// waits for them, cancels, retries, resumes and rolls back; the flows do the
// rest.
package control

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"fairlead.dev"
	"fairlead.dev/engine"
	"fairlead.dev/flow"
)

// Ledger is where the control plane writes.
type Ledger interface {
	Commit(ctx context.Context, u fairlead.Update) (bool, error)
	SavePlan(ctx context.Context, p fairlead.Plan) error
	RequestCancel(ctx context.Context, runID, who, reason string) error
}

// Reader is where it reads.
type Reader interface {
	Run(ctx context.Context, id string) (fairlead.Run, error)
	Runs(ctx context.Context, f fairlead.RunFilter) ([]fairlead.Run, error)
	Plan(ctx context.Context, hash fairlead.Digest) (fairlead.Plan, error)
	Tasks(ctx context.Context, runID string) ([]fairlead.TaskRun, error)
	Environment(ctx context.Context, environment, service string) (fairlead.EnvironmentState, error)
	Environments(ctx context.Context) ([]fairlead.EnvironmentState, error)
	Deployment(ctx context.Context, id string) (fairlead.Deployment, error)
	Deployments(ctx context.Context, environment, service string, limit int) ([]fairlead.Deployment, error)
	Records(ctx context.Context, f fairlead.RecordFilter) ([]fairlead.Record, error)
	Exceptions(ctx context.Context, service string, all bool) ([]fairlead.Exception, error)
}

// Plane is the control plane over a running engine.
type Plane struct {
	Ledger Ledger
	Reader Reader
	Engine *engine.Engine
	Desk   flow.Desk
	Scope  string // of this state directory: what it may execute of a database that several share
}

// Start makes a run of the plan and sets it going in this process. retryOf
// names the run that this one continues, "" for none.
func (p *Plane) Start(ctx context.Context, plan fairlead.Plan, retryOf string) (string, error) {
	if err := p.Ledger.SavePlan(ctx, plan); err != nil {
		return "", err
	}
	at := time.Now().UTC()
	id := newID("r", at)
	run := fairlead.Run{
		ID: id, Plan: plan.Hash, Service: plan.Service, Environment: plan.Environment, Strategy: plan.Strategy,
		Commit: plan.Event.Commit, Branch: plan.Event.Branch, Trigger: plan.Event.Trigger, RetryOf: retryOf, Promotion: plan.Promotion,
		State: fairlead.StatePending, StartedAt: at,
	}
	u := fairlead.Update{Records: []fairlead.Record{p.queued(run)}, Run: &run, Join: flow.Tickets(plan, id, at)}
	if _, err := p.Ledger.Commit(ctx, u); err != nil {
		return "", err
	}
	return id, engine.Start(ctx, p.Engine, flow.NameDelivery, id, flow.Delivery{RunID: id, RetryOf: retryOf, Plan: plan})
}

// newID gives a name that sorts by time and is short enough to type.
func newID(prefix string, at time.Time) string {
	var b [3]byte
	_, _ = rand.Read(b[:]) // never fails: see crypto/rand
	return fmt.Sprintf("%s%s-%s", prefix, at.Format("0102-150405"), hex.EncodeToString(b[:]))
}

// Wait waits until a run has ended, wherever it executes, and gives it.
func (p *Plane) Wait(ctx context.Context, runID string) (fairlead.Run, error) {
	_, err := engine.Result[flow.Ending](ctx, p.Engine, flowOf(runID))
	if err != nil && fairlead.KindOf(err) != fairlead.KindNotFound {
		return fairlead.Run{}, err
	}
	run, readErr := p.Reader.Run(ctx, runID)
	if readErr == nil && err != nil && run.State != fairlead.StateFinished {
		return fairlead.Run{}, err // a lost run that nobody has ended
	}
	return run, readErr
}

// Cancel asks a run to stop. A release on its way is rolled back. A run whose
// process died is ended by whoever resumes it; one that the engine has lost
// ends at once, as an error.
func (p *Plane) Cancel(ctx context.Context, runID, who, reason string) (fairlead.Run, error) {
	run, err := p.Reader.Run(ctx, runID)
	if err != nil {
		return run, err
	}
	if err := p.needOwn(ctx, "cancel "+runID, runID); err != nil {
		return run, err
	}
	if run.State == fairlead.StateFinished {
		return run, &fairlead.Problem{
			Op: "cancel " + runID, Kind: fairlead.KindConflict, Err: fmt.Errorf("it has ended with %s", run.Result),
			Hint: "to undo a release that is live: `fairlead rollback " + run.Environment + "`",
		}
	}
	lost, err := p.lost(ctx, run)
	if err != nil {
		return run, err
	}
	if lost {
		return p.endLost(ctx, run)
	}
	if strings.HasPrefix(runID, rollbackPrefix) {
		return run, &fairlead.Problem{
			Op: "cancel " + runID, Kind: fairlead.KindConflict, Err: errors.New("it is a rollback, which is seen to its end"),
			Hint: "wait for it; `fairlead run` or `fairlead rollback --to` goes elsewhere afterwards",
		}
	}
	return run, p.Ledger.RequestCancel(ctx, runID, who, reason)
}

// Retry starts a new run of the same plan that takes over what had succeeded.
func (p *Plane) Retry(ctx context.Context, runID string) (string, error) {
	run, err := p.Reader.Run(ctx, runID)
	if err != nil {
		return "", err
	}
	if err := p.needOwn(ctx, "retry "+runID, runID); err != nil {
		return "", err
	}
	switch {
	case strings.HasPrefix(runID, rollbackPrefix):
		return "", &fairlead.Problem{
			Op: "retry " + runID, Kind: fairlead.KindConflict, Err: errors.New("it is a rollback, which has no plan"),
			Hint: "`fairlead rollback " + run.Environment + "` asks for another one",
		}
	case run.State != fairlead.StateFinished:
		return "", &fairlead.Problem{
			Op: "retry " + runID, Kind: fairlead.KindConflict, Err: fmt.Errorf("it is %s", run.State),
			Hint: "wait for it, `fairlead cancel` it, or `fairlead resume` it when its process died",
		}
	case run.Result == fairlead.ResultSuccess:
		return "", &fairlead.Problem{
			Op: "retry " + runID, Kind: fairlead.KindConflict, Err: fmt.Errorf("it has succeeded"),
			Hint: "`fairlead run` starts a new delivery",
		}
	}
	plan, err := p.Reader.Plan(ctx, run.Plan)
	if err != nil {
		return "", err
	}
	if plan.Inputs.Flow != flow.Version {
		return "", &fairlead.Problem{
			Op: "retry " + runID, Kind: fairlead.KindConflict,
			Err:  fmt.Errorf("its plan is for flow version %s, this is %s", plan.Inputs.Flow, flow.Version),
			Hint: "`fairlead run --commit " + plan.Event.Commit + "` plans it anew",
		}
	}
	return p.Start(ctx, plan, runID)
}
