package judge

// split watches whether the canary gets the share of requests it was meant to
// get. A split that does not work, or requests that get lost, makes the arms
// differ in more than the release, so nothing may be concluded from them.
type split struct {
	open   tally // "bad" are requests, "of" the shares meant
	low    series
	high   series
	counts bool
}

// splitTolerance is how far the ratio of the arms may be off by intent: sticky
// users do not all send the same number of requests.
const splitTolerance = 0.25

// splitAlpha is how often a split that works may be called a mismatch.
const splitAlpha = 0.001

func newSplit(planned int) split {
	g := newGrid(splitTolerance, 1, 1.6, 4)
	s := split{low: newSeries(g, planned), high: newSeries(g, planned)}
	s.low.bursts.counts, s.high.bursts.counts = true, true
	return s
}

func (s *split) add(iv Interval) {
	if iv.Share <= 0 || iv.Share >= 1 {
		return
	}
	s.counts = true
	s.open.bad[canary] += float64(iv.Canary.Requests)
	s.open.bad[baseline] += float64(iv.Baseline.Requests)
	s.open.of[canary] += iv.Share * float64(iv.Canary.Requests+iv.Baseline.Requests)
	s.open.of[baseline] += (1 - iv.Share) * float64(iv.Canary.Requests+iv.Baseline.Requests)
}

func (s *split) close() {
	if s.counts {
		s.high.fold(s.open)
		s.low.fold(swapped(s.open))
	}
	s.open = tally{}
}

func swapped(t tally) tally {
	return tally{bad: [2]float64{t.bad[1], t.bad[0]}, of: [2]float64{t.of[1], t.of[0]}}
}

// mismatch tells whether the split is off beyond chance.
func (s *split) mismatch() bool {
	return s.off(&s.low) || s.off(&s.high)
}

func (s *split) off(one *series) bool {
	return one.worse() >= 2/splitAlpha && one.credible()
}

// got gives the share of requests that the canary got.
func (s *split) got() float64 {
	t := s.high.total
	return t.bad[canary] / max(t.bad[canary]+t.bad[baseline], 1)
}
