package judge

import (
	"fmt"

	"fairlead.dev"
)

// share is a part of a whole, as counted.
type share struct{ part, of uint64 }

// rate gives the share as a number from 0 to 1; a share of nothing is 0.
func (s share) rate() float64 {
	if s.of == 0 {
		return 0
	}
	return float64(s.part) / float64(s.of)
}

// restartsWorse is how many restarts more than the baseline's say worse. A
// single one can be an accident; a process that dies again will go on dying.
const restartsWorse = 2

// compareRestarts says worse when the canary's processes were restarted
// clearly more often than the baseline's.
func compareRestarts(baseline, canary uint64) fairlead.MetricAnswer {
	m := fairlead.MetricAnswer{
		Name: "restarts", Unit: "1", Answer: fairlead.AnswerNotWorse,
		Baseline: float64(baseline), Canary: float64(canary),
		Reason: fmt.Sprintf("restarted %s", times(canary)),
	}
	if canary >= restartsWorse && canary-restartsWorse >= baseline {
		m.Answer = fairlead.AnswerWorse
	}
	if baseline > 0 {
		m.Reason += fmt.Sprintf(" against %s", times(baseline))
	}
	return m
}
