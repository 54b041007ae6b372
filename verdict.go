package fairlead

import "time"

// Answer is what the judge says of a release. No alarm is not "not worse".
type Answer string

// The answers.
const (
	AnswerWorse     Answer = "worse"
	AnswerNotWorse  Answer = "not_worse"
	AnswerUndecided Answer = "undecided"
)

// Sample is what one arm served over a span of time: sums, not rates, so two
// samples of one arm can be subtracted.
type Sample struct {
	Requests uint64    `json:"requests"`
	Errors   uint64    `json:"errors"` // answers 5xx and requests that got none
	Restarts uint64    `json:"restarts"`
	Latency  Histogram `json:"latency"`
}

// Histogram counts by upper bound. Count is cumulative: Count[i] requests took
// at most LE[i] seconds. The last bound stands for "any".
type Histogram struct {
	LE    []float64 `json:"le"`
	Count []uint64  `json:"count"`
}

// Since gives what was served after earlier. A counter that went back was
// reset: then all of s is taken.
func (s Sample) Since(earlier Sample) Sample {
	if s.Requests < earlier.Requests || len(s.Latency.Count) != len(earlier.Latency.Count) {
		return s
	}
	d := Sample{
		Requests: s.Requests - earlier.Requests,
		Errors:   s.Errors - min(earlier.Errors, s.Errors),
		Restarts: s.Restarts - min(earlier.Restarts, s.Restarts),
		Latency:  Histogram{LE: s.Latency.LE, Count: make([]uint64, len(s.Latency.Count))},
	}
	for i := range s.Latency.Count {
		d.Latency.Count[i] = s.Latency.Count[i] - min(earlier.Latency.Count[i], s.Latency.Count[i])
	}
	return d
}

// Verdict is the judged health of a deployment at one moment, with the numbers.
type Verdict struct {
	ID         string         `json:"id"` // "<deployment>/verdict/<stage>"
	Deployment string         `json:"deployment"`
	Stage      string         `json:"stage"` // "stage 1 (5%)", "bake", "ready"
	Answer     Answer         `json:"answer"`
	Reason     string         `json:"reason"`
	Metrics    []MetricAnswer `json:"metrics,omitempty"`
	Baseline   Sample         `json:"baseline"`
	Canary     Sample         `json:"canary"`
	Time       time.Time      `json:"time"`
}

// MetricAnswer is the judge's answer on one metric.
type MetricAnswer struct {
	Name     string     `json:"name"` // "errors", "latency"
	Answer   Answer     `json:"answer"`
	Effect   float64    `json:"effect"`   // relative risk, canary against baseline; 0 when it cannot be told
	Interval [2]float64 `json:"interval"` // confidence sequence of the relative risk; 0 to 1000 when nothing is known
	EValue   float64    `json:"e_value"`  // evidence for worse; worse from 1/alpha on
	Alpha    float64    `json:"alpha"`    // this metric's part of the false alarms allowed
	Baseline float64    `json:"baseline"` // share of bad events, 0..1
	Canary   float64    `json:"canary"`
	Unit     string     `json:"unit"`              // "1" or "s"
	Against  string     `json:"against,omitempty"` // what the baseline is: live, before or nothing
	Reason   string     `json:"reason"`
}

// What MetricAnswer.Against may say.
const (
	AgainstLive    = "live"    // the old release, at the same time
	AgainstBefore  = "before"  // the old release, before the new one got all the traffic
	AgainstNothing = "nothing" // there is nothing to compare with
)

// What JudgePolicy.Undecided may say.
const (
	UndecidedHold     = "hold"
	UndecidedAsk      = "ask"
	UndecidedPromote  = "promote"
	UndecidedRollback = "rollback"
)
