package flow

import (
	"context"
	"errors"
	"fmt"
	"time"

	"fairlead.dev"
	"fairlead.dev/judge"
	"fairlead.dev/target"
)

// mark is the checkpoint of the moment a watch begins: counters to subtract.
type mark struct {
	Time     time.Time       `json:"time"`
	Baseline fairlead.Sample `json:"baseline"`
	Canary   fairlead.Sample `json:"canary"`
	Stop     *stop           `json:"stop,omitempty"` // the target did not answer until this came
}

// sighting is the checkpoint of a watch.
type sighting struct {
	Verdict fairlead.Verdict `json:"verdict"`
	Stop    *stop            `json:"stop,omitempty"`
}

// judge watches a step for its time and records the verdict. Only a verdict
// that is not worse, or an undecided one that policy lets pass, goes on.
func (m *move) judge(s step) (*stop, error) {
	if s.watch <= 0 {
		return nil, nil
	}
	begin, err := do(m.flows, m.fl, "mark "+s.name, func(ctx context.Context) (mark, error) { return m.mark(ctx) })
	if err != nil {
		return nil, err
	}
	seen, err := do(m.flows, m.fl, "watch "+s.name, func(ctx context.Context) (sighting, error) {
		return m.watch(ctx, s, begin)
	})
	if err != nil {
		return nil, err
	}
	if err := m.noteVerdict(seen.Verdict); err != nil {
		return nil, err
	}
	if s.after.weight < 100 {
		m.shared = &seen.Verdict.Baseline
	}
	return seen.Stop, nil
}

func (m *move) mark(ctx context.Context) (mark, error) {
	o, why, err := m.observe(ctx)
	if err != nil || why != nil {
		return mark{Time: now(), Stop: why}, err
	}
	b, c := m.arms(o)
	return mark{Time: now(), Baseline: b.Sample, Canary: c.Sample}, nil
}

// observe asks the target until it answers. As long as it does not, whoever
// cancels, and the deadline, are heard: the stop that is not nil then.
func (m *move) observe(ctx context.Context) (target.Observed, *stop, error) {
	for {
		o, err := m.to.Observe(ctx, m.in.place())
		if err == nil || ctx.Err() != nil || !fairlead.KindOf(err).Retryable() {
			return o, nil, err
		}
		m.Trouble(err)
		if why, err := m.mustStop(ctx); err != nil || why != nil {
			return o, why, err
		}
		if err := pause(ctx, m.Tick); err != nil {
			return o, nil, err
		}
	}
}

// arms gives the previous release and the new one as the target sees them.
func (m *move) arms(o target.Observed) (baseline, canary target.Instance) {
	if m.previous != nil {
		baseline, _ = o.Find(m.previous.ID)
	}
	canary, _ = o.Find(m.in.Release.ID)
	return baseline, canary
}

// watch looks at the counters every tick until the step's time is over. Worse
// ends it at once; undecided at the end follows the policy. It starts from the
// recorded mark, so a resumed watch ends when the first one would have.
func (m *move) watch(ctx context.Context, s step, begin mark) (sighting, error) {
	policy := m.in.Plan.Release.Judge
	end := begin.Time.Add(s.watch)
	for {
		v, why, err := m.look(ctx, s, begin)
		if err != nil {
			return sighting{}, err
		}
		if why != nil {
			return sighting{Verdict: v, Stop: why}, nil
		}
		if v.Answer == fairlead.AnswerWorse {
			return sighting{Verdict: v, Stop: &stop{Reason: v.Stage + ": " + v.Reason}}, nil
		}
		if why, err = m.mustStop(ctx); err != nil {
			return sighting{}, err
		}
		if why != nil {
			return sighting{Verdict: v, Stop: why}, nil
		}
		if over := now(); !over.Before(end) {
			done, why := m.settle(v, policy, over.Sub(end))
			if done {
				v.Reason += m.passing(v, why)
				return sighting{Verdict: v, Stop: why}, nil
			}
		}
		if err := pause(ctx, m.Tick); err != nil {
			return sighting{}, err
		}
	}
}

// passing says why an undecided verdict lets the release go on.
func (m *move) passing(v fairlead.Verdict, why *stop) string {
	switch {
	case why != nil || v.Answer != fairlead.AnswerUndecided:
		return ""
	case m.previous == nil:
		return "; it goes on: it replaces nothing that serves"
	default:
		return "; it goes on by policy"
	}
}

// look takes one sample and asks the judge. A stop means that there was no
// sample to judge.
func (m *move) look(ctx context.Context, s step, begin mark) (fairlead.Verdict, *stop, error) {
	v := fairlead.Verdict{
		ID: m.in.ID + "/verdict/" + s.name, Deployment: m.in.ID, Stage: s.name,
		Answer: fairlead.AnswerUndecided, Reason: "the target does not answer",
	}
	var o target.Observed
	why, err := begin.Stop, error(nil)
	if why == nil {
		o, why, err = m.observe(ctx)
	}
	v.Time = now()
	if err != nil || why != nil {
		return v, why, err
	}
	b, c := m.arms(o)
	baseline, canary := b.Sample.Since(begin.Baseline), c.Sample.Since(begin.Canary)
	if s.after.weight == 100 {
		baseline = m.reference(b.Sample, baseline.Restarts)
	}
	var r judge.Result
	if m.previous == nil {
		r = judge.Alone(canary, m.in.Plan.Release.Judge)
	} else {
		r = judge.Compare(baseline, canary, m.in.Plan.Release.Judge)
	}
	v.Answer, v.Reason, v.Metrics, v.Baseline, v.Canary = r.Answer, r.Reason, r.Metrics, baseline, canary
	return v, nil, nil
}

// settle says whether the end of a stage has come, and whether it is a stop. A
// first release has nothing to go back to, so there undecided is no reason to stop.
func (m *move) settle(v fairlead.Verdict, p fairlead.JudgePolicy, late time.Duration) (done bool, why *stop) {
	if v.Answer != fairlead.AnswerUndecided || m.previous == nil {
		return true, nil
	}
	switch p.Undecided {
	case fairlead.UndecidedPromote:
		return true, nil
	case fairlead.UndecidedHold:
		if late < p.Hold.D() {
			return false, nil
		}
		return true, undecided(fmt.Sprintf("%s: still undecided after holding for %s: %s", v.Stage, p.Hold, v.Reason))
	default:
		return true, undecided(fmt.Sprintf("%s: undecided: %s", v.Stage, v.Reason))
	}
}

// undecided is a stop for want of an answer, with what can be done about it.
func undecided(reason string) *stop {
	return &stop{Reason: reason, Fault: fairlead.FaultOf(&fairlead.Problem{
		Op: "judge", Kind: fairlead.KindFailed, Err: errors.New(reason),
		Hint: "give the stages more time or traffic, lower judge.min-requests, or choose undecided: promote where that is safe",
	})}
}

// mustStop tells whether the rollout has to stop for a reason outside the
// release: somebody stopped it, or the deployment's own deadline has passed.
func (m *move) mustStop(ctx context.Context) (*stop, error) {
	if why, err := m.dismissed(ctx); err != nil || why != nil {
		return why, err
	}
	if limit := m.in.Plan.Release.Deadline.D(); limit > 0 && now().Sub(m.first) > limit {
		return &stop{Reason: fmt.Sprintf("not done within %s", limit)}, nil
	}
	return nil, nil
}

// dismissed tells whether somebody stopped the rollout: by cancelling the run,
// or by a rollback that took the environment over.
func (m *move) dismissed(ctx context.Context) (*stop, error) {
	cancelled, err := m.Situation.CancelRequested(ctx, m.in.RunID)
	if err != nil {
		return nil, err
	}
	if cancelled {
		return &stop{Reason: "cancelled", Cancelled: true}, nil
	}
	st, err := m.Situation.Environment(ctx, m.in.Plan.Environment, m.in.Plan.Service)
	if err != nil {
		return nil, err
	}
	if st.Moving != m.in.ID {
		return &stop{Reason: "a rollback took the environment over", Replaced: true}, nil
	}
	return nil, nil
}

// now is the wall clock inside a step, where its value is part of what the
// step records. Flows themselves ask the engine.
func now() time.Time { return time.Now().UTC() }

// reference is what a release with all the traffic is judged against, since
// the old one serves nothing any more: what that served beside it at the last
// shared stage, else since the rollout began, else, when that was too little,
// in all its life. Restarts are those of the stage: old ones excuse nothing.
func (m *move) reference(whole fairlead.Sample, restarts uint64) fairlead.Sample {
	out := whole
	if recent := whole.Since(m.start); recent.Requests >= uint64(max(0, m.in.Plan.Release.Judge.MinRequests)) {
		out = recent
	}
	if m.shared != nil {
		out = *m.shared
	}
	out.Restarts = restarts
	return out
}
