package flow_test

import (
	"context"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"fairlead.dev"
	"fairlead.dev/engine"
	"fairlead.dev/evidence"
	"fairlead.dev/flow"
	"fairlead.dev/step"
	"fairlead.dev/store"
	"fairlead.dev/target"
	"fairlead.dev/worker"
)

// shop is where the releases of these tests go.
var shop = target.Place{Environment: "production", Service: "shop"}

// rig is the flows with their real parts: store and engine on SQLite, worker,
// signer, blobs. Only the target is a fake, and the step types are small.
type rig struct {
	testing.TB
	store   *store.Store
	engine  *engine.Engine
	file    string // of the store
	url     string // of the engine
	parts   flow.Parts
	stand   *stand
	ledger  *ledger
	trouble *counter
	key     *evidence.Signer
	runs    int
}

func newRig(t testing.TB) *rig {
	t.Helper()
	return newRigWith(t, func(*rig) {})
}

// newRigWith changes the parts of a rig before its flows begin.
func newRigWith(t testing.TB, change func(*rig)) *rig {
	t.Helper()
	dir := t.TempDir()
	db, err := store.Open(t.Context(), "sqlite:"+filepath.Join(dir, "fairlead.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	key, err := evidence.OpenKey(filepath.Join(dir, "keys"))
	if err != nil {
		t.Fatal(err)
	}
	blobs, err := store.OpenBlobs(filepath.Join(dir, "blobs"))
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{TB: t, store: db, file: filepath.Join(dir, "fairlead.db"), url: "sqlite:" + filepath.Join(dir, "engine.db"), stand: newStand(), ledger: &ledger{Store: db}, trouble: &counter{}, key: key}
	types := map[string]step.Type{}
	for _, name := range []string{"build.tiny", "test.tiny", "scan.tiny"} {
		types[name] = tinyType(name)
	}
	r.parts = flow.Parts{
		Ledger: r.ledger, Reader: db, Situation: db, Archive: db, Line: db, Looks: db, Signer: decider{key}, Content: blobs.Open,
		Desk: flow.Desk{Votes: db, Past: db, Witness: evidence.Witness{Own: evidence.TrustKeys(key.Public())}}, Followed: db,
		Worker: worker.New(worker.Options{
			Types: types, Memory: db, Shelf: db, Journal: db, Signer: key, Verifier: evidence.TrustKeys(key.Public()),
			Blobs: blobs, Dir: filepath.Join(dir, "work"), Parallel: 4, Logger: slog.New(slog.DiscardHandler),
		}),
		Target:  func(string) (target.Target, error) { return r.stand, nil },
		Trouble: r.trouble.add, Tick: time.Millisecond, Patience: 3 * time.Second,
	}
	change(r)
	r.engine = r.launch()
	return r
}

// launch starts an engine over the rig's database.
func (r *rig) launch() *engine.Engine {
	r.Helper()
	e, err := engine.Open(r.Context(), engine.Config{URL: r.url, Version: flow.Version, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() { e.Close(5 * time.Second) })
	flow.Register(e, r.parts)
	if err := e.Launch(r.Context()); err != nil {
		r.Fatal(err)
	}
	return e
}

// decider signs decisions as the wiring does.
type decider struct{ *evidence.Signer }

func (d decider) SignDecision(ctx context.Context, dec fairlead.Decision, releases []fairlead.Release) (fairlead.Evidence, error) {
	return d.Sign(ctx, dec.RunID, "", evidence.DecisionClaim(dec, releases...), dec.Time)
}

// ledger is the real store, which a test can put out of reach.
type ledger struct {
	*store.Store
	mu   sync.Mutex
	down func(fairlead.Update) bool
}

func (l *ledger) Commit(ctx context.Context, u fairlead.Update) (bool, error) {
	l.mu.Lock()
	down := l.down != nil && l.down(u)
	l.mu.Unlock()
	if down {
		return false, unreachable()
	}
	return l.Store.Commit(ctx, u)
}

// counter counts errors.
type counter struct {
	mu sync.Mutex
	n  int
}

func (c *counter) add(error) { c.mu.Lock(); defer c.mu.Unlock(); c.n++ }

func (c *counter) count() int { c.mu.Lock(); defer c.mu.Unlock(); return c.n }

// tiny is the config of the small step types.
type tiny struct {
	Outcome step.Outcome `json:"outcome"`
	Content string       `json:"content"` // of the artifact bin/shop; none when empty
	Hang    bool         `json:"hang"`    // until it is stopped

	Findings []fairlead.Finding `json:"findings"`
}

// tinyType does what its config says. It asks for the network so that nothing
// is reused.
func tinyType(name string) step.Type {
	return step.Type{
		Name: name, Needs: step.Needs{Network: true}, Config: tiny{Outcome: step.Done},
		Run: func(ctx context.Context, in step.In) (step.Out, error) {
			cfg := step.ConfigOf[tiny](in)
			if cfg.Hang {
				<-ctx.Done()
				return step.Out{}, ctx.Err()
			}
			out := step.Out{Outcome: cfg.Outcome, Reason: "as told", Findings: cfg.Findings}
			if cfg.Content == "" {
				return out, nil
			}
			d, n, err := in.Blobs.Put(ctx, strings.NewReader(cfg.Content))
			out.Artifacts = []fairlead.Artifact{{Name: "bin/shop", Digest: d, Size: n, Mode: 0o755}}
			out.Claims = []fairlead.Claim{{
				PredicateType: fairlead.PredicateBuild, Subjects: []fairlead.Subject{{Name: "bin/shop", Digest: d}},
				Predicate: step.Predicate(map[string]string{"commit": in.Event.Commit}),
			}}
			return out, err
		},
	}
}

// short are stages that a test has the time for.
const short = fairlead.Duration(10 * time.Millisecond)

// plan plans the release called name. Changes are made before it is sealed.
func plan(name string, s fairlead.Strategy, weights []int, changes ...func(*fairlead.Plan)) fairlead.Plan {
	p := fairlead.Plan{
		Service: shop.Service, Environment: shop.Environment, Strategy: s,
		Event: fairlead.Event{Type: fairlead.EventPush, Branch: "main", Commit: fairlead.DigestBytes([]byte(name)).Hex()[:40], Author: "dana@example.org"},
		Tasks: []fairlead.Task{task("build", "build.tiny", fairlead.PhaseVerify, tiny{Outcome: step.Done, Content: name})},
		Gates: []fairlead.Gate{{
			Name: "built", Rule: `tasks.all(t, tasks[t].result == "success")`, Outcome: fairlead.OutcomeDeny,
			Reason: "a task did not succeed", Fix: "mend it", About: "tasks", Source: "test",
		}},
		Release: &fairlead.ReleasePlan{
			Target: "stand", Config: asJSON(struct{}{}), Artifacts: []string{"bin/*"}, Command: []string{name}, Replicas: 2,
			Bake: short, Ready: fairlead.Duration(10 * time.Second),
			Judge: fairlead.JudgePolicy{Negligible: 0.05, ErrorFloor: 0.5, Undecided: fairlead.UndecidedRollback},
		},
		Inputs: fairlead.PlanInputs{Flow: flow.Version},
	}
	for _, w := range weights {
		p.Release.Steps = append(p.Release.Steps, fairlead.Stage{Weight: w, For: short})
	}
	for _, change := range changes {
		change(&p)
	}
	p.Hash = fairlead.DigestJSON(p)
	return p
}

func canary(name string, changes ...func(*fairlead.Plan)) fairlead.Plan {
	return plan(name, fairlead.StrategyCanary, []int{10, 50}, changes...)
}

func task(id, typ string, phase fairlead.Phase, cfg tiny, needs ...string) fairlead.Task {
	return fairlead.Task{ID: id, Type: typ, Phase: phase, Config: asJSON(cfg), Needs: needs, Timeout: fairlead.Duration(20 * time.Second)}
}

// withTask adds a task to a plan.
func withTask(t fairlead.Task) func(*fairlead.Plan) {
	return func(p *fairlead.Plan) { p.Tasks = append(p.Tasks, t) }
}

// start starts a delivery and gives its run's id.
func (r *rig) start(p fairlead.Plan) string {
	r.Helper()
	r.runs++
	id := "r" + string(rune('0'+r.runs/100)) + string(rune('0'+r.runs/10%10)) + string(rune('0'+r.runs%10))
	if err := r.store.SavePlan(r.Context(), p); err != nil {
		r.Fatal(err)
	}
	if err := engine.Start(r.Context(), r.engine, flow.NameDelivery, id, flow.Delivery{RunID: id, Plan: p}); err != nil {
		r.Fatal(err)
	}
	return id
}

// wait waits for a run and holds what must be true however it ended.
func (r *rig) wait(id string) fairlead.Run {
	r.Helper()
	ctx, stop := context.WithTimeout(r.Context(), 30*time.Second)
	defer stop()
	if _, err := engine.Result[flow.Ending](ctx, r.engine, id); err != nil {
		r.Fatalf("run %s: %v", id, err)
	}
	run, err := r.store.Run(r.Context(), id)
	if err != nil {
		r.Fatal(err)
	}
	if run.State != fairlead.StateFinished {
		r.Errorf("run %s is %s", id, run.State)
	}
	for _, law := range r.stand.broken {
		r.Errorf("law broken: %s", law)
	}
	return run
}

func (r *rig) deliver(p fairlead.Plan) fairlead.Run {
	r.Helper()
	return r.wait(r.start(p))
}

// old makes "old" live and begins a new history.
func (r *rig) old() {
	r.Helper()
	if run := r.deliver(plan("old", fairlead.StrategyRolling, []int{100})); run.Result != fairlead.ResultSuccess {
		r.Fatalf("first release: %s: %s", run.Result, run.Reason)
	}
	r.stand.forget(shop)
}

// ended holds how a run ended: its result and words of its reason.
func (r *rig) ended(run fairlead.Run, want fairlead.Result, words ...string) {
	r.Helper()
	if run.Result != want {
		r.Errorf("run ended with %s (%s), want %s", run.Result, run.Reason, want)
	}
	for _, w := range words {
		if !strings.Contains(run.Reason, w) {
			r.Errorf("reason %q does not say %q", run.Reason, w)
		}
	}
}

// live holds what the record says is live, and that nothing moves any more.
func (r *rig) live(name string) {
	r.Helper()
	st, err := r.store.Environment(r.Context(), shop.Environment, shop.Service)
	if err != nil {
		r.Fatal(err)
	}
	got := ""
	if st.Current != nil {
		got = st.Current.Command[0]
	}
	if got != name || st.Moving != "" {
		r.Errorf("%q is live and %q moves it, want %q and nobody", got, st.Moving, name)
	}
}

// states holds what the target was told, in order.
func (r *rig) states(want ...string) {
	r.Helper()
	var got []string
	for _, m := range r.stand.history(shop) {
		got = append(got, m.state)
	}
	if !slices.Equal(got, want) {
		r.Errorf("the target was told\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

// records counts the records of a type that a run left.
func (r *rig) records(run string, typ fairlead.RecordType) int {
	r.Helper()
	all, err := r.store.Records(r.Context(), fairlead.RecordFilter{RunID: run, Types: []fairlead.RecordType{typ}})
	if err != nil {
		r.Fatal(err)
	}
	return len(all)
}
