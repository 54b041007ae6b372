package judge

import (
	"math"
	"slices"
)

// grid is the relative risks that a series holds its counts under. It is the
// same for every block, so it is computed once for a policy.
type grid struct {
	risks     []float64 // growing
	tolerated int       // index of 1+tolerance: more than that is worse
	margin    int       // index of 1+margin: less than that is not worse
	upper     []float64 // stake on each risk above tolerated; sums to 1
	lower     []float64 // stake on each risk below margin; sums to 1
	all       []float64 // stake on each risk, for the confidence sequence
}

func newGrid(tolerance, margin float64) *grid {
	g := &grid{risks: []float64{0.03, 0.1, 0.2, 0.35, 0.5, 0.7, 0.85, 1, 1.2, 1.5, 1.9, 2.4, 3.2, 4.5, 6.5, 10, 16, 30, 70}}
	for _, r := range []float64{1 + tolerance, 1 + margin} {
		if !slices.Contains(g.risks, r) {
			g.risks = append(g.risks, r)
		}
	}
	slices.Sort(g.risks)
	g.tolerated = slices.Index(g.risks, 1+tolerance)
	g.margin = slices.Index(g.risks, 1+margin)
	g.upper, g.lower, g.all = make([]float64, len(g.risks)), make([]float64, len(g.risks)), make([]float64, len(g.risks))
	for i, r := range g.risks {
		g.all[i] = 1
		if i > g.tolerated && r >= (1+tolerance)*1.2 {
			g.upper[i] = 1
		}
		if i < g.margin && r >= (1+margin)/20 && r <= (1+margin)*0.9 {
			g.lower[i] = 1
		}
	}
	normalize(g.upper)
	normalize(g.lower)
	normalize(g.all)
	return g
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
const stakeAtStart = 0.6

// ceiling keeps products finite. An e-value that large is beyond doubt.
const ceiling = 1e200

// series compares how often one kind of bad event happens in the two arms. It
// holds products of likelihoods, so its size does not grow with time.
type series struct {
	*grid
	blocks  int         // how many are folded in
	planned int         // how many blocks the horizon has
	cash    float64     // stake not yet placed on a beginning
	logs    []perSpread // log-likelihood of all blocks, per risk
	placed  []perSpread // stake placed on each risk, times what it has won against tolerated
	total   tally       // of all blocks
	mantel  [2]float64  // Mantel-Haenszel sums: canary's and baseline's
}

func newSeries(g *grid, planned int) *series {
	return &series{
		grid: g, planned: max(planned, 1), cash: 1,
		logs: make([]perSpread, len(g.risks)), placed: make([]perSpread, len(g.risks)),
	}
}

// comparable tells whether a block says anything: both arms served something.
func (t tally) comparable() bool { return t.of[baseline] > 0 && t.of[canary] > 0 }

// fold takes a closed block in.
func (s *series) fold(t tally) {
	if !t.comparable() {
		return
	}
	stake := s.nextStake()
	s.cash -= stake
	var null perSpread
	if t.bad[baseline]+t.bad[canary] > 0 {
		null = logLikelihood(t, s.risks[s.tolerated])
	}
	for i, risk := range s.risks {
		ll := null
		if i != s.tolerated && t.bad[baseline]+t.bad[canary] > 0 {
			ll = logLikelihood(t, risk)
		}
		for v := range ll {
			s.logs[i][v] += ll[v]
			if s.upper[i] > 0 {
				s.placed[i][v] = min((s.placed[i][v]+stake*s.upper[i])*math.Exp(ll[v]-null[v]), ceiling)
			}
		}
	}
	s.blocks++
	s.count(&s.total, &s.mantel, t)
}

// nextStake is the stake that the next block places on its being the first bad one.
func (s *series) nextStake() float64 {
	if s.blocks == 0 {
		return stakeAtStart
	}
	return min(s.cash, (1-stakeAtStart)/float64(s.planned))
}

func (s *series) count(total *tally, mantel *[2]float64, t tally) {
	total.add(t)
	all := t.of[baseline] + t.of[canary]
	mantel[canary] += t.bad[canary] * t.of[baseline] / all
	mantel[baseline] += t.bad[baseline] * t.of[canary] / all
}

// with gives the series as it is with a further, still open block.
func (s *series) with(open tally) *series {
	if !open.comparable() {
		return s
	}
	c := *s
	c.logs, c.placed = slices.Clone(s.logs), slices.Clone(s.placed)
	c.fold(open)
	return &c
}

// worse gives the e-value against "the relative risk is at most 1+tolerance":
// what a stake of 1 has become that was placed on higher risks, by a bettor
// who loses in the mean when there is none.
func (s *series) worse() float64 {
	null := s.logs[s.tolerated]
	top := slices.Max(null[:])
	won, weights := 0.0, 0.0
	for v, l := range null {
		w := belief[v] * math.Exp(l-top)
		weights += w
		for i := range s.placed {
			won += w * s.placed[i][v]
		}
	}
	return s.cash + won/weights
}

// canReach tells whether an open block could bring the e-value to a threshold.
// Each of its bad canary events at most multiplies it by one over the share.
func (s *series) canReach(open tally, now, threshold float64) bool {
	odds := s.risks[s.tolerated] * open.of[canary] / open.of[baseline]
	return math.Log(max(now, 1))+open.bad[canary]*math.Log1p(1/odds) >= math.Log(threshold)
}

// notWorse gives the e-value against "the relative risk is at least 1+margin".
func (s *series) notWorse() float64 {
	return math.Exp(min(s.mixture(s.lower)-s.marginal(s.margin), 460))
}

// marginal gives the log-likelihood of one risk over all spreads.
func (s *series) marginal(i int) float64 { return logSum(belief[:], s.logs[i][:]) }

// mixture gives the log-likelihood of all risks, weighed.
func (s *series) mixture(stakes []float64) float64 {
	logs := make([]float64, len(stakes))
	for i := range stakes {
		if stakes[i] > 0 {
			logs[i] = s.marginal(i)
		}
	}
	return logSum(stakes, logs)
}

// unbounded stands for a relative risk of which nothing is known but that it
// is positive.
const unbounded = 1000

// interval gives the confidence sequence of the relative risk at level alpha:
// the risks that a bettor on all others has not made unlikely. low is 0 and
// high is unbounded where the grid ends.
func (s *series) interval(alpha float64) (low, high float64) {
	all := s.mixture(s.all)
	limit := math.Log(1 / alpha)
	marginals := make([]float64, len(s.risks))
	best := 0
	for i := range marginals {
		marginals[i] = all - s.marginal(i)
		if marginals[i] < marginals[best] {
			best = i
		}
	}
	low, high = 0, unbounded
	for i := best; i > 0; i-- {
		if marginals[i-1] >= limit {
			low = s.between(i, i-1, marginals, limit)
			break
		}
	}
	for i := best; i < len(marginals)-1; i++ {
		if marginals[i+1] >= limit {
			high = s.between(i, i+1, marginals, limit)
			break
		}
	}
	return low, high
}

// between gives the risk between an accepted and a refused one at which the
// limit is crossed, linear in the logarithm of the risk.
func (s *series) between(in, out int, marginals []float64, limit float64) float64 {
	part := (limit - marginals[in]) / (marginals[out] - marginals[in])
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
