package flow

import (
	"context"
	"time"

	"fairlead.dev"
)

// comeback is how long a live release that does not serve is waited for, as
// after a restart of the target, before it is given up.
const comeback = 10 * time.Second

// standing looks whether the live release serves. One that does not, and does
// not come back, is neither compared with nor kept: then the new release is
// the remedy and takes all the traffic as soon as it is ready.
func (m *move) standing() error {
	if m.previous == nil {
		return nil
	}
	serves, err := do(m.flows, m.fl, "look at the live release", func(ctx context.Context) (bool, error) {
		for began := now(); ; {
			o, why, err := m.observe(ctx)
			if err != nil || why != nil {
				return true, err // whoever stops the rollout is heard at the next step
			}
			i, known := o.Find(m.previous.ID)
			if i.Ready > 0 {
				return true, nil
			}
			if !known || now().Sub(began) > min(comeback, m.in.Plan.Release.Ready.D()) {
				return false, nil
			}
			if err := pause(ctx, m.Tick); err != nil {
				return false, err
			}
		}
	})
	if err != nil || serves {
		return err
	}
	down := m.previous.ID.Short()
	m.previous = nil
	return m.note("live release down", fairlead.RecordDeploymentMoved, fairlead.DeployPrepare,
		"release "+down+", which is live, does not serve: the new one replaces it at once", nil)
}
