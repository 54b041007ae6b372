package judge

import (
	"fmt"
	"math"
	"strconv"

	"fairlead.dev"
)

// noticeable is the smallest difference of a latency quantile that counts, in
// seconds. Below it a ratio says more about the machine than about the release.
const noticeable = 0.010

// compareLatency judges the ratio of one latency quantile. Worse needs the
// canary's quantile, taken at the low end of what chance allows, to exceed the
// baseline's, taken at the high end, by more than the ratio.
func compareLatency(baseline, canary fairlead.Histogram, p fairlead.JudgePolicy) fairlead.MetricAnswer {
	b, c := count(baseline), count(canary)
	name := quantileName(p.Quantile)
	m := fairlead.MetricAnswer{Name: "latency-" + name, Unit: "s", Answer: fairlead.AnswerUndecided}
	switch {
	case !enough(c, p):
		m.Reason = "latency: " + tooFew("the new release", c, p)
		return m
	case !enough(b, p):
		m.Reason = "latency: " + tooFew("the old release", b, p)
		return m
	}
	m.Baseline, m.Canary = quantile(baseline, p.Quantile), quantile(canary, p.Quantile)
	m.Reason = fmt.Sprintf("%s latency %s over %s requests against %s over %s, tolerated ratio %s",
		name, seconds(m.Canary), thousands(c), seconds(m.Baseline), thousands(b), number(p.LatencyRatio))
	canaryRank, _ := rankInterval(p.Quantile, c)
	_, baselineRank := rankInterval(p.Quantile, b)
	switch {
	case slower(quantile(canary, canaryRank), quantile(baseline, baselineRank), p.LatencyRatio):
		m.Answer = fairlead.AnswerWorse
	case !slower(m.Canary, m.Baseline, p.LatencyRatio):
		m.Answer = fairlead.AnswerNotWorse
	default:
		m.Reason += ", not yet beyond chance"
	}
	return m
}

// slower tells whether canary exceeds baseline by more than ratio, and by
// enough that anybody would notice.
func slower(canary, baseline, ratio float64) bool {
	return canary > baseline*ratio && canary-baseline >= noticeable
}

// count gives how many requests a histogram holds; a malformed one holds none.
func count(h fairlead.Histogram) uint64 {
	if len(h.LE) == 0 || len(h.LE) != len(h.Count) {
		return 0
	}
	for i := 1; i < len(h.LE); i++ {
		if h.LE[i] <= h.LE[i-1] || h.Count[i] < h.Count[i-1] {
			return 0
		}
	}
	return h.Count[len(h.Count)-1]
}

// quantile gives the latency in seconds below which the share q of requests
// stayed, interpolated within its bucket. The histogram must hold something.
func quantile(h fairlead.Histogram, q float64) float64 {
	last := len(h.LE) - 1
	rank := min(max(q, 0), 1) * float64(h.Count[last])
	lower, below := 0.0, 0.0
	for i, upper := range h.LE {
		upTo := float64(h.Count[i])
		if upTo < rank || upTo == below {
			lower, below = upper, upTo
			continue
		}
		if math.IsInf(upper, 1) {
			return lower
		}
		return lower + (upper-lower)*(rank-below)/(upTo-below)
	}
	return h.LE[last]
}

// quantileName writes 0.99 as "p99" and 0.999 as "p99.9".
func quantileName(q float64) string {
	return "p" + strconv.FormatFloat(math.Round(q*1e6)/1e4, 'f', -1, 64)
}
