package flow_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fairlead.dev"
	"fairlead.dev/target"
)

// several plans one release of services, in this order. The release of a
// service is called "NAME-SERVICE".
func several(name string, services []string, changes ...func(*fairlead.Plan)) fairlead.Plan {
	return canary(name, func(p *fairlead.Plan) {
		for i, s := range services {
			r := *p.Release
			r.Command = []string{name + "-" + s}
			p.Services = append(p.Services, fairlead.ServicePlan{Name: s, After: services[:i], Release: r})
		}
		p.Service, p.Release = "all", nil
		for _, change := range changes {
			change(p)
		}
	})
}

func at(service string) target.Place {
	return target.Place{Environment: "production", Service: service}
}

// oldOf makes "old-SERVICE" live everywhere.
func (r *rig) oldOf(services ...string) {
	r.Helper()
	r.ended(r.deliver(several("old", services)), fairlead.ResultSuccess, "are live in production")
	for _, s := range services {
		r.stand.forget(at(s))
	}
}

// liveAt holds what is live of a service, and that nothing moves it.
func (r *rig) liveAt(service, name string) {
	r.Helper()
	st, err := r.store.Environment(context.Background(), "production", service)
	if err != nil {
		r.Fatal(err)
	}
	got := ""
	if st.Current != nil {
		got = st.Current.Command[0]
	}
	if got != name || st.Moving != "" {
		r.Errorf("of %s %q is live and %q moves it, want %q and nobody", service, got, st.Moving, name)
	}
}

// turns gives the services whose rollbacks began in a run, in order.
func (r *rig) turns(runID string) []string {
	r.Helper()
	all, err := r.store.Records(context.Background(), fairlead.RecordFilter{RunID: runID, Types: []fairlead.RecordType{fairlead.RecordRollbackStarted}})
	if err != nil {
		r.Fatal(err)
	}
	var order []string
	for _, rec := range all {
		order = append(order, strings.Split(rec.Subject, "/")[1])
	}
	return order
}

func TestSeveralServicesAreReleasedAsOne(t *testing.T) {
	r := newRig(t)
	services := []string{"db", "api", "web"}
	r.oldOf(services...)
	var mu sync.Mutex
	var kept []string
	r.stand.applied = func(state string) { // as long as the last one is on its way, no old one is dropped
		mu.Lock()
		defer mu.Unlock()
		kept = append(kept, state)
	}
	run := r.deliver(several("new", services))
	r.ended(run, fairlead.ResultSuccess, "db, api, web are live in production")
	want := []string{run.ID + "/db/deployment", run.ID + "/api/deployment", run.ID + "/web/deployment"}
	if !slices.Equal(run.Deployments, want) || run.Deployment != want[0] {
		t.Errorf("the run names %q and %v", run.Deployment, run.Deployments)
	}
	var all []string
	for _, s := range services {
		n, o := "new-"+s, "old-"+s
		r.liveAt(s, n)
		all = append(all, n+" 2@0 "+o+" 2@100", n+" 2@10 "+o+" 2@90", n+" 2@50 "+o+" 2@50", n+" 2@100 "+o+" 2@0")
	}
	for _, s := range services {
		all = append(all, "new-"+s+" 2@100")
	}
	mu.Lock()
	defer mu.Unlock()
	if !slices.Equal(kept, all) {
		t.Errorf("the target was told\n  %s\nwant\n  %s", strings.Join(kept, "\n  "), strings.Join(all, "\n  "))
	}
	d, err := r.store.Decision(t.Context(), run.Decision)
	if err != nil || len(d.Releases) != 3 || d.Release != "" {
		t.Errorf("one decision on %v and %q, %v", d.Releases, d.Release, err)
	}
	verdicts, err := r.store.Records(t.Context(), fairlead.RecordFilter{RunID: run.ID, Types: []fairlead.RecordType{fairlead.RecordVerdict}})
	if err != nil || verdicts[len(verdicts)-1].Subject != run.ID+"/verdict" {
		t.Errorf("the last verdict is not on all of them: %+v %v", verdicts, err)
	}
}

func TestOneBadServiceTakesAllBack(t *testing.T) {
	for name, tt := range map[string]struct {
		bad   string
		turns []string
	}{
		"the first":  {"db", []string{"db"}},
		"the second": {"api", []string{"api", "db"}},
		"the last":   {"web", []string{"web", "api", "db"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			services := []string{"db", "api", "web"}
			r.oldOf(services...)
			r.stand.behave("new-"+tt.bad, manner{worseAt: 50})
			run := r.deliver(several("new", services))
			r.ended(run, fairlead.ResultFailure, tt.bad+": ", "rolled back: "+strings.Join(tt.turns, ", "))
			if got := r.turns(run.ID); !slices.Equal(got, tt.turns) {
				t.Errorf("rolled back in the order %v, want %v", got, tt.turns)
			}
			for _, s := range services {
				r.liveAt(s, "old-"+s)
				if h := r.stand.history(at(s)); slices.Contains(tt.turns, s) && h[len(h)-1].state != "old-"+s+" 2@100" {
					t.Errorf("%s ends with %q", s, h[len(h)-1].state)
				}
				for _, m := range r.stand.history(at(s)) {
					if m.ready["old-"+s] == 0 {
						t.Errorf("at %q nothing of the old one is ready", m.state)
					}
				}
			}
		})
	}
}

// A service that was fine and goes down while a later one is on its way takes
// all of them back.
func TestServiceThatFailsAfterItsVerdict(t *testing.T) {
	r := newRig(t)
	r.oldOf("api", "web")
	r.stand.applied = func(state string) {
		if state == "new-web 2@10 old-web 2@90" {
			r.stand.behave("new-api", manner{looks: -1})
		}
	}
	run := r.deliver(several("new", []string{"api", "web"}, func(p *fairlead.Plan) {
		p.Services[1].Release.Steps = []fairlead.Stage{{Weight: 10, For: fairlead.Duration(time.Minute)}}
	}))
	r.ended(run, fairlead.ResultFailure, "api, released with it, is not ready any more", "rolled back: web, api")
	r.liveAt("api", "old-api")
	r.liveAt("web", "old-web")
}

// A rollback that needs a person is said aloud and holds no other one up.
func TestPartOfTheWayBack(t *testing.T) {
	r := newRig(t)
	r.oldOf("db", "api", "web")
	r.engine.Close(time.Second)
	r.parts.Patience = 200 * time.Millisecond
	stuck := make(chan struct{})
	var once sync.Once
	r.parts.Target = func(string) (target.Target, error) {
		return slow{
			stand: r.stand, before: func(target.Desired) {}, after: func(target.Desired, error) {},
			refuse: func(p target.Place, _ target.Desired) error {
				select {
				case <-stuck:
					if p.Service == "api" {
						return unreachable()
					}
				default:
				}
				return nil
			},
		}, nil
	}
	r.engine = r.launch()
	r.stand.applied = func(state string) {
		if strings.HasPrefix(state, "new-web 2@50") {
			once.Do(func() { close(stuck) })
		}
	}
	r.stand.behave("new-web", manner{worseAt: 50})
	run := r.deliver(several("new", []string{"db", "api", "web"}))
	r.ended(run, fairlead.ResultError, "api: rollback needs a person", "rolled back: web, db")
	if got := r.turns(run.ID); !slices.Equal(got, []string{"web", "api", "db"}) {
		t.Errorf("rolled back in the order %v", got)
	}
	r.liveAt("db", "old-db")
	r.liveAt("web", "old-web")
	if d, err := r.store.Deployment(t.Context(), run.ID+"/api/deployment"); err != nil || d.Phase != fairlead.DeployFailed {
		t.Errorf("deployment of api: %s %v", d.Phase, err)
	}
}

func TestCancelledTogether(t *testing.T) {
	r := newRig(t)
	r.oldOf("api", "web")
	r.stand.applied = func(state string) {
		if state == "new-web 2@10 old-web 2@90" {
			if err := r.store.RequestCancel(context.Background(), "r002", "dana", ""); err != nil {
				t.Error(err)
			}
		}
	}
	run := r.deliver(several("new", []string{"api", "web"}, func(p *fairlead.Plan) {
		p.Services[1].Release.Steps = []fairlead.Stage{{Weight: 10, For: fairlead.Duration(time.Minute)}}
	}))
	r.ended(run, fairlead.ResultCancellation, "rolled back: web, api")
	r.liveAt("api", "old-api")
	r.liveAt("web", "old-web")
}

// Several places are claimed together and let go together: what cannot begin
// leaves nothing claimed.
func TestWhatNeverBeganIsLetGo(t *testing.T) {
	r := newRig(t)
	r.oldOf("api", "web")
	r.stand.fail = first(1, "deliver", denied)
	run := r.deliver(several("new", []string{"api", "web"}))
	r.ended(run, fairlead.ResultFailure, "the signature is forged")
	r.liveAt("api", "old-api")
	r.liveAt("web", "old-web")
	if h := r.stand.history(at("web")); len(h) != 0 {
		t.Errorf("web was touched: %v", h)
	}
}

// Wherever the engine is interrupted, a release of several services goes on in
// the next process and ends as one that is not: all new or all old, and nothing
// claimed.
func TestTogetherGoesOnInAnotherProcess(t *testing.T) {
	for bad, states := range map[string]int{"": 10, "web": 10} {
		for n := range states {
			t.Run(fmt.Sprintf("%s interrupted at state %d", bad, n+1), func(t *testing.T) {
				t.Parallel()
				interruptedAt(t, bad, n+1)
			})
		}
	}
}

func interruptedAt(t *testing.T, bad string, n int) {
	t.Helper()
	r := newRig(t)
	services := []string{"api", "web"}
	r.oldOf(services...)
	live, want := "new", fairlead.ResultSuccess
	if bad != "" {
		r.stand.behave("new-"+bad, manner{worseAt: 50})
		live, want = "old", fairlead.ResultFailure
	}
	var seen atomic.Int32
	reached := make(chan struct{})
	r.stand.applied = func(string) {
		if int(seen.Add(1)) == n {
			close(reached)
		}
	}
	id := r.start(several("new", services))
	select {
	case <-reached:
	case <-time.After(30 * time.Second):
		t.Fatalf("only %d states are reached", seen.Load())
	}
	r.engine.Close(5 * time.Second)
	r.engine = r.launch()
	if _, err := r.engine.TakeOver(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	r.ended(r.wait(id), want)
	for _, s := range services {
		r.liveAt(s, live+"-"+s)
		if h := r.stand.history(at(s)); h[len(h)-1].state != live+"-"+s+" 2@100" {
			t.Errorf("%s ends with %q", s, h[len(h)-1].state)
		}
	}
}
