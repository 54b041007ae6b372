package main

import (
	"time"

	"fairlead.dev"
	"fairlead.dev/judge"
)

// verdict is how an analysis ended.
type verdict struct {
	worse    int // minute at which it was called worse, from 1 on; 0 never
	promoted int // first minute at which it was called not worse; 0 never
}

// policyOf is the judge's policy for a family: the defaults, told the warm-up.
func policyOf(f family) fairlead.JudgePolicy {
	p := judge.Defaults()
	p.WarmUp = fairlead.Duration(time.Duration(f.warmUp) * time.Minute)
	if f.threshold > 0 {
		p.Metrics[1].Thresholds = []float64{f.threshold}
	}
	return p
}

// intervals turns an analysis into what the judge observes.
func (f family) intervals(r *run) []judge.Interval {
	out := make([]judge.Interval, minutes)
	for m := range out {
		out[m] = judge.Interval{End: time.Duration(m+1) * time.Minute, Share: f.share}
		if s := r.baseline[m]; s != nil {
			out[m].Baseline = &judge.Arm{Sample: *s}
		}
		if s := r.canary[m]; s != nil {
			out[m].Canary = &judge.Arm{Sample: *s}
		}
	}
	return out
}

// ask has the judge decide on an analysis, at every look.
func ask(f family, r *run, p fairlead.JudgePolicy) verdict {
	var v verdict
	j := judge.New(p)
	for i, iv := range f.intervals(r) {
		j.Observe(iv)
		switch j.Answer() {
		case fairlead.AnswerWorse:
			v.worse = i + 1
			return v
		case fairlead.AnswerNotWorse:
			if v.promoted == 0 {
				v.promoted = i + 1
			}
		}
	}
	return v
}
