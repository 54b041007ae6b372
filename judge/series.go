package judge

import (
	"math"
	"slices"
)

// grid is the relative risks that a series holds its counts under. It is the
// same for every block, so it is computed once for a policy.
type grid struct {
	risks     []float64 // growing
	logs      []float64 // of each risk over the tolerated one
	tolerated int       // index of 1+tolerance: more than that is worse
	margin    int       // index of 1+margin: less than that is not worse
	upper     []float64 // stake on each risk above tolerated; sums to 1
	lower     []float64 // stake on each risk below margin; sums to 1
}

// fine are the risks that metrics are held under, beside their own two.
var fine = [...]float64{0.3, 0.6, 1, 1.5, 2, 3, 4.5, 8, 18}

func newGrid(tolerance, margin float64, further ...float64) *grid {
	g := &grid{risks: slices.Clone(further)}
	for _, r := range []float64{1 + tolerance, 1 + margin} {
		if !slices.Contains(g.risks, r) {
			g.risks = append(g.risks, r)
		}
	}
	slices.Sort(g.risks)
	g.tolerated = slices.Index(g.risks, 1+tolerance)
	g.margin = slices.Index(g.risks, 1+margin)
	g.logs, g.upper, g.lower = make([]float64, len(g.risks)), make([]float64, len(g.risks)), make([]float64, len(g.risks))
	for i, r := range g.risks {
		g.logs[i] = math.Log(r / (1 + tolerance))
		if r >= (1+tolerance)*1.2 {
			g.upper[i] = plausible(r)
		}
		if r >= (1+margin)/12 && r <= (1+margin)*0.9 {
			g.lower[i] = 1
		}
	}
	normalize(g.upper)
	normalize(g.lower)
	return g
}

// plausible weighs the relative risks above the tolerated one: releases that are
// bad tend to be several times as bad.
func plausible(risk float64) float64 {
	d := math.Log(risk / 4.5)
	return math.Exp(-d * d / (2 * 0.7 * 0.7))
}

func normalize(stakes []float64) {
	sum := 0.0
	for _, s := range stakes {
		sum += s
	}
	for i := range stakes {
		stakes[i] /= sum
	}
}

// What is staked on the canary being worse from the start; the rest is spread
// over later blocks, so that a release that turns bad is found too.
const stakeAtStart = 0.93

// Products are kept between these, so that they stay finite and positive.
const floorOf, ceiling = 1e-250, 1e250

// series compares how often one kind of bad event happens in the two arms. It
// holds products of likelihoods, so its size does not grow with time.
type series struct {
	*grid
	blocks  int         // how many are folded in
	planned int         // how many blocks the horizon has
	cash    float64     // stake not yet placed on a beginning
	belief  perSpread   // staked on each spread, chosen in the first block with an event
	null    perSpread   // log-likelihood of the tolerated risk over all blocks
	ratio   []perSpread // likelihood of each risk, over that of the tolerated one
	placed  []perSpread // stake placed on each higher risk, times what it has won against the tolerated one
	total   tally       // of all blocks
	mantel  [2]float64  // Mantel-Haenszel sums: baseline's and canary's
}

func newSeries(g *grid, planned int) *series {
	s := &series{
		grid: g, planned: max(planned, 1), cash: 1,
		ratio: make([]perSpread, len(g.risks)), placed: make([]perSpread, len(g.risks)),
	}
	for i := range s.ratio {
		for v := range s.ratio[i] {
			s.ratio[i][v] = 1
		}
	}
	return s
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
	all := t.of[baseline] + t.of[canary]
	s.mantel[canary] += t.bad[canary] * t.of[baseline] / all
	s.mantel[baseline] += t.bad[baseline] * t.of[canary] / all
	if t.bad[baseline]+t.bad[canary] == 0 {
		return // as likely under every risk
	}
	if s.belief == (perSpread{}) {
		s.belief = belief(t)
	}
	l := newLikelihood(t, s.risks[s.tolerated])
	for v, log := range l.logs() {
		s.null[v] += log
	}
	for i, risk := range s.risks {
		if i == s.tolerated {
			continue
		}
		for v, r := range l.ratios(risk, s.logs[i]) {
			s.ratio[i][v] = min(max(s.ratio[i][v]*r, floorOf), ceiling)
			s.placed[i][v] = min(s.placed[i][v]*r, ceiling)
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
		if part > 0 {
			for v := range s.placed[i] {
				s.placed[i][v] += stake * part
			}
		}
	}
}

// with gives the series as it is with a further, still open block.
func (s *series) with(open tally) *series {
	if !open.comparable() {
		return s
	}
	c := *s
	c.ratio, c.placed = slices.Clone(s.ratio), slices.Clone(s.placed)
	c.fold(open)
	return &c
}

// weights gives how much each spread is worth by what was seen, if the
// relative risk is the tolerated one. They sum to 1.
func (s *series) weights() perSpread {
	var out perSpread
	if s.belief == (perSpread{}) {
		return perSpread{1} // nothing happened, so all are alike
	}
	top, sum := slices.Max(s.null[:]), 0.0
	for v, l := range s.null {
		out[v] = s.belief[v] * math.Exp(l-top)
		sum += out[v]
	}
	for v := range out {
		out[v] /= sum
	}
	return out
}

// over gives a sum over the spreads, weighed.
func (w perSpread) over(p perSpread) float64 {
	sum := 0.0
	for v := range p {
		sum += w[v] * p[v]
	}
	return sum
}

// worse gives the e-value against "the relative risk is at most 1+tolerance":
// what a stake of 1 has become that was placed on higher risks, by a bettor
// who loses in the mean when there is none.
func (s *series) worse() float64 {
	w, e := s.weights(), s.cash
	for i := range s.placed {
		e += w.over(s.placed[i])
	}
	return e
}

// canReach tells whether an open block could bring the e-value from now to a
// threshold: by no more than the best relative risk explains it better than
// the tolerated one. It may err to no, which costs time until the block closes
// and nothing else.
func (s *series) canReach(open tally, now, threshold float64) bool {
	x, y := open.bad[canary], open.bad[baseline]
	odds := s.risks[s.tolerated] * open.of[canary] / open.of[baseline]
	if x <= odds*y {
		return false
	}
	gain := x * math.Log((x/(x+y))*(1+odds)/odds)
	if y > 0 {
		gain += y * math.Log(y/(x+y)*(1+odds))
	}
	return math.Log(now)+gain >= math.Log(threshold)
}

// notWorse gives the e-value against "the relative risk is at least 1+margin".
func (s *series) notWorse() float64 {
	w, won := s.weights(), 0.0
	for i, part := range s.lower {
		if part > 0 {
			won += part * w.over(s.ratio[i])
		}
	}
	return won / w.over(s.ratio[s.margin])
}

// unbounded stands for a relative risk of which nothing is known but that it
// is positive.
const unbounded = 1000

// interval gives the confidence sequence of the relative risk at level alpha:
// the risks that a bettor on all others has not made unlikely. low is 0 and
// high is unbounded where the grid ends.
func (s *series) interval(alpha float64) (low, high float64) {
	w, all, limit := s.weights(), 0.0, math.Log(1/alpha)
	against := make([]float64, len(s.risks)) // log of the e-value against each risk
	for i := range against {
		l := w.over(s.ratio[i])
		all += l / float64(len(against))
		against[i] = -math.Log(l)
	}
	best := 0
	for i := range against {
		against[i] += math.Log(all)
		if against[i] < against[best] {
			best = i
		}
	}
	low, high = 0, unbounded
	for i := best; i > 0; i-- {
		if against[i-1] >= limit {
			low = s.between(i, i-1, against, limit)
			break
		}
	}
	for i := best; i < len(against)-1; i++ {
		if against[i+1] >= limit {
			high = s.between(i, i+1, against, limit)
			break
		}
	}
	return low, high
}

// between gives the risk between an accepted and a refused one at which the
// limit is crossed, linear in the logarithm of the risk.
func (s *series) between(in, out int, against []float64, limit float64) float64 {
	part := (limit - against[in]) / (against[out] - against[in])
	return s.risks[in] * math.Pow(s.risks[out]/s.risks[in], min(max(part, 0), 1))
}

// effect gives the estimate of the relative risk over all blocks, by Mantel
// and Haenszel; 0 when the baseline has no bad event to compare with.
func (s *series) effect() float64 {
	if s.mantel[baseline] == 0 {
		return 0
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
