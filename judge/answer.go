package judge

import (
	"fmt"
	"math"
	"strings"

	"fairlead.dev"
)

// answer puts a metric's state into numbers and words.
func (m *metric) answer() fairlead.MetricAnswer {
	a := fairlead.MetricAnswer{
		Name: m.policy.Name, Unit: "1", Answer: fairlead.AnswerUndecided,
		Alpha: m.alpha, EValue: round(m.eValue()), Interval: [2]float64{0, unbounded},
	}
	s := m.telling()
	if s.blocks > 0 {
		a.Effect = round(s.effect())
		a.Baseline, a.Canary = s.total.rate(baseline), s.total.rate(canary)
		a.Interval = m.interval(&s)
	}
	switch {
	case m.alarmed:
		a.Answer = fairlead.AnswerWorse
	case m.passes():
		a.Answer = fairlead.AnswerNotWorse
	}
	a.Reason = m.words(a, &s)
	return a
}

// eValue gives the evidence for worse, as it is without a suspicion of bursts.
func (m *metric) eValue() float64 {
	sum := 0.0
	for i := range m.series {
		s := m.series[i].with(m.open[i])
		sum += s.worse()
	}
	return sum / float64(len(m.series))
}

// interval gives a series' confidence sequence, as much wider as bursts make it.
func (m *metric) interval(s *series) [2]float64 {
	low, high := s.interval(m.alpha)
	all, part := s.variance(1)
	wider := math.Exp(askedToPass * math.Sqrt(all*part))
	if low /= wider; m.alarmed {
		low = max(low, s.risks[s.tolerated])
	}
	if high < unbounded {
		high = min(high*wider, unbounded)
	}
	return [2]float64{round(low), round(high)}
}

// telling gives the series that says most, with the open block: the one with
// the strongest evidence for worse.
func (m *metric) telling() series {
	most := m.series[0].with(m.open[0])
	for i := 1; i < len(m.series); i++ {
		if s := m.series[i].with(m.open[i]); s.worse() > most.worse() {
			most = s
		}
	}
	return most
}

// words says why a metric is answered as it is.
func (m *metric) words(a fairlead.MetricAnswer, s *series) string {
	if !m.seen {
		return m.policy.Name + ": not measured"
	}
	b, c := share{uint64(s.total.bad[baseline]), uint64(s.total.of[baseline])}, share{uint64(s.total.bad[canary]), uint64(s.total.of[canary])}
	text := fmt.Sprintf("%s %s against %s", m.policy.Name, c, b)
	switch {
	case a.Answer == fairlead.AnswerWorse:
		return fmt.Sprintf("%s: %s times as many; by chance in fewer than %s of healthy releases", text, effect(a), percent(m.alpha))
	case a.Answer == fairlead.AnswerNotWorse:
		if !m.ruledOut(s) {
			return fmt.Sprintf("%s: rarer than the negligible %s", text, percent(m.limit))
		}
		return fmt.Sprintf("%s: more than %s times as many is ruled out", text, number(1+m.policy.Margin))
	case a.EValue >= 1/m.alpha:
		return text + ": more than chance, but bursts of one release could explain it"
	default:
		return text + ": " + possible(a.Interval)
	}
}

// effect says how many times as many bad events there are; where the baseline
// has none, at least how many.
func effect(a fairlead.MetricAnswer) string {
	if a.Effect >= unbounded {
		return "at least " + number(a.Interval[0])
	}
	return number(a.Effect)
}

// possible says in words what an interval leaves open.
func possible(interval [2]float64) string {
	switch low, high := interval[0], interval[1]; {
	case high < unbounded:
		return fmt.Sprintf("anything between %s and %s times as many is possible", number(low), number(high))
	case low > 0:
		return fmt.Sprintf("anything from %s times as many up is possible", number(low))
	default:
		return "too little to rule anything out"
	}
}

// reason gives the sentence for the whole answer.
func (j *Judge) reason(r Result) string {
	switch {
	case !j.worse && j.guard.intervals == 0:
		return "nothing was observed"
	case !j.worse && j.guard.missing:
		return "the newest interval lacks data of an arm"
	case !j.worse && j.guard.blind():
		return fmt.Sprintf("%d of %d intervals lack data of an arm", j.guard.blank, j.guard.intervals)
	case !j.worse && j.split.mismatch():
		return fmt.Sprintf("the new release got %s of the requests, not the share meant for it: the two cannot be compared", percent(j.split.got()))
	}
	var reasons []string
	if j.worse && j.guard.floor.of > 0 {
		reasons = append(reasons, j.guard.floorReason(j.policy))
	}
	for _, m := range r.Metrics {
		if m.Answer == r.Answer && (m.Alpha > 0 || j.worse) { // that nothing was restarted goes without saying
			reasons = append(reasons, m.Reason)
		}
	}
	if more := j.guard.restarts; j.worse && more[canary] > more[baseline] && !j.guard.restarted() {
		reasons = append(reasons, compareRestarts(more[baseline], more[canary]).Reason) // too few to decide, but they may tell why
	}
	return strings.Join(reasons, "; ")
}

// round keeps six digits, which is more than the model is good for.
func round(v float64) float64 {
	if v == 0 || math.IsInf(v, 0) || math.IsNaN(v) {
		return v
	}
	scale := math.Pow(10, 5-math.Floor(math.Log10(math.Abs(v))))
	if math.IsInf(scale, 0) || scale == 0 {
		return v
	}
	return math.Round(v*scale) / scale
}
