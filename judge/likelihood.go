package judge

import "math"

// The judge's model of one block of counts. Given how many bad events there
// were in both arms together, the canary's part of them is binomial, with a
// share that follows from the arms' requests and the relative risk. Arms that
// have bursts of their own spread more than that: then the share itself varies
// from block to block, and the count is beta-binomial. How much arms vary is
// not known beforehand, so each relative risk is held under several spreads.

// spreads are the squared coefficients of variation of an arm's rate from
// block to block.
var spreads = [...]float64{0, 0.03, 0.12, 0.45}

// belief gives what is staked on each spread, by the number of bad events in
// the first block. Among few events chance hides the spread of the arms; where
// there are many, the judge can afford to suspect much of it.
func belief(t tally) perSpread {
	n := t.events()
	much := min(max(mostBelief*math.Pow(n/manyEvents, 6), leastBelief*min(n/fewEvents, 1)), mostBelief)
	return perSpread{1 - 0.08 - much, 0.03, 0.05, much}
}

const leastBelief, mostBelief, fewEvents, manyEvents = 0.04, 0.6, 3.0, 11.0

// events gives how many bad events there are, the geometric mean of how many
// there were and how many there would be if the canary fared as the baseline.
func (t tally) events() float64 {
	usual := (t.bad[baseline] + 0.5) * (1 + t.of[canary]/t.of[baseline])
	return math.Sqrt((t.bad[baseline] + t.bad[canary]) * usual)
}

// perSpread holds one number for each spread.
type perSpread [len(spreads)]float64

// likelihood tells how likely a block's counts are under relative risks,
// compared with one of them, the reference.
type likelihood struct {
	x, y      float64 // bad events of canary and baseline
	odds      float64 // of a bad event being the canary's, at equal risk
	share     float64 // of bad events that are the canary's, under the reference
	log1odds  float64 // log(1 + odds under the reference)
	precision perSpread
	below     [len(spreads)][2]float64 // rising factorials under the reference, canary's and baseline's
}

func newLikelihood(t tally, reference float64) *likelihood {
	l := &likelihood{x: t.bad[canary], y: t.bad[baseline], odds: t.of[canary] / t.of[baseline]}
	o := reference * l.odds
	l.share, l.log1odds = o/(1+o), math.Log1p(o)
	for v := 1; v < len(spreads); v++ {
		// The share's variance follows from that of the arms' rates, to first order.
		m := min(max(1/(2*spreads[v]*l.share*(1-l.share))-1, 1), 1e9)
		l.precision[v] = m
		l.below[v] = [2]float64{rising(m*l.share, l.x), rising(m*(1-l.share), l.y)}
	}
	return l
}

// logs gives the log-likelihood of the reference under each spread, without
// the binomial coefficient that all have in common.
func (l *likelihood) logs() perSpread {
	var out perSpread
	out[0] = l.x*math.Log(l.share) + l.y*math.Log1p(-l.share)
	for v := 1; v < len(out); v++ {
		out[v] = out[0]
		if l.x+l.y > 1 { // a single event has no spread
			out[v] = asLog(l.below[v][0], l.x) + asLog(l.below[v][1], l.y) - asLog(rising(l.precision[v], l.x+l.y), l.x+l.y)
		}
	}
	return out
}

// ratios gives how many times as likely the block is under a relative risk
// than under the reference; logRisk is the log of risk over reference.
func (l *likelihood) ratios(risk, logRisk float64) perSpread {
	o := risk * l.odds
	log1odds := math.Log1p(o)
	var out perSpread
	out[0] = math.Exp(l.x*logRisk + (l.x+l.y)*(l.log1odds-log1odds))
	share := o / (1 + o)
	for v := 1; v < len(out); v++ {
		out[v] = out[0]
		if l.x+l.y > 1 {
			m := l.precision[v]
			r, log := over(rising(m*share, l.x), l.below[v][0], l.x)
			r2, log2 := over(rising(m*(1-share), l.y), l.below[v][1], l.y)
			if out[v] = r * r2; log+log2 != 0 {
				out[v] *= math.Exp(log + log2)
			}
		}
	}
	return out
}

// few is up to how many factors a rising factorial is given as it is; beyond
// it, it is given by its logarithm, since it may not be finite.
const few = 16

// rising gives a (a+1) ... (a+k-1), or from more than few factors on its logarithm.
func rising(a, k float64) float64 {
	if k > few {
		return logGamma(a+k) - logGamma(a)
	}
	product := 1.0
	for i := 0.0; i < k; i++ {
		product *= a + i
	}
	return product
}

// over divides two rising factorials of k factors: as a ratio, or as the
// logarithm of one where they are given so.
func over(p, q, k float64) (ratio, log float64) {
	if k > few {
		return 1, p - q
	}
	return p / q, 0
}

// asLog gives the logarithm of a rising factorial of k factors.
func asLog(p, k float64) float64 {
	if k > few {
		return p
	}
	return math.Log(p)
}

// logGamma is Stirling's series, from 3 on good to 1e-6; below it steps up.
func logGamma(z float64) float64 {
	product := 1.0
	for z < 3 {
		product *= z
		z++
	}
	i := 1 / z
	v := (z-0.5)*math.Log(z) - z + halfLog2Pi + i*(1/12.0-i*i*(1/360.0-i*i*(1/1260.0)))
	if product != 1 {
		v -= math.Log(product)
	}
	return v
}

const halfLog2Pi = 0.91893853320467274178
