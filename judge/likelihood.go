package judge

import "math"

// The judge's model of one block of counts. Given how many bad events there
// were in both arms together, the canary's part of them is binomial, with a
// share that follows from the arms' requests and the relative risk. Arms that
// have bursts of their own spread more than that: then the share itself varies
// from block to block, and the count is beta-binomial. How much arms vary is
// not known beforehand, so each relative risk is held under several spreads.

// spreads are the squared coefficients of variation of an arm's rate from
// block to block; belief is how much is staked on each.
var (
	spreads = [...]float64{0, 0.03, 0.15, 0.6}
	belief  = [...]float64{0.6, 0.2, 0.12, 0.08}
)

// perSpread holds one number for each spread.
type perSpread [len(spreads)]float64

// logLikelihood gives, for each spread, the log-likelihood of a block under
// relative risk theta, without the binomial coefficient that all share.
func logLikelihood(t tally, theta float64) perSpread {
	var out perSpread
	x, y := t.bad[canary], t.bad[baseline]
	odds := theta * t.of[canary] / t.of[baseline]
	share := odds / (1 + odds)
	out[0] = x*math.Log(share) + y*math.Log1p(-share)
	if x+y <= 1 { // a single event has no spread
		for i := range out {
			out[i] = out[0]
		}
		return out
	}
	for i := 1; i < len(out); i++ {
		m := min(max(1/(2*spreads[i]*share*(1-share))-1, 1), 1e9)
		out[i] = rising(m*share, x) + rising(m*(1-share), y) - rising(m, x+y)
	}
	return out
}

// rising gives log(a (a+1) ... (a+k-1)), the logarithm of a rising factorial.
func rising(a, k float64) float64 {
	if k <= 24 {
		product := 1.0
		for i := range int(k) {
			product *= a + float64(i)
		}
		return math.Log(product)
	}
	return logGamma(a+k) - logGamma(a)
}

// logGamma is Stirling's series, from 8 on good to 1e-9; below it steps up.
func logGamma(z float64) float64 {
	product := 1.0
	for z < 8 {
		product *= z
		z++
	}
	v := (z-0.5)*math.Log(z) - z + 0.5*math.Log(2*math.Pi) + (1/12.0-1/(360*z*z))/z
	if product != 1 {
		v -= math.Log(product)
	}
	return v
}

// logSum gives log of the weighted sum of exponentials.
func logSum(weights, logs []float64) float64 {
	top := math.Inf(-1)
	for i, l := range logs {
		if weights[i] > 0 {
			top = max(top, l)
		}
	}
	if math.IsInf(top, -1) {
		return top
	}
	sum := 0.0
	for i, l := range logs {
		sum += weights[i] * math.Exp(l-top)
	}
	return top + math.Log(sum)
}
