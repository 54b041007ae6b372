package main

import (
	"math"
	"math/rand/v2"
	"time"

	"fairlead.dev"
	"fairlead.dev/judge"
)

// way is one way to keep bursts of an arm from being taken for a bad release.
// It sees the errors alone and gives the minute of its alarm; 0 for none.
type way struct {
	name   string
	alarms func(f family, r, history *run) int
}

// These all share the level, the tolerance and the relative risks.
const (
	wayAlpha     = 0.01
	wayTolerance = 1.07
)

var wayRisks = [...]float64{1.5, 2, 3, 4.5, 8, 18}

func ways() []way {
	return []way{
		{"none: binomial mixture", func(_ family, r, _ *run) int { return binomialMixture(r, 1) }},
		{"beta-binomial mixture", func(_ family, r, _ *run) int { return betaBinomialMixture(r) }},
		{"blocks of five minutes", func(_ family, r, _ *run) int { return timeBlocks(r) }},
		{"dispersion learned before", func(_ family, r, history *run) int { return binomialMixture(r, dispersion(history)) }},
		{"Fairlead", ofJudge},
	}
}

// counts are the errors and requests of one minute; ok tells that both arms are known.
func (r *run) counts(m int) (x, y, odds float64, ok bool) {
	b, c := r.baseline[m], r.canary[m]
	if b == nil || c == nil || b.Requests == 0 || c.Requests == 0 {
		return 0, 0, 0, false
	}
	return float64(c.Errors), float64(b.Errors), float64(c.Requests) / float64(b.Requests), true
}

// binomialMixture is the e-process without any care for bursts, of evidence
// divided by a factor.
func binomialMixture(r *run, factor float64) int {
	var logs [len(wayRisks)]float64
	for m := range minutes {
		x, y, odds, ok := r.counts(m)
		if !ok {
			continue
		}
		e := 0.0
		for i, risk := range wayRisks {
			logs[i] += (x*math.Log(risk/wayTolerance) + (x+y)*(math.Log1p(wayTolerance*odds)-math.Log1p(risk*odds))) / factor
			e += math.Exp(logs[i]) / float64(len(wayRisks))
		}
		if e >= 1/wayAlpha {
			return m + 1
		}
	}
	return 0
}

// dispersion is Pearson's, of how errors were split between two equal arms.
func dispersion(history *run) float64 {
	sum, n := 0.0, 0.0
	for m := range minutes {
		x, y, odds, ok := history.counts(m)
		if !ok || x+y == 0 {
			continue
		}
		p := odds / (1 + odds)
		sum += (x - (x+y)*p) * (x - (x+y)*p) / ((x + y) * p * (1 - p))
		n++
	}
	if n == 0 {
		return 1
	}
	return max(sum/n, 1)
}

// waySpreads are the squared coefficients of variation that the mixture knows.
var waySpreads = [...]float64{0, 0.03, 0.12, 0.45}

// betaBinomialMixture is an e-process for any of the spreads: the mixture's
// likelihood over that of the spread that explains a healthy release best.
func betaBinomialMixture(r *run) int {
	var null [len(waySpreads)]float64
	var worse [len(wayRisks)][len(waySpreads)]float64
	for m := range minutes {
		x, y, odds, ok := r.counts(m)
		if !ok {
			continue
		}
		best, sum := math.Inf(-1), 0.0
		for v, spread := range waySpreads {
			null[v] += betaBinomial(x, y, wayTolerance*odds, spread)
			best = max(best, null[v])
		}
		for i, risk := range wayRisks {
			for v, spread := range waySpreads {
				worse[i][v] += betaBinomial(x, y, risk*odds, spread)
				sum += math.Exp(worse[i][v]-best) / float64(len(wayRisks)*len(waySpreads))
			}
		}
		if sum >= 1/wayAlpha {
			return m + 1
		}
	}
	return 0
}

// betaBinomial gives the log-likelihood of x among x+y at some odds, when the
// arms' rates spread, without the binomial coefficient.
func betaBinomial(x, y, odds, spread float64) float64 {
	p := odds / (1 + odds)
	if spread == 0 {
		return x*math.Log(p) + y*math.Log1p(-p)
	}
	precision := max(1/(2*spread*p*(1-p))-1, 1)
	return rising(precision*p, x) + rising(precision*(1-p), y) - rising(precision, x+y)
}

// rising gives the logarithm of a (a+1) ... (a+k-1).
func rising(a, k float64) float64 {
	high, _ := math.Lgamma(a + k)
	low, _ := math.Lgamma(a)
	return high - low
}

// timeBlocks takes the log-ratio of the arms in each five minutes for one
// observation of unknown spread: Student's test as an e-process.
func timeBlocks(r *run) int {
	var sum, squares, n float64
	for block := 5; block <= minutes; block += 5 {
		var bad, of [2]float64
		for m := block - 5; m < block; m++ {
			if x, y, _, ok := r.counts(m); ok {
				bad[0], bad[1] = bad[0]+y, bad[1]+x
				of[0], of[1] = of[0]+float64(r.baseline[m].Requests), of[1]+float64(r.canary[m].Requests)
			}
		}
		if of[0] == 0 || of[1] == 0 {
			continue
		}
		z := math.Log((bad[1]+0.5)/of[1]) - math.Log((bad[0]+0.5)/of[0]) - math.Log(wayTolerance)
		sum, squares, n = sum+z, squares+z*z, n+1
		if studentE(sum, squares, n) >= 1/wayAlpha {
			return block
		}
	}
	return 0
}

// studentE is the mean over some effects, in standard deviations, of how much
// likelier than none each is, with the spread integrated out.
func studentE(sum, squares, n float64) float64 {
	effects := [...]float64{0.7, 1.5, 3, 6}
	const steps = 400
	at := math.Sqrt(n / squares)
	none, e := 0.0, 0.0
	for i := 1; i <= steps; i++ {
		w := 8 * at * float64(i) / steps
		common := (n-1)*math.Log(w/at) - squares*w*w/2
		none += math.Exp(common)
		for _, d := range effects {
			e += math.Exp(common+d*sum*w-n*d*d/2) / float64(len(effects))
		}
	}
	return e / none
}

// ofJudge has the judge decide on the errors alone.
func ofJudge(f family, r, _ *run) int {
	p := judge.Defaults()
	p.Metrics = []fairlead.MetricPolicy{{Name: "errors", Kind: fairlead.MetricErrors}}
	p.ErrorFloor = 0
	j := judge.New(p)
	for _, iv := range f.intervals(r) {
		if j.Observe(iv); j.Answer() == fairlead.AnswerWorse {
			return int(iv.End / time.Minute)
		}
	}
	return 0
}

// compared is how all ways did on one kind of traffic.
type compared struct {
	title  string
	effect bool
	ways   []score
}

// compareWays measures all ways. A history is an analysis of two equal arms
// on the same kind of traffic.
func compareWays(runs, found int, shift uint64) []compared {
	var out []compared
	all := ways()
	for _, k := range wayFamilies() {
		f, past := k.family, k.family
		f.seed, past.seed, past.begin = f.seed+shift, f.seed+shift+50, k.before
		n := runs
		if f.effect {
			n = found
		}
		results := each(n, func(i int) []outcome {
			r, history := f.draw(i), past.draw(i)
			var o []outcome
			for _, w := range all {
				o = append(o, outcome{alarm: w.alarms(f, r, history)})
			}
			return o
		})
		c := compared{title: f.title, effect: f.effect}
		for w := range all {
			var own []outcome
			for _, o := range results {
				own = append(own, o[w])
			}
			c.ways = append(c.ways, total(own))
		}
		out = append(out, c)
	}
	return out
}

// past is a family with what its traffic was like before the release.
type past struct {
	family
	before func(*rand.Rand) course
}

func wayFamilies() []past {
	calm, bursts := steady(same), armBursts(2, 1)
	null := func(title string, seed uint64, each float64, begin func(*rand.Rand) course) past {
		return past{family{title: title, seed: seed, traffic: 2 * each, share: 0.5, begin: begin}, begin}
	}
	effect := func(title string, seed uint64, each float64, begin, before func(*rand.Rand) course) past {
		return past{family{title: title, effect: true, seed: seed, traffic: 2 * each, share: 0.5, begin: begin}, before}
	}
	return []past{
		null("clean, 300", 401, 300, calm),
		null("bursts of each arm (k=2), 30", 402, 30, bursts),
		null("bursts of each arm (k=2), 300", 403, 300, bursts),
		null("bursts of each arm (k=2), 1,000", 404, 1000, bursts),
		null("bursts of each arm (k=2), 3,000", 405, 3000, bursts),
		null("bursts of each arm (k=1), 300", 406, 300, armBursts(1, 1)),
		null("bursts of each arm (k=1), 3,000", 407, 3000, armBursts(1, 1)),
		null("autocorrelated, 300", 408, 300, autocorrelated),
		null("replicas differ by 20 %, 300", 409, 300, replicas(0.2, 0)),
		effect("2 times the errors, 300", 411, 300, steady(times(2)), calm),
		effect("4 times, 300", 412, 300, steady(times(4)), calm),
		effect("10 times, 300", 413, 300, steady(times(10)), calm),
		effect("4 times, 30", 414, 30, steady(times(4)), calm),
		effect("2 times, 3,000", 415, 3000, steady(times(2)), calm),
		effect("3 times with bursts (k=2), 300", 416, 300, armBursts(2, 3), bursts),
		effect("10 times in one minute of five, 300", 417, 300, steady(intermittent), calm),
	}
}
