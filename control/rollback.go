package control

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"fairlead.dev"
	"fairlead.dev/engine"
	"fairlead.dev/flow"
)

// rollbackPrefix begins the id of a rollback that a person asked for while
// nothing was moving; it is a run of its own.
const rollbackPrefix = "b"

// fewest digits of a release's id that name it.
const fewest = 4

// Back asks for a rollback.
type Back struct {
	Environment, Service string
	Services             []string // released together, in order: all of them go back; Service is left empty then
	To                   string   // release id or a prefix of its hex digits; "" = the one before the current
	Who, Reason          string
	Began                func(runID string) // told the run before anything moves; may be nil
}

// said is the reason of a rollback that stops a deployment.
func (b Back) said() string {
	if b.Reason == "" {
		return "asked for by " + b.Who
	}
	return "asked for by " + b.Who + ": " + b.Reason
}

// Rollback gives all traffic of a service back to a release that was good. A
// deployment on its way is stopped by its own rollback, so asking twice is
// asking once. It returns when the rollback is done, with the run under which
// it is recorded; a rollback that needs a person is an error.
func (p *Plane) Rollback(ctx context.Context, b Back) (runID, reason string, err error) {
	if len(b.Services) > 0 {
		return p.rollbackAll(ctx, b)
	}
	if st, err := p.Reader.Environment(ctx, b.Environment, b.Service); err == nil && st.Moving != "" {
		if one, err := p.partOf(ctx, st.Moving); err != nil {
			return "", "", err
		} else if one {
			all, err := p.stopAll(ctx, b, st.Moving)
			if err != nil {
				return "", "", err
			}
			return p.backTogether(ctx, b, all)
		}
	}
	in, err := p.prepare(ctx, b)
	if err != nil {
		return "", "", err
	}
	if b.Began != nil {
		b.Began(in.RunID)
	}
	if err := engine.Start(ctx, p.Engine, flow.NameRollback, in.ID, in); err != nil {
		return "", "", err
	}
	if _, err := p.Engine.TakeOver(ctx, in.ID); err != nil { // it may have been begun by a process that died
		return in.RunID, "", err
	}
	end, err := engine.Result[flow.Ending](ctx, p.Engine, in.ID)
	if err != nil {
		return in.RunID, "", err
	}
	return in.RunID, end.Reason, end.Fault.Problem()
}

// partOf tells whether a deployment that moves is one of several: such a
// release goes back as a whole.
func (p *Plane) partOf(ctx context.Context, moving string) (bool, error) {
	runID, _, _ := strings.Cut(moving, "/")
	run, err := p.Reader.Run(ctx, runID)
	if fairlead.KindOf(err) == fairlead.KindNotFound {
		return false, nil
	}
	return len(run.Deployments) > 0 && run.State != fairlead.StateFinished, err
}

// prepare makes the rollback's input, and its run when it is one of its own.
func (p *Plane) prepare(ctx context.Context, b Back) (flow.Rollback, error) {
	st, err := p.Reader.Environment(ctx, b.Environment, b.Service)
	if err != nil {
		return flow.Rollback{}, err
	}
	var free *fairlead.EnvironmentState // of the claim of a rollback that was lost
	if st.Moving != "" {
		lost, err := p.abandoned(ctx, st.Moving)
		if err != nil {
			return flow.Rollback{}, err
		}
		if !lost {
			return p.stopMoving(ctx, b, st)
		}
		st.Moving = ""
		free = &st
	}
	to, err := p.choose(ctx, b, st)
	if err != nil {
		return flow.Rollback{}, err
	}
	letIn, err := p.letInBy(ctx, b, to.ID)
	if err != nil {
		return flow.Rollback{}, err
	}
	at := time.Now().UTC()
	run := fairlead.Run{
		ID: newID(rollbackPrefix, at), Service: b.Service, Environment: b.Environment, Strategy: fairlead.StrategyNone,
		Commit: to.Commit, Trigger: b.Who, State: fairlead.StateFinalizing, StartedAt: at, Reason: b.Reason,
	}
	if _, err := p.Ledger.Commit(ctx, fairlead.Update{Records: []fairlead.Record{p.queued(run)}, Run: &run, Environment: free}); err != nil {
		return flow.Rollback{}, err
	}
	return flow.Rollback{
		ID: run.ID + "/rollback", RunID: run.ID, Own: true, Environment: b.Environment, Service: b.Service,
		From: *st.Current, To: &to, ToRun: letIn, Reason: b.Reason,
	}, nil
}

// letInBy finds the run whose evidence lets a release in, "" when it is too
// long ago; then the release can be gone back to only if the target still has it.
func (p *Plane) letInBy(ctx context.Context, b Back, release fairlead.Digest) (string, error) {
	history, err := p.Reader.Deployments(ctx, b.Environment, b.Service, 1000)
	if err != nil {
		return "", err
	}
	for _, d := range history {
		if d.Release.ID == release && d.Phase == fairlead.DeployDone {
			return d.RunID, nil
		}
	}
	return "", nil
}

// stopMoving rolls back the deployment that moves the environment.
func (p *Plane) stopMoving(ctx context.Context, b Back, st fairlead.EnvironmentState) (flow.Rollback, error) {
	op := fmt.Sprintf("roll back %s in %s", b.Service, b.Environment)
	if b.To != "" {
		return flow.Rollback{}, &fairlead.Problem{
			Op: op, Kind: fairlead.KindConflict, Err: fmt.Errorf("%s is moving it", st.Moving),
			Hint: "leave --to away to stop that and go back to what ran before it",
		}
	}
	d, err := p.Reader.Deployment(ctx, strings.TrimSuffix(st.Moving, "/rollback"))
	if fairlead.KindOf(err) == fairlead.KindNotFound {
		return flow.Rollback{}, &fairlead.Problem{Op: op, Kind: fairlead.KindConflict, Err: fmt.Errorf("%s is moving it", st.Moving), Hint: "wait for it to end, or `fairlead resume` when its process died"}
	}
	if err != nil {
		return flow.Rollback{}, err
	}
	return flow.Rollback{
		ID: flow.RollbackID(d.ID), RunID: d.RunID, Deployment: d.ID, Environment: b.Environment, Service: b.Service,
		From: d.Release, To: st.Current, Reason: b.said(),
	}, nil
}

// choose finds the release to go back to among those that were live.
func (p *Plane) choose(ctx context.Context, b Back, st fairlead.EnvironmentState) (fairlead.Release, error) {
	op := fmt.Sprintf("roll back %s in %s", b.Service, b.Environment)
	if st.Current == nil {
		return fairlead.Release{}, &fairlead.Problem{
			Op: op, Kind: fairlead.KindConflict, Err: errors.New("nothing is live there"), Hint: "`fairlead env list` shows what is live where",
		}
	}
	if b.To == "" {
		if st.Previous == nil {
			return fairlead.Release{}, &fairlead.Problem{
				Op: op, Kind: fairlead.KindConflict, Err: errors.New("no earlier release is known to be good"),
				Hint: "name one with --to; `fairlead env show " + b.Environment + "` lists what was live",
			}
		}
		return *st.Previous, nil
	}
	d, err := p.good(ctx, op, b.Environment, b.Service, strings.TrimPrefix(b.To, "sha256:"))
	return d.Release, err
}
