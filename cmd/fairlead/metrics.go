package main

import (
	"context"
	"fmt"

	"fairlead.dev"
	"fairlead.dev/cli"
	"fairlead.dev/flow"
	"fairlead.dev/judge"
	"fairlead.dev/source/prometheus"
)

// openMetrics gives the metrics server that a plan names.
func (v variables) openMetrics(at fairlead.MetricsServer) (flow.Metrics, error) {
	if at.Type != prometheus.Type {
		return nil, &fairlead.Problem{Op: "open metrics server", Kind: fairlead.KindInvalid, Err: fmt.Errorf("no metrics server %q in this version", at.Type)}
	}
	return prometheus.Open(at, func(name string) string { return v[name] })
}

// metricsTool tells whether the metrics server that a plan needs answers; nil
// when it needs none.
func (v variables) metricsTool(ctx context.Context, p fairlead.Plan) *cli.Tool {
	if p.Release == nil || p.Release.Metrics == nil {
		return nil
	}
	at := *p.Release.Metrics
	t := &cli.Tool{Name: at.Type + " at " + at.URL, Required: true, For: "judging releases to " + p.Environment}
	s, err := prometheus.Open(at, func(name string) string { return v[name] })
	if err == nil {
		err = s.Ready(ctx)
	}
	if err != nil {
		t.Hint = err.Error() + "; " + fairlead.HintOf(err)
		return t
	}
	t.Found, t.OK = "answers", true
	return t
}

// traffic says how many requests a policy needs for its answers.
func traffic(p fairlead.JudgePolicy) cli.Traffic {
	const before = 0.005 // of the requests fail
	return cli.Traffic{
		Twice: judge.NeededForWorse(p, before, 2), Fourfold: judge.NeededForWorse(p, before, 4),
		NotWorse: judge.NeededForNotWorse(p, before), NoErrors: judge.NeededForNotWorse(p, 0),
	}
}
