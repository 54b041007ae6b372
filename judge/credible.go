package judge

import "math"

// An arm's own bursts make a few blocks differ by much. Until the blocks have
// shown that there are no such bursts, an effect must be larger than the
// largest spread suspected would bring about.

// suspicion is how likely the largest spread must still be for that, if every
// spread was as likely at the beginning.
const suspicion = 0.003

// The effect is asked to be larger by so many standard deviations of its
// logarithm. While bursts are suspected each further look is a further chance
// for them, so most is asked between a few planned looks, which are ever
// further apart.
const (
	beyondFirst   = 2.8
	beyondSecond  = 1.98
	beyondLater   = 2.8
	beyondBetween = 1.6 // more, where bursts make up at least half of the variance
	beyondMany    = 0.9 // more, among many events a block, where chance asks for little
	beyondBursts  = 1.4 // more for each part of the variance that bursts make up
)

// beyond gives how many standard deviations that is. bursty is the part of
// bursts in the variance of the effect.
func (s *series) beyond(bursty float64) float64 {
	many := min(s.total.events()/float64(s.blocks)/13, 1)
	z := beyondMany * math.Pow(many, 4)
	switch s.blocks {
	case 2, 3, 4:
		return z + beyondFirst
	case 5:
		return z + beyondSecond
	case 10, 20, 40:
		return z + beyondLater + beyondBursts*(bursty-0.3)
	default:
		return z + beyondLater + beyondBetween*min(2*bursty, 1) + beyondBursts*(bursty-0.3)
	}
}

// credible tells whether the effect is more than bursts and chance would do.
// One block alone may always be a burst.
func (s *series) credible() bool {
	largest := len(spreads) - 1
	switch {
	case s.blocks < 2:
		return false
	case s.suspected(largest) < suspicion:
		return true
	}
	effect, bursts, variance := s.estimate()
	return effect > s.beyond(bursts/variance)*math.Sqrt(variance)
}

// estimate gives the logarithm of the relative risk, shrunk a little, its
// variance if arms had bursts of the largest spread, and their part in it.
func (s *series) estimate() (effect, bursts, variance float64) {
	t := s.total
	effect = math.Log((t.bad[canary] + 0.5) / t.of[canary] * t.of[baseline] / (t.bad[baseline] + 1))
	bursts = 2 / (float64(s.blocks)/spreads[len(spreads)-1] - 0.5) // of a ratio of two gamma means
	return effect, bursts, bursts + 1/(t.bad[canary]+0.5) + 1/(t.bad[baseline]+1)
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
