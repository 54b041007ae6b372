package flow_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"fairlead.dev"
	"fairlead.dev/store"
)

// arrivals notes what takes the traffic each time it is told that something does.
type arrivals struct {
	store *store.Store
	mu    sync.Mutex
	fail  []error // of the next calls
	told  []string
}

func (a *arrivals) Arrived(ctx context.Context, environment, service string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.fail) > 0 {
		err := a.fail[0]
		a.fail = a.fail[1:]
		return err
	}
	st, err := a.store.Environment(ctx, environment, service)
	if err == nil {
		a.told = append(a.told, st.Current.Command[0])
	}
	return err
}

// Whoever has to know is told what went live once that is recorded, again when
// he could not be reached; and what he cannot do holds up nobody.
func TestArrivalsAreTold(t *testing.T) {
	var a *arrivals
	r := newRigWith(t, func(r *rig) {
		a = &arrivals{store: r.store}
		r.parts.Arrivals = a
	})
	r.old()
	a.fail = []error{&fairlead.Problem{Op: "index", Kind: fairlead.KindTransient, Err: errors.New("busy")}}
	if run := r.deliver(plan("new", fairlead.StrategyRolling, []int{100})); run.Result != fairlead.ResultSuccess {
		t.Fatalf("%+v", run)
	}
	if want := []string{"old", "new"}; !slices.Equal(a.told, want) || r.trouble.count() != 0 {
		t.Errorf("told %v, want %v, with %d troubles", a.told, want, r.trouble.count())
	}
	a.fail = []error{&fairlead.Problem{Op: "index", Kind: fairlead.KindInternal, Err: errors.New("unreadable")}}
	if run := r.deliver(plan("newer", fairlead.StrategyRolling, []int{100})); run.Result != fairlead.ResultSuccess || r.trouble.count() != 1 {
		t.Errorf("%+v, %d troubles", run, r.trouble.count())
	}
	r.live("newer")
}
