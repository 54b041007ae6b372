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
	Name     string  `json:"name"` // "errors", "latency-p99"
	Answer   Answer  `json:"answer"`
	Baseline float64 `json:"baseline"`
	Canary   float64 `json:"canary"`
	Unit     string  `json:"unit"` // "1" or "s"
	Reason   string  `json:"reason"`
}

// What JudgePolicy.Undecided may say.
const (
	UndecidedHold     = "hold"
	UndecidedPromote  = "promote"
	UndecidedRollback = "rollback"
)
