package judge

import "math"

// What is staked on the canary being worse from the start; the rest is spread
// over later blocks, so that a release that turns bad is found too.
const stakeAtStart = 0.97

// What a stake has become is kept below this, so that it stays finite.
const ceiling = 1e250

// series compares how often one kind of bad event happens in the two arms,
// block by block. Given how many there were in both arms together, the
// canary's part of them is binomial, with a share that follows from what both
// arms served and from the relative risk. It holds sums and products, so its
// size does not grow with time; it is a value, and a copy of it is another series.
type series struct {
	*grid
	blocks  int                // how many are folded in
	planned int                // how many blocks the horizon has
	cash    float64            // stake not yet placed on a beginning
	logs    [mostRisks]float64 // log-likelihood of each risk, over that of the tolerated one
	placed  [mostRisks]float64 // stake placed on each higher risk, times what it has won
	total   tally              // of all blocks
	mantel  [2]float64         // Mantel-Haenszel sums: baseline's and canary's
	bursts  bursts
}

func newSeries(g *grid, planned int) series {
	return series{grid: g, planned: max(planned, 1), cash: 1}
}

// comparable tells whether a block says anything: both arms served something.
func (t tally) comparable() bool { return t.of[baseline] > 0 && t.of[canary] > 0 }

// fold takes a closed block in.
func (s *series) fold(t tally) {
	if !t.comparable() {
		return
	}
	s.place()
	s.blocks++
	s.total.add(t)
	s.bursts.add(t)
	all := t.of[baseline] + t.of[canary]
	s.mantel[canary] += t.bad[canary] * t.of[baseline] / all
	s.mantel[baseline] += t.bad[baseline] * t.of[canary] / all
	events := t.bad[baseline] + t.bad[canary]
	if events == 0 {
		return // as likely under every risk
	}
	odds := t.of[canary] / t.of[baseline]
	reference := math.Log1p(s.risks[s.tolerated] * odds)
	for i, risk := range s.risks {
		if i == s.tolerated {
			continue
		}
		l := t.bad[canary]*s.grid.logs[i] + events*(reference-math.Log1p(risk*odds))
		s.logs[i] += l
		if s.upper[i] > 0 {
			s.placed[i] = min(s.placed[i]*math.Exp(min(l, 700)), ceiling)
		}
	}
}

// place puts a stake on the next block being the first bad one.
func (s *series) place() {
	stake := stakeAtStart
	if s.blocks > 0 {
		stake = min(s.cash, (1-stakeAtStart)/float64(s.planned))
	}
	s.cash -= stake
	for i, part := range s.upper {
		s.placed[i] += stake * part
	}
}

// with gives the series as it is with a further, still open block.
func (s series) with(open tally) series {
	s.fold(open)
	return s
}

// worse gives the e-value against "the relative risk is at most 1+tolerance":
// what a stake of 1 has become that was placed on higher risks, by a bettor
// who loses in the mean when there is none.
func (s *series) worse() float64 {
	e := s.cash
	for _, p := range s.placed {
		e += p
	}
	return e
}

// notWorse gives the e-value against "the relative risk is at least 1+margin".
func (s *series) notWorse() float64 {
	won := 0.0
	for i, part := range s.lower {
		if part > 0 {
			won += part * math.Exp(min(s.logs[i]-s.logs[s.margin], 700))
		}
	}
	return won
}

// unbounded stands for a relative risk of which nothing is known but that it
// is positive.
const unbounded = 1000

// interval gives the confidence sequence of the relative risk at level alpha:
// the risks that a bettor on all others has not made unlikely. low is 0 and
// high is unbounded where the grid ends.
func (s *series) interval(alpha float64) (low, high float64) {
	n := len(s.risks)
	best, all, limit := 0, 0.0, math.Log(1/alpha)
	for i := range n {
		if s.logs[i] > s.logs[best] {
			best = i
		}
	}
	for i := range n {
		all += math.Exp(s.logs[i]-s.logs[best]) / float64(n)
	}
	against := func(i int) float64 { return s.logs[best] - s.logs[i] + math.Log(all) } // log of the e-value
	low, high = 0, unbounded
	for i := best; i > 0; i-- {
		if against(i-1) >= limit {
			low = s.between(i, i-1, (limit-against(i))/(against(i-1)-against(i)))
			break
		}
	}
	for i := best; i < n-1; i++ {
		if against(i+1) >= limit {
			high = s.between(i, i+1, (limit-against(i))/(against(i+1)-against(i)))
			break
		}
	}
	return low, high
}

// between gives the risk at a part of the way from one to another, linear in
// the logarithm of the risk.
func (s *series) between(in, out int, part float64) float64 {
	return s.risks[in] * math.Pow(s.risks[out]/s.risks[in], min(max(part, 0), 1))
}

// effect gives the estimate of the relative risk over all blocks, by Mantel
// and Haenszel; 0 when the baseline has no bad event to compare with.
func (s *series) effect() float64 {
	if s.mantel[baseline] == 0 {
		return min(s.mantel[canary]*unbounded, unbounded)
	}
	return min(s.mantel[canary]/s.mantel[baseline], unbounded)
}

// ownRisks are the shares of negligible that a canary's own rate is held under.
var ownRisks = [...]float64{0, 0.1, 0.3, 0.6}

// below gives the e-value against "the canary's own rate is at least limit".
func (t tally) below(limit float64) float64 {
	if limit <= 0 || limit >= 1 {
		return 0
	}
	bad, good := t.bad[canary], t.of[canary]-t.bad[canary]
	e := 0.0
	for _, r := range ownRisks {
		if r == 0 && bad > 0 {
			continue
		}
		l := good * (math.Log1p(-r*limit) - math.Log1p(-limit))
		if bad > 0 {
			l += bad * math.Log(r)
		}
		e += math.Exp(min(l, 460)) / float64(len(ownRisks))
	}
	return e
}
