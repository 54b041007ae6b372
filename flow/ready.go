package flow

import (
	"context"
	"fmt"
	"strings"
	"time"

	"fairlead.dev"
	"fairlead.dev/target"
)

// untilReady waits until the new release has that many ready replicas. Not
// ready in time, or failing for a reason the target knows, is a stop.
func (m *move) untilReady(ctx context.Context, replicas int, since time.Time) (*stop, error) {
	limit := m.in.Plan.Release.Ready.D()
	var last target.Instance
	var before *uint64 // restarts when we began to look: a release may have run here earlier
	for {
		o, err := m.to.Observe(ctx, m.in.place())
		if err == nil {
			last, _ = o.Find(m.in.Release.ID)
			if before == nil {
				first := last.Sample.Restarts
				before = &first
			}
			if last.Ready >= replicas {
				return nil, nil
			}
			if hopeless(last, last.Sample.Restarts-min(*before, last.Sample.Restarts)) {
				return notReady("not ready: "+last.Problem.Cause, last.Problem), nil
			}
		} else {
			last = target.Instance{Problem: fairlead.FaultOf(err)}
		}
		if why, err := m.mustStop(ctx); err != nil || why != nil {
			return why, err
		}
		if now().Sub(since) > limit {
			return notReady(fmt.Sprintf("%d of %d replicas ready after %s", last.Ready, replicas, limit), last.Problem), nil
		}
		if err := pause(ctx, m.Tick); err != nil {
			return nil, err
		}
	}
}

// notReady is a stop because the release does not come up: the release failed,
// not the machinery, unless the target refused to start it.
func notReady(reason string, seen *fairlead.Fault) *stop {
	f := fairlead.Fault{Op: "start release", Kind: fairlead.KindFailed, Hint: "`fairlead logs` with --environment shows what its replicas wrote"}
	if seen != nil {
		reason += reasonOf(reason, seen)
		if seen.Kind == fairlead.KindDenied {
			f.Kind = fairlead.KindDenied
		}
		if seen.Hint != "" {
			f.Hint = seen.Hint
		}
	}
	f.Cause = reason
	return &stop{Reason: reason, Fault: &f}
}

// reasonOf adds what the target knows, unless the reason says it already.
func reasonOf(reason string, seen *fairlead.Fault) string {
	if strings.Contains(reason, seen.Cause) {
		return ""
	}
	return ": " + seen.Cause
}

// tooOften is how many times a release may go down before it was ever ready.
const tooOften = 2

// hopeless tells whether waiting longer for an instance is in vain: it was
// refused, it is not what can be started, or it went down again and again without ever being ready.
func hopeless(i target.Instance, restarts uint64) bool {
	if i.Problem == nil || i.Ready > 0 {
		return false
	}
	return i.Problem.Kind == fairlead.KindDenied || i.Problem.Kind == fairlead.KindInvalid || restarts >= tooOften
}
