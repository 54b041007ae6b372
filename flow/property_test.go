package flow_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"fairlead.dev"
)

// chance is one random release: how it is rolled out and how it behaves.
type chance struct {
	plan   fairlead.Plan
	manner manner
	flap   int // look at which it is not ready for once; 0 never
}

func draw(t *rapid.T, name string) chance {
	c := chance{manner: manner{
		looks: rapid.SampledFrom([]int{0, 1, 2, 5, -1}).Draw(t, "looks until ready"),
		idle:  rapid.Bool().Draw(t, "idle"), worseAt: rapid.SampledFrom([]int{0, 0, 1, 40, 100}).Draw(t, "worse at"),
		dies: rapid.IntRange(0, 7).Draw(t, "dies") == 0,
	}}
	strategy := rapid.SampledFrom([]fairlead.Strategy{fairlead.StrategyCanary, fairlead.StrategyRolling, fairlead.StrategyBlueGreen}).Draw(t, "strategy")
	weights := []int{100}
	if strategy == fairlead.StrategyCanary {
		weights = rapid.SampledFrom([][]int{{1}, {5, 50}, {10, 10, 60}, {30, 100}}).Draw(t, "stages")
	}
	c.flap = rapid.SampledFrom([]int{0, 0, 3, 9, 17}).Draw(t, "flaps at")
	c.plan = plan(name, strategy, weights, func(p *fairlead.Plan) {
		for i := range p.Release.Steps {
			p.Release.Steps[i].For = fairlead.Duration(3 * time.Millisecond)
		}
		p.Release.Bake, p.Release.Ready = fairlead.Duration(3*time.Millisecond), fairlead.Duration(150*time.Millisecond) // a busy machine looks seldom
		p.Release.Replicas = rapid.IntRange(1, 4).Draw(t, "replicas")
		p.Release.Judge.Undecided = rapid.SampledFrom([]string{
			fairlead.UndecidedRollback, fairlead.UndecidedPromote, fairlead.UndecidedHold,
		}).Draw(t, "undecided")
		if p.Release.Judge.Undecided == fairlead.UndecidedPromote && rapid.Bool().Draw(t, "keep old") {
			p.Release.KeepOld = fairlead.Duration(time.Millisecond)
		}
	})
	return c
}

// outcome says how the release has to end; "" is either way. There is no
// answer without requests on both sides, so it matters whether the live one
// served any.
func (c chance) outcome(liveIdle bool) fairlead.Result {
	bad := c.manner.looks < 0 || c.manner.dies || c.manner.worseAt > 0 && !c.manner.idle
	switch {
	case bad, (c.manner.idle || liveIdle) && c.plan.Release.Judge.Undecided != fairlead.UndecidedPromote:
		return fairlead.ResultFailure
	case c.flap > 0:
		return "" // it may or may not have been looked at just then
	}
	return fairlead.ResultSuccess
}

// However a release behaves: weights sum to 100 or 0, nothing takes traffic
// that is not ready, the old release keeps a ready replica for as long as it
// may be needed, and in the end one release has everything.
func TestNoTrafficIsEverLost(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.old()
	live, liveIdle, n := "old", false, 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		name := fmt.Sprintf("v%d", n)
		c := draw(t, name)
		var looks atomic.Int32
		r.stand.looked = func() {
			if c.flap == 0 {
				return
			}
			m := c.manner
			if int(looks.Add(1)) == c.flap {
				m.looks = -1
			}
			r.stand.behave(name, m)
		}
		r.stand.behave(name, c.manner)
		r.stand.forget(shop)
		run := r.deliver(c.plan)
		r.stand.behave(name, c.manner)
		if want := c.outcome(liveIdle); want != "" && run.Result != want {
			t.Fatalf("%s: %s, want %s", run.Result, run.Reason, want)
		}
		h := r.stand.history(shop)
		if len(h) == 0 {
			t.Fatalf("%s: %s: the target was told nothing", run.Result, run.Reason)
		}
		needed := h
		switch run.Result {
		case fairlead.ResultSuccess:
			needed, liveIdle = h[:len(h)-1], c.manner.idle // the last one drops it
		case fairlead.ResultFailure:
			name = live
		default:
			t.Fatalf("%s: %s", run.Result, run.Reason)
		}
		for _, m := range needed {
			if m.ready[live] == 0 {
				t.Fatalf("at %q %s has nothing ready", m.state, live)
			}
		}
		live = name
		if last := h[len(h)-1].state; !strings.HasPrefix(last, live+" ") || !strings.HasSuffix(last, "@100") || strings.Count(last, "@") > 1 {
			t.Fatalf("%s is live, the last state is %q", live, last)
		}
		r.live(live)
		if r.Failed() {
			t.FailNow()
		}
	})
}
