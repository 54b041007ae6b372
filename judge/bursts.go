package judge

import "math"

// An arm's own bursts make a few blocks differ by much, and the counts are then
// not binomial. How much arms vary from block to block is seen in the baseline, or
// in the canary where the baseline served before and its blocks are made even.
// Until enough blocks have shown that it varies little, it is taken to vary by
// mostSpread. An effect counts when it is larger than such bursts and chance
// together would make it. The canary's own bad events enter into nothing but
// the effect, so more of them never make a release look better, where both serve at once.

// mostSpread is the squared coefficient of variation of an arm's odds of a bad
// event, from block to block, that is suspected where little has been seen.
const mostSpread = 0.45

// fewBlocks say nothing of how much arms vary.
const fewBlocks = 4

// quiet is the quantile of the normal distribution at which the baseline is
// taken to have varied less than usual by chance.
const quiet = -2

// cut is how many of the canary's worst blocks are left out at most: a steady
// effect is in the others too, a burst is not.
const cut = 4

// bursts are the sums that tell how much the baseline varies, and the canary's
// worst blocks.
type bursts struct {
	squares [2]float64  // of bad events, each over what was served
	sizes   [2]float64  // squares of what was served
	worst   [cut]served // the canary's blocks with most bad events, falling
	counts  bool        // bad events are counts without a bound, not a part of what was served
	even    bool        // the baseline is spread evenly over the blocks, so they do not tell how it varies
}

// served is what the canary served in a block, and how much of it was bad.
type served struct{ bad, of float64 }

func (b *bursts) add(t tally) {
	for side, of := range t.of {
		b.squares[side] += t.bad[side] * t.bad[side] / of
		b.sizes[side] += of * of
	}
	block := served{t.bad[canary], t.of[canary]}
	for i, w := range b.worst {
		if block.bad > w.bad {
			b.worst[i], block = block, w
		}
	}
}

// spread gives the squared coefficient of variation of an arm's rate that the
// blocks leave possible.
func (s *series) spread() float64 {
	side := baseline
	if s.bursts.even {
		side = canary
	}
	bad, of := s.total.bad[side], s.total.of[side]
	calm := 1 - bad/of // a rate near 1 cannot vary by much
	if s.bursts.counts {
		calm = 1
	}
	most := mostSpread * calm * calm
	n := float64(s.blocks - 1)
	if n < 1 || bad == 0 || calm <= 0 {
		return most
	}
	dispersion := (s.bursts.squares[side] - bad*bad/of) / (bad / of * calm) // chi-square without bursts
	each := bad / float64(s.blocks) / calm                                  // what a spread of 1 adds to the mean of its terms
	likely := (dispersion/n - 1) / each
	if s.blocks < fewBlocks {
		return max(most, likely)
	}
	possible := (dispersion/chiSquare(n, quiet) - 1) / each
	return max(min(possible, max(most, likely)), 0)
}

// chiSquare gives the quantile of the chi-square distribution with n degrees
// of freedom at a quantile of the normal one, by Wilson and Hilferty.
func chiSquare(n, z float64) float64 {
	v := 1 - 2/(9*n) + z*math.Sqrt(2/(9*n))
	return n * max(v*v*v, 0.001)
}

// variance gives that of the logarithm of the arms' ratio if the relative risk
// is risk, and the part of it that bursts make up.
func (s *series) variance(risk float64) (all, part float64) {
	spread, burst := s.spread(), 0.0
	for side, of := range s.total.of {
		if spread > 0 {
			blocks := of * of / s.bursts.sizes[side] // of equal size, as many as these are worth
			burst += 1 / max(blocks/spread-0.5, 0.1) // of the logarithm of a mean of gammas
		}
	}
	seen := s.total.bad[baseline] + 1
	all = burst + 1/seen + s.total.of[baseline]/(s.total.of[canary]*risk*seen)
	return all, burst / all
}

// credible tells whether the canary fares so much worse that bursts and chance
// would not do it: in all its blocks but the worst, or, once there are many,
// in all but one by far. One block alone may always be a burst.
func (s *series) credible() bool {
	if s.blocks < 2 {
		return false
	}
	all, part := s.variance(1)
	sd := math.Sqrt(all)
	if s.without(max(min((s.blocks+1)/2, s.blocks-2, cut), 1)) > asked(s.blocks, part)*sd {
		return true
	}
	return s.blocks >= 10 && planned(s.blocks) && s.without(1) > (askedOfAll+askedOfBursts*part)*sd
}

// without gives the logarithm of the ratio of the arms' rates, shrunk a
// little, without so many of the canary's worst blocks.
func (s *series) without(worst int) float64 {
	bad, of := s.total.bad[canary], s.total.of[canary]
	for _, w := range s.bursts.worst[:worst] {
		bad, of = bad-w.bad, of-w.of
	}
	return s.log(bad*s.total.of[canary]/of+0.5, 1)
}

// log gives the logarithm of the ratio of the arms' rates, for so many bad
// events of the canary and a few more of the baseline.
func (s *series) log(bad, more float64) float64 {
	t := s.total
	return math.Log(bad / t.of[canary] * t.of[baseline] / (t.bad[baseline] + more))
}

// calm tells whether the canary fares so much better than a release that is
// worse by the margin that it is not bursts that make it look so.
func (s *series) calm() bool {
	if s.blocks < fewBlocks {
		return false
	}
	risk := s.risks[s.margin]
	all, part := s.variance(risk)
	z := askedToPass
	if !planned(s.blocks) {
		z += 0.4
	}
	z *= (1 + 0.3*(part-0.5)) * min(10*part, 1)
	return math.Log(risk)-s.log(s.total.bad[canary]+1, 0.5) > z*math.Sqrt(all)
}

// Each look is a further chance for a burst. So the false alarms allowed are
// spent at planned looks, which are ever further apart, and most of them at two
// early ones, where a bad release should be found: after two blocks and after five.
func planned(blocks int) bool {
	switch blocks {
	case 2, 3, 4, 5, 7, 10, 14, 20, 28, 40, 60:
		return true
	}
	return false
}

// What is asked of an effect, in standard deviations of its logarithm. The
// numbers were chosen by simulation of arms with bursts.
const (
	askedLater    = 1.95 // at the 20th block, without the worst ones
	askedBetween  = 0.5  // more, at looks that are not planned
	askedOfAll    = 2.9  // with all blocks but one
	askedOfBursts = 0.6  // more of those, where all of the variance is by bursts
	askedToPass   = 2.5  // of the distance to the margin
)

// asked gives how many standard deviations an effect without the worst blocks
// must have, where bursts make up a part of the variance. Where they make up
// next to nothing it is chance alone that has to be ruled out, and the e-value does.
func asked(blocks int, part float64) float64 {
	z, slope := 2.8, 0.8
	switch {
	case blocks == 2:
		return 1.60 * (1 + 1.4*max(part-0.5, 0))
	case blocks == 5:
		z, slope = 1.3, 2.2
	case blocks == 7:
		z = 2.4
	case blocks > 7:
		z = askedLater + 0.2*math.Log(float64(blocks)/20)
	}
	if !planned(blocks) {
		z += askedBetween
	}
	return z * (1 + slope*(part-0.5)) * min(5*part, 1)
}
