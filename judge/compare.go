package judge

import (
	"fmt"
	"strings"

	"fairlead.dev"
)

// floorRequests is how many requests the absolute error floor needs before it
// trips: one bad answer among the first few is not a trend.
const floorRequests = 10

// restartsWorse is how many restarts more than the baseline's say worse. A
// single one can be an accident; a process that dies again will go on dying.
const restartsWorse = 2

// Compare judges the canary against the baseline. Both samples are sums over
// the same span of time. A policy without LatencyRatio or Quantile does not
// judge latency; one without ErrorFloor has no absolute floor.
func Compare(baseline, canary fairlead.Sample, p fairlead.JudgePolicy) Result {
	metrics := []fairlead.MetricAnswer{
		compareErrors(baseline, canary, p),
		compareRestarts(baseline.Restarts, canary.Restarts),
	}
	if p.LatencyRatio > 0 && p.Quantile > 0 && p.Quantile < 1 {
		metrics = append(metrics, compareLatency(baseline.Latency, canary.Latency, p))
	}
	return combine(metrics)
}

// Alone judges a release that has nothing to be compared with: the first one
// of a service. Only the absolute error floor and restarts can say worse;
// MinRequests below the floor are enough for not_worse.
func Alone(canary fairlead.Sample, p fairlead.JudgePolicy) Result {
	return combine([]fairlead.MetricAnswer{
		aloneErrors(canary, p),
		compareRestarts(0, canary.Restarts),
	})
}

// combine takes the worst of the metrics: one worse is worse, and not_worse
// needs all of them.
func combine(metrics []fairlead.MetricAnswer) Result {
	answer := fairlead.AnswerNotWorse
	for _, m := range metrics {
		answer = heavier(answer, m.Answer)
	}
	var reasons []string
	for _, m := range metrics {
		if m.Answer == answer {
			reasons = append(reasons, m.Reason)
		}
	}
	return Result{Answer: answer, Reason: strings.Join(reasons, "; "), Metrics: metrics}
}

// heavier gives the answer that weighs more: worse, then undecided.
func heavier(a, b fairlead.Answer) fairlead.Answer {
	for _, answer := range []fairlead.Answer{fairlead.AnswerWorse, fairlead.AnswerUndecided} {
		if a == answer || b == answer {
			return answer
		}
	}
	return fairlead.AnswerNotWorse
}

// compareRestarts says worse when the canary's processes were restarted
// clearly more often than the baseline's.
func compareRestarts(baseline, canary uint64) fairlead.MetricAnswer {
	m := fairlead.MetricAnswer{
		Name: "restarts", Unit: "1", Answer: fairlead.AnswerNotWorse,
		Baseline: float64(baseline), Canary: float64(canary),
		Reason: fmt.Sprintf("restarted %s", times(canary)),
	}
	if canary >= restartsWorse && canary-restartsWorse >= baseline {
		m.Answer = fairlead.AnswerWorse
	}
	if baseline > 0 {
		m.Reason += fmt.Sprintf(" against %s", times(baseline))
	}
	return m
}
