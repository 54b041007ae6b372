package judge

import (
	"math"
	"slices"

	"fairlead.dev"
)

// quantiles are the shares of requests above which a latency metric without
// thresholds of its own looks: half, a tenth and a hundredth of the slowest.
var quantiles = [...]float64{0.5, 0.9, 0.99}

// thresholds turns histograms into counts of slow requests. Without fixed
// thresholds it takes quantiles of what both arms together have served so
// far, which tells nothing about how the two arms differ.
type thresholds struct {
	fixed  []float64
	pooled fairlead.Histogram
	bounds []float64 // in use: those of the last settling
}

func newThresholds(fixed []float64) thresholds { return thresholds{fixed: slices.Clone(fixed)} }

func (t *thresholds) size() int {
	if len(t.fixed) > 0 {
		return len(t.fixed)
	}
	return len(quantiles)
}

// add counts an interval's slow requests for each threshold. It gives false
// when the histograms hold nothing that can be compared.
func (t *thresholds) add(open []tally, b, c fairlead.Histogram) bool {
	if !sound(b) || !sound(c) || count(b)+count(c) == 0 || !slices.Equal(b.LE, c.LE) {
		return false
	}
	if !slices.Equal(t.pooled.LE, b.LE) {
		t.pooled = fairlead.Histogram{LE: slices.Clone(b.LE), Count: make([]uint64, len(b.LE))}
		t.bounds = nil
	}
	for i := range t.pooled.Count {
		t.pooled.Count[i] += b.Count[i] + c.Count[i]
	}
	if t.bounds == nil {
		t.settle()
	}
	for i, bound := range t.bounds {
		open[i].add(tally{
			bad: [2]float64{above(b, bound), above(c, bound)},
			of:  [2]float64{float64(count(b)), float64(count(c))},
		})
	}
	return true
}

// settle chooses the bounds for the next block.
func (t *thresholds) settle() {
	if len(t.pooled.LE) == 0 {
		return
	}
	if len(t.fixed) > 0 {
		t.bounds = t.fixed
		return
	}
	t.bounds = t.bounds[:0]
	for _, q := range quantiles {
		t.bounds = append(t.bounds, boundAt(t.pooled, q))
	}
}

// boundAt gives the bound above which about 1-q of all requests lie: the one
// that comes nearest in ratio. It is never the last, above which there is nothing.
func boundAt(h fairlead.Histogram, q float64) float64 {
	best, nearest := h.LE[max(len(h.LE)-2, 0)], math.Inf(1)
	total := float64(h.Count[len(h.Count)-1])
	for i, le := range h.LE[:len(h.LE)-1] {
		off := math.Abs(math.Log((total - float64(h.Count[i])) / ((1 - q) * total)))
		if off < nearest {
			best, nearest = le, off
		}
	}
	return best
}

// above counts the requests that took longer than bound. A bound between two
// of the histogram's counts from the higher of them.
func above(h fairlead.Histogram, bound float64) float64 {
	total := count(h)
	for i, le := range h.LE {
		if le >= bound {
			return float64(total - h.Count[i])
		}
	}
	return 0
}

// sound tells whether a histogram is one: a count for each bound, both growing.
func sound(h fairlead.Histogram) bool {
	if len(h.LE) != len(h.Count) {
		return false
	}
	for i := 1; i < len(h.LE); i++ {
		if h.LE[i] <= h.LE[i-1] || h.Count[i] < h.Count[i-1] {
			return false
		}
	}
	return true
}

// count gives how many requests a histogram holds.
func count(h fairlead.Histogram) uint64 {
	if len(h.Count) == 0 {
		return 0
	}
	return h.Count[len(h.Count)-1]
}
