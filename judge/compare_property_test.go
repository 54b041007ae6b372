package judge_test

import (
	"math/rand/v2"
	"sort"
	"testing"

	"fairlead.dev"
	"fairlead.dev/judge"
	"pgregory.net/rapid"
)

// weight orders the answers from good to bad.
func weight(a fairlead.Answer) int {
	switch a {
	case fairlead.AnswerNotWorse:
		return 0
	case fairlead.AnswerUndecided:
		return 1
	default:
		return 2
	}
}

func drawSample(t *rapid.T, label string) fairlead.Sample {
	requests := rapid.Uint64Range(0, 5000).Draw(t, label+" requests")
	return arm(
		requests,
		rapid.Uint64Range(0, requests).Draw(t, label+" errors"),
		rapid.Float64Range(0.0005, 2).Draw(t, label+" seconds"),
		rapid.Uint64Range(0, requests).Draw(t, label+" slow"),
		rapid.Float64Range(0.0005, 5).Draw(t, label+" slowness"),
	)
}

func drawPolicy(t *rapid.T) fairlead.JudgePolicy {
	return fairlead.JudgePolicy{
		MinRequests:  rapid.IntRange(0, 200).Draw(t, "min requests"),
		ErrorMargin:  rapid.Float64Range(0, 0.2).Draw(t, "margin"),
		LatencyRatio: rapid.Float64Range(1, 4).Draw(t, "ratio"),
		Quantile:     rapid.Float64Range(0.5, 0.999).Draw(t, "quantile"),
		ErrorFloor:   rapid.Float64Range(0, 1).Draw(t, "floor"),
	}
}

func TestMoreErrorsNeverImproveTheAnswer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawPolicy(t)
		baseline, canary := drawSample(t, "baseline"), drawSample(t, "canary")
		worse := canary
		worse.Errors = rapid.Uint64Range(canary.Errors, canary.Requests).Draw(t, "more errors")
		worse.Restarts += rapid.Uint64Range(0, 5).Draw(t, "more restarts")
		before, after := judge.Compare(baseline, canary, p), judge.Compare(baseline, worse, p)
		if weight(after.Answer) < weight(before.Answer) {
			t.Fatalf("%s became %s:\n%s\n%s", before.Answer, after.Answer, before.Reason, after.Reason)
		}
		before, after = judge.Alone(canary, p), judge.Alone(worse, p)
		if weight(after.Answer) < weight(before.Answer) {
			t.Fatalf("alone: %s became %s", before.Answer, after.Answer)
		}
	})
}

func TestSlowerRequestsNeverImproveTheAnswer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawPolicy(t)
		baseline := drawSample(t, "baseline")
		requests := rapid.Uint64Range(1, 3000).Draw(t, "requests")
		slow := rapid.Uint64Range(0, requests).Draw(t, "slow")
		slower := rapid.Uint64Range(slow, requests).Draw(t, "slower")
		before := judge.Compare(baseline, arm(requests, 0, 0.004, slow, 1.5), p)
		after := judge.Compare(baseline, arm(requests, 0, 0.004, slower, 1.5), p)
		if weight(after.Answer) < weight(before.Answer) {
			t.Fatalf("%s became %s:\n%s\n%s", before.Answer, after.Answer, before.Reason, after.Reason)
		}
	})
}

// TestMoreOfTheSameKeepsADecision holds that a decided answer stands when the
// same is seen many times over: only undecided may turn into something else.
func TestMoreOfTheSameKeepsADecision(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawPolicy(t)
		baseline, canary := drawSample(t, "baseline"), drawSample(t, "canary")
		factor := rapid.Uint64Range(2, 20).Draw(t, "factor")
		before := judge.Compare(baseline, canary, p)
		after := judge.Compare(times(baseline, factor), times(canary, factor), p)
		if before.Answer == fairlead.AnswerWorse && after.Answer != fairlead.AnswerWorse {
			t.Fatalf("worse became %s:\n%s\n%s", after.Answer, before.Reason, after.Reason)
		}
	})
}

// TestEqualArmsAreNeverWorse holds that a release is not blamed for what the
// one before it did just as well. The floor is another matter: it is absolute.
func TestEqualArmsAreNeverWorse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawPolicy(t)
		p.ErrorFloor = 0
		same := drawSample(t, "both")
		same.Restarts = rapid.Uint64Range(0, 9).Draw(t, "restarts")
		if got := judge.Compare(same, same, p); got.Answer == fairlead.AnswerWorse {
			t.Fatalf("worse than itself: %s", got.Reason)
		}
	})
}

func TestABadBaselineNeverMakesTheCanaryWorse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawPolicy(t)
		baseline, canary := drawSample(t, "baseline"), drawSample(t, "canary")
		bad := baseline
		bad.Errors = rapid.Uint64Range(baseline.Errors, baseline.Requests).Draw(t, "more errors")
		bad.Restarts += rapid.Uint64Range(0, 5).Draw(t, "more restarts")
		before, after := judge.Compare(baseline, canary, p), judge.Compare(bad, canary, p)
		if weight(after.Answer) > weight(before.Answer) {
			t.Fatalf("%s became %s:\n%s\n%s", before.Answer, after.Answer, before.Reason, after.Reason)
		}
	})
}

func TestNothingIsNeverFine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawPolicy(t)
		baseline := drawSample(t, "baseline")
		for _, got := range []judge.Result{
			judge.Compare(baseline, fairlead.Sample{}, p),
			judge.Alone(fairlead.Sample{}, p),
		} {
			if got.Answer != fairlead.AnswerUndecided || got.Reason == "" {
				t.Fatalf("no traffic at all: %s: %s", got.Answer, got.Reason)
			}
		}
	})
}

// TestFalseAlarms holds how often two equal arms are called worse in one look:
// the bounds allow one in a hundred, the margin makes it rarer. The seed is
// fixed, so the test says the same every time.
func TestFalseAlarms(t *testing.T) {
	const looks = 2000
	source := rand.New(rand.NewPCG(1, 2))
	worse := 0
	for range looks {
		baseline, canary := drawArm(source, 950, 0.01), drawArm(source, 50, 0.01)
		if judge.Compare(baseline, canary, policy).Answer == fairlead.AnswerWorse {
			worse++
		}
	}
	if worse > looks/100 {
		t.Errorf("%d of %d healthy canaries were called worse", worse, looks)
	}
}

// TestDetection holds how often a canary with ten times the errors is caught.
func TestDetection(t *testing.T) {
	const looks = 500
	source := rand.New(rand.NewPCG(3, 4))
	caught := 0
	for range looks {
		baseline, canary := drawArm(source, 9500, 0.005), drawArm(source, 500, 0.05)
		if judge.Compare(baseline, canary, policy).Answer == fairlead.AnswerWorse {
			caught++
		}
	}
	if caught < looks*90/100 {
		t.Errorf("only %d of %d bad canaries were caught", caught, looks)
	}
}

// drawArm serves requests that fail with the given rate and take 5 ms and an
// exponential time more.
func drawArm(source *rand.Rand, requests int, rate float64) fairlead.Sample {
	s := quick(0, 0)
	s.Requests = uint64(requests)
	for range requests {
		if source.Float64() < rate {
			s.Errors++
		}
		s.Latency.Count[sort.SearchFloat64s(bounds, 0.005*(1+source.ExpFloat64()))]++
	}
	for i := 1; i < len(bounds); i++ {
		s.Latency.Count[i] += s.Latency.Count[i-1]
	}
	return s
}

func times(s fairlead.Sample, factor uint64) fairlead.Sample {
	out := fairlead.Sample{
		Requests: s.Requests * factor, Errors: s.Errors * factor, Restarts: s.Restarts * factor,
		Latency: fairlead.Histogram{LE: s.Latency.LE, Count: make([]uint64, len(s.Latency.Count))},
	}
	for i, n := range s.Latency.Count {
		out.Latency.Count[i] = n * factor
	}
	return out
}
