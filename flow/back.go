package flow

import (
	"context"
	"strings"

	"fairlead.dev"
	"fairlead.dev/engine"
)

// takeBack rolls everything back, from the last service that began to the
// first; last is its index. Each has a rollback flow of its own, and one that
// needs a person does not hold up the others. What had not begun is let go.
func (g *group) takeBack(last int, end Ending) (Ending, error) {
	var back []Rollback
	for i := last; i >= 0; i-- {
		r := g.rollouts[i]
		if st, err := g.begun(r); err != nil {
			return Ending{}, err
		} else if st {
			back = append(back, r.rollback(g.turn.current(r.Plan.Service), end.Reason))
		}
	}
	undone, failed, err := g.allBack(g.fl, back)
	if err != nil {
		return Ending{}, err
	}
	for i := len(g.rollouts) - 1; i > last; i-- {
		if err := g.letGo(g.rollouts[i], end.Reason); err != nil {
			return Ending{}, err
		}
	}
	end.Deployment = g.rollouts[0].ID
	if len(undone) > 0 {
		end.Reason += "; rolled back: " + strings.Join(undone, ", ")
	}
	if len(failed) > 0 {
		end.Result, end.Fault = fairlead.ResultError, failed[0].Fault
		for _, f := range failed {
			end.Reason += "; " + f.Reason
		}
	}
	return end, nil
}

// rollback is the input of a rollout's own rollback.
func (in Rollout) rollback(to *fairlead.Release, reason string) Rollback {
	return Rollback{
		ID: RollbackID(in.ID), RunID: in.RunID, Deployment: in.ID, Environment: in.Plan.Environment,
		Service: in.Plan.Service, From: in.Release, To: to, Reason: reason,
	}
}

// begun tells whether a service's rollout came as far as to be rolled back, or
// was refused by the target before it touched anything.
func (g *group) begun(r Rollout) (bool, error) {
	return do(g.flows, g.fl, "look at "+r.Plan.Service, func(ctx context.Context) (bool, error) {
		d, err := g.Situation.Deployment(ctx, r.ID)
		if fairlead.KindOf(err) == fairlead.KindNotFound {
			return false, nil
		}
		return d.Phase != fairlead.DeployRefused, err
	})
}

// allBack does rollbacks one after the other and tells what became of them.
func (f *flows) allBack(fl *engine.Flow, all []Rollback) (undone []string, failed []Ending, err error) {
	for _, b := range all {
		end, err := engine.Child[Rollback, Ending](fl, NameRollback, b.ID, b)
		if err != nil {
			return nil, nil, err
		}
		if end.Result != fairlead.ResultSuccess {
			end.Reason = b.Service + ": " + end.Reason
			failed = append(failed, end)
			continue
		}
		undone = append(undone, b.Service)
	}
	return undone, failed, nil
}

// letGo frees the place of a service whose rollout never began.
func (g *group) letGo(r Rollout, reason string) error {
	at, err := g.fl.Now()
	if err != nil {
		return err
	}
	_, err = do(g.flows, g.fl, "let go of "+r.Plan.Service, func(ctx context.Context) (bool, error) {
		st, err := g.Situation.Environment(ctx, r.Plan.Environment, r.Plan.Service)
		if err != nil || st.Moving != r.ID {
			return false, err
		}
		st.Moving, st.UpdatedAt = "", at
		d := fairlead.Deployment{Phase: fairlead.DeployRefused, Release: r.Release, Previous: st.Current, Reason: reason}
		return g.Ledger.Commit(ctx, fairlead.Update{
			Records:     []fairlead.Record{record(r.ID+"/let go", fairlead.RecordDeploymentEnded, r.ID, r.RunID, at, moved(d))},
			Environment: &st,
		})
	})
	return err
}

// Together is the input of the rollback of several services, the one to go
// back first coming first.
type Together struct {
	RunID string     `json:"run_id"`
	Own   bool       `json:"own,omitempty"` // RunID is this rollback's own run, asked for by a person
	All   []Rollback `json:"all"`           // each a flow of its own
}

// rollbackTogether rolls several services back.
func (f *flows) rollbackTogether(fl *engine.Flow, in Together) (Ending, error) {
	undone, failed, err := f.allBack(fl, in.All)
	if err != nil {
		return Ending{}, err
	}
	end := Ending{Result: fairlead.ResultSuccess, Reason: "rolled back: " + strings.Join(undone, ", ")}
	if len(failed) > 0 {
		end = failed[0]
		for _, more := range failed[1:] {
			end.Reason += "; " + more.Reason
		}
		if len(undone) > 0 {
			end.Reason += "; rolled back: " + strings.Join(undone, ", ")
		}
	}
	if !in.Own {
		return end, nil
	}
	at, err := fl.Now()
	if err != nil {
		return end, err
	}
	_, err = do(f, fl, "end", func(ctx context.Context) (bool, error) {
		run, err := f.Reader.Run(ctx, in.RunID)
		if err != nil {
			return false, err
		}
		run.State, run.Result, run.Reason, run.Fault, run.FinishedAt = fairlead.StateFinished, end.Result, end.Reason, end.Fault, at
		return f.Ledger.Commit(ctx, fairlead.Update{
			Records: []fairlead.Record{record(in.RunID+"/finished", fairlead.RecordRunFinished, in.RunID, in.RunID, at, run)},
			Run:     &run,
		})
	})
	return end, err
}
