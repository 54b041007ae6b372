package judge

import "math"

// confidence is the normal quantile of a one-sided error of one in a hundred,
// for each bound of each interval.
const confidence = 2.326

// share is a part of a whole, as counted.
type share struct{ part, of uint64 }

// rate gives the share as a number from 0 to 1; a share of nothing is 0.
func (s share) rate() float64 {
	if s.of == 0 {
		return 0
	}
	return float64(s.part) / float64(s.of)
}

// wilson gives the score interval of the rate behind an observed share of n.
// It stays within 0..1 and is honest for few requests and for rates near 0,
// where the textbook interval collapses to a point.
func wilson(rate float64, n uint64) (low, high float64) {
	if n == 0 {
		return 0, 1
	}
	k := confidence * confidence / float64(n)
	center := (rate + k/2) / (1 + k)
	half := math.Sqrt(k*rate*(1-rate)+k*k/4) / (1 + k)
	return min(max(center-half, 0), rate), max(min(center+half, 1), rate)
}

// difference gives the interval of how much higher the canary's rate is than
// the baseline's, built from the two score intervals (Newcombe's method 10).
func difference(baseline, canary share) (low, high float64) {
	b, c := baseline.rate(), canary.rate()
	bLow, bHigh := wilson(b, baseline.of)
	cLow, cHigh := wilson(c, canary.of)
	d := c - b
	return d - math.Hypot(c-cLow, bHigh-b), d + math.Hypot(cHigh-c, b-bLow)
}

// rankInterval gives the shares between which the true quantile q lies in a
// sample of n: what is seen at q may by chance be the quantile at either end.
func rankInterval(q float64, n uint64) (low, high float64) {
	return wilson(q, n)
}
