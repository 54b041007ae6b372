package judge

import (
	"math"
	"slices"
	"time"

	"fairlead.dev"
)

// mostNeeded bounds what is looked for: more requests than this to one release
// in one analysis is never.
const mostNeeded = 1 << 30

// NeededForWorse estimates how many requests each release has to serve until
// worse is found in one that fails ratio times as often as the old one, whose
// requests fail with the given rate: half of such releases are found with
// less. 0 means never.
func NeededForWorse(p fairlead.JudgePolicy, rate, ratio float64) uint64 {
	return needed(p, fairlead.AnswerWorse, rate, rate*ratio)
}

// NeededForNotWorse estimates how many requests each release has to serve until
// one that fails as often as the old one, with the given rate, is shown not to
// be worse. 0 means never.
func NeededForNotWorse(p fairlead.JudgePolicy, rate float64) uint64 {
	return needed(p, fairlead.AnswerNotWorse, rate, rate)
}

// needed shows a judge what is to be expected in the mean, with ever more
// requests, until it answers as wanted. Only errors are looked at, and the
// floor is left out.
func needed(p fairlead.JudgePolicy, want fairlead.Answer, baseline, canary float64) uint64 {
	p = onlyErrors(p)
	enough := uint64(32)
	for expected(p, enough, baseline, canary) != want {
		if enough *= 2; enough > mostNeeded {
			return 0
		}
	}
	for few := enough / 2; enough-few > enough/16+1; {
		if middle := (few + enough) / 2; expected(p, middle, baseline, canary) == want {
			enough = middle
		} else {
			few = middle
		}
	}
	return enough
}

// onlyErrors gives a policy for the errors alone, with their part of the false
// alarms. Where errors are not judged, the first metric stands for them.
func onlyErrors(p fairlead.JudgePolicy) fairlead.JudgePolicy {
	p = complete(p)
	i := max(slices.IndexFunc(p.Metrics, func(m fairlead.MetricPolicy) bool { return m.Kind == fairlead.MetricErrors }), 0)
	p.FalseAlarm = alphas(p)[i]
	p.Metrics = []fairlead.MetricPolicy{{Name: p.Metrics[i].Name, Kind: fairlead.MetricErrors, Margin: p.Metrics[i].Margin}}
	p.ErrorFloor, p.WarmUp = 0, 0
	return p
}

// expected gives the answer to n requests of each release in twenty blocks, whose
// errors vary as much as chance would have it.
func expected(p fairlead.JudgePolicy, n uint64, baseline, canary float64) fairlead.Answer {
	const blocks = 20
	j := New(p)
	var before [2]fairlead.Sample
	for i := uint64(1); i <= blocks; i++ {
		var arms [2]Arm
		for side, rate := range []float64{baseline, canary} {
			served := n * i / blocks
			errors := float64(served) * rate
			if i%2 == 1 {
				errors += math.Sqrt(float64(n) / blocks * rate)
			}
			now := fairlead.Sample{Requests: served, Errors: min(max(uint64(errors), before[side].Errors), served)}
			arms[side] = Arm{Sample: now.Since(before[side])}
			before[side] = now
		}
		j.Observe(Interval{End: time.Duration(i) * j.length, Baseline: &arms[0], Canary: &arms[1]})
	}
	return j.Result().Answer
}
