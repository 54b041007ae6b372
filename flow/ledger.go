package flow

import (
	"context"
	"time"

	"fairlead.dev"
)

// note records a step of the deployment: its phase and, when weight is given, a change of traffic.
func (m *move) note(name string, typ fairlead.RecordType, phase fairlead.DeployPhase, reason string, weight *int) error {
	return m.write("note "+name, typ, m.in.ID+"/"+name, func(d *fairlead.Deployment, at time.Time) {
		d.Phase, d.Reason = phase, reason
		if weight != nil {
			d.Weights = append(d.Weights, fairlead.WeightPoint{Time: at, Weight: *weight})
		}
	}, nil)
}

// splitSeen records what was seen of the traffic before a step's time began.
func (m *move) splitSeen(s step, seen *divided) error {
	if seen == nil {
		return nil
	}
	m.split = seen.Weight
	m.waited += seen.Took
	return m.write("note split of "+s.name, fairlead.RecordDeploymentMoved, m.in.ID+"/split of "+s.name, func(d *fairlead.Deployment, _ time.Time) {
		if n := len(d.Weights); n > 0 {
			d.Weights[n-1].Split = seen.Words
		}
	}, nil)
}

// noteVerdict records a verdict with the deployment.
func (m *move) noteVerdict(v fairlead.Verdict) error {
	_, err := do(m.flows, m.fl, "verdict "+v.Stage, func(ctx context.Context) (bool, error) {
		d, err := m.deployment(ctx, v.Time)
		if err != nil {
			return false, err
		}
		d.Verdicts = append(d.Verdicts, v)
		return m.Ledger.Commit(ctx, fairlead.Update{
			Records:    []fairlead.Record{record(v.ID, fairlead.RecordVerdict, v.ID, m.in.RunID, v.Time, v)},
			Deployment: &d,
		})
	})
	return err
}

// end records the last state of a deployment and lets go of the environment.
// live is the release that takes the traffic from now on; nil leaves it as it was.
func (m *move) end(name string, phase fairlead.DeployPhase, reason string, live *fairlead.Release, typ fairlead.RecordType) error {
	return m.write("end "+name, typ, m.in.ID+"/"+name, func(d *fairlead.Deployment, at time.Time) {
		d.Phase, d.Reason, d.FinishedAt = phase, reason, at
	}, func(st *fairlead.EnvironmentState) { m.letGo(st, live) })
}

// letGo frees the environment. A live release becomes the current one and what
// was current becomes the one to go back to.
func (m *move) letGo(st *fairlead.EnvironmentState, live *fairlead.Release) {
	st.Moving, st.Deployment, st.Fence = "", m.in.ID, m.fence
	if live == nil {
		return
	}
	if st.Current != nil && st.Current.ID != live.ID {
		st.Previous = st.Current
	}
	st.Current = live
}

// write is a durable step that changes the deployment, and the environment
// when place is given, and records it once.
func (m *move) write(step string, typ fairlead.RecordType, id string,
	change func(*fairlead.Deployment, time.Time), place func(*fairlead.EnvironmentState),
) error {
	at, err := m.fl.Now()
	if err != nil {
		return err
	}
	_, err = do(m.flows, m.fl, step, func(ctx context.Context) (bool, error) {
		d, err := m.deployment(ctx, at)
		if err != nil {
			return false, err
		}
		change(&d, at)
		u := fairlead.Update{
			Records:    []fairlead.Record{record(id, typ, m.in.ID, m.in.RunID, at, moved(d))},
			Deployment: &d,
		}
		if place != nil {
			st, err := m.Situation.Environment(ctx, m.in.Plan.Environment, m.in.Plan.Service)
			if err != nil {
				return false, err
			}
			place(&st)
			st.UpdatedAt = at
			u.Environment = &st
		}
		return m.commitPlace(ctx, u)
	})
	return err
}

// commitPlace applies an update and, when an environment is among what it
// changes, tells who has to know what takes the traffic there now. They are told
// in the same step, so that a crash in between tells them when it is done again,
// and after the commit, so that they find it. What they cannot do now is reported
// and left: it is caught up with when the vulnerabilities are looked at next.
func (f *flows) commitPlace(ctx context.Context, u fairlead.Update) (bool, error) {
	applied, err := f.Ledger.Commit(ctx, u)
	st := u.Environment
	if err != nil || f.Arrivals == nil || st == nil || st.Current == nil {
		return applied, err
	}
	fault, err := f.attempt(ctx, func() error { return f.Arrivals.Arrived(ctx, st.Environment, st.Service) })
	if fault != nil {
		f.Trouble(fault.Problem())
	}
	return applied, err
}

// deployment reads the deployment as recorded, or gives a new one.
func (m *move) deployment(ctx context.Context, at time.Time) (fairlead.Deployment, error) {
	d, err := m.Situation.Deployment(ctx, m.in.ID)
	if fairlead.KindOf(err) != fairlead.KindNotFound {
		return d, err
	}
	return fairlead.Deployment{
		ID: m.in.ID, RunID: m.in.RunID, Service: m.in.Plan.Service, Environment: m.in.Plan.Environment,
		Strategy: m.in.Plan.Strategy, Release: m.in.Release, Promotion: m.in.Plan.Promotion, Previous: m.current, Fence: m.fence, StartedAt: at,
	}, nil
}

// moved is what the record says of a deployment on its way.
func moved(d fairlead.Deployment) any {
	var last fairlead.WeightPoint
	if n := len(d.Weights); n > 0 {
		last = d.Weights[n-1]
	}
	return struct {
		Phase    fairlead.DeployPhase `json:"phase"`
		Release  fairlead.Digest      `json:"release"`
		Previous fairlead.Digest      `json:"previous,omitempty"`
		Weight   int                  `json:"weight"`
		Split    string               `json:"split,omitempty"`
		Reason   string               `json:"reason,omitempty"`
	}{d.Phase, d.Release.ID, idOf(d.Previous), last.Weight, last.Split, d.Reason}
}

func idOf(r *fairlead.Release) fairlead.Digest {
	if r == nil {
		return ""
	}
	return r.ID
}
