package flow

import (
	"context"
	"fmt"
	"time"

	"fairlead.dev"
	"fairlead.dev/target"
)

// mark is the checkpoint of the moment a watch begins.
type mark struct {
	Time time.Time `json:"time"`
	Stop *stop     `json:"stop,omitempty"` // the target did not answer until this came, or traffic is not divided as it should be
	// What was seen of the traffic before; nil where the target's weights are what it does.
	Split *divided `json:"split,omitempty"`
}

// sighting is the checkpoint of a watch.
type sighting struct {
	Verdict fairlead.Verdict `json:"verdict"`
	Stop    *stop            `json:"stop,omitempty"`
	Ask     bool             `json:"ask,omitempty"` // a person has to say whether it goes on
}

// judge watches a step for its time and records the verdict. Only a verdict
// that is not worse, or an undecided one that policy lets pass, goes on.
func (m *move) judge(s step) (*stop, error) {
	if s.watch <= 0 {
		return nil, nil
	}
	begin, err := do(m.flows, m.fl, "mark "+s.name, func(ctx context.Context) (mark, error) { return m.mark(ctx, s) })
	if err != nil {
		return nil, err
	}
	if err := m.splitSeen(s, begin.Split); err != nil {
		return nil, err
	}
	seen, err := do(m.flows, m.fl, "watch "+s.name, func(ctx context.Context) (sighting, error) {
		return m.watch(ctx, s, begin)
	})
	if err != nil {
		return nil, err
	}
	if err := m.noteVerdict(seen.Verdict); err != nil {
		return nil, err
	}
	if seen.Ask {
		return m.ask(s)
	}
	return seen.Stop, nil
}

// mark looks once at the beginning of a step, so that what was served since
// the last look is told from what will be served in this step. The step begins
// when its share of the traffic is seen.
func (m *move) mark(ctx context.Context, s step) (mark, error) {
	o, why, err := m.observe(ctx)
	if err != nil || why != nil {
		return mark{Time: now(), Stop: why}, err
	}
	split, why, err := m.awaitSplit(ctx, s, o.Division)
	if err != nil || why != nil {
		return mark{Time: now(), Stop: why}, err
	}
	if split != nil {
		if o, why, err = m.observe(ctx); err != nil || why != nil {
			return mark{Time: now(), Stop: why}, err
		}
	}
	kept, err := m.load(ctx)
	if err != nil {
		return mark{}, err
	}
	_, err = m.see(ctx, kept, s, o, true)
	return mark{Time: now(), Split: split}, err
}

// observe asks the target until it answers. As long as it does not, whoever
// cancels, and the deadline, are heard: the stop that is not nil then.
func (m *move) observe(ctx context.Context) (target.Observed, *stop, error) {
	for {
		o, err := m.to.Observe(ctx, m.in.place())
		if err == nil || ctx.Err() != nil || !fairlead.KindOf(err).Retryable() {
			return o, nil, err
		}
		m.Trouble(err)
		if why, err := m.mustStop(ctx); err != nil || why != nil {
			return o, why, err
		}
		if err := pause(ctx, m.Tick); err != nil {
			return o, nil, err
		}
	}
}

// watch looks at the counters until the step's time is over. Worse ends it at
// once; undecided where an answer is due follows the policy. It starts from
// what is kept, so a resumed watch judges all that the first one saw, and ends
// when that would have.
func (m *move) watch(ctx context.Context, s step, begin mark) (sighting, error) {
	w, err := m.watching(ctx, s, begin)
	if err != nil {
		return sighting{}, err
	}
	for {
		seen, err := w.look(ctx)
		if err != nil {
			return sighting{}, err
		}
		if seen != nil {
			return *seen, nil
		}
		if err := pause(ctx, m.Tick); err != nil {
			return sighting{}, err
		}
	}
}

// alarming is how many errors it takes for the floor to trip.
const alarming = 5

// dueLook tells whether it is time for a look: enough of it has passed, or
// what was seen so far cannot wait, as it may trip the floor.
func (m *move) dueLook(s *series, o target.Observed) bool {
	if now().Sub(s.cursor.Time) >= s.schedule.every {
		return true
	}
	_, c := m.samples(o)
	seen := since(c, s.cursor.Canary)
	if seen == nil {
		return false
	}
	floor := m.in.Plan.Release.Judge.ErrorFloor
	return seen.Restarts > 0 || floor > 0 && seen.Errors >= alarming && float64(seen.Errors) >= floor*float64(seen.Requests)
}

// samples gives what both releases have served in all, nil for one that the
// target does not know.
func (m *move) samples(o target.Observed) (baseline, canary *fairlead.Sample) {
	if m.previous != nil {
		if i, ok := o.Find(m.previous.ID); ok {
			baseline = &i.Sample
		}
	}
	if i, ok := o.Find(m.in.Release.ID); ok {
		canary = &i.Sample
	}
	return baseline, canary
}

// see keeps what was served since the last look, with what the metrics servers
// count, and shows it to the judge. At the beginning of a step the traffic has
// just changed, so it belongs to the time before. It gives the series to go on
// with.
func (m *move) see(ctx context.Context, s *series, st step, o target.Observed, beginning bool) (*series, error) {
	l := look{Time: now(), Stage: st.name, Period: periodOf(st.after.weight), Share: m.share(o, st)}
	if beginning {
		l.Period, l.Share = s.last(), 0
	}
	at := s.cursor
	arms := []string{armCanary}
	if m.previous != nil && l.Period != after {
		arms = append(arms, armBaseline)
	}
	c := m.count(ctx, l.Time, at.Further, m.in.Plan.Release.Judge.Metrics, arms...)
	baseline, canary := m.samples(o)
	l.Baseline, l.Canary = since(baseline, at.Baseline), since(canary, at.Canary)
	if l.Baseline != nil {
		l.Baseline.Further = c.further[armBaseline]
	}
	if l.Canary != nil {
		l.Canary.Further = c.further[armCanary]
	}
	if l.Period != before {
		l.Missing = c.missing
	}
	l.Mark = at.Time.IsZero()
	if !l.Mark {
		l.Took = min(l.Time.Sub(at.Time), s.gap())
	}
	at.Time, at.Further = l.Time, c.next
	if baseline != nil {
		at.Baseline = baseline
	}
	if canary != nil {
		at.Canary = canary
		if at.LE == nil {
			at.LE = canary.Latency.LE
		}
	}
	if at.Reference == nil && st.after.weight == 100 && m.previous != nil {
		at.Reference = s.with(l).refer(baseline)
	}
	added, err := m.keep(ctx, s, l, at)
	if err != nil {
		return nil, err
	}
	if !added {
		return m.load(ctx)
	}
	return s, nil
}

func periodOf(weight int) period {
	switch {
	case weight <= 0:
		return before
	case weight < 100:
		return beside
	default:
		return after
	}
}

// share gives the new release's part of the traffic when what is in force is
// what the step wants; otherwise requests say nothing about how they are split.
func (m *move) share(o target.Observed, s step) float64 {
	i, ok := o.Find(m.in.Release.ID)
	if !ok || i.Weight != s.after.weight || s.after.weight >= 100 {
		return 0
	}
	return float64(i.Weight) / 100
}

// mustStop tells whether the rollout has to stop for a reason outside the
// release: somebody stopped it, or the deployment's own deadline has passed.
func (m *move) mustStop(ctx context.Context) (*stop, error) {
	if why, err := m.dismissed(ctx); err != nil || why != nil {
		return why, err
	}
	if limit := m.in.Plan.Release.Deadline.D(); limit > 0 && now().Sub(m.first) > limit+m.waited {
		return &stop{Reason: fmt.Sprintf("not done within %s", limit)}, nil
	}
	return nil, nil
}

// dismissed tells whether somebody stopped the rollout: by cancelling the run,
// or by a rollback that took the environment over.
func (m *move) dismissed(ctx context.Context) (*stop, error) {
	cancelled, err := m.Situation.CancelRequested(ctx, m.in.RunID)
	if err != nil {
		return nil, err
	}
	if cancelled {
		return &stop{Reason: "cancelled", Cancelled: true}, nil
	}
	by, err := m.Line.Superseder(ctx, m.in.RunID)
	if err != nil {
		return nil, err
	}
	if by != "" {
		return &stop{Reason: "superseded by run " + by, Superseded: by}, nil
	}
	st, err := m.Situation.Environment(ctx, m.in.Plan.Environment, m.in.Plan.Service)
	if err != nil {
		return nil, err
	}
	if st.Moving != m.in.ID {
		return &stop{Reason: "a rollback took the environment over", Replaced: true}, nil
	}
	return m.others.look(ctx, m.flows)
}

// now is the wall clock inside a step, where its value is part of what the
// step records. Flows themselves ask the engine.
func now() time.Time { return time.Now().UTC() }
