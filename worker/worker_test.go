package worker_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fairlead.dev"
	"fairlead.dev/flow"
	"fairlead.dev/step"
	"fairlead.dev/worker"
)

// Only what may pass when it is tried again is tried again.
func TestRetries(t *testing.T) {
	for _, kind := range []fairlead.Kind{
		fairlead.KindInvalid, fairlead.KindNotFound, fairlead.KindConflict, fairlead.KindDenied, fairlead.KindFailed, fairlead.KindWaiting,
		fairlead.KindCancelled, fairlead.KindTimeout, fairlead.KindUnavailable, fairlead.KindTransient, fairlead.KindInternal,
	} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			s := newShed(t)
			s.do = func(context.Context, step.In) (step.Out, error) { return step.Out{}, problem(kind) }
			tr, _ := s.execute(s.order("run.func", "", retries(1)))
			want := 1
			if kind.Retryable() {
				want = 2
			}
			if tr.Attempts != want || s.calls != want || tr.Result == fairlead.ResultSuccess {
				t.Errorf("%d attempts, %d calls, %s; want %d", tr.Attempts, s.calls, tr.Result, want)
			}
			if tr.Fault == nil || tr.Fault.Kind != kind {
				t.Errorf("fault %+v", tr.Fault)
			}
		})
	}
}

func retries(n int) func(*flow.Order) { return func(o *flow.Order) { o.Task.Retries = n } }

func TestSecondAttemptSucceeds(t *testing.T) {
	s := newShed(t)
	var places []string
	s.do = func(_ context.Context, in step.In) (step.Out, error) {
		places = append(places, in.Scratch)
		if left, err := os.ReadDir(in.Scratch); err != nil || len(left) > 0 {
			t.Errorf("attempt %d finds %v, %v", in.Attempt, left, err)
		}
		must(t, os.WriteFile(filepath.Join(in.Scratch, "half"), nil, 0o600))
		if in.Attempt == 1 {
			return step.Out{}, problem(fairlead.KindTransient)
		}
		return step.Out{Outcome: step.Done, Reason: "at last"}, nil
	}
	o := s.order("run.func", "", retries(3))
	tr, _ := s.succeeds(o)
	if tr.Attempts != 2 || tr.Reason != "at last" || tr.Fault != nil || len(places) != 2 || places[0] == places[1] {
		t.Errorf("%+v in %v", tr, places)
	}
	started, err := s.store.Records(t.Context(), fairlead.RecordFilter{RunID: o.RunID, Types: []fairlead.RecordType{fairlead.RecordTaskStarted}})
	if err != nil || len(started) != 2 {
		t.Errorf("%d starts are recorded, %v", len(started), err)
	}
}

// How a step ends decides how the task does.
func TestResults(t *testing.T) {
	tests := []struct {
		out    step.Out
		err    error
		result fairlead.Result
		reason string
	}{
		{out: step.Out{Outcome: step.Done, Reason: "fine"}, result: fairlead.ResultSuccess, reason: "fine"},
		{out: step.Out{Outcome: step.Skipped, Reason: "nothing to do"}, result: fairlead.ResultSkip, reason: "nothing to do"},
		{out: step.Out{Outcome: step.Failed, Reason: "1 case failed"}, result: fairlead.ResultFailure, reason: "1 case failed"},
		{out: step.Out{Outcome: step.Waiting, Reason: "ask Ada"}, result: fairlead.ResultFailure, reason: "ask Ada"},
		{out: step.Out{Outcome: "odd"}, result: fairlead.ResultError, reason: `step type run.func ended with unknown outcome "odd"`},
		{err: problem(fairlead.KindFailed), result: fairlead.ResultFailure, reason: "work: as told"},
		{err: problem(fairlead.KindDenied), result: fairlead.ResultFailure, reason: "work: as told"},
		{err: problem(fairlead.KindTimeout), result: fairlead.ResultTimeout, reason: "work: as told"},
		{err: problem(fairlead.KindCancelled), result: fairlead.ResultCancellation, reason: "work: as told"},
		{err: problem(fairlead.KindInvalid), result: fairlead.ResultError, reason: "work: as told"},
		{err: errors.New("odd"), result: fairlead.ResultError, reason: "odd"},
	}
	s := newShed(t)
	for _, tt := range tests {
		s.do = func(context.Context, step.In) (step.Out, error) { return tt.out, tt.err }
		if tr, _ := s.execute(s.order("run.func", "")); tr.Result != tt.result || tr.Reason != tt.reason {
			t.Errorf("%+v %v: %s: %s; want %s: %s", tt.out, tt.err, tr.Result, tr.Reason, tt.result, tt.reason)
		}
	}
}

func TestTasksThatCannotBeDone(t *testing.T) {
	s := newShed(t)
	for name, tt := range map[string]struct {
		order flow.Order
		words string
	}{
		"unknown type": {s.order("build.magic", ""), `no step type "build.magic"`},
		"unknown key":  {s.order("build.command", `{"rum": "true"}`), "rum"},
	} {
		tr, ev := s.execute(tt.order)
		if tr.Result != fairlead.ResultError || !strings.Contains(tr.Reason, tt.words) || tr.Fault.Kind != fairlead.KindInvalid || len(ev) > 0 {
			t.Errorf("%s: %+v", name, tr)
		}
	}
	tr, _ := s.execute(s.build("true", func(o *flow.Order) { o.Task.Env = []string{"NOT_SET_ANYWHERE"} }))
	if tr.Result != fairlead.ResultError || tr.Fault.Kind != fairlead.KindInvalid || !strings.Contains(tr.Reason, "NOT_SET_ANYWHERE") {
		t.Errorf("unset variable: %+v", tr)
	}
}

func TestTimeout(t *testing.T) {
	s := newShed(t)
	o := s.build("echo begun; sleep 60", func(o *flow.Order) { o.Task.Timeout = fairlead.Duration(300 * time.Millisecond); o.Task.Retries = 3 })
	begun := time.Now()
	tr, _ := s.execute(o)
	if tr.Result != fairlead.ResultTimeout || tr.Attempts != 1 || tr.Fault.Hint == "" || !strings.Contains(tr.Reason, "not done after 300ms") {
		t.Errorf("%s: %s (%d attempts)", tr.Result, tr.Reason, tr.Attempts)
	}
	if took := time.Since(begun); took > 10*time.Second {
		t.Errorf("it took %s", took)
	}
	if out := s.output(o); !strings.Contains(out, "begun") {
		t.Errorf("output %q", out)
	}
}

func TestCancel(t *testing.T) {
	s := newShed(t)
	o := s.build("echo begun; sleep 60")
	var tr fairlead.TaskRun
	var done sync.WaitGroup
	done.Go(func() { tr, _ = s.execute(o) })
	s.eventually("the command has begun", func() bool { return strings.Contains(s.output(o), "begun") })
	must(t, s.store.RequestCancel(t.Context(), o.RunID, "dana", ""))
	done.Wait()
	if tr.Result != fairlead.ResultCancellation || tr.Fault == nil || tr.Fault.Kind != fairlead.KindCancelled {
		t.Errorf("%s: %s", tr.Result, tr.Reason)
	}
	if left := s.left(); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	again := s.build("true", func(next *flow.Order) { next.RunID, next.Task.ID = o.RunID, "next" })
	tr, _, err := worker.New(s.opts).Execute(t.Context(), again)
	if err != nil || tr.Result != fairlead.ResultCancellation || tr.Attempts != 0 {
		t.Errorf("the next task: %s: %s %v", tr.Result, tr.Reason, err)
	}
}

// slowCheckout is a hand-made fake: workspaces whose checkout never ends by
// itself and fails, as git does, when it is killed.
type slowCheckout struct {
	worker.Workspaces
	begun chan struct{}
}

func (w slowCheckout) Checkout(ctx context.Context, _, _ string) error {
	close(w.begun)
	<-ctx.Done()
	return problem(fairlead.KindUnavailable)
}

func TestCancelAndTimeoutOfACheckout(t *testing.T) {
	for _, cancel := range []bool{true, false} {
		s := newShed(t)
		w := slowCheckout{s.opts.Workspaces, make(chan struct{})}
		s.opts.Workspaces = w
		o := s.build("true")
		want := fairlead.ResultCancellation
		if cancel {
			go func() {
				<-w.begun
				if err := s.store.RequestCancel(context.Background(), o.RunID, "dana", ""); err != nil {
					t.Error(err)
				}
			}()
		} else {
			o.Task.Timeout, want = fairlead.Duration(50*time.Millisecond), fairlead.ResultTimeout
		}
		if tr, _ := s.execute(o); tr.Result != want {
			t.Errorf("%s: %s, want %s", tr.Result, tr.Reason, want)
		}
	}
}

// A process that goes down concludes nothing: the task is done again elsewhere.
func TestInterruptionIsAnError(t *testing.T) {
	s := newShed(t)
	ctx, stop := context.WithCancel(t.Context())
	s.do = func(ctx context.Context, _ step.In) (step.Out, error) {
		stop()
		<-ctx.Done()
		return step.Out{}, ctx.Err()
	}
	w := worker.New(s.opts)
	if tr, ev, err := w.Execute(ctx, s.order("run.func", "")); err == nil {
		t.Errorf("%+v %v", tr, ev)
	}
	if left := s.left(); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if _, _, err := w.Execute(ctx, s.order("run.func", "")); err == nil {
		t.Error("a task began after the end")
	}
}

func TestNoMoreThanParallelAtOnce(t *testing.T) {
	s := newShed(t)
	var now, most atomic.Int32
	full := make(chan struct{})
	s.opts.Types = map[string]step.Type{"run.func": {Name: "run.func", Config: struct{}{}, Needs: step.Needs{Network: true}, Run: func(context.Context, step.In) (step.Out, error) {
		n := now.Add(1)
		defer now.Add(-1)
		if most.Store(max(most.Load(), n)); n == 2 {
			full <- struct{}{} // both slots are taken: whoever began first waits for this
		} else {
			<-full
		}
		return step.Out{Outcome: step.Done}, nil
	}}}
	w := worker.New(s.opts)
	var done sync.WaitGroup
	for range 6 {
		o := s.order("run.func", "")
		done.Go(func() {
			if tr, _, err := w.Execute(t.Context(), o); err != nil || tr.Result != fairlead.ResultSuccess {
				t.Errorf("%+v %v", tr, err)
			}
		})
	}
	done.Wait()
	if most.Load() != 2 {
		t.Errorf("%d at once, want 2", most.Load())
	}
}
