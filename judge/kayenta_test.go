package judge_test

import (
	"testing"
	"time"

	"fairlead.dev"
	"fairlead.dev/judge"
)

// The cases in this file have the shape of judgements that users of Kayenta
// reported as wrong. The numbers are our own.

// TestMoreVarianceIsSeen: the canary's median is the baseline's, but its
// latency varies far more; a comparison of ranks passes it (kayenta#780).
func TestMoreVarianceIsSeen(t *testing.T) {
	steady := arm(600, 0, 0.015, 6, 0.15)
	varied := arm(600, 0, 0.004, 300, 0.4) // half of it quicker, half far slower
	got := watch(judge.Defaults(), 10, steady, varied)
	if got.Answer != fairlead.AnswerWorse {
		t.Errorf("got %s: %s", got.Answer, got.Reason)
	}
}

// TestFluctuationAtTheStartIsLeftOut: caches are cold for four minutes, then
// both arms are alike; without a warm-up that fails (kayenta#780).
func TestFluctuationAtTheStartIsLeftOut(t *testing.T) {
	for _, tt := range []struct {
		warmUp time.Duration
		want   fairlead.Answer
	}{{0, fairlead.AnswerWorse}, {4 * time.Minute, fairlead.AnswerNotWorse}} {
		p := judge.Defaults()
		p.WarmUp = fairlead.Duration(tt.warmUp)
		j := judge.New(p)
		for i := range 40 {
			canary := quick(1000, 5)
			if i < 4 {
				canary = quick(1000, 120)
			}
			j.Observe(minute(i, quick(1000, 5), canary))
		}
		if got := j.Result(); got.Answer != tt.want {
			t.Errorf("warm-up %s: got %s: %s", tt.warmUp, got.Answer, got.Reason)
		}
	}
}

// TestErrorsAgainstNone: the baseline has no error at all, the canary has a
// few in each minute. A ratio of means does not exist then, and such canaries
// passed (spinnaker#5622, spinnaker#6275, kayenta#377, kayenta#799).
func TestErrorsAgainstNone(t *testing.T) {
	for name, canary := range map[string]fairlead.Sample{"three a minute": quick(300, 3), "one a minute": quick(300, 1)} {
		if got := watch(judge.Defaults(), 60, quick(300, 0), canary); got.Answer != fairlead.AnswerWorse {
			t.Errorf("%s: got %s: %s", name, got.Answer, got.Reason)
		}
	}
	if got := watch(judge.Defaults(), 60, quick(300, 1), quick(300, 0)); got.Answer == fairlead.AnswerWorse {
		t.Errorf("no errors against some: got %s: %s", got.Answer, got.Reason)
	}
}

// TestOutliersAreTheSignal: errors come in one minute of six. Whoever removes
// outliers removes them all (kayenta#420).
func TestOutliersAreTheSignal(t *testing.T) {
	j := judge.New(judge.Defaults())
	for i := range 60 {
		canary := quick(600, 2)
		if i%6 == 5 {
			canary = quick(600, 60)
		}
		j.Observe(minute(i, quick(600, 2), canary))
	}
	if got := j.Result(); got.Answer == fairlead.AnswerNotWorse {
		t.Errorf("got %s: %s", got.Answer, got.Reason)
	}
}
