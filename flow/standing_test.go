package flow_test

import (
	"testing"
	"time"

	"fairlead.dev"
	"fairlead.dev/target"
)

// When the live release is down, the fix replaces it at once: there is nothing
// to compare with and nothing to protect.
func TestFixForward(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.old()
	r.stand.manners["old"] = manner{dies: true}
	run := r.deliver(canary("new", func(p *fairlead.Plan) { p.Release.Ready = fairlead.Duration(200 * time.Millisecond) }))
	r.ended(run, fairlead.ResultSuccess)
	r.states("new 2@0", "new 2@100")
	r.live("new")
}

// A live release that is only coming up, as after a restart of the target, is
// waited for and then replaced by stages as always.
func TestLiveReleaseComingUpIsWaitedFor(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.old()
	r.stand.manners["old"] = manner{looks: 5}
	r.stand.restart(shop)
	run := r.deliver(canary("new"))
	r.ended(run, fairlead.ResultSuccess)
	r.states("new 2@0 old 2@100", "new 2@10 old 2@90", "new 2@50 old 2@50", "new 2@100 old 2@0", "new 2@100")
	r.live("new")
}

// restart makes every replica in a place start anew.
func (s *stand) restart(at target.Place) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.spot(at).runs {
		r.ages = make([]int, len(r.ages))
	}
}
