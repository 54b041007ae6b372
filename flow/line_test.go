package flow_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"fairlead.dev"
	"fairlead.dev/engine"
	"fairlead.dev/flow"
	"fairlead.dev/target"
)

// locked gives a plan its lock.
func locked(l fairlead.Lock) func(*fairlead.Plan) {
	return func(p *fairlead.Plan) { p.Lock = l }
}

// inLine waits until a run waits in line.
func (r *rig) inLine(id string) {
	r.Helper()
	for end := time.Now().Add(20 * time.Second); r.records(id, fairlead.RecordRunInLine) == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			r.Fatalf("run %s does not wait in line", id)
		}
	}
}

// held lets a state be reached and stay until the function that it gives is called.
func (r *rig) held(at string) (reached func(), goOn func()) {
	r.Helper()
	in, out := make(chan struct{}), make(chan struct{})
	var once sync.Once
	r.stand.applied = func(state string) {
		if state == at {
			once.Do(func() { close(in); <-out })
		}
	}
	reached = func() {
		r.Helper()
		select {
		case <-in:
		case <-time.After(20 * time.Second):
			r.stand.mu.Lock()
			defer r.stand.mu.Unlock()
			r.Fatalf("%q is not reached, but %+v", at, r.stand.spots[shop])
		}
	}
	return reached, func() { close(out) }
}

func TestEnvironmentThatMoves(t *testing.T) {
	r := newRig(t)
	r.old()
	st, err := r.store.ClaimEnvironment(t.Context(), shop.Environment, shop.Service, "r9/deployment", "")
	if err != nil {
		t.Fatal(err)
	}
	id := r.start(canary("new"))
	r.inLine(id)
	r.states()
	turn, err := r.store.Turn(t.Context(), id)
	if err != nil || len(turn.Waits) != 1 || turn.Waits[0].Holder != "r9/deployment" || turn.Waits[0].Position != 1 {
		t.Errorf("it waits for %+v, %v", turn, err)
	}
	st.Moving = ""
	free := fairlead.Record{ID: "r9/free", Type: fairlead.RecordDeploymentEnded, Subject: "r9/deployment", RunID: "r9"}
	if _, err := r.store.Commit(t.Context(), fairlead.Update{Records: []fairlead.Record{free}, Environment: &st}); err != nil {
		t.Fatal(err)
	}
	r.ended(r.wait(id), fairlead.ResultSuccess)
	r.live("new")
}

// Three pushes in a row, the first of which is on its way when the others come.
func TestThreeInARow(t *testing.T) {
	tests := []struct {
		mode fairlead.LockMode
		ends []fairlead.Result
	}{
		{fairlead.LockSerialize, []fairlead.Result{fairlead.ResultSuccess, fairlead.ResultSuccess, fairlead.ResultSuccess}},
		{fairlead.LockSupersede, []fairlead.Result{fairlead.ResultSuccess, fairlead.ResultCancellation, fairlead.ResultSuccess}},
		{fairlead.LockParallel, []fairlead.Result{fairlead.ResultSuccess, fairlead.ResultSuccess, fairlead.ResultSuccess}},
	}
	for _, tt := range tests {
		t.Run(string(tt.mode), func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.old()
			reached, goOn := r.held("a 2@10 old 2@90")
			lock := locked(fairlead.Lock{Mode: tt.mode})
			ids := []string{r.start(canary("a", lock))}
			reached()
			for _, name := range []string{"b", "c"} {
				ids = append(ids, r.start(canary(name, lock)))
				r.inLine(ids[len(ids)-1])
			}
			goOn()
			var order []string
			for i, id := range ids {
				run := r.wait(id)
				r.ended(run, tt.ends[i])
				if run.Result == fairlead.ResultCancellation {
					r.passed(run, ids[2])
				}
			}
			for _, m := range r.stand.history(shop) {
				for _, word := range strings.Fields(m.state) {
					if word != "old" && !strings.Contains(word, "@") && !slices.Contains(order, word) {
						order = append(order, word)
					}
				}
			}
			if want := map[fairlead.LockMode]string{
				fairlead.LockSerialize: "[a b c]", fairlead.LockSupersede: "[a c]",
			}[tt.mode]; want != "" && fmt.Sprint(order) != want {
				t.Errorf("the target saw %v, want %s", order, want)
			}
			if line, err := r.store.Line(t.Context(), shop.Environment, shop.Service); err != nil || len(line) > 0 {
				t.Errorf("left in line: %+v %v", line, err)
			}
		})
	}
}

// passed holds that a run ended because another goes instead, and that this is
// recorded.
func (r *rig) passed(run fairlead.Run, by string) {
	r.Helper()
	r.ended(run, fairlead.ResultCancellation, "superseded by run "+by)
	if run.Superseded != by || r.records(run.ID, fairlead.RecordRunSuperseded) != 1 {
		r.Errorf("run %s is superseded by %q, with %d records", run.ID, run.Superseded, r.records(run.ID, fairlead.RecordRunSuperseded))
	}
}

// With cancel-running a newer run does not wait for an older one to be done:
// that is rolled back first, and then makes way.
func TestCancelRunning(t *testing.T) {
	r := newRig(t)
	r.old()
	lock := locked(fairlead.Lock{Mode: fairlead.LockSupersede, CancelRunning: true})
	long := func(p *fairlead.Plan) { p.Release.Steps[0].For = fairlead.Duration(time.Hour) }
	reached, goOn := r.held("a 2@10 old 2@90")
	first := r.start(canary("a", lock, long))
	reached()
	second := r.start(canary("b", lock))
	r.inLine(second)
	goOn()
	r.passed(r.wait(first), second)
	r.ended(r.wait(second), fairlead.ResultSuccess)
	r.states(
		"a 2@0 old 2@100", "a 2@10 old 2@90", "a 2@0 old 2@100", "old 2@100",
		"b 2@0 old 2@100", "b 2@10 old 2@90", "b 2@50 old 2@50", "b 2@100 old 2@0", "b 2@100",
	)
	if n := r.records(first, fairlead.RecordRollbackFinished); n != 1 {
		t.Errorf("%d rollbacks of what was superseded", n)
	}
}

func TestCancelWhileInLine(t *testing.T) {
	r := newRig(t)
	r.old()
	reached, goOn := r.held("a 2@10 old 2@90")
	first := r.start(canary("a"))
	reached()
	second, third := r.start(canary("b")), r.start(canary("c"))
	r.inLine(second)
	r.inLine(third)
	if err := r.store.RequestCancel(t.Context(), second, "dana", ""); err != nil {
		t.Fatal(err)
	}
	r.ended(r.wait(second), fairlead.ResultCancellation, "cancelled while it waited in line")
	goOn()
	r.ended(r.wait(first), fairlead.ResultSuccess)
	r.ended(r.wait(third), fairlead.ResultSuccess)
	r.live("c")
}

// A run that fails before it is ready holds nobody up.
func TestFailedRunLeavesTheLine(t *testing.T) {
	r := newRig(t)
	r.old()
	hang := r.start(canary("a", withTask(task("unit", "test.tiny", fairlead.PhaseVerify, tiny{Hang: true}))))
	next := r.start(canary("b"))
	r.inLine(next)
	if err := r.store.RequestCancel(t.Context(), hang, "dana", ""); err != nil {
		t.Fatal(err)
	}
	if run := r.wait(hang); run.Result == fairlead.ResultSuccess {
		t.Errorf("%s: %s", run.Result, run.Reason)
	}
	r.ended(r.wait(next), fairlead.ResultSuccess)
}

// A run in line whose holder's process died sees to it that somebody goes on
// with that, and has its turn afterwards.
func TestDeadHolderIsRescued(t *testing.T) {
	r := newRig(t)
	r.old()
	reached, goOn := r.held("a 2@10 old 2@90")
	first := r.start(canary("a"))
	reached()
	goOn()
	r.engine.Close(5 * time.Second)
	var mu sync.Mutex
	asked := map[string]int{}
	r.parts.Rescue = func(ctx context.Context, runID string) error {
		mu.Lock()
		defer mu.Unlock()
		asked[runID]++
		_, err := r.engine.TakeOver(ctx, runID)
		return err
	}
	r.engine = r.launch()
	second := r.start(canary("b"))
	r.ended(r.wait(second), fairlead.ResultSuccess)
	r.ended(r.wait(first), fairlead.ResultSuccess)
	r.live("b")
	mu.Lock()
	defer mu.Unlock()
	if asked[first] == 0 {
		t.Errorf("nobody looked after %s: %v", first, asked)
	}
}

// slow is a target on the far side of a network: what it is told may arrive late.
type slow struct {
	*stand
	before func(target.Desired)
	after  func(target.Desired, error)
	refuse func(target.Place, target.Desired) error // nil: never
}

func (s slow) Apply(ctx context.Context, at target.Place, d target.Desired) error {
	s.before(d)
	if s.refuse != nil {
		if err := s.refuse(at, d); err != nil {
			return err
		}
	}
	err := s.stand.Apply(ctx, at, d)
	s.after(d, err)
	return err
}

// What a holder told the target before a rollback took the environment over,
// and what arrives afterwards, is refused by the target.
func TestStaleHolderIsRefused(t *testing.T) {
	r := newRig(t)
	r.old()
	r.engine.Close(time.Second)
	onItsWay, arrive := make(chan struct{}), make(chan struct{})
	var once sync.Once
	refused := make(chan error, 1)
	half := func(d target.Desired) bool { return len(d.Releases) == 2 && d.Releases[0].Weight == 50 }
	r.parts.Target = func(string) (target.Target, error) {
		return slow{
			stand: r.stand,
			before: func(d target.Desired) {
				if half(d) {
					once.Do(func() { close(onItsWay); <-arrive })
				}
			},
			after: func(d target.Desired, err error) {
				if half(d) {
					refused <- err
				}
			},
		}, nil
	}
	r.engine = r.launch()
	id := r.start(canary("new"))
	<-onItsWay
	d, err := r.store.Deployment(t.Context(), flow.DeploymentID(id))
	if err != nil {
		t.Fatal(err)
	}
	back := flow.RollbackID(d.ID)
	if err := engine.Start(t.Context(), r.engine, flow.NameRollback, back, flow.Rollback{
		ID: back, RunID: id, Deployment: d.ID, Environment: d.Environment, Service: d.Service, From: d.Release, To: d.Previous, Reason: "asked for",
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := engine.Result[flow.Ending](t.Context(), r.engine, back); err != nil {
		t.Fatal(err)
	}
	close(arrive)
	if err := <-refused; fairlead.KindOf(err) != fairlead.KindConflict {
		t.Errorf("a stale holder's word was taken: %v", err)
	}
	if run := r.wait(id); run.Result == fairlead.ResultSuccess {
		t.Errorf("it ended with %s: %s", run.Result, run.Reason)
	}
	r.live("old")
	r.states("new 2@0 old 2@100", "new 2@10 old 2@90", "new 2@0 old 2@100", "old 2@100")
}

func TestTicketsOfNothing(t *testing.T) {
	if got := flow.Tickets(fairlead.Plan{Service: "shop"}, "r1", time.Now()); got != nil {
		t.Errorf("a run that releases nothing stands in line: %+v", got)
	}
}
