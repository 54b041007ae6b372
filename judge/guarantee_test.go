package judge_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"fairlead.dev"
	"fairlead.dev/judge"
)

// hour judges an hour of both arms, with errors at the given rates, which vary
// from minute to minute by a factor that is exponential when bursts is true.
func hour(r *rand.Rand, requests int, baseline, canary float64, bursts bool) fairlead.Answer {
	j := judge.New(judge.Defaults())
	for i := range 60 {
		j.Observe(judge.Interval{
			End: time.Duration(i+1) * time.Minute, Share: 0.5,
			Baseline: &judge.Arm{Sample: drawErrors(r, requests, baseline, bursts)},
			Canary:   &judge.Arm{Sample: drawErrors(r, requests, canary, bursts)},
		})
	}
	return j.Result().Answer
}

func drawErrors(r *rand.Rand, requests int, rate float64, bursts bool) fairlead.Sample {
	if bursts {
		rate *= (r.ExpFloat64() + r.ExpFloat64()) / 2
	}
	errs := uint64(0)
	for range requests {
		if r.Float64() < rate {
			errs++
		}
	}
	return quick(uint64(requests), errs)
}

// TestTheGuarantee holds, with fixed seeds, that the promises are not broken
// badly; internal/judgebench measures them well.
func TestTheGuarantee(t *testing.T) {
	for name, tt := range map[string]struct {
		requests         int
		baseline, canary float64
		bursts           bool
		answer           fairlead.Answer
		least, most      int // of 200
	}{
		"healthy":                      {300, 0.005, 0.005, false, fairlead.AnswerWorse, 0, 4},
		"healthy, with bursts":         {300, 0.005, 0.005, true, fairlead.AnswerWorse, 0, 6},
		"healthy is promoted":          {300, 0.005, 0.005, false, fairlead.AnswerNotWorse, 160, 200},
		"four times the errors":        {300, 0.005, 0.02, false, fairlead.AnswerWorse, 199, 200},
		"four times, little traffic":   {30, 0.005, 0.02, false, fairlead.AnswerWorse, 140, 200},
		"twice is not promoted":        {300, 0.005, 0.01, false, fairlead.AnswerNotWorse, 0, 12},
		"twice, bursts, not promoted":  {300, 0.005, 0.01, true, fairlead.AnswerNotWorse, 0, 14},
		"twice, little, not promoted":  {30, 0.005, 0.01, false, fairlead.AnswerNotWorse, 0, 12},
		"no errors, enough traffic":    {300, 0, 0, false, fairlead.AnswerNotWorse, 200, 200},
		"no errors, far from enough":   {10, 0, 0, false, fairlead.AnswerUndecided, 200, 200},
		"no errors, nothing of it bad": {10, 0, 0, false, fairlead.AnswerWorse, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(5, 6))
			n := 0
			for range 200 {
				if hour(r, tt.requests, tt.baseline, tt.canary, tt.bursts) == tt.answer {
					n++
				}
			}
			if n < tt.least || n > tt.most {
				t.Errorf("%s in %d of 200, want %d to %d", tt.answer, n, tt.least, tt.most)
			}
		})
	}
}
