package flow

import (
	"context"
	"time"

	"fairlead.dev"
	"fairlead.dev/target"
)

// fellow is how the other services of the release see this one.
func (in Rollout) fellow() Fellow {
	return Fellow{Deployment: in.ID, Place: in.place(), Target: in.Plan.Release.Target, Release: in.Release.ID}
}

// Fellow is a service of the same release, judged and not yet concluded.
type Fellow struct {
	Deployment string          `json:"deployment"`
	Place      target.Place    `json:"place"`
	Target     string          `json:"target"`
	Release    fairlead.Digest `json:"release"`
}

// others looks after the services of the same release that were judged already.
type others struct {
	all  []Fellow
	to   []target.Target
	down []time.Time // since when nothing of it is ready, as far as this process knows
}

func (f *flows) lookAfter(all []Fellow) *others {
	o := &others{all: all, down: make([]time.Time, len(all))}
	for _, s := range all {
		o.to = append(o.to, f.target(s.Target))
	}
	return o
}

// look tells whether one of them was rolled back or does not serve any more.
func (o *others) look(ctx context.Context, f *flows) (*stop, error) {
	for i, s := range o.all {
		st, err := f.Situation.Environment(ctx, s.Place.Environment, s.Place.Service)
		if err != nil {
			return nil, err
		}
		if st.Moving != s.Deployment {
			return &stop{Reason: s.Place.Service + ", released with it, was rolled back", Replaced: true}, nil
		}
		seen, err := o.to[i].Observe(ctx, s.Place)
		if err != nil {
			continue // who does not answer now may do so at the next look
		}
		switch r, _ := seen.Find(s.Release); {
		case r.Ready > 0:
			o.down[i] = time.Time{}
		case o.down[i].IsZero():
			o.down[i] = now()
		case now().Sub(o.down[i]) > comeback:
			return notReady(s.Place.Service+", released with it, is not ready any more", r.Problem), nil
		}
	}
	return nil, nil
}
