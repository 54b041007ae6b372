package judge

import (
	"slices"
	"time"

	"fairlead.dev"
)

// Defaults is the policy of a judge that was told nothing: one false alarm in
// a hundred analyses, twice as bad is what must be ruled out, one hour.
func Defaults() fairlead.JudgePolicy {
	return fairlead.JudgePolicy{
		FalseAlarm: 0.01, FalsePass: 0.05, Tolerance: 0.07, Margin: 1, Negligible: 0.001,
		Horizon: fairlead.Duration(time.Hour), ErrorFloor: 0.2,
		Metrics: []fairlead.MetricPolicy{
			{Name: "errors", Kind: fairlead.MetricErrors, Critical: true},
			{Name: "latency", Kind: fairlead.MetricLatency},
		},
	}
}

// complete fills in what a policy leaves open. Negligible, WarmUp and
// ErrorFloor stay 0, which turns them off.
func complete(p fairlead.JudgePolicy) fairlead.JudgePolicy {
	d := Defaults()
	fill(&p.FalseAlarm, d.FalseAlarm)
	fill(&p.FalsePass, d.FalsePass)
	fill(&p.Margin, d.Margin)
	p.Tolerance = min(p.Tolerance, p.Margin/2)
	if p.Horizon <= 0 {
		p.Horizon = d.Horizon
	}
	if len(p.Metrics) == 0 {
		p.Metrics = d.Metrics
	}
	p.Metrics = slices.Clone(p.Metrics)
	for i := range p.Metrics {
		fill(&p.Metrics[i].Margin, p.Margin)
		fill(&p.Metrics[i].Weight, 1)
	}
	return p
}

func fill(v *float64, fallback float64) {
	if *v <= 0 {
		*v = fallback
	}
}

// criticalPart is how much of the false alarms allowed critical metrics have
// to themselves where there are others beside them.
const criticalPart = 0.9

// alphas splits the false alarms allowed in all over the metrics: by weight,
// and with critical metrics beside others the larger part to those.
func alphas(p fairlead.JudgePolicy) []float64 {
	var sum [2]float64 // others, critical
	for _, m := range p.Metrics {
		sum[group(m)] += m.Weight
	}
	part := [2]float64{1 - criticalPart, criticalPart}
	shares := make([]float64, len(p.Metrics))
	for i, m := range p.Metrics {
		shares[i] = p.FalseAlarm * m.Weight / sum[group(m)]
		if sum[0] > 0 && sum[1] > 0 {
			shares[i] *= part[group(m)]
		}
	}
	return shares
}

func group(m fairlead.MetricPolicy) int {
	if m.Critical {
		return 1
	}
	return 0
}

// blockLength is how long counts are put together before they count as one
// observation: what varies within a block cannot be mistaken for evidence.
// A usual analysis has sixty blocks of a minute; a short one has twenty.
func blockLength(horizon time.Duration) time.Duration {
	return max(horizon/60, min(time.Minute, horizon/20), time.Millisecond)
}
