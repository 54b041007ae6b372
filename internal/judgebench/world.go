package main

import (
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/stat/distuv"

	"fairlead.dev"
)

// condition is how one arm fares in one minute.
type condition struct {
	load    float64 // requests, times the arm's share of the family's traffic
	errors  float64 // probability that a request fails
	scale   float64 // factor on every latency
	sigma   float64 // spread of the logarithm of latency
	tail    float64 // share of requests that are slowed down
	tailBy  float64 // factor on those
	missing bool    // the scrape of this minute is lost
	kept    float64 // share of the minute's counts that survive a counter reset
}

// calm is a minute in which nothing happens.
func calm(errors float64) condition {
	return condition{load: 1, errors: errors, scale: 1, sigma: 0.6, tailBy: 1, kept: 1}
}

// median is the latency in seconds that half of the requests of a calm minute
// stay below.
const median = 0.05

// bounds are the histogram's upper bounds in seconds; the last stands for any.
var bounds = []float64{0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1, 2, 5, 60}

// within gives the probability that a request takes at most le seconds.
func (c condition) within(le float64) float64 {
	if le >= bounds[len(bounds)-1] {
		return 1
	}
	at := func(scale float64) float64 {
		return 0.5 * math.Erfc(-math.Log(le/(median*scale))/(c.sigma*math.Sqrt2))
	}
	p := at(c.scale)
	if c.tail > 0 {
		p = (1-c.tail)*p + c.tail*at(c.scale*c.tailBy)
	}
	return p
}

// serve draws what an arm that is meant to get so many requests a minute
// serves under a condition; nil when nobody gets to know.
func serve(r *rand.Rand, perMinute float64, c condition) *fairlead.Sample {
	n := poisson(r, perMinute*c.load)
	if c.kept < 1 {
		n = binomial(r, n, c.kept)
	}
	s := &fairlead.Sample{
		Requests: n, Errors: binomial(r, n, c.errors),
		Latency: fairlead.Histogram{LE: bounds, Count: make([]uint64, len(bounds))},
	}
	left, below, upTo := n, uint64(0), 0.0
	for i, le := range bounds {
		p := c.within(le)
		if left > 0 && p > upTo {
			k := binomial(r, left, min((p-upTo)/(1-upTo), 1))
			left, below = left-k, below+k
		}
		s.Latency.Count[i], upTo = below, max(p, upTo)
	}
	s.Latency.Count[len(bounds)-1] = n
	if c.missing {
		return nil
	}
	return s
}

func poisson(r *rand.Rand, mean float64) uint64 {
	if mean <= 0 {
		return 0
	}
	return uint64(distuv.Poisson{Lambda: mean, Src: r}.Rand())
}

func binomial(r *rand.Rand, n uint64, p float64) uint64 {
	switch {
	case n == 0 || p <= 0:
		return 0
	case p >= 1:
		return n
	}
	return uint64(distuv.Binomial{N: float64(n), P: p, Src: r}.Rand())
}

// gamma draws a factor with mean 1 and variance 1/k.
func gamma(r *rand.Rand, k float64) float64 {
	return distuv.Gamma{Alpha: k, Beta: k, Src: r}.Rand()
}

// lognormal draws a factor with mean 1 whose logarithm spreads by sd.
func lognormal(r *rand.Rand, sd float64) float64 {
	return math.Exp(sd*r.NormFloat64() - sd*sd/2)
}

// wave is an autoregressive process of order one with mean 0.
type wave struct{ phi, sd, at float64 }

func newWave(r *rand.Rand, phi, sd float64) *wave {
	return &wave{phi: phi, sd: sd, at: sd * r.NormFloat64()}
}

func (w *wave) next(r *rand.Rand) float64 {
	w.at = w.phi*w.at + w.sd*math.Sqrt(1-w.phi*w.phi)*r.NormFloat64()
	return w.at
}

// factor turns a wave's value into a factor with mean 1.
func (w *wave) factor(v float64) float64 { return math.Exp(v - w.sd*w.sd/2) }
