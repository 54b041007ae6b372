package flow

import (
	"context"
	"fmt"
	"math"
	"time"

	"fairlead.dev"
	"fairlead.dev/target"
)

// divided is what was seen of the traffic before a stage's time began, where
// the target says only what it has asked for.
type divided struct {
	Weight int           `json:"weight"`
	Words  string        `json:"words"` // "measured: 19.6% of 412 requests", or why it was not
	Took   time.Duration `json:"took"`  // nanoseconds
}

// parts is how many requests each release got.
type parts struct{ baseline, canary float64 }

// awaitSplit waits until the requests are seen to be divided as the step wants
// it, and no longer as before. Nil: there is nothing to wait for. What cannot be
// measured goes on and says so; what is measured and does not fit is a stop.
func (m *move) awaitSplit(ctx context.Context, s step, by *target.Division) (*divided, *stop, error) {
	if by == nil || m.previous == nil || s.after.weight == m.split {
		return nil, nil, nil
	}
	out := &divided{Weight: s.after.weight}
	metric, ok := m.splitMetric()
	switch {
	case by.Within <= 0:
		out.Words = "not measured: nobody is to wait for it"
		return out, nil, nil
	case !ok:
		out.Words = "not measured: no metric counts the requests of both releases"
		return out, nil, nil
	}
	began, seen := now(), splitting{before: m.split, weight: s.after.weight}
	for {
		missing := m.countParts(ctx, metric, &seen)
		out.Took = now().Sub(began)
		if seen.fits() {
			out.Words = "measured: " + seen.words()
			return out, nil, nil
		}
		if out.Took >= by.Within.D() {
			return m.unfit(s, by, seen, missing, out)
		}
		if why, err := m.mustStop(ctx); err != nil || why != nil {
			return nil, why, err
		}
		if err := pause(ctx, max(m.Tick, min(by.Within.D()/60, time.Second))); err != nil {
			return nil, nil, err
		}
	}
}

// unfit decides about a split that was not seen in time.
func (m *move) unfit(s step, by *target.Division, seen splitting, missing string, out *divided) (*divided, *stop, error) {
	switch {
	case missing != "":
		out.Words = fmt.Sprintf("not measured within %s: %s", by.Within, missing)
	case seen.contradicts():
		reason := fmt.Sprintf("%s: %s was accepted, but %s reached the new release within %s, not %d%%",
			s.name, by.By, seen.words(), by.Within, s.after.weight)
		return nil, &stop{Reason: reason, Fault: &fairlead.Fault{
			Op: "move traffic", Kind: fairlead.KindUnavailable, Cause: reason,
			Hint: "does the gateway's data plane follow its controller? A metric whose total is not all of the service's requests is to have split: false",
		}}, nil
	default:
		out.Words = fmt.Sprintf("not measured: %s within %s say too little", seen.words(), by.Within)
	}
	return out, nil, nil
}

// splitMetric gives the metric whose total is what both releases were asked.
func (m *move) splitMetric() (fairlead.MetricPolicy, bool) {
	for _, metric := range m.in.Plan.Release.Judge.Metrics {
		if metric.Split {
			return metric, true
		}
	}
	return fairlead.MetricPolicy{}, false
}

// countParts adds what was served since the last reading, and gives why there
// is none.
func (m *move) countParts(ctx context.Context, metric fairlead.MetricPolicy, into *splitting) (missing string) {
	if metric.Kind == fairlead.MetricCounts {
		metric.Bad = metric.Total // what went wrong says nothing of how many came
	}
	c := m.count(ctx, now(), into.last, []fairlead.MetricPolicy{metric}, armBaseline, armCanary)
	into.last = c.next
	if len(c.missing) > 0 {
		return c.missing[0]
	}
	all := func(arm string) float64 {
		n := c.further[arm][metric.Name]
		if k := len(n.Histogram.Count); k > 0 {
			return float64(n.Histogram.Count[k-1])
		}
		return float64(n.Total)
	}
	into.add(parts{baseline: all(armBaseline), canary: all(armCanary)})
	return ""
}

// splitting is what was seen of how traffic is divided while it goes from one
// weight to another.
type splitting struct {
	before, weight int
	looks          []parts
	last           map[string]map[string]float64
}

// add takes one look. One in which nobody came says nothing.
func (s *splitting) add(p parts) {
	if p.baseline+p.canary > 0 {
		s.looks = append(s.looks, p)
	}
}

// likely is how many times more likely the weight must be than the one before.
const likely = 100

// fits tells whether the newest looks, as many of them as it takes, show that
// the weight is in force and the one before is not.
func (s *splitting) fits() bool {
	now, before := probability(s.weight), probability(s.before)
	sum, evidence := parts{}, 0.0
	for i := len(s.looks) - 1; i >= 0; i-- {
		l := s.looks[i]
		sum.baseline += l.baseline
		sum.canary += l.canary
		evidence += l.canary*math.Log(now/before) + l.baseline*math.Log((1-now)/(1-before))
		if evidence >= math.Log(likely) && sum.near(s.weight) {
			return true
		}
	}
	return false
}

// contradicts tells whether enough requests of the second half of the looks
// went another way than the weight says.
func (s *splitting) contradicts() bool {
	const enough = 20 // requests
	sum := added(s.looks[len(s.looks)/2:])
	return sum.canary+sum.baseline >= enough && !sum.near(s.weight)
}

func (s *splitting) words() string {
	sum := added(s.looks)
	n := sum.baseline + sum.canary
	return fmt.Sprintf("%.1f%% of %.0f requests", 100*sum.canary/max(n, 1), n)
}

func added(looks []parts) parts {
	var sum parts
	for _, l := range looks {
		sum.baseline += l.baseline
		sum.canary += l.canary
	}
	return sum
}

// near tells whether the parts are those of a weight: by chance, and give or
// take a quarter, as users do not all send the same number of requests.
func (p parts) near(weight int) bool {
	n, w := p.baseline+p.canary, float64(weight)/100
	off := math.Abs(p.canary - n*w)
	return off <= n*max(0.01, splitTolerance*min(w, 1-w))+4*math.Sqrt(n*w*(1-w))+1
}

const splitTolerance = 0.25

// probability is a weight as the chance that a request goes to the new release.
// None is impossible: requests may be under way while the weight changes.
func probability(weight int) float64 { return min(max(float64(weight)/100, 0.001), 0.999) }
