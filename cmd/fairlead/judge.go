package main

import (
	"io"
	"math"
	"os"

	"fairlead.dev"
	"fairlead.dev/cli"
	"fairlead.dev/judge"
)

// replay has the judge decide on a recording.
func replay(in io.Reader, q cli.ReplayQuery) (cli.Replayed, error) {
	name := q.File
	if name == "-" {
		name = "standard input"
	} else {
		f, err := os.Open(q.File)
		if err != nil {
			return cli.Replayed{}, &fairlead.Problem{Op: "replay", Kind: fairlead.KindNotFound, Err: err}
		}
		defer f.Close()
		in = f
	}
	policy := judge.Defaults()
	policy.FalseAlarm, policy.Margin, policy.WarmUp = q.Alpha, q.Margin, fairlead.Duration(q.WarmUp)
	policy.Metrics = nil
	r, at, err := judge.Replay(in, judge.Recording{Name: name, Policy: policy, Horizon: q.Horizon, Share: q.Share})
	if err != nil {
		return cli.Replayed{}, err
	}
	out := cli.Replayed{Answer: r.Answer, Reason: r.Reason}
	for _, m := range r.Metrics {
		if m.Alpha > 0 { // a recording tells nothing of restarts
			out.Metrics = append(out.Metrics, m)
		}
	}
	if !math.IsNaN(at) {
		out.DecidedAt = &at
	}
	return out, nil
}
