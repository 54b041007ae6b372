package flow

import (
	"context"
	"time"

	"fairlead.dev"
)

// watching is a watch on its way.
type watching struct {
	*move
	step    step
	end     time.Time // when the step's time is over
	stop    *stop     // came before the watch began
	kept    *series
	verdict fairlead.Verdict
	last    bool // the look at the end was kept
}

func (m *move) watching(ctx context.Context, s step, begin mark) (*watching, error) {
	kept, err := m.load(ctx)
	if err != nil {
		return nil, err
	}
	return &watching{move: m, step: s, end: begin.Time.Add(s.watch), stop: begin.Stop, kept: kept, verdict: m.verdict(kept, s)}, nil
}

// look looks once; nil as long as the watch goes on. A target that does not
// answer is looked at again the next time.
func (w *watching) look(ctx context.Context) (*sighting, error) {
	if w.stop != nil {
		return w.stopped(w.stop), nil
	}
	o, err := w.to.Observe(ctx, w.in.place())
	if err != nil {
		if ctx.Err() != nil || !fairlead.KindOf(err).Retryable() {
			return nil, err
		}
		w.Trouble(err)
		why, err := w.mustStop(ctx)
		if err != nil || why == nil {
			return nil, err
		}
		return w.stopped(why), nil
	}
	over := !now().Before(w.end)
	if over && !w.last || w.dueLook(w.kept, o) {
		if w.kept, err = w.see(ctx, w.kept, w.step, o, false); err != nil {
			return nil, err
		}
		w.verdict, w.last = w.move.verdict(w.kept, w.step), over
	}
	if w.verdict.Answer == fairlead.AnswerWorse {
		return &sighting{Verdict: w.verdict, Stop: &stop{Reason: w.verdict.Stage + ": " + w.verdict.Reason}}, nil
	}
	why, err := w.mustStop(ctx)
	if err != nil {
		return nil, err
	}
	if why != nil {
		return &sighting{Verdict: w.verdict, Stop: why}, nil
	}
	if over {
		return w.settle(w.kept, w.step, w.verdict, now().Sub(w.end)), nil
	}
	return nil, nil
}

// stopped is the end of a watch whose target does not answer.
func (w *watching) stopped(why *stop) *sighting {
	v := w.verdict
	v.Time, v.Answer, v.Reason = now(), fairlead.AnswerUndecided, "the target does not answer"
	return &sighting{Verdict: v, Stop: why}
}
