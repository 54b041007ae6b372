package flow

import (
	"context"
	"fmt"
	"time"

	"fairlead.dev"
	"fairlead.dev/target"
)

// fellow is how the other services of the release see this one.
func (in Rollout) fellow() Fellow {
	return Fellow{
		Deployment: in.ID, Place: in.place(), Target: in.Plan.Release.Target, Release: in.Release.ID,
		ErrorFloor: in.Plan.Release.Judge.ErrorFloor,
	}
}

// Fellow is a service of the same release, judged and not yet concluded.
type Fellow struct {
	Deployment string          `json:"deployment"`
	Place      target.Place    `json:"place"`
	Target     string          `json:"target"`
	Release    fairlead.Digest `json:"release"`
	ErrorFloor float64         `json:"error_floor,omitempty"` // share of errors that is bad without a comparison; 0: none
}

// others looks after the services of the same release that were judged already.
type others struct {
	all  []Fellow
	to   []target.Target
	down []time.Time // since when nothing of it is ready, as far as this process knows
	seen []tally
}

// tally is what one of them served lately, as far as this process looked.
type tally struct {
	from   fairlead.Sample
	since  time.Time
	served fairlead.Sample
}

// lately is how far back the floor of errors looks.
const lately = 30 * time.Second

// add takes what it has served in all, and tells whether too much of what it
// served lately were errors.
func (t *tally) add(all fairlead.Sample, at time.Time, floor float64) bool {
	if t.since.IsZero() || at.Sub(t.since) > lately {
		t.from, t.since = all, at
	}
	t.served = all.Since(t.from)
	return floor > 0 && t.served.Errors >= alarming && float64(t.served.Errors) >= floor*float64(t.served.Requests)
}

func (f *flows) lookAfter(all []Fellow) *others {
	o := &others{all: all, down: make([]time.Time, len(all)), seen: make([]tally, len(all))}
	for _, s := range all {
		o.to = append(o.to, f.target(s.Target))
	}
	return o
}

// look tells whether one of them was rolled back, does not serve any more, or
// answers with errors. What takes statistics to see is found when all of them bake.
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
		r, known := seen.Find(s.Release)
		if t := &o.seen[i]; known && t.add(r.Sample, now(), s.ErrorFloor) {
			return &stop{Reason: fmt.Sprintf("%s, released with it, answers with errors: %d of %d requests", s.Place.Service, t.served.Errors, t.served.Requests)}, nil
		}
		switch {
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
