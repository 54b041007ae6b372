package control

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"fairlead.dev"
	"fairlead.dev/engine"
	"fairlead.dev/flow"
)

// rollbackAll gives the traffic of several services back, the last released
// first, each by a rollback of its own.
func (p *Plane) rollbackAll(ctx context.Context, b Back) (runID, reason string, err error) {
	in, err := p.prepareAll(ctx, b)
	if err != nil {
		return "", "", err
	}
	return p.backTogether(ctx, b, in)
}

// backTogether starts a rollback of several services and waits for its end.
func (p *Plane) backTogether(ctx context.Context, b Back, in flow.Together) (runID, reason string, err error) {
	if b.Began != nil {
		b.Began(in.RunID)
	}
	id := in.RunID + "/rollback"
	if err := engine.Start(ctx, p.Engine, flow.NameTogether, id, in); err != nil {
		return "", "", err
	}
	if _, err := p.Engine.TakeOver(ctx, id); err != nil { // it may have been begun by a process that died
		return in.RunID, "", err
	}
	for _, one := range in.All {
		if _, err := p.Engine.TakeOver(ctx, one.ID); err != nil {
			return in.RunID, "", err
		}
	}
	end, err := engine.Result[flow.Ending](ctx, p.Engine, id)
	if err != nil {
		return in.RunID, "", err
	}
	if end.Fault != nil {
		end.Fault.Cause = end.Reason
	}
	return in.RunID, end.Reason, end.Fault.Problem()
}

// prepareAll makes the rollback's input: of a release on its way, or of what is live.
func (p *Plane) prepareAll(ctx context.Context, b Back) (flow.Together, error) {
	var states []fairlead.EnvironmentState
	for _, s := range b.Services {
		st, err := p.Reader.Environment(ctx, b.Environment, s)
		if err != nil {
			return flow.Together{}, err
		}
		lost, err := p.abandoned(ctx, st.Moving)
		if err != nil {
			return flow.Together{}, err
		}
		if st.Moving != "" && !lost {
			return p.stopAll(ctx, b, st.Moving)
		}
		states = append(states, st)
	}
	return p.allFromLive(ctx, b, states)
}

// stopAll rolls back a release of several services that is on its way.
func (p *Plane) stopAll(ctx context.Context, b Back, moving string) (flow.Together, error) {
	op := "roll back " + b.Environment
	runID, _, _ := strings.Cut(moving, "/")
	run, err := p.Reader.Run(ctx, runID)
	if err != nil {
		return flow.Together{}, err
	}
	in := flow.Together{RunID: runID}
	for _, id := range slices.Backward(run.Deployments) {
		d, err := p.Reader.Deployment(ctx, id)
		switch {
		case fairlead.KindOf(err) == fairlead.KindNotFound:
			continue // it has not begun; its run sees that it never does
		case err != nil:
			return in, err
		case d.Phase == fairlead.DeployDone:
			return in, &fairlead.Problem{
				Op: op, Kind: fairlead.KindConflict, Err: fmt.Errorf("%s was judged as a whole and is being concluded", runID),
				Hint: "ask again in a moment: then it goes back as what is live",
			}
		case d.Phase == fairlead.DeployRefused:
			continue
		}
		in.All = append(in.All, flow.Rollback{
			ID: flow.RollbackID(d.ID), RunID: runID, Deployment: d.ID, Environment: d.Environment, Service: d.Service,
			From: d.Release, To: d.Previous, Reason: b.said(),
		})
	}
	if len(in.All) == 0 {
		return in, &fairlead.Problem{
			Op: op, Kind: fairlead.KindConflict, Err: fmt.Errorf("%s is moving it", moving),
			Hint: "wait for it to end, or `fairlead resume` when its process died",
		}
	}
	return in, nil
}

// allFromLive goes from what is live to what was live before, wherever there
// was something. It makes a run of its own.
func (p *Plane) allFromLive(ctx context.Context, b Back, states []fairlead.EnvironmentState) (flow.Together, error) {
	op := "roll back " + b.Environment
	if b.To != "" {
		return flow.Together{}, &fairlead.Problem{
			Op: op, Kind: fairlead.KindInvalid, Err: errors.New("--to names a release of one service, and " + strings.Join(b.Services, ", ") + " were released together"),
			Hint: "say which with --service, or leave --to away",
		}
	}
	at := time.Now().UTC()
	run := fairlead.Run{
		ID: newID(rollbackPrefix, at), Service: strings.Join(b.Services, ","), Environment: b.Environment, Strategy: fairlead.StrategyNone,
		Trigger: b.Who, State: fairlead.StateFinalizing, StartedAt: at, Reason: b.Reason,
	}
	in := flow.Together{RunID: run.ID, Own: true}
	for _, st := range slices.Backward(states) {
		if st.Current == nil || st.Previous == nil {
			continue
		}
		letIn, err := p.letInBy(ctx, Back{Environment: b.Environment, Service: st.Service}, st.Previous.ID)
		if err != nil {
			return in, err
		}
		run.Commit = st.Previous.Commit
		in.All = append(in.All, flow.Rollback{
			ID: run.ID + "/" + st.Service + "/rollback", RunID: run.ID, Environment: b.Environment, Service: st.Service,
			From: *st.Current, To: st.Previous, ToRun: letIn, Reason: b.Reason,
		})
	}
	if len(in.All) == 0 {
		return in, &fairlead.Problem{
			Op: op, Kind: fairlead.KindConflict, Err: errors.New("no earlier release of " + strings.Join(b.Services, ", ") + " is known to be good"),
			Hint: "name one with --service and --to; `fairlead env show " + b.Environment + "` lists what was live",
		}
	}
	_, err := p.Ledger.Commit(ctx, fairlead.Update{Records: []fairlead.Record{p.queued(run)}, Run: &run})
	return in, err
}

// Services gives the services that a run releases as one, in order; none when
// it releases one.
func Services(run fairlead.Run) []string {
	var all []string
	for _, id := range run.Deployments {
		service, _, _ := strings.Cut(strings.TrimPrefix(id, run.ID+"/"), "/")
		all = append(all, service)
	}
	return all
}
