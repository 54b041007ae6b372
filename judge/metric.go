package judge

import (
	"fairlead.dev"
)

// metric judges one metric by one series for each threshold; counts have one.
type metric struct {
	policy  fairlead.MetricPolicy
	alpha   float64 // of the false alarms allowed
	pass    float64 // false passes allowed
	limit   float64 // negligible share of bad events
	slow    thresholds
	series  []*series
	open    []tally
	closed  float64 // e-value of all closed blocks
	alarmed bool
	proven  []bool
	seen    bool
}

func newMetric(m fairlead.MetricPolicy, p fairlead.JudgePolicy, alpha float64, planned int) *metric {
	out := &metric{policy: m, alpha: alpha, pass: p.FalsePass, limit: p.Negligible, closed: 1}
	n := 1
	if out.histogram() {
		out.slow = newThresholds(m.Thresholds)
		n = out.slow.size()
	}
	g := newGrid(p.Tolerance, m.Margin, fine[:]...)
	for range n {
		out.series = append(out.series, newSeries(g, planned))
	}
	out.open, out.proven = make([]tally, n), make([]bool, n)
	return out
}

func (m *metric) histogram() bool {
	return m.policy.Kind == fairlead.MetricLatency || m.policy.Kind == fairlead.MetricHistogram
}

// add puts an interval into the open block.
func (m *metric) add(iv Interval) {
	if m.histogram() {
		b, c := m.histogramOf(iv.Baseline), m.histogramOf(iv.Canary)
		m.seen = m.slow.add(m.open, b, c) || m.seen
		return
	}
	b, of := m.countsOf(iv.Baseline)
	c, ofC := m.countsOf(iv.Canary)
	t := tally{bad: [2]float64{float64(b), float64(c)}, of: [2]float64{float64(of), float64(ofC)}}.sane()
	m.seen = m.seen || of+ofC > 0
	m.open[0].add(t)
}

func (m *metric) histogramOf(a *Arm) fairlead.Histogram {
	if m.policy.Kind == fairlead.MetricLatency {
		return a.Latency
	}
	return a.Further[m.policy.Name].Histogram
}

func (m *metric) countsOf(a *Arm) (bad, of uint64) {
	if m.policy.Kind == fairlead.MetricErrors {
		return a.Errors, a.Requests
	}
	c := a.Further[m.policy.Name]
	return c.Bad, c.Total
}

// alarms tells whether the metric is worse, now or before. It looks into the
// open block only where that could make it so.
func (m *metric) alarms() bool {
	if m.alarmed {
		return true
	}
	reach := false
	for i, s := range m.series {
		reach = reach || m.open[i].comparable() && s.canReach(m.open[i], m.closed*float64(len(m.series)), 1/m.alpha)
	}
	m.alarmed = (m.closed >= 1/m.alpha || reach && m.evidence() >= 1/m.alpha) && m.telling().credible()
	return m.alarmed
}

// evidence gives the e-value with the open block: the mean over thresholds,
// which is an e-value however they depend on each other.
func (m *metric) evidence() float64 {
	sum := 0.0
	for i, s := range m.series {
		sum += s.with(m.open[i]).worse()
	}
	return sum / float64(len(m.series))
}

// close folds the open block in.
func (m *metric) close() {
	for i, s := range m.series {
		s.fold(m.open[i])
		m.open[i] = tally{}
	}
	m.closed = m.evidence()
	for i, s := range m.series {
		m.proven[i] = m.shown(s)
	}
	m.slow.settle()
}

// shown tells whether a series has been shown not worse: less than the margin
// worse than the baseline, or so rare that nobody minds.
func (m *metric) shown(s *series) bool {
	return s.notWorse() >= 1/m.pass || s.total.below(m.limit) >= 1/m.pass
}

// passes tells whether all thresholds have been shown not worse.
func (m *metric) passes() bool {
	if m.alarmed || !m.seen {
		return false
	}
	for _, ok := range m.proven {
		if !ok {
			return false
		}
	}
	return true
}
