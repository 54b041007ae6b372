package flow

import (
	"context"

	"fairlead.dev"
)

// bake watches all services of a release side by side, each with all of its
// traffic on the new release, for the longest bake of any of them. None of them
// is final before: whichever turns worse, or is undecided where policy does not
// let that pass, stops the release as a whole.
func (g *group) bake() (*stop, error) {
	moves, err := g.baking()
	if err != nil || len(moves) == 0 {
		return nil, err
	}
	begin, err := do(g.flows, g.fl, "mark bake", func(ctx context.Context) ([]mark, error) { return markAll(ctx, moves) })
	if err != nil {
		return nil, err
	}
	for _, m := range moves {
		if _, err := m.shift(m.bakeStep()); err != nil { // moves nothing: it notes that this one bakes
			return nil, err
		}
	}
	end, err := do(g.flows, g.fl, "bake together", func(ctx context.Context) (baked, error) {
		return g.watchAll(ctx, moves, begin)
	})
	if err != nil {
		return nil, err
	}
	return g.baked(moves, end)
}

// baked is the checkpoint of the bake.
type baked struct {
	Seen []sighting `json:"seen"`           // in the order of the moves; the zero value for one that was still watched
	Stop *stop      `json:"stop,omitempty"` // one of them does not serve any more, or answers with errors
}

// baking gives a move for each service that has something to bake: one whose
// very release was live before has not.
func (g *group) baking() ([]*move, error) {
	at, err := g.fl.Now()
	if err != nil {
		return nil, err
	}
	var moves []*move
	for i, r := range g.rollouts {
		m := &move{
			flows: g.flows, fl: g.fl, in: r, to: g.target(r.Plan.Release.Target), first: at, split: 100,
			current: g.turn.current(r.Plan.Service), others: g.lookAfter(nil),
		}
		if m.current != nil && m.current.ID != r.Release.ID && !g.alone[i] {
			m.previous = m.current
		}
		if m.bakeStep().watch > 0 {
			moves = append(moves, m)
		}
	}
	return moves, nil
}

// but gives all services except one, "" for all.
func (g *group) but(one string) []Fellow {
	var all []Fellow
	for _, r := range g.rollouts {
		if r.Plan.Service != one {
			all = append(all, r.fellow())
		}
	}
	return all
}

// bakeStep is the last step of a release that bakes, the zero step without one.
func (m *move) bakeStep() step {
	all := m.steps()
	if last := all[len(all)-1]; last.phase == fairlead.DeployBake {
		return last
	}
	return step{}
}

func markAll(ctx context.Context, moves []*move) ([]mark, error) {
	var all []mark
	for _, m := range moves {
		b, err := m.mark(ctx, m.bakeStep())
		if err != nil {
			return nil, err
		}
		all = append(all, b)
	}
	end := all[len(all)-1].Time
	for i := range all {
		all[i].Time = end // they end together too
	}
	return all, nil
}

// watchAll looks at all of them in turn until each has had its time, or one of
// them stops.
func (g *group) watchAll(ctx context.Context, moves []*move, begin []mark) (baked, error) {
	var all []*watching
	for i, m := range moves {
		w, err := m.watching(ctx, m.bakeStep(), begin[i])
		if err != nil {
			return baked{}, err
		}
		all = append(all, w)
	}
	up := g.lookAfter(g.but(""))
	for {
		out, over, err := lookAtAll(ctx, all)
		if err == nil && out.Stop == nil {
			out.Stop, err = up.look(ctx, g.flows)
		}
		if err != nil || out.Stop != nil || over {
			return out, err
		}
		if err := pause(ctx, g.Tick); err != nil {
			return baked{}, err
		}
	}
}

// lookAtAll looks once at each, and tells whether all have had their time.
func lookAtAll(ctx context.Context, all []*watching) (out baked, over bool, err error) {
	out.Seen, over = make([]sighting, len(all)), true
	for i, w := range all {
		one, err := w.look(ctx)
		if err != nil {
			return out, false, err
		}
		if one == nil {
			over = false
			continue
		}
		out.Seen[i] = *one
		if one.Stop != nil {
			out.Stop = one.Stop.of(w.in.Plan.Service)
			return out, true, nil
		}
	}
	return out, over, nil
}

// baked records the verdicts and lets people answer for what is undecided.
func (g *group) baked(moves []*move, end baked) (*stop, error) {
	for i, m := range moves {
		if v := end.Seen[i].Verdict; v.ID != "" {
			if err := m.noteVerdict(v); err != nil {
				return nil, err
			}
		}
	}
	for i, m := range moves {
		if end.Stop != nil {
			break
		}
		if !end.Seen[i].Ask {
			continue
		}
		m.others = g.lookAfter(g.but(m.in.Plan.Service))
		why, err := m.ask(m.bakeStep())
		if err != nil {
			return nil, err
		}
		if why != nil {
			end.Stop = why.of(m.in.Plan.Service)
		}
	}
	return end.Stop, nil
}

// of gives a stop whose reason says which service it is about, unless somebody
// stopped the release as a whole.
func (s *stop) of(service string) *stop {
	out := *s
	if !s.Cancelled && s.Superseded == "" {
		out.Reason = service + ": " + s.Reason
	}
	return &out
}
