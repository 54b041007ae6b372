package judge

import (
	"fmt"

	"fairlead.dev"
)

// guard holds what needs no statistics: the absolute floor, restarts, and
// whether there is anything to look at.
type guard struct {
	recent           [2]fairlead.Sample // floor: the newest requests of the canary, in two halves
	floor            share              // what tripped the floor
	restarts         [2]uint64
	intervals, blank int
	missing          bool // the newest interval lacks an arm
}

// floorErrors is how many errors the absolute floor needs before it trips: one
// bad answer among the first few is not a trend.
const floorErrors = 5

// floorWindow is how many requests the floor looks back on, at least.
const floorWindow = 50

func (g *guard) observe(iv Interval) {
	g.intervals++
	g.missing = iv.Baseline == nil || iv.Canary == nil
	if g.missing {
		g.blank++
	}
	if iv.Baseline != nil {
		g.restarts[baseline] += iv.Baseline.Restarts
	}
	if iv.Canary == nil {
		return
	}
	g.restarts[canary] += iv.Canary.Restarts
	g.recent[1].Requests += iv.Canary.Requests
	g.recent[1].Errors += min(iv.Canary.Errors, iv.Canary.Requests)
}

// tripped tells whether the canary is beyond what any baseline could excuse.
func (g *guard) tripped(p fairlead.JudgePolicy) bool {
	if p.ErrorFloor > 0 {
		newest := share{part: g.recent[1].Errors, of: g.recent[1].Requests}
		both := share{part: newest.part + g.recent[0].Errors, of: newest.of + g.recent[0].Requests}
		for _, s := range []share{newest, both} {
			if s.part >= floorErrors && s.rate() >= p.ErrorFloor {
				g.floor = s
				return true
			}
		}
	}
	if g.recent[1].Requests >= floorWindow {
		g.recent[0], g.recent[1] = g.recent[1], fairlead.Sample{}
	}
	return g.restarted()
}

// restarted tells whether the canary's processes were restarted clearly more
// often than the baseline's.
func (g *guard) restarted() bool {
	return g.restarts[canary] >= g.restarts[baseline]+restartsWorse
}

// blind tells whether too little was seen to say that all is well: the newest
// interval is missing, or more than half of all.
func (g *guard) blind() bool {
	return g.intervals == 0 || g.missing || 2*g.blank > g.intervals
}

func (g *guard) restartAnswer() fairlead.MetricAnswer {
	m := compareRestarts(g.restarts[baseline], g.restarts[canary])
	m.Effect, m.Interval = 0, [2]float64{0, unbounded}
	return m
}

func (g *guard) floorReason(p fairlead.JudgePolicy) string {
	return fmt.Sprintf("errors %s, at or above the floor of %s", g.floor, percent(p.ErrorFloor))
}
