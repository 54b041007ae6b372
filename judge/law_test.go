package judge_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"fairlead.dev"
	"fairlead.dev/judge"
)

// counts are errors of the two arms, minute by minute, of as many requests.
type counts struct {
	requests         uint64
	baseline, canary []uint64
}

func drawCounts(t *rapid.T) counts {
	n := rapid.IntRange(1, 25).Draw(t, "minutes")
	c := counts{requests: rapid.Uint64Range(20, 2000).Draw(t, "requests")}
	some := rapid.Uint64Range(0, min(c.requests/6, 30))
	c.baseline = rapid.SliceOfN(some, n, n).Draw(t, "baseline")
	c.canary = rapid.SliceOfN(some, n, n).Draw(t, "canary")
	return c
}

// errorsOnly judges errors and nothing else.
func errorsOnly() fairlead.JudgePolicy {
	p := judge.Defaults()
	p.Metrics = []fairlead.MetricPolicy{{Name: "errors", Kind: fairlead.MetricErrors}}
	return p
}

func (c counts) judge(p fairlead.JudgePolicy) judge.Result {
	j := judge.New(p)
	for i := range c.baseline {
		j.Observe(minute(i, quick(c.requests, c.baseline[i]), quick(c.requests, c.canary[i])))
	}
	return j.Result()
}

// TestMoreErrorsNeverImproveTheAnswer is the law of the judge: whatever both
// releases served, further errors of the canary, in whichever minutes, give no
// better answer at any look.
func TestMoreErrorsNeverImproveTheAnswer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawPolicy(t)
		before, after := judge.New(p), judge.New(p)
		n := rapid.IntRange(1, 60).Draw(t, "minutes")
		some := rapid.OneOf(rapid.Uint64Range(0, 3), rapid.Uint64Range(0, 40))
		requests := rapid.Uint64Range(40, 3000).Draw(t, "requests")
		for i := range n {
			k := rapid.Uint64Range(requests/2, requests).Draw(t, "of the canary")
			b, c := some.Draw(t, "baseline"), min(some.Draw(t, "canary"), k)
			more := min(c+rapid.OneOf(rapid.Just(uint64(0)), some).Draw(t, "more"), k)
			before.Observe(minute(i, quick(requests, b), quick(k, c)))
			after.Observe(minute(i, quick(requests, b), quick(k, more)))
			was, is := before.Result(), after.Result()
			if weight(is.Answer) < weight(was.Answer) {
				t.Fatalf("minute %d: %s became %s\n%s\n%s", i+1, was.Answer, is.Answer, was.Reason, is.Reason)
			}
		}
	})
}

// drawPolicy gives some policy for errors alone.
func drawPolicy(t *rapid.T) fairlead.JudgePolicy {
	p := errorsOnly()
	p.FalseAlarm = rapid.SampledFrom([]float64{0.001, 0.01, 0.2}).Draw(t, "false alarm")
	p.FalsePass = rapid.SampledFrom([]float64{0.01, 0.05, 0.3}).Draw(t, "false pass")
	p.Margin = rapid.SampledFrom([]float64{0.2, 0.5, 1, 3}).Draw(t, "margin")
	p.Tolerance = rapid.SampledFrom([]float64{0, 0.07, 0.3}).Draw(t, "tolerance")
	p.Negligible = rapid.SampledFrom([]float64{0, 0.001, 0.02}).Draw(t, "negligible")
	p.ErrorFloor = rapid.SampledFrom([]float64{0, 0.2}).Draw(t, "floor")
	return p
}

// TestSplitIntervalsNeverTurnWorseIntoNotWorse holds that how often one looks
// does not decide.
func TestSplitIntervalsNeverTurnWorseIntoNotWorse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawCounts(t)
		whole, halves := c.judge(errorsOnly()), judge.New(errorsOnly())
		for i := range c.baseline {
			b, k := c.baseline[i]/2, c.canary[i]/2
			first := minute(i, quick(c.requests/2, b), quick(c.requests/2, k))
			first.End -= 30 * time.Second
			halves.Observe(first)
			halves.Observe(minute(i, quick(c.requests-c.requests/2, c.baseline[i]-b), quick(c.requests-c.requests/2, c.canary[i]-k)))
		}
		got := halves.Result()
		if opposite(whole, got) {
			t.Fatalf("%s became %s\n%s\n%s", whole.Answer, got.Answer, whole.Reason, got.Reason)
		}
	})
}

func TestTheArmsCannotBothBeWorse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawCounts(t)
		p := errorsOnly()
		p.ErrorFloor = 0
		swapped := counts{c.requests, c.canary, c.baseline}
		a, b := c.judge(p), swapped.judge(p)
		last := time.Duration(len(c.baseline)) * time.Minute
		if a.Answer == fairlead.AnswerWorse && b.Answer == fairlead.AnswerWorse && a.DecidedAt == last && b.DecidedAt == last {
			t.Fatalf("both are worse:\n%s\n%s", a.Reason, b.Reason)
		}
		same := counts{c.requests, c.baseline, c.baseline}
		if got := same.judge(p); got.Answer == fairlead.AnswerWorse {
			t.Fatalf("worse than itself: %s", got.Reason)
		}
	})
}

// TestOnlyRatesMatter holds that ten times the requests with the same errors
// never say the opposite of the relative risk. They may say more or less of it,
// since a rate near 1 can have no bursts.
func TestOnlyRatesMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawCounts(t)
		p := errorsOnly()
		p.ErrorFloor, p.Negligible = 0, 0
		more := c
		more.requests *= 10
		if a, b := c.judge(p), more.judge(p); opposite(a, b) {
			t.Fatalf("%s at %s, with ten times the requests %s at %s", a.Answer, a.DecidedAt, b.Answer, b.DecidedAt)
		}
	})
}

func opposite(a, b judge.Result) bool {
	return a.Answer != b.Answer && a.Answer != fairlead.AnswerUndecided && b.Answer != fairlead.AnswerUndecided
}

func TestTheOrderOfMetricsDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawCounts(t)
		p := judge.Defaults()
		turned := p
		turned.Metrics = slices.Clone(p.Metrics)
		slices.Reverse(turned.Metrics)
		a, b := c.judge(p), c.judge(turned)
		if a.Answer != b.Answer || a.DecidedAt != b.DecidedAt {
			t.Fatalf("%s at %s, the other way round %s at %s", a.Answer, a.DecidedAt, b.Answer, b.DecidedAt)
		}
	})
}

// TestObservingAgainGivesTheSame holds that a judge is rebuilt from what it saw.
func TestObservingAgainGivesTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawCounts(t)
		a, b := c.judge(judge.Defaults()), c.judge(judge.Defaults())
		if a.Answer != b.Answer || a.Reason != b.Reason || !slices.Equal(a.Metrics, b.Metrics) {
			t.Fatalf("%+v\n%+v", a, b)
		}
	})
}

// TestMissingIsNeverFine holds that no answer but undecided or worse follows
// from intervals of which the newest lacks an arm.
func TestMissingIsNeverFine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawCounts(t)
		j := judge.New(judge.Defaults())
		for i := range c.baseline {
			j.Observe(minute(i, quick(c.requests, c.baseline[i]), quick(c.requests, c.canary[i])))
		}
		lost := minute(len(c.baseline), fairlead.Sample{}, fairlead.Sample{})
		if rapid.Bool().Draw(t, "the canary's") {
			lost.Canary = nil
		} else {
			lost.Baseline = nil
		}
		j.Observe(lost)
		if got := j.Result(); got.Answer == fairlead.AnswerNotWorse {
			t.Fatalf("%s with a missing arm: %s", got.Answer, got.Reason)
		}
	})
}

// weight orders the answers from good to bad.
func weight(a fairlead.Answer) int {
	return slices.Index([]fairlead.Answer{fairlead.AnswerNotWorse, fairlead.AnswerUndecided, fairlead.AnswerWorse}, a)
}
