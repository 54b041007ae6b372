package flow

import (
	"context"
	"errors"
	"time"

	"fairlead.dev"
	"fairlead.dev/target"
)

// leastTries is how often something is tried before patience is over, however
// long the first tries took: a machine that stood still had no time.
const leastTries = 10

// patience is how long something goes on being tried.
type patience struct {
	until time.Time
	tries int
}

// patient begins a patience. It is this process' own: one that takes over what
// another began hours ago tries as long as any.
func (f *flows) patient() *patience { return &patience{until: now().Add(f.Patience)} }

// over tells after a try whether it was the last.
func (p *patience) over() bool {
	p.tries++
	return p.tries >= leastTries && now().After(p.until)
}

// force applies a state until it is wholly in force: a target may refuse it
// while no replica is ready, or have work left that it goes on with when it is
// told again. It gives up when patience is over, and quietly when somebody else
// has taken the environment since.
func (f *flows) force(ctx context.Context, to target.Target, at target.Place, d target.Desired) (*fairlead.Fault, error) {
	for p := f.patient(); ; {
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
		if p.over() {
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
