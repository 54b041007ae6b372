package flow

import (
	"fairlead.dev"
	"fairlead.dev/judge"
)

// reference is what a release with all the traffic is held against: what the
// old one served before. It was another time, so the comparison is as good as
// the two times are alike; that is said wherever it counts.
type reference struct {
	Arm  judge.Arm `json:"arm"`
	From string    `json:"from"` // when that was, for people
}

// enoughToRefer is how many requests of a time nearer by are preferred to more
// of a longer one.
const enoughToRefer = 500

// refer chooses the reference: what the old release served beside the new one,
// else since the rollout began, else in all its life.
func (s *series) refer(life *fairlead.Sample) *reference {
	var out *reference
	for _, c := range []struct {
		arm  judge.Arm
		from string
	}{
		{s.sumOf(beside), "beside it"},
		{s.sumOf(before, beside), "since the rollout began"},
		{armOf(life), "in all its life"},
	} {
		c.arm.Restarts = 0
		if out == nil || c.arm.Requests > out.Arm.Requests {
			out = &reference{Arm: c.arm, From: c.from}
		}
		if c.arm.Requests >= enoughToRefer {
			break
		}
	}
	return out
}

func armOf(s *fairlead.Sample) judge.Arm {
	if s == nil {
		return judge.Arm{}
	}
	return judge.Arm{Sample: *s}
}

// sumOf gives what the old release served in the looks of some periods.
func (s *series) sumOf(periods ...period) judge.Arm {
	var sum judge.Arm
	for _, l := range s.looks {
		for _, p := range periods {
			if l.Period == p && l.Baseline != nil {
				sum = together(sum, *l.Baseline)
			}
		}
	}
	return sum
}

// together gives the sum of two arms.
func together(a, b judge.Arm) judge.Arm {
	out := judge.Arm{Sample: plus(a.Sample, b.Sample), Further: map[string]judge.Count{}}
	for _, arm := range []judge.Arm{a, b} {
		for name, c := range arm.Further {
			sum := out.Further[name]
			latency := plus(fairlead.Sample{Latency: sum.Histogram}, fairlead.Sample{Latency: c.Histogram}).Latency
			out.Further[name] = judge.Count{Bad: sum.Bad + c.Bad, Total: sum.Total + c.Total, Histogram: latency}
		}
	}
	return out
}

// part gives the share of a reference that stands against a span of the time
// planned: every request of it is used once. from and to are shares, 0..1.
func (r reference) part(from, to float64) judge.Arm {
	cut := func(n uint64) uint64 { return uint64(float64(n)*to) - uint64(float64(n)*from) }
	histogram := func(h fairlead.Histogram) fairlead.Histogram {
		out := fairlead.Histogram{LE: h.LE, Count: make([]uint64, len(h.Count))}
		for i, n := range h.Count {
			out.Count[i] = cut(n)
			if i > 0 {
				out.Count[i] = max(out.Count[i], out.Count[i-1])
			}
		}
		return out
	}
	out := judge.Arm{
		Sample:  fairlead.Sample{Requests: cut(r.Arm.Requests), Errors: cut(r.Arm.Errors), Latency: histogram(r.Arm.Latency)},
		Further: map[string]judge.Count{},
	}
	for name, c := range r.Arm.Further {
		out.Further[name] = judge.Count{Bad: cut(c.Bad), Total: cut(c.Total), Histogram: histogram(c.Histogram)}
	}
	return out
}
