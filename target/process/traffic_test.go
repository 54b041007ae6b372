package process

import (
	"context"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fairlead.dev"
)

// load asks a URL from several clients at once until stopped, and counts what
// was not answered with 200.
type load struct {
	requests, failures atomic.Int64
	last               atomic.Value // string: the last failure
	stop               func()
}

func startLoad(url string) *load {
	l := &load{}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			client := &http.Client{Transport: &http.Transport{DisableKeepAlives: i%2 == 0}}
			defer client.CloseIdleConnections()
			for ctx.Err() == nil {
				l.ask(client, url)
			}
		})
	}
	l.stop = func() { cancel(); wg.Wait() }
	return l
}

func (l *load) ask(client *http.Client, url string) {
	l.requests.Add(1)
	res, err := client.Get(url)
	if err != nil {
		l.failures.Add(1)
		l.last.Store(err.Error())
		return
	}
	if res.StatusCode != http.StatusOK {
		l.failures.Add(1)
		l.last.Store(res.Status)
	}
	_ = res.Body.Close()
}

func TestSwapLosesNoRequest(t *testing.T) {
	l := startLab(t)
	releases := []goods{makeRelease(t, "one"), makeRelease(t, "two"), makeRelease(t, "three")}
	l.roll(1, releases[0], 2)
	url := l.observe().Endpoint
	traffic := startLoad(url)
	before := releases[0]
	for i, g := range releases[1:] {
		fence := int64(i + 2)
		l.deliver(g)
		l.apply(want(fence, run(before, 2, 100), run(g, 2, 0)))
		l.untilReady(g, 2)
		for _, weight := range []int{10, 50, 100} {
			l.apply(want(fence, run(before, 2, 100-weight), run(g, 2, weight)))
			time.Sleep(50 * time.Millisecond)
		}
		l.apply(want(fence, run(g, 2, 100)))
		l.eventually(10*time.Second, "the old release is gone", func() bool { return len(l.observe().Releases) == 1 })
		before = g
	}
	traffic.stop()
	if n := traffic.failures.Load(); n > 0 {
		t.Errorf("%d of %d requests failed, last: %v", n, traffic.requests.Load(), traffic.last.Load())
	}
	if l.observe().Endpoint != url {
		t.Error("the address changed")
	}
	if body := mustGet(t, url); body != "three" {
		t.Errorf("answered by %q", body)
	}
	t.Logf("%d requests", traffic.requests.Load())
}

func TestWeightTakesEffectWithinApply(t *testing.T) {
	l := startLab(t)
	good, bad := makeRelease(t, "good"), makeRelease(t, "bad")
	l.roll(1, good, 1)
	l.deliver(bad)
	l.apply(want(2, run(good, 1, 100), run(bad, 1, 0)))
	l.untilReady(bad, 1)
	url := l.observe().Endpoint
	var slowest time.Duration
	for i := range 20 {
		turn := []goods{bad, good}[i%2]
		other := []goods{good, bad}[i%2]
		began := time.Now()
		l.apply(want(2, run(turn, 1, 100), run(other, 1, 0)))
		slowest = max(slowest, time.Since(began))
		if body := mustGet(t, url); body != turn.word {
			t.Fatalf("turn %d: answered by %q", i, body)
		}
	}
	if slowest > time.Second {
		t.Errorf("the slowest switch took %s", slowest)
	}
	t.Logf("slowest switch %s", slowest)
}

func TestPreviewBeforeTraffic(t *testing.T) {
	l := startLab(t)
	old, next := makeRelease(t, "old"), makeRelease(t, "next")
	l.roll(1, old, 1)
	l.deliver(next)
	l.apply(want(2, run(old, 1, 100), run(next, 1, 0)))
	i := l.untilReady(next, 1)
	if body := mustGet(t, i.Endpoint); body != "next" {
		t.Errorf("preview answered by %q", body)
	}
	if body := mustGet(t, l.observe().Endpoint); body != "old" {
		t.Errorf("service answered by %q", body)
	}
	if s := l.instance(next).Sample; s.Requests != 0 {
		t.Errorf("preview counted %d requests as traffic", s.Requests)
	}
	if s := l.instance(old).Sample; s.Requests != 1 {
		t.Errorf("service counted %d requests", s.Requests)
	}
}

func TestSlowRequestSurvivesDrain(t *testing.T) {
	l := startLab(t)
	old, next := makeRelease(t, "old"), makeRelease(t, "next")
	l.roll(1, old, 1)
	url := l.observe().Endpoint
	answer := make(chan string, 1)
	go func() {
		_, body, err := get(url + "/slow?for=1s")
		if err != nil {
			body = err.Error()
		}
		answer <- body
	}()
	time.Sleep(100 * time.Millisecond)
	l.deliver(next)
	l.apply(want(2, run(old, 1, 100), run(next, 1, 0)))
	l.untilReady(next, 1)
	l.apply(want(2, run(next, 1, 100)))
	if body := mustGet(t, url); body != "next" {
		t.Errorf("new request answered by %q", body)
	}
	if body := <-answer; body != "old" {
		t.Errorf("request in flight ended with %q", body)
	}
}

func TestDrainHasALimit(t *testing.T) {
	l := startLab(t)
	g := makeRelease(t, "old")
	d := want(1, run(g, 1, 0))
	d.Config = []byte(`{"listen":"127.0.0.1:0","ready":{"http":"/readyz","interval":"50ms"},"drain":"200ms","grace":"200ms"}`)
	l.deliver(g)
	l.apply(d)
	l.untilReady(g, 1)
	d.Releases[0].Weight = 100
	l.apply(d)
	url := l.observe().Endpoint
	go func() { _, _, _ = get(url + "/slow?for=1m") }()
	time.Sleep(100 * time.Millisecond)
	began := time.Now()
	d.Releases = nil
	l.apply(d)
	l.eventually(3*time.Second, "the release is gone", func() bool { return len(l.observe().Releases) == 0 })
	if took := time.Since(began); took < 150*time.Millisecond {
		t.Errorf("the request in flight was cut after %s", took)
	}
}

func TestWeightNeedsSomethingReady(t *testing.T) {
	l := startLab(t)
	good, bad := makeRelease(t, "good"), makeRelease(t, "bad", "never-ready")
	l.roll(1, good, 1)
	l.deliver(bad)
	l.apply(want(2, run(good, 1, 100), run(bad, 1, 0)))
	err := l.Apply(context.Background(), shop, want(3, run(good, 1, 90), run(bad, 1, 10)))
	refused(t, err, fairlead.KindConflict, "no ready replica")
	if i := l.instance(good); i.Weight != 100 {
		t.Errorf("good has %d %%", i.Weight)
	}
	// The refused state's fence holds all the same.
	err = l.Apply(context.Background(), shop, want(2, run(good, 1, 100)))
	refused(t, err, fairlead.KindConflict, "fence 2 is lower than 3")
	l.eventually(5*time.Second, "the reason is shown", func() bool {
		p := l.instance(bad).Problem
		return p != nil && p.Kind == fairlead.KindUnavailable && p.Cause == "not ready: GET /readyz answered 503"
	})
}

func TestTrafficFallsOver(t *testing.T) {
	l := startLab(t)
	stable, canary := makeRelease(t, "stable"), makeRelease(t, "canary")
	l.roll(1, stable, 1)
	l.deliver(canary)
	l.apply(want(2, run(stable, 1, 100), run(canary, 1, 0)))
	l.untilReady(canary, 1)
	l.apply(want(2, run(stable, 1, 50), run(canary, 1, 50)))
	preview := l.instance(canary).Endpoint
	_, _, _ = get(preview + "/unready")
	l.eventually(5*time.Second, "the canary is not ready", func() bool { return l.instance(canary).Ready == 0 })
	if i := l.instance(stable); i.Weight != 100 {
		t.Errorf("stable has %d %% in force", i.Weight)
	}
	for range 10 {
		if body := mustGet(t, l.observe().Endpoint); body != "stable" {
			t.Fatalf("answered by %q", body)
		}
	}
	_, _, _ = get(l.instance(stable).Endpoint + "/unready")
	l.eventually(5*time.Second, "nothing is ready", func() bool { return l.instance(stable).Ready == 0 })
	status, _, err := get(l.observe().Endpoint)
	if status != http.StatusServiceUnavailable || err != nil {
		t.Errorf("with nothing ready: %d %v", status, err)
	}
}

func getAs(t *testing.T, url, user string) string {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-User", user)
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
