package flow_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"fairlead.dev"
	"fairlead.dev/flow"
	"fairlead.dev/target"
)

// gateway is a hand-made fake of a gateway in front of the stand, and of the
// metrics server that counts its requests: it divides them as a test says.
type gateway struct {
	*stand
	share func(told int, asked time.Duration) int // percent for the new release
	mute  bool                                    // the metrics server knows nothing

	mu     sync.Mutex
	told   int
	since  time.Time
	counts map[string]float64
}

func (g *gateway) Apply(ctx context.Context, at target.Place, d target.Desired) error {
	err := g.stand.Apply(ctx, at, d)
	if err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, w := range d.Releases {
		if g.name(w.Release) == "new" && w.Weight != g.told {
			g.told, g.since = w.Weight, time.Now()
		}
	}
	return nil
}

func (g *gateway) Observe(ctx context.Context, at target.Place) (target.Observed, error) {
	o, err := g.stand.Observe(ctx, at)
	o.Division = &target.Division{By: "route shop", Within: fairlead.Duration(300 * time.Millisecond)}
	return o, err
}

// Read counts a thousand requests more at each reading.
func (g *gateway) Read(_ context.Context, _ time.Time, expressions []string) []fairlead.Reading {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.mute {
		share := g.share(g.told, time.Since(g.since))
		g.counts["canary"] += float64(10 * share)
		g.counts["baseline"] += float64(10 * (100 - share))
	}
	out := make([]fairlead.Reading, len(expressions))
	for i, e := range expressions {
		switch arm := strings.TrimPrefix(e, "total "); {
		case g.mute:
			out[i].Missing = "no series"
		case arm != e:
			out[i].Series = []fairlead.Counter{{ID: arm, Value: g.counts[arm]}}
		default:
			out[i].Series = []fairlead.Counter{{ID: e}}
		}
	}
	return out
}

// counted is a plan whose releases a metrics server counts.
func counted(p *fairlead.Plan) {
	p.Release.Metrics = &fairlead.MetricsServer{Type: "fake"}
	p.Release.Judge.Metrics = []fairlead.MetricPolicy{
		{Name: "errors", Kind: fairlead.MetricErrors, Critical: true},
		{Name: "lost", Kind: fairlead.MetricCounts, Split: true, Bad: "bad {{arm}}", Total: "total {{arm}}"},
	}
}

func newGateway(t *testing.T, share func(told int, asked time.Duration) int) (*rig, *gateway) {
	r := newRig(t)
	g := &gateway{stand: r.stand, share: share, counts: map[string]float64{}}
	r.engine.Close(5 * time.Second)
	r.parts.Target = func(string) (target.Target, error) { return g, nil }
	r.parts.Metrics = func(fairlead.MetricsServer) (flow.Metrics, error) { return g, nil }
	r.engine = r.launch()
	r.old()
	return r, g
}

func (r *rig) weights(run fairlead.Run) []fairlead.WeightPoint {
	r.Helper()
	d, err := r.store.Deployment(r.Context(), run.Deployment)
	if err != nil {
		r.Fatal(err)
	}
	return d.Weights
}

// A stage's time begins when the requests are divided as it asks, and not when
// the gateway says that it has understood.
func TestStageBeginsWithItsTraffic(t *testing.T) {
	const late = 120 * time.Millisecond
	r, _ := newGateway(t, func(told int, asked time.Duration) int {
		if asked < late {
			return 0
		}
		return told
	})
	run := r.deliver(canary("new", counted))
	r.ended(run, fairlead.ResultSuccess)
	d, err := r.store.Deployment(t.Context(), run.Deployment)
	if err != nil {
		t.Fatal(err)
	}
	for i, w := range d.Weights[:2] {
		if !strings.HasPrefix(w.Split, "measured: ") {
			t.Errorf("weight %d: %q", w.Weight, w.Split)
		}
		if took := d.Verdicts[i].Time.Sub(w.Time); took < late+short.D() {
			t.Errorf("weight %d was judged after %s, its traffic came after %s and its stage lasts %s", w.Weight, took, late, short)
		}
	}
}

// A gateway that accepts and never divides is no stage that went well.
func TestTrafficThatIsNeverDivided(t *testing.T) {
	r, _ := newGateway(t, func(int, time.Duration) int { return 0 })
	run := r.deliver(canary("new", counted))
	r.ended(run, fairlead.ResultFailure, "route shop was accepted, but 0.0% of", "not 10%")
	r.live("old")
}

// One that gives another share than asked for is found as well.
func TestTrafficThatIsDividedOtherwise(t *testing.T) {
	r, _ := newGateway(t, func(told int, _ time.Duration) int {
		if told == 50 {
			return 30
		}
		return told
	})
	run := r.deliver(canary("new", counted))
	r.ended(run, fairlead.ResultFailure, "30.0% of", "not 50%")
	r.live("old")
}

// What cannot be measured goes on, and says why.
func TestTrafficThatNobodyCounts(t *testing.T) {
	for name, tt := range map[string]struct {
		mute bool
		plan func(*fairlead.Plan)
		want string
	}{
		"no metric": {plan: func(*fairlead.Plan) {}, want: "not measured: no metric counts"},
		"no data":   {mute: true, plan: counted, want: "not measured within 300ms: lost of the old release"},
		"nobody comes": {plan: func(p *fairlead.Plan) {
			counted(p)
			p.Release.Judge.Metrics[1].Total = "nothing {{arm}}"
		}, want: "not measured: 0.0% of 0 requests within 300ms say too little"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, g := newGateway(t, func(told int, _ time.Duration) int { return told })
			g.mute = tt.mute
			// What is judged and not measured is undecided, so policy has to let it go on.
			run := r.deliver(canary("new", tt.plan, func(p *fairlead.Plan) { p.Release.Judge.Undecided = fairlead.UndecidedPromote }))
			r.ended(run, fairlead.ResultSuccess)
			if w := r.weights(run); !strings.Contains(w[0].Split, tt.want) {
				t.Errorf("it says %q, want %q", w[0].Split, tt.want)
			}
		})
	}
}

// A process that dies while it waits for the traffic loses nothing: the next
// one waits for it again.
func TestKilledWhileTrafficIsAwaited(t *testing.T) {
	var mu sync.Mutex
	divides := false
	asked := make(chan struct{})
	var once sync.Once
	r, _ := newGateway(t, func(told int, _ time.Duration) int {
		mu.Lock()
		defer mu.Unlock()
		if told == 10 && !divides {
			once.Do(func() { close(asked) })
			return 0
		}
		return told
	})
	id := r.start(canary("new", counted))
	<-asked
	r.engine.Close(5 * time.Second)
	mu.Lock()
	divides = true
	mu.Unlock()
	r.engine = r.launch()
	if _, err := r.engine.TakeOver(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	run := r.wait(id)
	r.ended(run, fairlead.ResultSuccess)
	if w := r.weights(run); !strings.HasPrefix(w[0].Split, "measured: ") {
		t.Error(fmt.Sprint(w))
	}
}
