package flow

import (
	"context"
	"time"

	"fairlead.dev"
	"fairlead.dev/judge"
)

// series is all that was seen of a deployment, and what the judge makes of it.
// It is rebuilt from what is kept, so a process that goes on with another's
// watch judges the same.
type series struct {
	looks    []look
	cursor   cursor
	schedule schedule
	policy   fairlead.JudgePolicy
	compares bool         // there is a release to compare with
	beside   *judge.Judge // both releases at the same time; nil when they never serve together
	after    *judge.Judge // the new one against what the old one served before
	spent    [2]time.Duration
}

// schedule is how long a release is to be watched.
type schedule struct {
	beside, after time.Duration // together with the old release; alone
	every         time.Duration // between two looks
}

// longestLook is the time between two looks of a long watch.
const longestLook = time.Minute

// shortestAnalysis keeps blocks from being shorter than a millisecond.
const shortestAnalysis = 20 * time.Millisecond

// newSchedule adds up the steps. A look is short enough for hundreds of them.
func newSchedule(steps []step, p fairlead.ReleasePlan, tick time.Duration) schedule {
	var s schedule
	for _, st := range steps {
		if st.after.weight < 100 {
			s.beside += st.watch
		} else {
			s.after += st.watch
		}
	}
	if all := s.beside + s.after; all > 0 && p.Judge.Horizon > 0 {
		scale := float64(p.Judge.Horizon) / float64(all)
		s.beside, s.after = time.Duration(float64(s.beside)*scale), time.Duration(float64(s.after)*scale)
	}
	s.every = max(tick, min((s.beside+s.after)/600, longestLook))
	return s
}

// newSeries makes the judges of a series that has no looks yet. Where there is
// a time with and a time without the old release, each is an analysis of its
// own with half of the false alarms.
func newSeries(sch schedule, p fairlead.JudgePolicy, compares bool) *series {
	s := &series{schedule: sch, policy: p, compares: compares}
	part := func(horizon, warmUp time.Duration) *judge.Judge {
		own := p
		own.Horizon, own.WarmUp = fairlead.Duration(horizon), fairlead.Duration(warmUp)
		if sch.beside > 0 && sch.after > 0 {
			own.FalseAlarm /= 2
		}
		return judge.New(own)
	}
	warmUp := p.WarmUp.D()
	if sch.beside > 0 {
		s.beside = part(sch.beside, warmUp)
		warmUp = 0
	}
	s.after = part(max(sch.after, shortestAnalysis), warmUp)
	return s
}

// load rebuilds the series of a deployment.
func (m *move) load(ctx context.Context) (*series, error) {
	s := newSeries(newSchedule(m.steps(), *m.in.Plan.Release, m.Tick), m.in.Plan.Release.Judge, m.previous != nil)
	docs, at, err := m.Looks.Looks(ctx, m.in.ID)
	if err != nil {
		return nil, err
	}
	if at != nil {
		if err := unpackCursor(at, &s.cursor); err != nil {
			return nil, err
		}
	}
	for _, doc := range docs {
		l, err := unpack(doc, s.cursor.LE)
		if err != nil {
			return nil, &fairlead.Problem{Op: "read looks", Kind: fairlead.KindInternal, Err: err}
		}
		s.take(l)
	}
	return s, nil
}

// keep adds a look to what is kept. False means that another process goes on
// with this deployment and has kept one in its place.
func (m *move) keep(ctx context.Context, s *series, l look, at cursor) (bool, error) {
	added, err := m.Looks.AddLook(ctx, m.in.ID, len(s.looks)+1, l.pack(at.LE), encoded(at))
	if err != nil || !added {
		return false, err
	}
	s.cursor = at
	s.take(l)
	return true, nil
}

// take shows the judge a look.
func (s *series) take(l look) {
	s.looks = append(s.looks, l)
	if l.Mark || l.Period == before {
		return
	}
	if l.Period == beside && s.beside != nil {
		s.spent[0] += l.Took
		s.beside.Observe(judge.Interval{End: s.spent[0], Baseline: s.known(l.Baseline), Canary: l.Canary, Share: l.Share})
		return
	}
	from := s.spent[1]
	s.spent[1] += l.Took
	iv := judge.Interval{End: s.spent[1], Canary: l.Canary, Even: true}
	if r := s.cursor.Reference; r != nil && s.compares {
		part := r.part(s.planned(from), s.planned(s.spent[1]))
		if l.Baseline != nil {
			part.Restarts = l.Baseline.Restarts
		}
		iv.Baseline = &part
	}
	s.after.Observe(iv)
}

// known gives an arm to compare with; none when there is no old release.
func (s *series) known(a *judge.Arm) *judge.Arm {
	if !s.compares {
		return nil
	}
	return a
}

// planned gives which share of the reference stands against the first time
// spent without the old release, 0..1: half of it where holding may follow,
// and the other half while it is held.
func (s *series) planned(spent time.Duration) float64 {
	first, hold := s.schedule.after, time.Duration(0)
	if s.policy.Undecided == fairlead.UndecidedHold {
		hold = s.policy.Hold.D()
	}
	part := func(spent, of time.Duration) float64 {
		if of <= 0 {
			return 1
		}
		return min(float64(spent)/float64(of), 1)
	}
	if hold <= 0 {
		return part(spent, first)
	}
	return part(spent, first)/2 + part(max(spent-first, 0), hold)/2
}
