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
	series  []series
	open    []tally // of the block that is not full
	alarmed bool    // for good
	seen    bool
}

func newMetric(m fairlead.MetricPolicy, p fairlead.JudgePolicy, alpha float64, planned int) *metric {
	out := &metric{policy: m, alpha: alpha, pass: p.FalsePass, limit: p.Negligible}
	n := 1
	if out.histogram() {
		out.slow = newThresholds(m.Thresholds)
		n = out.slow.size()
	}
	g := newGrid(p.Tolerance, m.Margin, fine[:]...)
	for range n {
		out.series = append(out.series, newSeries(g, planned))
	}
	out.open = make([]tally, n)
	return out
}

func (m *metric) histogram() bool {
	return m.policy.Kind == fairlead.MetricLatency || m.policy.Kind == fairlead.MetricHistogram
}

// add puts an interval into the open block.
func (m *metric) add(iv Interval) {
	for i := range m.series {
		m.series[i].bursts.even = m.series[i].bursts.even || iv.Even
	}
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

// close folds the open block in, and tells whether the metric is worse, now or
// before.
func (m *metric) close() bool {
	for i := range m.series {
		m.series[i].fold(m.open[i])
		m.open[i] = tally{}
	}
	m.slow.settle()
	m.alarmed = m.alarmed || m.evidence() >= 1/m.alpha
	return m.alarmed
}

// evidence gives the e-value that alarms: the mean over thresholds, which is an
// e-value however they depend on each other. What bursts may have won does not count.
func (m *metric) evidence() float64 {
	sum := 0.0
	for i := range m.series {
		e := m.series[i].worse()
		if e > 1 && !m.series[i].credible() {
			e = 1
		}
		sum += e
	}
	return sum / float64(len(m.series))
}

// passes tells whether all thresholds have been shown not worse: less than the
// margin worse than the baseline, or so rare that nobody minds. The open block
// may not speak against it.
func (m *metric) passes() bool {
	if m.alarmed || !m.seen {
		return false
	}
	for i := range m.series {
		if s := &m.series[i]; !m.shown(s) {
			return false
		}
		if s := m.series[i].with(m.open[i]); !m.shown(&s) {
			return false
		}
	}
	return true
}

func (m *metric) shown(s *series) bool {
	return m.ruledOut(s) || s.total.below(m.limit) >= 1/m.pass
}

// ruledOut tells whether a series can no longer be of a release that is worse
// by the margin.
func (m *metric) ruledOut(s *series) bool {
	return s.notWorse() >= 1/m.pass && s.calm()
}
