package flow

import (
	"context"
	"errors"

	"fairlead.dev"
	"fairlead.dev/target"
)

// force applies a state until it is wholly in force: a target may refuse it
// while no replica is ready, or have work left that it goes on with when it is
// told again. It gives up when patience is over, and quietly when somebody else
// has taken the environment since.
func (f *flows) force(ctx context.Context, to target.Target, at target.Place, d target.Desired) (*fairlead.Fault, error) {
	for began := now(); ; {
		fault, err := f.attempt(ctx, func() error { return to.Apply(ctx, at, d) })
		if err != nil || fault != nil && fault.Kind != fairlead.KindConflict {
			return fault, err
		}
		o, err := to.Observe(ctx, at)
		switch {
		case err != nil:
			f.Trouble(err)
		case fault == nil && o.Pending == "":
			return nil, nil
		case fault == nil:
			fault = fairlead.FaultOf(&fairlead.Problem{
				Op: "settle release", Kind: fairlead.KindTimeout, Err: errors.New(o.Pending),
				Hint: "traffic is where it belongs; see the target for what keeps it, and release again to go on",
			})
		}
		if now().Sub(began) > f.Patience {
			return fault, nil
		}
		if st, err := f.Situation.Environment(ctx, at.Environment, at.Service); err != nil || st.Fence != d.Fence {
			return nil, err
		}
		if err := pause(ctx, f.Tick); err != nil {
			return nil, err
		}
	}
}
