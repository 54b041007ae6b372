package process

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"testing"
	"time"

	"fairlead.dev"
	"fairlead.dev/target"
)

// listening is the test service's config with an address of its own.
func listening(addr string) string {
	return fmt.Sprintf(`{"listen":%q,"ready":{"http":"/readyz","interval":"50ms"},"drain":"5s","grace":"3s"}`, addr)
}

// moving is a desired state that comes with the config of g, as a flow sends it.
func moving(fence int64, g goods, wanted ...target.Wanted) target.Desired {
	return target.Desired{Fence: fence, Config: g.Release.Config, Releases: wanted}
}

func TestABrokenReleaseIsReplaced(t *testing.T) {
	l := startLab(t)
	live, fix := makeRelease(t, "live"), makeRelease(t, "fix")
	l.roll(1, live, 1)
	mustGet(t, l.instance(live).Endpoint+"/unready")
	l.eventually(5*time.Second, "the live release is down", func() bool { return l.instance(live).Ready == 0 })
	l.apply(want(1, run(live, 1, 100))) // the same again
	l.apply(want(2, run(live, 1, 100))) // and by another deployment
	l.deliver(fix)
	l.apply(want(3, run(live, 1, 100), run(fix, 1, 0)))
	l.untilReady(fix, 1)
	l.apply(want(3, run(live, 1, 50), run(fix, 1, 50)))
	refused(t, l.Apply(context.Background(), shop, want(3, run(live, 1, 60), run(fix, 1, 40))), fairlead.KindConflict, "no ready replica")
	l.apply(want(3, run(fix, 1, 100), run(live, 1, 0)))
	if body := mustGet(t, l.observe().Endpoint); body != "fix" {
		t.Errorf("answered by %q", body)
	}
	l.apply(want(3, run(fix, 1, 100)))
}

func TestALiveReleaseThatIsComingUpIsNoObstacle(t *testing.T) {
	l := &lab{t: t, dir: t.TempDir()}
	stop := l.serve(AgentOptions{})
	live, next := makeRelease(t, "live", "slow-start"), makeRelease(t, "next")
	l.roll(1, live, 1)
	l.deliver(next)
	stop()
	stop = l.serve(AgentOptions{})
	defer stop()
	if i := l.instance(live); i.Ready != 0 {
		t.Fatalf("it is up already: %+v", i)
	}
	l.apply(want(2, run(live, 1, 100), run(next, 1, 0)))
	l.untilReady(live, 1)
}

func TestTheAddressMovesWithTheTraffic(t *testing.T) {
	first, second := freeAddr(t), freeAddr(t)
	l := &lab{t: t, dir: t.TempDir()}
	stop := l.serve(AgentOptions{})
	stable, next := makeRelease(t, "stable").with(listening(first)), makeRelease(t, "next").with(listening(second))
	l.deliver(stable, next)
	l.apply(moving(1, stable, run(stable, 1, 0)))
	l.untilReady(stable, 1)
	l.apply(moving(1, stable, run(stable, 1, 100)))
	l.answers(first, "stable")
	for _, weight := range []int{0, 50} { // of two that are equal the one in force stays
		l.apply(moving(2, next, run(next, 1, 0), run(stable, 1, 100)))
		l.untilReady(next, 1)
		l.apply(moving(2, next, run(next, 1, weight), run(stable, 1, 100-weight)))
		l.serves(first)
	}
	stop()
	stop = l.serve(AgentOptions{})
	l.serves(first)
	l.untilReady(next, 1)
	l.untilReady(stable, 1)
	l.apply(moving(2, next, run(next, 1, 100), run(stable, 1, 0)))
	l.answers(second, "next")
	stop()
	stop = l.serve(AgentOptions{})
	defer stop()
	l.serves(second)
	l.untilReady(stable, 1)
	// Back at once, and whatever config comes with it.
	l.apply(moving(3, next, run(stable, 1, 100)))
	l.answers(first, "stable")
	if _, err := net.DialTimeout("tcp", second, time.Second); err == nil {
		t.Errorf("%s still listens", second)
	}
}

func TestTheAddressMovesOnlyWhereItCanOpen(t *testing.T) {
	l := startLab(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	stable := makeRelease(t, "stable").with(listening(freeAddr(t)))
	next := makeRelease(t, "next").with(listening(taken.Addr().String()))
	l.deliver(stable, next)
	l.apply(moving(1, stable, run(stable, 1, 0)))
	l.untilReady(stable, 1)
	l.apply(moving(1, stable, run(stable, 1, 100)))
	l.apply(moving(2, next, run(next, 1, 0), run(stable, 1, 100)))
	l.untilReady(next, 1)
	err = l.Apply(context.Background(), shop, moving(2, next, run(next, 1, 100), run(stable, 1, 0)))
	refused(t, err, fairlead.KindConflict, "already in use")
	if body := mustGet(t, l.observe().Endpoint); body != "stable" || l.instance(stable).Weight != 100 {
		t.Errorf("answered by %q: %+v", body, l.observe())
	}
}

func TestAReleaseIsStartedByItsOwnConfig(t *testing.T) {
	l := startLab(t)
	g := makeRelease(t, "own").with(`{"listen":"127.0.0.1:0","port":"HTTP_PORT","ready":{"http":"/readyz"}}`)
	l.deliver(g)
	l.apply(want(1, run(g, 1, 0)))
	if i := l.untilReady(g, 1); i.Problem != nil {
		t.Errorf("problem %+v", i.Problem)
	}
	bad := makeRelease(t, "bad")
	bad.Release.Config = json.RawMessage(`{"grace":"-1s"}`)
	bad.Release = bad.Release.Identify()
	bad.sign(shop)
	refused(t, l.Deliver(context.Background(), shop, bad.Bundle, bad.open), fairlead.KindInvalid, "negative")
}

// serves holds that the service is at addr.
func (l *lab) serves(addr string) {
	l.t.Helper()
	if got := l.observe().Endpoint; got != "http://"+addr {
		l.t.Fatalf("the service is at %s, not at %s", got, addr)
	}
}

// answers holds that the service is at addr and says word.
func (l *lab) answers(addr, word string) {
	l.t.Helper()
	l.serves(addr)
	if body := mustGet(l.t, "http://"+addr); body != word {
		l.t.Errorf("answered by %q", body)
	}
}
