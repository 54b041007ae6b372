package judge

import "math"

// An arm's own bursts make a few blocks differ by much. Until the blocks have
// shown that there are no such bursts, an effect must be larger than the
// largest spread suspected would bring about.

// suspicion is how likely the largest spread must still be for that, if every
// spread was as likely at the beginning.
const suspicion = 0.001

// beyond gives how many standard deviations of the logarithm of the effect
// that is. Among few events, chance demands a larger effect anyhow.
func (s *series) beyond() float64 {
	many := s.total.events() / float64(s.blocks) / manyEvents
	return 2.5 + 0.6*min(many*many, 1)
}

// credible tells whether the effect is more than bursts would do. One block
// alone may always be a burst.
func (s *series) credible() bool {
	largest := len(spreads) - 1
	switch {
	case s.blocks < 2:
		return false
	case s.suspected(largest) < suspicion:
		return true
	}
	sd := math.Sqrt(2 / (float64(s.blocks)/spreads[largest] - 0.5)) // of the logarithm of a ratio of two gamma means
	t := s.total
	effect := (t.bad[canary] + 0.5) / t.of[canary] * t.of[baseline] / (t.bad[baseline] + 1)
	return math.Log(effect) > s.beyond()*sd
}

// suspected gives how likely a spread is by what was seen, if the canary is
// worse by as much as it seems and all spreads were as likely before.
func (s *series) suspected(spread int) float64 {
	top := max(s.null[0], s.null[1], s.null[2], s.null[3])
	var of, sum float64
	for v := range spreads {
		l := 0.0
		for i := range s.placed {
			l += s.placed[i][v]
		}
		l *= math.Exp(s.null[v] - top)
		sum += l
		if v == spread {
			of = l
		}
	}
	if sum == 0 {
		return 1
	}
	return of / sum
}
