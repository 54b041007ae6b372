package flow

import (
	"context"
	"time"

	"fairlead.dev"
	"fairlead.dev/engine"
)

// noteTurn records that the rollback began and when the traffic was turned.
func (f *flows) noteTurn(fl *engine.Flow, in Rollback, t turned) error {
	_, err := do(f, fl, "note turn", func(ctx context.Context) (bool, error) {
		u := fairlead.Update{Records: []fairlead.Record{record(in.ID+"/started", fairlead.RecordRollbackStarted, in.ID, in.RunID, t.Time, struct {
			To     fairlead.Digest `json:"to,omitempty"`
			From   fairlead.Digest `json:"from"`
			Turned bool            `json:"turned"`
			Reason string          `json:"reason"`
		}{idOf(in.To), in.From.ID, t.Turned, in.Reason})}}
		d, err := f.stopped(ctx, in)
		if err != nil {
			return false, err
		}
		if d != nil {
			d.Phase, d.Reason = fairlead.DeployRollingBack, in.Reason
			if t.Turned {
				d.Weights = append(d.Weights, fairlead.WeightPoint{Time: t.Time, Weight: 0})
			}
			u.Deployment = d
		}
		return f.Ledger.Commit(ctx, u)
	})
	return err
}

// stopped reads the deployment that the rollback stops, nil when there is none.
func (f *flows) stopped(ctx context.Context, in Rollback) (*fairlead.Deployment, error) {
	if in.Deployment == "" {
		return nil, nil
	}
	d, err := f.Situation.Deployment(ctx, in.Deployment)
	if err != nil {
		return nil, err
	}
	return &d, nil
}

// endRollback records how the rollback ended and frees the environment.
func (f *flows) endRollback(fl *engine.Flow, in Rollback, t turned, done settled, end Ending) error {
	at, err := fl.Now()
	if err != nil {
		return err
	}
	_, err = do(f, fl, "end", func(ctx context.Context) (bool, error) {
		u := fairlead.Update{Records: []fairlead.Record{record(in.ID+"/finished", fairlead.RecordRollbackFinished, in.ID, in.RunID, at, end)}}
		if u.Deployment, err = f.stopped(ctx, in); err != nil {
			return false, err
		}
		if d := u.Deployment; d != nil {
			d.FinishedAt = at
			d.Phase = fairlead.DeployFailed
			if end.Result == fairlead.ResultSuccess {
				d.Phase = fairlead.DeployRolledBack
			}
			if done.Turned && !t.Turned {
				d.Weights = append(d.Weights, fairlead.WeightPoint{Time: done.Time, Weight: 0})
			}
		}
		if u.Environment, err = f.freed(ctx, in, t, done, at); err != nil {
			return false, err
		}
		if in.Own {
			run, err := f.Reader.Run(ctx, in.RunID)
			if err != nil {
				return false, err
			}
			run.State, run.Result, run.Reason, run.Fault, run.FinishedAt = fairlead.StateFinished, end.Result, end.Reason, end.Fault, at
			u.Run = &run
			u.Records = append(u.Records, record(in.RunID+"/finished", fairlead.RecordRunFinished, in.RunID, in.RunID, at, run))
		}
		return f.commitPlace(ctx, u)
	})
	return err
}

// freed is the environment after the rollback, so that others may move it
// again; nil when it was never ours. The stable release is the current one only
// when it has the traffic.
func (f *flows) freed(ctx context.Context, in Rollback, t turned, done settled, at time.Time) (*fairlead.EnvironmentState, error) {
	if t.Fault != nil {
		return nil, nil
	}
	st, err := f.Situation.Environment(ctx, in.Environment, in.Service)
	if err != nil {
		return nil, err
	}
	st.Moving, st.Fence, st.UpdatedAt = "", t.Fence, at
	if done.Turned && in.To != nil && (st.Current == nil || st.Current.ID != in.To.ID) {
		st.Previous, st.Current = nil, in.To // what failed is nothing to go back to
	}
	return &st, nil
}
