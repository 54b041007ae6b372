package judge_test

import (
	"testing"
	"time"

	"fairlead.dev"
	"fairlead.dev/judge"
)

// minute makes the i-th minute of an analysis, with the given errors of both arms.
func minute(i int, baseline, canary fairlead.Sample) judge.Interval {
	return judge.Interval{
		End:      time.Duration(i+1) * time.Minute,
		Baseline: &judge.Arm{Sample: baseline}, Canary: &judge.Arm{Sample: canary}, Share: 0.5,
	}
}

// watch observes the same minute n times.
func watch(p fairlead.JudgePolicy, n int, baseline, canary fairlead.Sample) judge.Result {
	j := judge.New(p)
	for i := range n {
		j.Observe(minute(i, baseline, canary))
	}
	return j.Result()
}

func TestJudge(t *testing.T) {
	tests := map[string]struct {
		minutes          int
		baseline, canary fairlead.Sample
		want             fairlead.Answer
	}{
		"nothing":                {0, fairlead.Sample{}, fairlead.Sample{}, fairlead.AnswerUndecided},
		"no traffic":             {9, quick(0, 0), quick(0, 0), fairlead.AnswerUndecided},
		"ten times the errors":   {3, quick(3000, 15), quick(3000, 150), fairlead.AnswerWorse},
		"as healthy as before":   {30, quick(3000, 15), quick(3000, 15), fairlead.AnswerNotWorse},
		"too early to say":       {1, quick(300, 2), quick(300, 2), fairlead.AnswerUndecided},
		"no errors, few served":  {5, quick(100, 0), quick(100, 0), fairlead.AnswerUndecided},
		"no errors, many served": {10, quick(1000, 0), quick(1000, 0), fairlead.AnswerNotWorse},
		"slower":                 {5, quick(3000, 0), arm(3000, 0, 0.3, 0, 0), fairlead.AnswerWorse},
		"half the requests gone": {20, quick(3000, 3), quick(1500, 1), fairlead.AnswerUndecided},
		"floor":                  {1, quick(10, 0), quick(10, 5), fairlead.AnswerWorse},
		"restarts":               {1, quick(10, 0), restarted(quick(10, 0), 2), fairlead.AnswerWorse},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := watch(judge.Defaults(), tt.minutes, tt.baseline, tt.canary)
			if got.Answer != tt.want {
				t.Errorf("got %s: %s\n%+v", got.Answer, got.Reason, got.Metrics)
			}
			t.Log(got.DecidedAt, got.Reason)
		})
	}
}

func BenchmarkVerdict(b *testing.B) {
	p := judge.Defaults()
	p.Horizon = fairlead.Duration(10_000 * time.Second)
	names := []string{"a", "b", "c", "d", "e", "f", "g", "h"}
	for _, n := range names {
		p.Metrics = append(p.Metrics, fairlead.MetricPolicy{Name: n, Kind: fairlead.MetricCounts})
	}
	further := map[string]judge.Count{}
	for i, n := range names {
		further[n] = judge.Count{Bad: uint64(i), Total: 300}
	}
	one := minute(0, quick(300, 2), quick(300, 1))
	one.Baseline.Further, one.Canary.Further = further, further
	for b.Loop() {
		j := judge.New(p)
		for i := range 1000 {
			one.End = time.Duration(i+1) * 10 * time.Second
			j.Observe(one)
		}
		if j.Result().Answer == "" {
			b.Fatal("no answer")
		}
	}
}
