package main

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// traffic is how the judge answered at one size of traffic.
type traffic struct {
	title string
	score score
	among int // how many were judged
}

// sizes are requests a minute for each arm.
var sizes = []float64{10, 30, 100, 300, 1000, 3000, 10000}

// safety asks how often a release that is truly twice as bad is called not worse.
func safety(runs int, shift uint64) []traffic {
	var out []traffic
	for _, size := range sizes {
		for _, kind := range []family{
			{title: "steady", seed: 301, begin: steady(times(2))},
			{title: "bursts of each arm (k=2)", seed: 302, begin: armBursts(2, 2)},
			{title: "twice as many slower than 0.2 s, the threshold", seed: 304, threshold: 0.2, begin: steady(twiceAsManySlow)},
		} {
			kind.traffic, kind.share, kind.seed = 2*size, 0.5, kind.seed+shift
			kind.title = fmt.Sprintf("%g | %s", size, kind.title)
			out = append(out, sized(kind, runs))
		}
	}
	return out
}

// twiceAsManySlow stalls as many requests more as take over 0.2 s anyhow: 1.04 %.
func twiceAsManySlow(_ int, c *condition) { c.tail, c.tailBy = 0.01054, 100 }

// ease asks how soon a healthy release is called not worse.
func ease(runs int, shift uint64) []traffic {
	var out []traffic
	for _, size := range sizes {
		for _, p := range []float64{baseErrors, 0} {
			f := family{seed: 303 + shift, traffic: 2 * size, share: 0.5, begin: errorRate(p)}
			f.title = fmt.Sprintf("%g | %g %%", size, 100*p)
			out = append(out, sized(f, runs))
		}
	}
	return out
}

// sized scores the answers not_worse: its minutes are those of the passes.
func sized(f family, runs int) traffic {
	policy := policyOf(f)
	passes := each(runs, func(i int) outcome { return outcome{alarm: ask(f, f.draw(i), policy).promoted} })
	return traffic{title: f.title, score: total(passes), among: runs}
}

func (r results) writeSafety(w io.Writer) {
	fmt.Fprintf(w, "\n### Releases twice as bad that were called not worse\n\nTwice the errors (of 0.5 %%), or twice as many slow requests (of 1 %%), in percent, at any look within the hour. Undecided is not promoted. Below `negligible` a rate may double and be called not worse: that is what the setting says.\n")
	head(w, "requests/min/arm | release | called not worse | upper bound")
	for _, t := range r.safety {
		fmt.Fprintf(w, "| %s | %s | %s |\n", t.title, percent(t.score.alarms, t.among), share(upper(t.score.alarms, t.among)))
	}
	fmt.Fprint(w, "\n### How soon a healthy release is called not worse\n\nThe rest is undecided at the end of the hour: `undecided` in the configuration says what happens then.\n")
	head(w, "requests/min/arm | errors in both arms | called not worse within the hour, % | median minute")
	for _, t := range r.ease {
		fmt.Fprintf(w, "| %s | %s | %s |\n", t.title, percent(t.score.alarms, t.among), minute(t.score.median()))
	}
}

// target is one promise and what was measured.
type target struct {
	promise, measured string
	met               bool
}

func (r results) targets() []target {
	worst, bound, family := 0.0, 0.0, ""
	for _, f := range r.nulls {
		if b := upper(f.judge.alarms, f.judge.runs); b > bound {
			bound, worst, family = b, float64(f.judge.alarms)/float64(f.judge.runs), f.label()
		}
	}
	least := 0.0
	for _, t := range r.safety {
		least = max(least, float64(t.score.alarms)/float64(t.among))
	}
	x4, x10, low := r.of("effect-step-x4"), r.of("effect-step-x10"), r.of("effect-step-x4-30")
	power := float64(low.alarms) / float64(max(low.runs, 1))
	return []target{
		{"false alarms at most 1 % in every healthy family", fmt.Sprintf("%s %% at most (%s)", share(worst), family), worst <= 0.01},
		{"upper 95 % bound of each at most 1.5 %", share(bound) + " % at most", bound <= 0.015},
		{"4 times the errors found in at most 5 min (median), 300 requests/min/arm", fmt.Sprintf("%d min", x4.median()), x4.median() > 0 && x4.median() <= 5},
		{"10 times in at most 2 min", fmt.Sprintf("%d min", x10.median()), x10.median() > 0 && x10.median() <= 2},
		{"at least 80 % power for 4 times the errors within 60 min at 30 requests/min", share(power) + " %", power >= 0.8},
		{"at most 5 % of releases twice as bad, above what is negligible, called not worse, at any traffic", share(least) + " % at most", least <= 0.05},
		{"a verdict over 1,000 intervals of 10 metrics in less than 5 ms (`go test ./judge -bench Verdict`)", fmt.Sprintf("%.1f ms", r.cost.Seconds()*1000), r.cost < 5*time.Millisecond},
	}
}

func (r results) of(name string) score {
	for _, f := range r.found {
		if f.name == name {
			return f.judge
		}
	}
	return score{}
}

func (r results) writeTargets(w io.Writer) {
	fmt.Fprint(w, "\n### Targets\n")
	head(w, "target | measured | met")
	for _, t := range r.targets() {
		met := "yes"
		if !t.met {
			met = "**no**"
		}
		fmt.Fprintf(w, "| %s | %s | %s |\n", t.promise, t.measured, met)
	}
}

// writeLosses lists where another rule, calibrated to the same false alarms on
// clean traffic, found more, or as many sooner.
func (r results) writeLosses(w io.Writer) {
	fmt.Fprint(w, "\n### Losses\n\nWhere another rule, calibrated on clean traffic, found at least 2 in 100 more bad releases, or no fewer and sooner:\n\n")
	any := false
	for _, f := range r.found {
		var better []string
		for k, rule := range rules() {
			e := f.equal[k]
			ours, theirs := float64(f.judge.alarms)/float64(f.judge.runs), float64(e.alarms)/float64(e.runs)
			if theirs > ours+0.02 || theirs >= ours-0.005 && e.median() > 0 && e.median() < f.judge.median() {
				better = append(better, fmt.Sprintf("%s %s", rule.name, e.brief()))
			}
		}
		if len(better) > 0 {
			any = true
			fmt.Fprintf(w, "- %s: Fairlead %s; %s\n", f.label(), f.judge.brief(), strings.Join(better, "; "))
		}
	}
	if !any {
		fmt.Fprint(w, "None.\n")
	}
}
