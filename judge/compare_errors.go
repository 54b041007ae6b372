package judge

import (
	"fmt"

	"fairlead.dev"
)

// compareErrors judges the error rate. The floor trips at once; otherwise the
// interval of the difference is held against the margin.
//
// A clean start counts too: MinRequests is the policy's own word for "enough",
// so a canary with that many requests and no higher error rate than the
// baseline is not worse, though so few requests cannot prove a small margin.
func compareErrors(baseline, canary fairlead.Sample, p fairlead.JudgePolicy) fairlead.MetricAnswer {
	b, c := errorsOf(baseline), errorsOf(canary)
	m := fairlead.MetricAnswer{
		Name: "errors", Unit: "1", Answer: fairlead.AnswerUndecided,
		Baseline: b.rate(), Canary: c.rate(),
		Reason: fmt.Sprintf("errors %s against %s, margin %s", c, b, percent(p.ErrorMargin)),
	}
	low, high := difference(b, c)
	switch {
	case aboveFloor(c, p):
		m.Answer, m.Reason = fairlead.AnswerWorse, floorReason(c, p)
	case !enough(c.of, p):
		m.Reason = tooFew("the new release", c.of, p)
	case !enough(b.of, p):
		m.Reason = tooFew("the old release", b.of, p)
	case low > p.ErrorMargin:
		m.Answer = fairlead.AnswerWorse
	case high < p.ErrorMargin || c.rate() <= b.rate():
		m.Answer = fairlead.AnswerNotWorse
	default:
		m.Reason += ", not yet beyond chance"
	}
	return m
}

// aloneErrors judges the error rate against the floor only.
func aloneErrors(canary fairlead.Sample, p fairlead.JudgePolicy) fairlead.MetricAnswer {
	c := errorsOf(canary)
	m := fairlead.MetricAnswer{
		Name: "errors", Unit: "1", Answer: fairlead.AnswerUndecided, Canary: c.rate(),
		Reason: fmt.Sprintf("errors %s, nothing to compare with", c),
	}
	switch {
	case aboveFloor(c, p):
		m.Answer, m.Reason = fairlead.AnswerWorse, floorReason(c, p)
	case !enough(c.of, p):
		m.Reason = tooFew("the new release", c.of, p)
	default:
		m.Answer = fairlead.AnswerNotWorse
	}
	return m
}

// errorsOf gives a sample's errors as a share of its requests. A sample cannot
// hold more errors than requests; one that claims so is all errors.
func errorsOf(s fairlead.Sample) share {
	return share{part: min(s.Errors, s.Requests), of: s.Requests}
}

func aboveFloor(c share, p fairlead.JudgePolicy) bool {
	return p.ErrorFloor > 0 && c.of >= floorRequests && c.rate() >= p.ErrorFloor
}

func floorReason(c share, p fairlead.JudgePolicy) string {
	return fmt.Sprintf("errors %s, at or above the floor of %s", c, percent(p.ErrorFloor))
}

// enough tells whether an arm has served what the policy asks for. Nothing is
// never enough.
func enough(requests uint64, p fairlead.JudgePolicy) bool {
	return requests > 0 && requests >= uint64(max(p.MinRequests, 0))
}

func tooFew(arm string, requests uint64, p fairlead.JudgePolicy) string {
	return fmt.Sprintf("%s served %s of the %s requests needed",
		arm, thousands(requests), thousands(uint64(max(p.MinRequests, 1))))
}
