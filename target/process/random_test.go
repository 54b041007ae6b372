package process

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"fairlead.dev"
	"fairlead.dev/target"
)

// Whatever is applied in whatever order: the weights in force sum to 100, or
// nothing that has weight is ready; a refused state changes nothing; and
// requests fail only when nothing is ready.
func TestRandomStates(t *testing.T) {
	const seed = 7
	random := rand.New(rand.NewPCG(seed, seed))
	l := startLab(t)
	releases := []goods{makeRelease(t, "one"), makeRelease(t, "two"), makeRelease(t, "bad", "never-ready")}
	l.deliver(releases...)
	// The first state is fixed, so that there is always something to compare with.
	l.roll(1, releases[0], 1)
	traffic := startLoad(l.observe().Endpoint)
	accepted := want(1, run(releases[0], 1, 100))
	counts := map[bool]int{}
	for i := range 100 {
		d := randomState(random, releases, int64(i/10+1))
		err := l.Apply(context.Background(), shop, d)
		counts[err == nil]++
		if err == nil {
			accepted = d
		} else if fairlead.KindOf(err) != fairlead.KindConflict {
			t.Fatalf("step %d: %v", i, err)
		}
		holds(t, i, l.observe(), accepted)
		time.Sleep(time.Duration(random.IntN(30)) * time.Millisecond)
		holds(t, i, l.observe(), accepted)
	}
	traffic.stop()
	if n := traffic.failures.Load(); n > 0 {
		t.Errorf("%d of %d requests failed, last: %v", n, traffic.requests.Load(), traffic.last.Load())
	}
	if counts[true] < 10 || counts[false] < 10 {
		t.Errorf("not random enough: %d accepted, %d refused", counts[true], counts[false])
	}
	l.apply(want(1000))
	l.eventually(10*time.Second, "nothing is left", func() bool { return len(l.observe().Releases) == 0 && len(alive(t, l.dir)) == 0 })
}

// randomState always gives somebody all the traffic between them.
func randomState(random *rand.Rand, releases []goods, fence int64) target.Desired {
	d := want(fence)
	rest := 100
	for _, i := range random.Perm(len(releases)) {
		w := run(releases[i], random.IntN(3), 0)
		if w.Replicas > 0 && rest > 0 {
			w.Weight = []int{0, rest / 2, rest}[random.IntN(3)]
			rest -= w.Weight
		}
		if random.IntN(4) > 0 || w.Weight > 0 {
			d.Releases = append(d.Releases, w)
		}
	}
	if rest > 0 { // weights sum to 100, or there would be nobody to answer
		for i := range d.Releases {
			if d.Releases[i].Replicas > 0 {
				d.Releases[i].Weight += rest
				return d
			}
		}
		d.Releases = []target.Wanted{run(releases[0], 1, 100)}
	}
	return d
}

func holds(t *testing.T, step int, o target.Observed, accepted target.Desired) {
	t.Helper()
	sum, ready := 0, false
	weights := map[fairlead.Digest]int{}
	for _, w := range accepted.Releases {
		weights[w.Release] = w.Weight
	}
	for _, i := range o.Releases {
		sum += i.Weight
		ready = ready || i.Ready > 0 && weights[i.Release] > 0
		if i.Weight > 0 && weights[i.Release] == 0 {
			t.Fatalf("step %d: %s has %d %% but should have none", step, i.Release.Short(), i.Weight)
		}
	}
	if ready && sum != 100 || !ready && sum != 0 {
		t.Fatalf("step %d: the weights in force sum to %d, something ready: %v: %+v", step, sum, ready, o.Releases)
	}
}
