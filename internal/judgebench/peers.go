package main

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

// The rules of other tools, written anew from what their sources and
// documentation say they do. They see what they would: one value a minute of
// each arm, of the error rate and of the 99th percentile of latency.

// points are one metric's values, minute by minute; a lost scrape has none.
type points struct{ baseline, canary []float64 }

// seen is what a rule sees of an analysis.
type seen struct {
	errors, latency points // values of the minutes so far, in order
	at              [minutes][2]int
	rate, p99       [minutes]float64 // the canary's, NaN when lost
	shifts          map[shift][]float64
}

// shift names the differences of all pairs of one metric's values up to a minute.
type shift struct {
	first *float64 // of the metric
	to    int
}

func look(f family, r *run) *seen {
	s := &seen{shifts: map[shift][]float64{}}
	for m := range minutes {
		b, c := r.baseline[m], r.canary[m]
		s.rate[m], s.p99[m] = math.NaN(), math.NaN()
		if b != nil && b.Requests > 0 && m >= f.warmUp {
			s.errors.baseline = append(s.errors.baseline, float64(b.Errors)/float64(b.Requests))
			s.latency.baseline = append(s.latency.baseline, quantile(b.Latency.Count, 0.99))
		}
		if c != nil && c.Requests > 0 && m >= f.warmUp {
			s.rate[m] = float64(c.Errors) / float64(c.Requests)
			s.p99[m] = quantile(c.Latency.Count, 0.99)
			s.errors.canary = append(s.errors.canary, s.rate[m])
			s.latency.canary = append(s.latency.canary, s.p99[m])
		}
		s.at[m] = [2]int{len(s.errors.baseline), len(s.errors.canary)}
	}
	return s
}

// quantile interpolates within a bucket, as a query over a histogram does.
func quantile(count []uint64, q float64) float64 {
	rank := q * float64(count[len(count)-1])
	lower, below := 0.0, 0.0
	for i, n := range count {
		if float64(n) >= rank && float64(n) > below {
			return lower + (bounds[i]-lower)*(rank-below)/(float64(n)-below)
		}
		lower, below = bounds[i], float64(n)
	}
	return bounds[len(bounds)-1]
}

// upTo gives the points from one minute on to another.
func (s *seen) upTo(p points, from, to int) (b, c []float64) {
	lo := [2]int{}
	if from > 0 {
		lo = s.at[from-1]
	}
	hi := s.at[to]
	return p.baseline[lo[0]:hi[0]], p.canary[lo[1]:hi[1]]
}

// rule is how a tool decides, with a knob that a user could turn.
type rule struct {
	name    string
	knob    string
	usual   float64                            // the documented setting
	strict  []float64                          // settings from the most to the least alarming, for calibration
	decides func(s *seen, setting float64) int // the minute of the alarm, 0 for none
}

func rules() []rule {
	return []rule{
		{
			"Kayenta", "confidence", 0.98,
			[]float64{0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 0.9999},
			func(s *seen, confidence float64) int {
				for m := 9; m < minutes; m += 5 {
					if shifted(s, s.errors, m, confidence) || shifted(s, s.latency, m, confidence) {
						return m + 1
					}
				}
				return 0
			},
		},
		{
			"Flagger", "failed checks", 10,
			[]float64{1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40},
			func(s *seen, limit float64) int {
				failed := 0.0
				for m := range minutes {
					if !(s.rate[m] <= 0.01 && s.p99[m] <= 0.5) { // no value fails too
						failed++
					}
					if failed >= limit {
						return m + 1
					}
				}
				return 0
			},
		},
		{
			"Argo Rollouts", "success rate", 0.95,
			[]float64{0.999, 0.998, 0.997, 0.996, 0.995, 0.994, 0.993, 0.992, 0.991, 0.99, 0.985, 0.98, 0.97, 0.96, 0.95},
			func(s *seen, success float64) int {
				failed := 0
				for m := 4; m < minutes; m += 5 {
					if rate := mean(s.rate[m-4 : m+1]); 1-rate < success {
						failed++
					}
					if failed > 3 {
						return m + 1
					}
				}
				return 0
			},
		},
		{
			"PipeCD", "significance", 0.05,
			[]float64{0.05, 0.03, 0.02, 0.015, 0.01, 0.009, 0.0085},
			func(s *seen, alpha float64) int {
				for m := 4; m < minutes; m += 5 {
					for _, p := range []points{s.errors, s.latency} {
						b, c := s.upTo(p, m-4, m)
						if mannWhitney(b, c) < alpha && mean(c) > mean(b) {
							return m + 1
						}
					}
				}
				return 0
			},
		},
	}
}

// mean leaves out what is missing.
func mean(v []float64) float64 {
	sum, n := 0.0, 0.0
	for _, x := range v {
		if !math.IsNaN(x) {
			sum, n = sum+x, n+1
		}
	}
	if n == 0 {
		return 0
	}
	return sum / n
}

// shifted is Kayenta's classification of one metric as too high: the lower
// bound of the Mann-Whitney confidence interval of the shift exceeds a quarter
// of the Hodges-Lehmann estimate of that shift, and the means' ratio is above 1.
func shifted(s *seen, p points, to int, confidence float64) bool {
	b, c := s.upTo(p, 0, to)
	n, m := len(b), len(c)
	if n == 0 || m == 0 || mean(b) > 0 && mean(c)/mean(b) <= 1 {
		return false
	}
	d := s.differences(b, c, to)
	if d[0] == d[len(d)-1] {
		return false // nothing varies
	}
	z := distuv.UnitNormal.Quantile(1 - (1-confidence)/2)
	k := int(math.Floor(float64(n*m)/2 - z*math.Sqrt(float64(n*m*(n+m+1))/12)))
	if k < 1 {
		return false // too few to bound it
	}
	estimate := (d[(len(d)-1)/2] + d[len(d)/2]) / 2
	return d[k-1] > 0.25*math.Abs(estimate)
}

// differences gives those of all pairs in order. They are kept, since rules
// are asked with many settings.
func (s *seen) differences(b, c []float64, to int) []float64 {
	key := shift{&b[0], to}
	if d, ok := s.shifts[key]; ok {
		return d
	}
	d := make([]float64, 0, len(b)*len(c))
	for _, x := range c {
		for _, y := range b {
			d = append(d, x-y)
		}
	}
	slices.Sort(d)
	s.shifts[key] = d
	return d
}

// mannWhitney gives the two-sided p-value of the rank sum test: exact without
// ties, by the normal approximation with ties.
func mannWhitney(b, c []float64) float64 {
	n, m := len(b), len(c)
	if n == 0 || m == 0 {
		return 1
	}
	u, ties := 0.0, false
	for _, x := range c {
		for _, y := range b {
			switch {
			case x > y:
				u++
			case x == y:
				u, ties = u+0.5, true
			}
		}
	}
	if !ties {
		return exact(n, m, int(max(u, float64(n*m)-u)))
	}
	sd := math.Sqrt(tieVariance(b, c))
	if sd == 0 {
		return 1
	}
	z := (math.Abs(u-float64(n*m)/2) - 0.5) / sd
	return min(1, 2*(1-distuv.UnitNormal.CDF(z)))
}

func tieVariance(b, c []float64) float64 {
	all := slices.Concat(b, c)
	slices.Sort(all)
	n, m, total := float64(len(b)), float64(len(c)), float64(len(all))
	tied := 0.0
	for i := 0; i < len(all); {
		j := i
		for j < len(all) && all[j] == all[i] {
			j++
		}
		t := float64(j - i)
		tied += t*t*t - t
		i = j
	}
	return n * m / 12 * (total + 1 - tied/(total*(total-1)))
}

// exact gives twice the share of orderings with a statistic of at least u.
func exact(n, m, u int) float64 {
	// ways[j][s]: orderings of the first i values of one sample among j of the other, with statistic s.
	ways := make([][]float64, m+1)
	for j := range ways {
		ways[j] = make([]float64, n*m+1)
		ways[j][0] = 1
	}
	for i := 1; i <= n; i++ {
		for j := 1; j <= m; j++ {
			next := make([]float64, n*m+1)
			for s := range next {
				next[s] = ways[j-1][s]
				if s >= j {
					next[s] += ways[j][s-j]
				}
			}
			ways[j] = next
		}
	}
	beyond, all := 0.0, 0.0
	for s, w := range ways[m] {
		all += w
		if s >= u {
			beyond += w
		}
	}
	return min(1, 2*beyond/all)
}
