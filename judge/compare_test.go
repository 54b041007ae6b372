package judge_test

import (
	"strings"
	"testing"

	"fairlead.dev"
	"fairlead.dev/judge"
)

// policy is the policy of the tables: 50 requests, 1% more errors, 1.5 times the p99.
var policy = fairlead.JudgePolicy{
	MinRequests: 50, ErrorMargin: 0.01, LatencyRatio: 1.5, Quantile: 0.99, ErrorFloor: 0.2,
}

// bounds are latency bounds in seconds as a proxy would count them.
var bounds = []float64{0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 60}

// arm makes a sample whose requests took fast seconds, except for the given
// number of slow ones.
func arm(requests, errors uint64, fast float64, slow uint64, slowness float64) fairlead.Sample {
	s := fairlead.Sample{
		Requests: requests, Errors: errors,
		Latency: fairlead.Histogram{LE: bounds, Count: make([]uint64, len(bounds))},
	}
	for i, le := range bounds {
		if fast <= le {
			s.Latency.Count[i] += requests - slow
		}
		if slowness <= le {
			s.Latency.Count[i] += slow
		}
	}
	return s
}

// quick is an arm that answers within 4 ms.
func quick(requests, errors uint64) fairlead.Sample { return arm(requests, errors, 0.004, 0, 0) }

func restarted(s fairlead.Sample, n uint64) fairlead.Sample {
	s.Restarts = n
	return s
}

func TestCompare(t *testing.T) {
	tests := map[string]struct {
		baseline, canary fairlead.Sample
		want             fairlead.Answer
		reason           string // part of the reason
	}{
		"clearly more errors": {
			quick(9500, 19), quick(500, 62), fairlead.AnswerWorse,
			"errors 12.4% of 500 against 0.2% of 9,500, margin 1%",
		},
		"as healthy as before": {
			quick(9500, 19), quick(500, 1), fairlead.AnswerNotWorse,
			"errors 0.2% of 500 against 0.2% of 9,500",
		},
		"fewest requests, none failed": {quick(50, 0), quick(50, 0), fairlead.AnswerNotWorse, "errors 0% of 50"},
		"better than a bad baseline":   {quick(1000, 150), quick(1000, 20), fairlead.AnswerNotWorse, "errors 2%"},
		"one failure among few":        {quick(950, 0), quick(60, 1), fairlead.AnswerUndecided, "not yet beyond chance"},
		"within the margin, well known": {
			quick(100_000, 100), quick(100_000, 600), fairlead.AnswerNotWorse, "errors 0.6%",
		},
		"beyond the margin, not yet proven": {
			quick(2000, 4), quick(300, 7), fairlead.AnswerUndecided, "not yet beyond chance",
		},
		"floor at once, whatever the baseline": {
			quick(0, 0), quick(10, 2), fairlead.AnswerWorse, "at or above the floor of 20%",
		},
		"too few for the floor": {
			quick(0, 0), quick(9, 9), fairlead.AnswerUndecided, "the new release served 9 of the 50 requests needed",
		},
		"no traffic on the canary":   {quick(1000, 0), quick(0, 0), fairlead.AnswerUndecided, "served 0 of the 50"},
		"no traffic on the baseline": {quick(0, 0), quick(1000, 0), fairlead.AnswerUndecided, "the old release"},
		"nothing at all":             {fairlead.Sample{}, fairlead.Sample{}, fairlead.AnswerUndecided, "needed"},
		"restarts alone": {
			quick(0, 0), restarted(quick(0, 0), 3), fairlead.AnswerWorse, "restarted 3 times",
		},
		"one restart is an accident": {
			quick(900, 0), restarted(quick(100, 0), 1), fairlead.AnswerNotWorse, "restarted 1 time",
		},
		"the baseline restarts as often": {
			restarted(quick(900, 0), 2), restarted(quick(100, 0), 3), fairlead.AnswerNotWorse,
			"restarted 3 times against 2 times",
		},
		"everything slower": {
			quick(9500, 0), arm(500, 0, 0.3, 0, 0), fairlead.AnswerWorse, "p99 latency",
		},
		"slow tail": {
			quick(9500, 0), arm(1000, 0, 0.004, 40, 0.4), fairlead.AnswerWorse, "tolerated ratio 1.5",
		},
		"one slow request among fifty is noise": {
			quick(950, 0), arm(50, 0, 0.004, 1, 0.4), fairlead.AnswerUndecided, "not yet beyond chance",
		},
		"slower by less than anybody notices": {
			arm(9500, 0, 0.0008, 0, 0), arm(500, 0, 0.004, 0, 0), fairlead.AnswerNotWorse, "p99 latency",
		},
		"errors are fine, latency was not measured": {
			quick(9500, 0), fairlead.Sample{Requests: 500}, fairlead.AnswerUndecided, "latency: the new release served 0",
		},
		"worse in one, undecided in another": {
			quick(9500, 0), fairlead.Sample{Requests: 500, Errors: 99}, fairlead.AnswerWorse, "errors 19.8% of 500",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := judge.Compare(tt.baseline, tt.canary, policy)
			if got.Answer != tt.want || !strings.Contains(got.Reason, tt.reason) {
				t.Errorf("got %s: %s\nwant %s with %q", got.Answer, got.Reason, tt.want, tt.reason)
			}
		})
	}
}

func TestAlone(t *testing.T) {
	tests := map[string]struct {
		canary fairlead.Sample
		want   fairlead.Answer
		reason string
	}{
		"enough, and well":        {quick(50, 0), fairlead.AnswerNotWorse, "errors 0% of 50, nothing to compare with"},
		"errors below the floor":  {quick(500, 90), fairlead.AnswerNotWorse, "errors 18% of 500"},
		"errors at the floor":     {quick(10, 2), fairlead.AnswerWorse, "errors 20% of 10, at or above the floor of 20%"},
		"too few":                 {quick(49, 0), fairlead.AnswerUndecided, "served 49 of the 50 requests needed"},
		"nothing":                 {fairlead.Sample{}, fairlead.AnswerUndecided, "served 0"},
		"restarts":                {restarted(quick(500, 0), 2), fairlead.AnswerWorse, "restarted 2 times"},
		"slow has no counterpart": {arm(500, 0, 4, 0, 0), fairlead.AnswerNotWorse, "errors 0%"},
		"more errors than it served": {
			fairlead.Sample{Requests: 60, Errors: 90}, fairlead.AnswerWorse, "errors 100% of 60",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := judge.Alone(tt.canary, policy)
			if got.Answer != tt.want || !strings.Contains(got.Reason, tt.reason) {
				t.Errorf("got %s: %s\nwant %s with %q", got.Answer, got.Reason, tt.want, tt.reason)
			}
		})
	}
}

// TestPolicy shows that every number of the policy has an effect.
func TestPolicy(t *testing.T) {
	baseline, canary := quick(9500, 19), arm(500, 25, 0.004, 100, 0.15)
	if got := judge.Compare(baseline, canary, policy); got.Answer != fairlead.AnswerWorse {
		t.Fatalf("under the plain policy: %s: %s", got.Answer, got.Reason)
	}
	tests := map[string]struct {
		change func(*fairlead.JudgePolicy)
		metric string
		want   fairlead.Answer
	}{
		"min_requests":  {func(p *fairlead.JudgePolicy) { p.MinRequests = 501 }, "errors", fairlead.AnswerUndecided},
		"error_margin":  {func(p *fairlead.JudgePolicy) { p.ErrorMargin = 0.1 }, "errors", fairlead.AnswerNotWorse},
		"error_floor":   {func(p *fairlead.JudgePolicy) { p.ErrorFloor = 0.04 }, "errors", fairlead.AnswerWorse},
		"latency_ratio": {func(p *fairlead.JudgePolicy) { p.LatencyRatio = 100 }, "latency-p99", fairlead.AnswerNotWorse},
		"quantile":      {func(p *fairlead.JudgePolicy) { p.Quantile = 0.5 }, "latency-p50", fairlead.AnswerNotWorse},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p := policy
			tt.change(&p)
			got := answerOn(judge.Compare(baseline, canary, p), tt.metric)
			if got.Answer != tt.want {
				t.Errorf("%s: got %s: %s, want %s", tt.metric, got.Answer, got.Reason, tt.want)
			}
		})
	}
	p := policy
	p.LatencyRatio = 0
	if got := answerOn(judge.Compare(baseline, canary, p), "latency-p99"); got.Name != "" {
		t.Errorf("latency is judged without a ratio: %+v", got)
	}
}

// TestMalformedHistogram holds that counts which cannot be true decide nothing.
func TestMalformedHistogram(t *testing.T) {
	good := quick(500, 0)
	for name, bad := range map[string]fairlead.Histogram{
		"lengths differ":   {LE: []float64{0.1, 1}, Count: []uint64{500}},
		"counts go down":   {LE: []float64{0.1, 1, 2}, Count: []uint64{500, 400, 500}},
		"bounds go down":   {LE: []float64{1, 0.1}, Count: []uint64{100, 500}},
		"nothing in there": {LE: []float64{0.1, 1}, Count: []uint64{0, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			canary := good
			canary.Latency = bad
			for _, got := range []judge.Result{judge.Compare(good, canary, policy), judge.Compare(canary, good, policy)} {
				if got.Answer != fairlead.AnswerUndecided {
					t.Errorf("got %s: %s", got.Answer, got.Reason)
				}
			}
		})
	}
}

func answerOn(r judge.Result, name string) fairlead.MetricAnswer {
	for _, m := range r.Metrics {
		if m.Name == name {
			return m
		}
	}
	return fairlead.MetricAnswer{}
}
