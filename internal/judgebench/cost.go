package main

import (
	"fmt"
	"slices"
	"time"

	"fairlead.dev"
	"fairlead.dev/judge"
)

// cost gives the least of many times of a verdict over a thousand intervals of
// ten metrics, eight of them from a server: what else runs can only add to it.
func cost() time.Duration {
	f := families()[0]
	p := policyOf(f)
	p.Horizon = fairlead.Duration(10_000 * time.Second)
	further := map[string]judge.Count{}
	for i := range uint64(8) {
		name := fmt.Sprint("m", i)
		p.Metrics = append(p.Metrics, fairlead.MetricPolicy{Name: name, Kind: fairlead.MetricCounts})
		further[name] = judge.Count{Bad: i, Total: 300}
	}
	var all []judge.Interval
	for i := 0; len(all) < 1000; i++ {
		for _, iv := range f.intervals(f.draw(i)) {
			iv.End = time.Duration(len(all)+1) * 10 * time.Second
			iv.Baseline.Further, iv.Canary.Further = further, further
			all = append(all, iv)
		}
	}
	var took []time.Duration
	for range 51 {
		began := time.Now()
		j := judge.New(p)
		for _, iv := range all[:1000] {
			j.Observe(iv)
		}
		if j.Result().Answer == fairlead.AnswerWorse {
			panic("judgebench: the cost of a verdict that ends early")
		}
		took = append(took, time.Since(began))
	}
	return slices.Min(took)
}
