package main

import (
	"math"
	"math/rand/v2"
)

// minutes is how long every analysis lasts.
const minutes = 60

// family is a kind of release under a kind of traffic. Families and seeds were
// fixed before the judge was tuned; those held out were not looked at until it
// was done.
type family struct {
	name    string // file name of its replay
	title   string
	effect  bool // the canary is truly worse
	heldOut bool
	late    bool // added after tuning had begun
	seed    uint64
	traffic float64 // requests a minute, both arms
	share   float64 // of them, for the canary
	warmUp  int     // minutes that every rule leaves out
	begin   func(r *rand.Rand) course

	threshold float64 // of latency in seconds; 0 for the default quantiles
}

// course gives the conditions of both arms minute by minute, in order.
type course func(r *rand.Rand, minute int) (baseline, canary condition)

// baseErrors is the usual share of requests that fail.
const baseErrors = 0.005

// steady is a course in which both arms are calm, but for what change does to
// the canary.
func steady(change func(minute int, c *condition)) func(*rand.Rand) course {
	return func(*rand.Rand) course {
		return func(_ *rand.Rand, minute int) (condition, condition) {
			b, c := calm(baseErrors), calm(baseErrors)
			change(minute, &c)
			return b, c
		}
	}
}

func same(int, *condition) {}

// times makes the canary fail that many times as often.
func times(factor float64) func(int, *condition) {
	return func(_ int, c *condition) { c.errors *= factor }
}

// diurnal is a day's rise and fall in an hour, with errors that follow load.
func diurnal(factor float64) func(*rand.Rand) course {
	return func(r *rand.Rand) course {
		phase := 2 * math.Pi * r.Float64()
		return func(_ *rand.Rand, minute int) (condition, condition) {
			load := 1 + 0.6*math.Sin(phase+2*math.Pi*float64(minute)/minutes)
			b := calm(baseErrors * load)
			b.load, b.scale = load, math.Sqrt(load)
			c := b
			c.errors *= factor
			return b, c
		}
	}
}

// sharedBursts hit both arms at once.
func sharedBursts(r *rand.Rand) course {
	return func(r *rand.Rand, _ int) (condition, condition) {
		b := calm(min(baseErrors*gamma(r, 1), 1))
		return b, b
	}
}

// armBursts hit each arm by itself, with squared coefficient of variation 1/k.
func armBursts(k, factor float64) func(*rand.Rand) course {
	return func(*rand.Rand) course {
		return func(r *rand.Rand, _ int) (condition, condition) {
			return calm(min(baseErrors*gamma(r, k), 1)), calm(min(baseErrors*factor*gamma(r, k), 1))
		}
	}
}

// autocorrelated is load, errors and latency that drift together, and errors
// of each arm that drift a little by themselves.
func autocorrelated(r *rand.Rand) course {
	load, errs, slow := newWave(r, 0.9, 0.3), newWave(r, 0.9, 0.5), newWave(r, 0.9, 0.2)
	own := [2]*wave{newWave(r, 0.6, 0.2), newWave(r, 0.6, 0.2)}
	return func(r *rand.Rand, _ int) (condition, condition) {
		b := calm(0)
		b.load, b.scale = load.factor(load.next(r)), math.Exp(slow.next(r))
		c, p := b, baseErrors*errs.factor(errs.next(r))
		b.errors = min(p*own[0].factor(own[0].next(r)), 1)
		c.errors = min(p*own[1].factor(own[1].next(r)), 1)
		return b, c
	}
}

// replicas are four for each arm, each with error and latency factors of its own.
func replicas(errorSD, latencySD float64) func(*rand.Rand) course {
	return func(r *rand.Rand) course {
		var arms [2]condition
		for i := range arms {
			errs, scale := 0.0, 0.0
			for range 4 {
				errs += lognormal(r, errorSD) / 4
				scale += lognormal(r, latencySD) / 4
			}
			arms[i] = calm(baseErrors * errs)
			arms[i].scale = scale
		}
		return func(*rand.Rand, int) (condition, condition) { return arms[0], arms[1] }
	}
}

// scrapes are lost now and then, each arm's by itself.
func scrapes(lost float64) func(*rand.Rand) course {
	return func(*rand.Rand) course {
		return func(r *rand.Rand, _ int) (condition, condition) {
			b, c := calm(baseErrors), calm(baseErrors)
			b.missing, c.missing = r.Float64() < lost, r.Float64() < lost
			return b, c
		}
	}
}

// resets lose part of a minute's counts when a process starts anew.
func resets(often float64) func(*rand.Rand) course {
	return func(*rand.Rand) course {
		return func(r *rand.Rand, _ int) (condition, condition) {
			b, c := calm(baseErrors), calm(baseErrors)
			for _, arm := range []*condition{&b, &c} {
				if r.Float64() < often {
					arm.kept = r.Float64()
				}
			}
			return b, c
		}
	}
}

// errorRate is a steady course with another share of errors.
func errorRate(p float64) func(*rand.Rand) course {
	return func(*rand.Rand) course {
		return func(*rand.Rand, int) (condition, condition) { return calm(p), calm(p) }
	}
}

// noisyLatency is load that both arms feel and a little noise of each arm's own.
func noisyLatency(r *rand.Rand) course {
	slow := newWave(r, 0.9, 0.2)
	return func(r *rand.Rand, _ int) (condition, condition) {
		b, c := calm(baseErrors), calm(baseErrors)
		both := math.Exp(slow.next(r))
		b.scale, c.scale = both*lognormal(r, 0.05), both*lognormal(r, 0.05)
		return b, c
	}
}
