package judge

import (
	"time"

	"fairlead.dev"
)

// Interval is what was seen between two looks. Its counts are those of the
// interval alone, not sums since the beginning.
type Interval struct {
	End      time.Duration `json:"end"`                // since judging began, growing
	Baseline *Arm          `json:"baseline,omitempty"` // nil: no data, such as a missing scrape, or no traffic by intent
	Canary   *Arm          `json:"canary,omitempty"`   // nil: no data
	Share    float64       `json:"share,omitempty"`    // of traffic meant for the canary, 0..1; 0 = not known
	Even     bool          `json:"even,omitempty"`     // the baseline is an even part of what it served before, which hides how it varied
}

// Arm is what one release served in an interval.
type Arm struct {
	fairlead.Sample
	Further map[string]Count `json:"further,omitempty"` // by metric name, from other sources than the proxy
}

// Count is one further metric of one arm: bad events among all, or a histogram.
type Count struct {
	Bad       uint64             `json:"bad,omitempty"`
	Total     uint64             `json:"total,omitempty"`
	Histogram fairlead.Histogram `json:"histogram,omitzero"`
}

// sides of a comparison.
const (
	baseline = 0
	canary   = 1
)

// tally is a count of bad events among all, for both sides.
type tally struct{ bad, of [2]float64 }

func (t *tally) add(o tally) {
	for side := range t.bad {
		t.bad[side] += o.bad[side]
		t.of[side] += o.of[side]
	}
}

// rate gives one side's share of bad events; of nothing it is 0.
func (t tally) rate(side int) float64 {
	if t.of[side] == 0 {
		return 0
	}
	return t.bad[side] / t.of[side]
}

// sane drops what cannot be: more bad events than events.
func (t tally) sane() tally {
	for side := range t.bad {
		t.bad[side] = min(t.bad[side], t.of[side])
	}
	return t
}
