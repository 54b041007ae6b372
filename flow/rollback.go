package flow

import (
	"context"
	"fmt"
	"time"

	"fairlead.dev"
	"fairlead.dev/engine"
	"fairlead.dev/target"
)

// Rollback is the input of the rollback flow: all traffic back to a release
// that is known good.
type Rollback struct {
	ID          string            `json:"id"`
	RunID       string            `json:"run_id"`               // run under which it is recorded
	Own         bool              `json:"own,omitempty"`        // RunID is this rollback's own run, asked for by a person
	Deployment  string            `json:"deployment,omitempty"` // deployment that is stopped, when one moves
	Environment string            `json:"environment"`
	Service     string            `json:"service"`
	From        fairlead.Release  `json:"from"`             // goes
	To          *fairlead.Release `json:"to,omitempty"`     // nil: nothing ran before, so nothing runs afterwards
	ToRun       string            `json:"to_run,omitempty"` // run whose evidence lets To in, should the target have dropped it
	Reason      string            `json:"reason"`
}

// RollbackID names the rollback of a deployment. There is at most one.
func RollbackID(deployment string) string { return deployment + "/rollback" }

func (in Rollback) place() target.Place {
	return target.Place{Environment: in.Environment, Service: in.Service}
}

// turned is the checkpoint of the first act.
type turned struct {
	Fence   int64             `json:"fence"`
	Current *fairlead.Release `json:"current,omitempty"` // when the rollback began
	Turned  bool              `json:"turned"`            // all traffic is on the stable release
	Fault   *fairlead.Fault   `json:"fault,omitempty"`   // the environment could not be claimed
	Time    time.Time         `json:"time"`
}

// rollback turns the traffic first and tidies up afterwards.
func (f *flows) rollback(fl *engine.Flow, in Rollback) (Ending, error) {
	to := f.target(in.From.Target)
	t, err := do(f, fl, "turn", func(ctx context.Context) (turned, error) { return f.turn(ctx, in, to) })
	if err != nil {
		return Ending{}, err
	}
	if err := f.noteTurn(fl, in, t); err != nil {
		return Ending{}, err
	}
	done, err := do(f, fl, "settle", func(ctx context.Context) (settled, error) {
		return f.settleBack(ctx, in, to, t)
	})
	if err != nil {
		return Ending{}, err
	}
	end := ending(in, done.Fault)
	return end, f.endRollback(fl, in, t, done, end)
}

// turn takes the environment over and, in the same breath, gives all traffic
// to the stable release. When that is not ready it is brought up by settleBack.
func (f *flows) turn(ctx context.Context, in Rollback, to target.Target) (turned, error) {
	st, err := f.Ledger.ClaimEnvironment(ctx, in.Environment, in.Service, in.ID, in.Deployment)
	if fairlead.KindOf(err) == fairlead.KindConflict {
		return turned{Fault: fairlead.FaultOf(err), Time: now()}, nil
	}
	if err != nil {
		return turned{}, err
	}
	out := turned{Fence: st.Fence, Current: st.Current}
	fault, err := f.attempt(ctx, func() error { return to.Apply(ctx, in.place(), in.desired(st.Fence, 100, 0)) })
	out.Turned, out.Time = fault == nil, now()
	return out, err
}

// desired keeps both releases running and divides the traffic between them.
func (in Rollback) desired(fence int64, toWeight, fromWeight int) target.Desired {
	if in.To == nil {
		return target.Desired{Fence: fence, Config: in.From.Config}
	}
	d := target.Desired{Fence: fence, Config: in.To.Config, Releases: []target.Wanted{
		{Release: in.To.ID, Replicas: in.To.Replicas, Weight: toWeight},
	}}
	if in.From.ID != in.To.ID {
		d.Releases = append(d.Releases, target.Wanted{Release: in.From.ID, Replicas: in.From.Replicas, Weight: fromWeight})
	}
	return d
}

// settled is the checkpoint of the end of a rollback.
type settled struct {
	Turned bool            `json:"turned"` // all traffic is on the stable release
	Time   time.Time       `json:"time"`   // when that was so, when it came after the first act
	Fault  *fairlead.Fault `json:"fault,omitempty"`
}

// settleBack brings the stable release to full strength with all the traffic
// and stops the other one. It goes on trying for as long as there is patience; a
// fault means that a person is needed.
func (f *flows) settleBack(ctx context.Context, in Rollback, to target.Target, t turned) (settled, error) {
	out := settled{Turned: t.Turned, Time: t.Time, Fault: t.Fault}
	if t.Fault != nil {
		return out, nil
	}
	for p := f.patient(); ; {
		fault, err := f.tryBack(ctx, in, to, t, p, &out)
		if err != nil {
			return out, err
		}
		if fault == nil || final(fault) || p.over() {
			out.Fault = fault
			return out, nil
		}
		if err := pause(ctx, f.Tick); err != nil {
			return out, err
		}
	}
}

// final tells whether trying a rollback again is in vain.
func final(f *fairlead.Fault) bool {
	return f.Kind == fairlead.KindDenied || f.Kind == fairlead.KindInvalid || f.Kind == fairlead.KindNotFound
}

// tryBack goes once through all that is left of a rollback.
func (f *flows) tryBack(ctx context.Context, in Rollback, to target.Target, t turned, p *patience, out *settled) (*fairlead.Fault, error) {
	apply := func(d target.Desired) (*fairlead.Fault, error) {
		return f.attempt(ctx, func() error { return to.Apply(ctx, in.place(), d) })
	}
	if !out.Turned {
		if in.To != nil {
			if fault, err := f.deliverAgain(ctx, in, to); err != nil || fault != nil {
				return fault, err
			}
			if fault, err := f.bringBack(ctx, in, to, t, p); err != nil || fault != nil {
				return fault, err
			}
		}
		if fault, err := apply(in.desired(t.Fence, 100, 0)); err != nil || fault != nil {
			return fault, err
		}
		out.Turned, out.Time = true, now()
	}
	if in.To == nil {
		return nil, nil
	}
	if fault, err := f.strength(ctx, in, to, in.To.Replicas, p); err != nil || fault != nil {
		return fault, err
	}
	alone := in
	alone.From = *in.To
	return f.force(ctx, to, in.place(), alone.desired(t.Fence, 100, 0))
}

// deliverAgain hands over the stable release when it may be gone from the
// target; one that is still there is left as it is.
func (f *flows) deliverAgain(ctx context.Context, in Rollback, to target.Target) (*fairlead.Fault, error) {
	if in.ToRun == "" {
		return nil, nil
	}
	evidence, err := f.Archive.EvidenceOf(ctx, in.ToRun)
	if err != nil {
		return nil, err
	}
	b := bundle(*in.To, evidence)
	return f.attempt(ctx, func() error { return to.Deliver(ctx, in.place(), b, f.Content) })
}

// bringBack starts the stable release beside the other one, which keeps the
// traffic if it can serve it, and waits for the first ready replica.
func (f *flows) bringBack(ctx context.Context, in Rollback, to target.Target, t turned, p *patience) (*fairlead.Fault, error) {
	fault, err := f.attempt(ctx, func() error { return to.Apply(ctx, in.place(), in.desired(t.Fence, 0, 100)) })
	if err == nil && fault != nil && fault.Kind == fairlead.KindConflict {
		fault, err = f.attempt(ctx, func() error { return to.Apply(ctx, in.place(), in.desired(t.Fence, 0, 0)) })
	}
	if err != nil || fault != nil {
		return fault, err
	}
	if err := pause(ctx, f.Tick); err != nil {
		return nil, err
	}
	return f.strength(ctx, in, to, 1, p)
}

// strength waits until the stable release has that many ready replicas.
func (f *flows) strength(ctx context.Context, in Rollback, to target.Target, replicas int, p *patience) (*fairlead.Fault, error) {
	for {
		var seen target.Instance
		if o, err := to.Observe(ctx, in.place()); err == nil {
			seen, _ = o.Find(in.To.ID)
		}
		if seen.Ready >= replicas {
			return nil, nil
		}
		if p.over() {
			return f.givenUp(in, fmt.Sprintf("%d of %d replicas are ready", seen.Ready, replicas)), nil
		}
		if err := pause(ctx, f.Tick); err != nil {
			return nil, err
		}
	}
}

// givenUp is the fault of a rollback that ran out of patience.
func (f *flows) givenUp(in Rollback, cause string) *fairlead.Fault {
	return fairlead.FaultOf(&fairlead.Problem{
		Op: "roll back", Kind: fairlead.KindUnavailable,
		Err:  fmt.Errorf("release %s is not at full strength after %s: %s", in.To.ID.Short(), f.Patience, cause),
		Hint: "see `fairlead logs` for what the stable release says; start it by hand if need be",
	})
}

func ending(in Rollback, fault *fairlead.Fault) Ending {
	if fault != nil {
		return Ending{Result: fairlead.ResultError, Reason: "rollback needs a person: " + fault.Cause, Fault: fault}
	}
	if in.To == nil {
		return Ending{Result: fairlead.ResultSuccess, Reason: "rolled back: the release was stopped, nothing ran before it"}
	}
	return Ending{Result: fairlead.ResultSuccess, Reason: fmt.Sprintf("rolled back: all traffic is on release %s", in.To.ID.Short())}
}
