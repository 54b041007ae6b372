package judge_test

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"fairlead.dev"
	"fairlead.dev/judge"
)

// TestEveryMetricHasToBeShown holds that errors alone pass nothing: latency
// that is judged and not measured is undecided, for a whole hour.
func TestEveryMetricHasToBeShown(t *testing.T) {
	blind := quick(3000, 3)
	blind.Latency = fairlead.Histogram{}
	got := watch(judge.Defaults(), 60, blind, blind)
	if got.Answer != fairlead.AnswerUndecided || !strings.Contains(got.Reason, "latency: not measured") {
		t.Errorf("%s: %s", got.Answer, got.Reason)
	}
}

// TestTwiceAsSlowDoesNotPass holds that at no look within an hour more than a
// twentieth of releases with twice as many slow requests is called not worse.
func TestTwiceAsSlowDoesNotPass(t *testing.T) {
	const runs, requests = 100, 100
	p := judge.Defaults()
	p.Metrics[1].Thresholds = []float64{0.2}
	r := rand.New(rand.NewPCG(7, 8))
	slow := func(rate float64) fairlead.Sample {
		n := drawErrors(r, requests, rate, false).Errors
		return arm(requests, 0, 0.004, n, 0.4)
	}
	passed := 0
	for range runs {
		j := judge.New(p)
		for i := range 60 {
			j.Observe(minute(i, slow(0.01), slow(0.02)))
			if j.Answer() == fairlead.AnswerNotWorse {
				passed++
				break
			}
		}
	}
	if passed > runs/20 {
		t.Errorf("%d of %d passed", passed, runs)
	}
}

// TestEvenBaselineHidesNoBursts holds that a baseline that served before, whose
// blocks are even parts, is not taken for a sign that there are no bursts.
func TestEvenBaselineHidesNoBursts(t *testing.T) {
	const runs = 200
	alarms := func(even bool) (n int) {
		r := rand.New(rand.NewPCG(9, 10))
		for range runs {
			j := judge.New(judge.Defaults())
			for i := range 30 {
				iv := minute(i, quick(1000, 10), drawErrors(r, 1000, 0.01, true))
				iv.Even = even
				j.Observe(iv)
			}
			if j.Answer() == fairlead.AnswerWorse {
				n++
			}
		}
		return n
	}
	with, without := alarms(true), alarms(false)
	t.Logf("%d of %d; %d if it is not said", with, runs, without)
	if with > 8 || without <= with {
		t.Errorf("%d of %d are called worse, %d where it is not said that the baseline is even", with, runs, without)
	}
}

// TestRestartsAreNamed holds that a restart that is too little to decide stands
// in the reason beside what did.
func TestRestartsAreNamed(t *testing.T) {
	j := judge.New(judge.Defaults())
	j.Observe(minute(0, quick(100, 0), restarted(quick(100, 40), 1)))
	got := j.Result()
	if got.Answer != fairlead.AnswerWorse || !strings.Contains(got.Reason, "floor") || !strings.Contains(got.Reason, "restarted 1 time") {
		t.Errorf("%s at %s: %s", got.Answer, got.DecidedAt, got.Reason)
	}
	if got.DecidedAt != time.Minute {
		t.Errorf("at %s", got.DecidedAt)
	}
}

// TestBrokenHistogramIsNoData holds that a histogram that is none, of one arm or
// both, is neither an answer nor a panic.
func TestBrokenHistogramIsNoData(t *testing.T) {
	for name, broken := range map[string]fairlead.Histogram{
		"no counts":      {LE: bounds},
		"few counts":     {LE: bounds, Count: []uint64{1, 2}},
		"falling counts": {LE: []float64{1, 2, 3}, Count: []uint64{9, 5, 1}},
		"falling bounds": {LE: []float64{3, 2, 1}, Count: []uint64{1, 5, 9}},
	} {
		bad := quick(3000, 3)
		bad.Latency = broken
		like := bad
		like.Latency = fairlead.Histogram{LE: broken.LE, Count: make([]uint64, len(broken.LE))}
		for _, arms := range [][2]fairlead.Sample{{bad, quick(3000, 3)}, {quick(3000, 3), bad}, {bad, bad}, {bad, like}, {like, bad}} {
			if got := watch(judge.Defaults(), 30, arms[0], arms[1]); got.Answer != fairlead.AnswerUndecided {
				t.Errorf("%s: %s: %s", name, got.Answer, got.Reason)
			}
		}
	}
}
