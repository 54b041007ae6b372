// Package judge answers one question: is the new release worse than the one
// it replaces? It sees what both served, never a clock or the network, so the
// same intervals always give the same answer.
//
// There are three answers. Worse needs evidence beyond chance: an e-value that
// reaches one over the false alarms allowed. Not_worse needs evidence too: a
// confidence bound of the relative risk below 1 + margin. Everything else is
// undecided: missing data is never fine. Both claims hold at every look.
package judge

import (
	"time"

	"fairlead.dev"
)

// Result is the judge's answer with the numbers it rests on.
type Result struct {
	Answer    fairlead.Answer         `json:"answer"`
	DecidedAt time.Duration           `json:"decided_at"` // since judging began, when the answer fell; 0 while undecided
	Metrics   []fairlead.MetricAnswer `json:"metrics"`
	Reason    string                  `json:"reason"`          // one sentence, with the numbers that decided
	Blind     bool                    `json:"blind,omitempty"` // nothing can be compared: data is missing, or the split is off
}

// Judge holds one analysis. It is a function of the policy and the intervals
// observed so far: observing the same again gives the same judge. Its size is
// bounded; it is not safe for concurrent use.
type Judge struct {
	policy  fairlead.JudgePolicy
	metrics []*metric
	guard   guard
	split   split

	now      time.Duration // end of the newest interval
	closes   time.Duration // when the open block is full
	length   time.Duration // of a block
	since    time.Duration // when not_worse was first so, without a break
	notWorse bool
	worse    bool // for good
	at       time.Duration
}

// New gives a judge for one analysis. What the policy leaves open is as in Defaults.
func New(p fairlead.JudgePolicy) *Judge {
	p = complete(p)
	j := &Judge{policy: p, length: blockLength(p.Horizon.D())}
	planned := int(p.Horizon.D() / j.length)
	for i, alpha := range alphas(p) {
		j.metrics = append(j.metrics, newMetric(p.Metrics[i], p, alpha, planned))
	}
	j.split = newSplit(planned)
	return j
}

// Observe takes in what was seen since the last interval. After the answer
// worse nothing changes any more.
func (j *Judge) Observe(iv Interval) {
	if j.worse {
		return
	}
	j.now = iv.End
	j.guard.observe(iv)
	if j.guard.tripped(j.policy) {
		j.decideWorse()
		return
	}
	if iv.End <= j.policy.WarmUp.D() {
		return
	}
	if iv.Baseline != nil && iv.Canary != nil {
		j.split.add(iv)
		for _, m := range j.metrics {
			m.add(iv)
		}
	}
	if j.closes == 0 {
		j.closes = j.start(iv) + j.length
	}
	if iv.End >= j.closes {
		j.close()
	}
}

// start gives when the first block began. An analysis whose first interval
// ends late began with it.
func (j *Judge) start(iv Interval) time.Duration {
	return min(j.policy.WarmUp.D(), iv.End)
}

// close folds the open block into everything.
func (j *Judge) close() {
	j.split.close()
	for _, m := range j.metrics {
		if m.close() {
			j.decideWorse()
			return
		}
	}
	j.length = max(j.length, (j.now-j.policy.WarmUp.D())/60)
	j.closes = j.now + j.length
	ok := j.passes()
	if ok && !j.notWorse {
		j.since = j.now
	}
	j.notWorse = ok
}

func (j *Judge) decideWorse() { j.worse, j.at = true, j.now }

// passes tells whether the release has been shown not to be worse: all metrics
// have.
func (j *Judge) passes() bool {
	if j.split.mismatch() || j.guard.blind() {
		return false
	}
	for _, m := range j.metrics {
		if !m.passes() {
			return false
		}
	}
	return true
}

// Answer gives the answer as of the newest interval, without its numbers.
func (j *Judge) Answer() fairlead.Answer {
	switch {
	case j.worse:
		return fairlead.AnswerWorse
	case j.passes():
		return fairlead.AnswerNotWorse
	default:
		return fairlead.AnswerUndecided
	}
}

// Result gives the answer as of the newest interval.
func (j *Judge) Result() Result {
	r := Result{Answer: j.Answer()}
	r.Metrics = make([]fairlead.MetricAnswer, 0, len(j.metrics)+1)
	for _, m := range j.metrics {
		r.Metrics = append(r.Metrics, m.answer())
	}
	r.Metrics = append(r.Metrics, j.guard.restartAnswer())
	switch {
	case j.worse:
		r.DecidedAt = j.at
	case r.Answer == fairlead.AnswerNotWorse && j.notWorse:
		r.DecidedAt = j.since
	case r.Answer == fairlead.AnswerNotWorse:
		r.DecidedAt = j.now
	}
	r.Blind = !j.worse && (j.split.mismatch() || j.guard.blind())
	r.Reason = j.reason(r)
	return r
}
