package main

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

// outcome is how one rule ended one analysis.
type outcome struct {
	alarm  int // minute of the alarm; 0 for none
	passed int // minute from which on it was called not worse; 0 for not
	harm   int // bad requests of the canary until the alarm, or until the end
}

// score sums outcomes up.
type score struct {
	runs, alarms, passes int
	minutes              []int // of the alarms, sorted
	harm                 float64
}

func total(all []outcome) score {
	s := score{runs: len(all)}
	for _, o := range all {
		if o.alarm > 0 {
			s.alarms++
			s.minutes = append(s.minutes, o.alarm)
		}
		if o.passed > 0 {
			s.passes++
		}
		s.harm += float64(o.harm) / float64(len(all))
	}
	slices.Sort(s.minutes)
	return s
}

// upper gives the one-sided 95 % bound of a share, by Clopper and Pearson.
func upper(part, of int) float64 {
	if part >= of {
		return 1
	}
	return distuv.Beta{Alpha: float64(part + 1), Beta: float64(of - part)}.Quantile(0.95)
}

// between gives the two-sided 95 % interval of a share, by Clopper and Pearson.
func between(part, of int) (low, high float64) {
	high = 1
	if part > 0 {
		low = distuv.Beta{Alpha: float64(part), Beta: float64(of - part + 1)}.Quantile(0.025)
	}
	if part < of {
		high = distuv.Beta{Alpha: float64(part + 1), Beta: float64(of - part)}.Quantile(0.975)
	}
	return low, high
}

// median gives the minute by which half of all analyses had alarmed; 0 when
// fewer than half did.
func (s score) median() int { return s.rank(0.5) }

// rank gives the minute by which a share of all analyses had alarmed.
func (s score) rank(q float64) int {
	i := int(math.Ceil(q*float64(s.runs))) - 1
	if i < 0 || i >= len(s.minutes) {
		return 0
	}
	return s.minutes[i]
}

// medianBounds gives the 95 % interval of the median; 0 stands for never.
func (s score) medianBounds() (low, high int) {
	half := 0.98 / math.Sqrt(float64(s.runs))
	return s.rank(0.5 - half), s.rank(0.5 + half)
}

// slow is what counts as a bad answer beside an error, in seconds.
const slow = 0.3

// harmUntil counts the canary's errors and slow answers up to a minute; 0 is
// up to the end.
func (r *run) harmUntil(minute int) int {
	if minute == 0 {
		minute = minutes
	}
	harm, at := uint64(0), slices.Index(bounds, slow)
	for _, s := range r.canary[:minute] {
		if s != nil {
			harm += s.Errors + s.Requests - s.Latency.Count[at]
		}
	}
	return int(harm)
}

// calibrated is the setting of each rule that alarms most and yet calls at
// most one in a hundred clean analyses worse, for one kind of traffic.
func calibrated(f family, runs int) []float64 {
	f.seed, f.begin, f.warmUp = 900+uint64(f.traffic*f.share), steady(same), 0
	rules := rules()
	alarms := each(runs, func(i int) [][]bool {
		s := look(f, f.draw(i))
		out := make([][]bool, len(rules))
		for k, rule := range rules {
			for _, setting := range rule.strict {
				out[k] = append(out[k], rule.decides(s, setting) > 0)
			}
		}
		return out
	})
	settings := make([]float64, len(rules))
	for k, rule := range rules {
		settings[k] = rule.strict[len(rule.strict)-1]
		for j, setting := range rule.strict {
			n := 0
			for _, a := range alarms {
				if a[k][j] {
					n++
				}
			}
			if 100*n <= runs {
				settings[k] = setting
				break
			}
		}
	}
	return settings
}

// fared is how all rules did on one family.
type fared struct {
	family
	judge        score
	usual, equal []score // of each rule, at its documented and its calibrated setting
}

// measure runs the judge on all analyses of a family and the other rules on
// the first of them.
func measure(f family, runs, others int, settings []float64) fared {
	policy, rules := policyOf(f), rules()
	type all struct {
		judge        outcome
		usual, equal []outcome
	}
	results := each(runs, func(i int) all {
		r := f.draw(i)
		v := ask(f, r, policy)
		a := all{judge: outcome{v.worse, v.promoted, r.harmUntil(v.worse)}}
		if i >= others {
			return a
		}
		s := look(f, r)
		for k, rule := range rules {
			at := rule.decides(s, rule.usual)
			a.usual = append(a.usual, outcome{alarm: at, harm: r.harmUntil(at)})
			at = rule.decides(s, settings[k])
			a.equal = append(a.equal, outcome{alarm: at, harm: r.harmUntil(at)})
		}
		return a
	})
	out := fared{family: f}
	judged := make([]outcome, 0, runs)
	usual, equal := make([][]outcome, len(rules)), make([][]outcome, len(rules))
	for _, a := range results {
		judged = append(judged, a.judge)
		for k := range a.usual {
			usual[k], equal[k] = append(usual[k], a.usual[k]), append(equal[k], a.equal[k])
		}
	}
	out.judge = total(judged)
	for k := range rules {
		out.usual, out.equal = append(out.usual, total(usual[k])), append(out.equal, total(equal[k]))
	}
	return out
}
