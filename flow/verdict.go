package flow

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"fairlead.dev"
	"fairlead.dev/judge"
)

// verdict is what the judge says as of the newest look.
func (m *move) verdict(s *series, st step) fairlead.Verdict {
	v := fairlead.Verdict{
		ID: m.in.ID + "/verdict/" + st.name, Deployment: m.in.ID, Stage: st.name, Time: now(),
		Answer: fairlead.AnswerUndecided, Reason: "nothing was seen yet",
	}
	here := periodOf(st.after.weight)
	v.Baseline, v.Canary = s.sumOf(here).Sample, s.served(here)
	if here == beside && s.beside != nil {
		s.answer(&v, s.beside.Result(), fairlead.AgainstLive)
	} else {
		s.answerAlone(&v)
	}
	if len(s.looks) == 0 {
		return v
	}
	// Missing data is never fine: what is not measured now is not known now.
	if missing := s.looks[len(s.looks)-1].Missing; len(missing) > 0 && v.Answer == fairlead.AnswerNotWorse {
		v.Answer, v.Reason = fairlead.AnswerUndecided, "there is no data: "+strings.Join(missing, "; ")
	} else if len(missing) > 0 && v.Answer == fairlead.AnswerUndecided {
		v.Reason += "; there is no data: " + strings.Join(missing, "; ")
	}
	return v
}

func (s *series) answer(v *fairlead.Verdict, r judge.Result, against string) {
	v.Answer, v.Reason = r.Answer, r.Reason
	for _, a := range r.Metrics {
		a.Against = against
		v.Metrics = append(v.Metrics, a)
	}
}

// answerAlone answers for a release with all the traffic. What was shown while
// both served stays shown; against what the old one served before it can only
// become worse, or be shown where nothing was.
func (s *series) answerAlone(v *fairlead.Verdict) {
	r := s.after.Result()
	if !s.compares {
		s.answer(v, r, fairlead.AgainstNothing)
		if v.Answer != fairlead.AnswerWorse {
			v.Reason = "nothing to compare with: only restarts and the floor of errors are watched"
		}
		return
	}
	s.answer(v, r, fairlead.AgainstBefore)
	if ref := s.cursor.Reference; ref != nil {
		v.Baseline = ref.Arm.Sample
		if compared(r) {
			v.Reason += fmt.Sprintf(" (against what the old release served %s: nothing serves at the same time)", ref.From)
		}
	}
	if s.beside == nil {
		return
	}
	shown := s.beside.Result()
	for _, a := range shown.Metrics {
		a.Against = fairlead.AgainstLive
		v.Metrics = append(v.Metrics, a)
	}
	if r.Answer == fairlead.AnswerUndecided && shown.Answer == fairlead.AnswerNotWorse && s.canarySeen() {
		v.Answer = fairlead.AnswerNotWorse
		v.Reason = "shown while both releases served: " + shown.Reason + "; since then: " + v.Reason
	}
}

// compared tells whether an answer rests on a comparison, not on the floor or
// on restarts alone.
func compared(r judge.Result) bool {
	return r.Answer != fairlead.AnswerWorse || slices.ContainsFunc(r.Metrics, func(a fairlead.MetricAnswer) bool {
		return a.Answer == fairlead.AnswerWorse && a.EValue > 0
	})
}

// canarySeen tells whether the newest look saw the new release.
func (s *series) canarySeen() bool {
	return len(s.looks) > 0 && s.looks[len(s.looks)-1].Canary != nil
}

// served gives what the new release served in a period.
func (s *series) served(p period) fairlead.Sample {
	var sum fairlead.Sample
	for _, l := range s.looks {
		if l.Period == p && l.Canary != nil {
			sum = plus(sum, l.Canary.Sample)
		}
	}
	return sum
}

// last gives the period that the newest look belongs to.
func (s *series) last() period {
	if len(s.looks) == 0 {
		return before
	}
	return s.looks[len(s.looks)-1].Period
}

// with gives the series with one more look, for adding up.
func (s *series) with(l look) *series {
	out := *s
	out.looks = append(slices.Clone(s.looks), l)
	return &out
}

// gap is what a time between two looks counts for at most, such as one in
// which no process watched: one block.
func (s *series) gap() time.Duration {
	return max(s.schedule.every, (s.schedule.beside+s.schedule.after)/20, time.Millisecond)
}

// settle says how a step whose time is over ends; nil when it is held. A first
// release has nothing to go back to, so there undecided is no reason to stop.
func (m *move) settle(s *series, st step, v fairlead.Verdict, late time.Duration) *sighting {
	p := m.in.Plan.Release.Judge
	goOn := func(note string) *sighting {
		v.Reason += note
		return &sighting{Verdict: v}
	}
	switch {
	case v.Answer == fairlead.AnswerNotWorse:
		return &sighting{Verdict: v}
	case m.previous == nil:
		return goOn("; it goes on: it replaces nothing that serves")
	case !st.due && s.tells(st):
		return goOn("; it goes on to gather more: an answer is due before it gets all the traffic")
	}
	switch p.Undecided {
	case fairlead.UndecidedPromote:
		return goOn("; it goes on by policy (undecided: promote)")
	case fairlead.UndecidedAsk:
		v.Reason += "; a person has to say whether it goes on"
		return &sighting{Verdict: v, Ask: true}
	case fairlead.UndecidedHold:
		if late < p.Hold.D() {
			return nil
		}
		return &sighting{Verdict: v, Stop: undecided(fmt.Sprintf("%s: still undecided after holding for %s: %s", v.Stage, p.Hold, v.Reason))}
	default:
		return &sighting{Verdict: v, Stop: undecided(fmt.Sprintf("%s: undecided: %s", v.Stage, v.Reason))}
	}
}

// tells tells whether a step has said anything at all: both releases served in
// it, they can be compared, and no data is missing.
func (s *series) tells(st step) bool {
	if s.beside == nil || s.beside.Result().Blind {
		return false
	}
	var b, c uint64
	for _, l := range s.looks {
		if l.Stage != st.name || l.Period != beside {
			continue
		}
		if l.Baseline == nil || l.Canary == nil {
			continue
		}
		b, c = b+l.Baseline.Requests, c+l.Canary.Requests
	}
	return b > 0 && c > 0 && len(s.looks[len(s.looks)-1].Missing) == 0
}

// undecided is a stop for want of an answer, with what can be done about it.
func undecided(reason string) *stop {
	return &stop{Reason: reason, Fault: fairlead.FaultOf(&fairlead.Problem{
		Op: "judge", Kind: fairlead.KindFailed, Err: errors.New(reason),
		Hint: "give the stages more time or traffic (`fairlead plan` says how much), accept more in judge.margin or judge.negligible, " +
			"or choose undecided: ask or promote where that is safe",
	})}
}
