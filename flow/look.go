package flow

import (
	"encoding/json"
	"slices"
	"time"

	"fairlead.dev"
	"fairlead.dev/judge"
)

// period is who serves while a release is looked at.
type period string

// The periods of a rollout, in order.
const (
	before period = "before" // the old release alone
	beside period = "beside" // both
	after  period = "after"  // the new release alone: nothing serves at the same time to compare with
)

// look is what was seen since the look before: one interval of the series that
// a deployment is judged by. It is kept before anything follows from it.
type look struct {
	Time     time.Time     `json:"time"`
	Stage    string        `json:"stage"`
	Period   period        `json:"period"`
	Took     time.Duration `json:"took"`            // nanoseconds that it counts for; a gap counts as one block at most
	Share    float64       `json:"share,omitempty"` // of traffic meant for the new release; 0 when it changed meanwhile
	Baseline *judge.Arm    `json:"baseline,omitempty"`
	Canary   *judge.Arm    `json:"canary,omitempty"`
	Missing  []string      `json:"missing,omitempty"` // further metrics without data, each with the reason
	Mark     bool          `json:"mark,omitempty"`    // the counters were read for the first time: nothing was seen yet
}

// cursor is where the counters stood at the newest look.
type cursor struct {
	Time      time.Time                     `json:"time"`
	Baseline  *fairlead.Sample              `json:"baseline,omitempty"`
	Canary    *fairlead.Sample              `json:"canary,omitempty"`
	Further   map[string]map[string]float64 `json:"further,omitempty"`   // by expression, then by series
	Reference *reference                    `json:"reference,omitempty"` // fixed when the old release serves no more
	LE        []float64                     `json:"le,omitempty"`        // bounds that looks leave out
}

// pack encodes a look without the bounds that all looks share.
func (l look) pack(le []float64) []byte {
	l.Baseline, l.Canary = withBounds(l.Baseline, le, nil), withBounds(l.Canary, le, nil)
	return encoded(l)
}

// unpack decodes a look and puts the bounds back.
func unpack(doc []byte, le []float64) (look, error) {
	var l look
	err := json.Unmarshal(doc, &l)
	l.Baseline, l.Canary = withBounds(l.Baseline, nil, le), withBounds(l.Canary, nil, le)
	return l, err
}

// withBounds gives an arm whose latency bounds, when they are was, are to.
func withBounds(a *judge.Arm, was, to []float64) *judge.Arm {
	if a == nil || len(a.Latency.Count) == 0 || !slices.Equal(a.Latency.LE, was) {
		return a
	}
	out := *a
	out.Latency.LE = to
	return &out
}

// encoded gives the JSON form of what always has one.
func encoded(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic("flow: " + err.Error())
	}
	return b
}

// since gives what an arm served since an earlier reading. Nil means that
// nothing is known: the arm was not seen, or for the first time.
func since(now, earlier *fairlead.Sample) *judge.Arm {
	if now == nil || earlier == nil {
		return nil
	}
	return &judge.Arm{Sample: now.Since(*earlier)}
}

// plus gives the sum of two samples; one with other bounds replaces the latency.
func plus(a, b fairlead.Sample) fairlead.Sample {
	out := fairlead.Sample{
		Requests: a.Requests + b.Requests, Errors: a.Errors + b.Errors, Restarts: a.Restarts + b.Restarts, Latency: b.Latency,
	}
	if slices.Equal(a.Latency.LE, b.Latency.LE) && len(a.Latency.Count) == len(b.Latency.Count) {
		out.Latency.Count = make([]uint64, len(b.Latency.Count))
		for i := range out.Latency.Count {
			out.Latency.Count[i] = a.Latency.Count[i] + b.Latency.Count[i]
		}
	} else if len(b.Latency.LE) == 0 {
		out.Latency = a.Latency
	}
	return out
}

// unpackCursor decodes a cursor.
func unpackCursor(doc []byte, into *cursor) error {
	if err := json.Unmarshal(doc, into); err != nil {
		return &fairlead.Problem{Op: "read looks", Kind: fairlead.KindInternal, Err: err}
	}
	return nil
}
