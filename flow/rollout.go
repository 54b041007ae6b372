package flow

import (
	"context"
	"fmt"
	"time"

	"fairlead.dev"
	"fairlead.dev/engine"
	"fairlead.dev/target"
)

// Rollout is the input of the rollout flow: one release entering one environment.
type Rollout struct {
	RunID   string           `json:"run_id"`
	ID      string           `json:"id"` // Deployment.ID
	Plan    fairlead.Plan    `json:"plan"`
	Release fairlead.Release `json:"release"`
	// Of a release of several services: it ends before the bake, which is one for
	// all, and the old release is kept until there is a verdict on all of them.
	Together bool     `json:"together,omitempty"`
	Before   []Fellow `json:"before,omitempty"` // those that were judged already; none of them may fail meanwhile
}

func (in Rollout) place() target.Place {
	return target.Place{Environment: in.Plan.Environment, Service: in.Plan.Service}
}

// claimed is the checkpoint of having the environment to ourselves.
type claimed struct {
	Fence   int64             `json:"fence"`
	Current *fairlead.Release `json:"current,omitempty"` // takes the traffic now
	Fault   *fairlead.Fault   `json:"fault,omitempty"`
}

// move is one rollout on its way.
type move struct {
	*flows
	fl       *engine.Flow
	in       Rollout
	to       target.Target
	fence    int64
	current  *fairlead.Release // takes the traffic when the rollout begins; nil when nothing does
	previous *fairlead.Release // current; nil when that is the very release to be rolled out, or does not serve
	first    time.Time         // when the rollout began
	waited   time.Duration     // for people, which is not the release's time
	metrics  Metrics           // opened when it is first asked; nil before
	others   *others           // services of the same release that were judged already
	split    int               // percent of the traffic that the new release was last seen, or said, to get
}

// rollout moves a release into its environment by stages, each of them judged.
func (f *flows) rollout(fl *engine.Flow, in Rollout) (Ending, error) {
	m := &move{flows: f, fl: fl, in: in, to: f.target(in.Plan.Release.Target), others: f.lookAfter(in.Before)}
	c, err := do(f, fl, "claim", func(ctx context.Context) (claimed, error) { return f.claim(ctx, in) })
	if err != nil {
		return Ending{}, err
	}
	if c.Fault != nil {
		return failed(c.Fault.Problem()), nil
	}
	if m.first, err = fl.Now(); err != nil {
		return Ending{}, err
	}
	m.fence, m.current = c.Fence, c.Current
	if m.current != nil && m.current.ID != in.Release.ID {
		m.previous = m.current
	}
	end, err := m.run()
	if err != nil && !interrupted(fl) {
		end, err = m.rollBack(stop{Reason: err.Error(), Fault: fairlead.FaultOf(err)})
	}
	end.Deployment = in.ID
	return end, err
}

// claim gives the claim of the environment that the run's turn in line made, or
// tells who has it: a rollback that took it over in the meantime.
func (f *flows) claim(ctx context.Context, in Rollout) (claimed, error) {
	st, err := f.Ledger.ClaimEnvironment(ctx, in.Plan.Environment, in.Plan.Service, in.ID, "")
	if fairlead.KindOf(err) == fairlead.KindConflict {
		return claimed{Fault: fairlead.FaultOf(err)}, nil
	}
	return claimed{Fence: st.Fence, Current: st.Current}, err
}

// run delivers the release, brings it up, moves the traffic and bakes.
func (m *move) run() (Ending, error) {
	if err := m.note("began", fairlead.RecordDeploymentBegan, fairlead.DeployPrepare, "", nil); err != nil {
		return Ending{}, err
	}
	fault, err := m.deliver()
	if err != nil {
		return Ending{}, err
	}
	if fault != nil {
		return m.abandon(*fault)
	}
	why, err := m.stages()
	if err == nil && why == nil && m.in.Together {
		return Ending{Result: fairlead.ResultSuccess, Reason: "judged", Alone: m.previous == nil}, nil
	}
	if err == nil && why == nil {
		why, err = m.keepOld()
	}
	if err != nil {
		return Ending{}, err
	}
	if why != nil {
		return m.rollBack(*why)
	}
	return m.conclude()
}

// deliver hands the release and its evidence to the target, which verifies it.
func (m *move) deliver() (*fairlead.Fault, error) {
	return do(m.flows, m.fl, "deliver", func(ctx context.Context) (*fairlead.Fault, error) {
		evidence, err := m.Archive.EvidenceOf(ctx, m.in.RunID)
		if err != nil {
			return nil, err
		}
		b := bundle(m.in.Release, evidence)
		return m.attempt(ctx, func() error { return m.to.Deliver(ctx, m.in.place(), b, m.Content) })
	})
}

// bundle is a release with the evidence that lets it in.
func bundle(r fairlead.Release, evidence []fairlead.Evidence) target.Bundle {
	b := target.Bundle{Release: r}
	for _, e := range evidence {
		switch e.PredicateType {
		case fairlead.PredicateDecision:
			b.Decision = e
		case fairlead.PredicateBuild:
			b.Evidence = append(b.Evidence, e)
		}
	}
	return b
}

// abandon ends a rollout that has not touched traffic.
func (m *move) abandon(fault fairlead.Fault) (Ending, error) {
	end := Ending{Result: fairlead.ResultError, Reason: fault.Op + ": " + fault.Cause, Fault: &fault}
	if fault.Kind == fairlead.KindDenied || fault.Kind == fairlead.KindInvalid {
		end.Result = fairlead.ResultFailure
	}
	return end, m.end("abandoned", fairlead.DeployRefused, end.Reason, nil, fairlead.RecordDeploymentEnded)
}

// rollBack hands over to the rollback flow and waits for it.
func (m *move) rollBack(why stop) (Ending, error) {
	back, err := engine.Child[Rollback, Ending](m.fl, NameRollback, RollbackID(m.in.ID), m.in.rollback(m.current, why.Reason))
	if err != nil {
		return Ending{}, err
	}
	end := Ending{Result: fairlead.ResultFailure, Reason: why.Reason + "; " + back.Reason, Fault: why.Fault}
	if why.Cancelled || why.Superseded != "" {
		end.Result, end.Superseded = fairlead.ResultCancellation, why.Superseded
	}
	if back.Result != fairlead.ResultSuccess {
		end.Result, end.Fault = fairlead.ResultError, back.Fault
	}
	return end, nil
}

// keepOld lets the old release run on for its time. Until that is over the new
// one can be cancelled and rolled back as before.
func (m *move) keepOld() (*stop, error) {
	keep := m.in.Plan.Release.KeepOld.D()
	if keep <= 0 || m.previous == nil {
		return nil, nil
	}
	since, err := m.fl.Now()
	if err != nil {
		return nil, err
	}
	return do(m.flows, m.fl, "keep the old release", func(ctx context.Context) (*stop, error) {
		for now().Sub(since) < keep {
			if why, err := m.dismissed(ctx); err != nil || why != nil {
				return why, err
			}
			if err := pause(ctx, m.Tick); err != nil {
				return nil, err
			}
		}
		return nil, nil
	})
}

// conclude drops the old release and records the new one as live.
func (m *move) conclude() (Ending, error) {
	// The old release goes only after the new one is recorded as the one to go
	// back to; a crash in between leaves both running, never neither.
	release := m.in.Release
	if err := m.end("done", fairlead.DeployDone, "", &release, fairlead.RecordServiceDeployed); err != nil {
		return Ending{}, err
	}
	fault, err := do(m.flows, m.fl, "drop the old release", m.drop)
	if err != nil {
		return Ending{}, err
	}
	end := Ending{
		Result: fairlead.ResultSuccess,
		Reason: fmt.Sprintf("release %s is live in %s", release.ID.Short(), m.in.Plan.Environment),
	}
	if fault != nil {
		end.Reason += "; the old one could not be stopped: " + fault.Cause
	}
	return end, nil
}

// drop leaves only the new release running, for as long as nobody else has
// taken the environment since.
func (m *move) drop(ctx context.Context) (*fairlead.Fault, error) {
	alone := m.wanted(share{newReplicas: m.in.Release.Replicas, weight: 100})
	return m.force(ctx, m.to, m.in.place(), alone)
}
