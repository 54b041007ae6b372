// Package bench measures what the product promises in numbers: what a task
// costs beside the work itself, how many can be orchestrated a second, how
// quick and small the program is. `make bench` runs it; the table is in
// docs/reference/benchmarks.md.
package bench

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"slices"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver, for the bound
	_ "modernc.org/sqlite"             // the driver, for the bound

	"fairlead.dev"
	"fairlead.dev/engine"
	"fairlead.dev/evidence"
	"fairlead.dev/flow"
	"fairlead.dev/internal/pgtest"
	"fairlead.dev/step"
	"fairlead.dev/store"
	"fairlead.dev/target"
	"fairlead.dev/worker"
)

// tree stands in for a git checkout: the tasks measured read no files.
type tree struct{}

func (tree) Checkout(context.Context, string, string) error { return nil }

func (tree) TreeDigest(_ context.Context, commit string, _ []string) (fairlead.Digest, error) {
	return fairlead.DigestBytes([]byte(commit)), nil
}

// noop is a step that does nothing, so that all that is measured is what
// surrounds it.
func noop() step.Type {
	return step.Type{
		Name: "noop", Config: struct{}{},
		Run: func(context.Context, step.In) (step.Out, error) { return step.Out{Outcome: step.Done}, nil },
	}
}

type signer struct{ *evidence.Signer }

func (s signer) SignDecision(ctx context.Context, d fairlead.Decision, _ []fairlead.Release) (fairlead.Evidence, error) {
	return s.Sign(ctx, d.RunID, "", evidence.DecisionClaim(d, fairlead.Release{}), d.Time)
}

// plant is everything a run needs, as wired in the program.
type plant struct {
	store  *store.Store
	engine *engine.Engine
	runs   int
}

func newPlant(b *testing.B, ours, engines string) *plant {
	b.Helper()
	ctx, dir := context.Background(), b.TempDir()
	db, err := store.Open(ctx, ours)
	check(b, err)
	e, err := engine.Open(ctx, engine.Config{URL: engines, Version: flow.Version, Logger: slog.New(slog.DiscardHandler)})
	check(b, err)
	key, err := evidence.OpenKey(filepath.Join(dir, "keys"))
	check(b, err)
	blobs, err := store.OpenBlobs(filepath.Join(dir, "blobs"))
	check(b, err)
	flow.Register(e, flow.Parts{
		Ledger: db, Reader: db, Situation: db, Archive: db, Line: db, Signer: signer{key}, Content: blobs.Open,
		Worker: worker.New(worker.Options{
			Types: map[string]step.Type{"noop": noop()}, Workspaces: tree{}, Memory: db, Shelf: db, Journal: db, Signer: key,
			Verifier: evidence.TrustKeys(key.Public()), Blobs: blobs, Dir: filepath.Join(dir, "work"), Parallel: 8,
			Logger: slog.New(slog.DiscardHandler),
		}),
		Target:  func(string) (target.Target, error) { return nil, io.EOF },
		Trouble: func(err error) { b.Error(err) },
	})
	check(b, e.Launch(ctx))
	b.Cleanup(func() {
		e.Close(10 * time.Second)
		check(b, db.Close())
	})
	return &plant{store: db, engine: e}
}

func check(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// plan has n tasks, each needing the one before when chained.
func plan(n int, chained bool, commit string) fairlead.Plan {
	p := fairlead.Plan{
		Service: "bench", Environment: "dev", Strategy: fairlead.StrategyNone, Event: fairlead.Event{Commit: commit},
		Gates: []fairlead.Gate{{Name: "all", Rule: "true", Outcome: fairlead.OutcomeDeny}},
	}
	for i := range n {
		t := fairlead.Task{ID: fmt.Sprintf("t%04d", i), Type: "noop", Phase: fairlead.PhaseVerify}
		if chained && i > 0 {
			t.Needs = []string{p.Tasks[i-1].ID}
		}
		p.Tasks = append(p.Tasks, t)
	}
	p.Hash = fairlead.DigestJSON(p)
	return p
}

// start starts one run and gives its id.
func (p *plant) start(b *testing.B, n int, chained bool) string {
	b.Helper()
	p.runs++
	id := fmt.Sprintf("r%d", p.runs)
	pl := plan(n, chained, fmt.Sprintf("%040d", time.Now().UnixNano()))
	check(b, engine.Start(context.Background(), p.engine, flow.NameDelivery, id, flow.Delivery{RunID: id, Plan: pl}))
	return id
}

func (p *plant) wait(b *testing.B, id string) {
	b.Helper()
	end, err := engine.Result[flow.Ending](context.Background(), p.engine, id)
	check(b, err)
	if end.Result != fairlead.ResultSuccess {
		b.Fatalf("run %s: %s", id, end.Reason)
	}
}

// databases are those measured, with the URLs of our tables and the engine's.
func databases(b *testing.B, measure func(b *testing.B, ours, engines, driver, dsn string)) {
	b.Run("sqlite", func(b *testing.B) {
		dir := b.TempDir()
		dsn := "file:" + filepath.Join(dir, "bound.db") + "?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)"
		measure(b, "sqlite:"+filepath.Join(dir, "fairlead.db"), "sqlite:"+filepath.Join(dir, "engine.db"), "sqlite", dsn)
	})
	b.Run("postgresql", func(b *testing.B) {
		url := pgtest.Start(b)
		measure(b, url, url, "pgx", url)
	})
}

// bound is what one durable insert costs on the same database, in microseconds.
func bound(b *testing.B, driver, dsn string) float64 {
	b.Helper()
	db, err := sql.Open(driver, dsn)
	check(b, err)
	defer db.Close()
	_, err = db.Exec(`CREATE TABLE IF NOT EXISTS bound (id INTEGER PRIMARY KEY, doc TEXT)`)
	check(b, err)
	var times []time.Duration
	for i := range 200 {
		began := time.Now()
		_, err := db.Exec(`INSERT INTO bound (id, doc) VALUES ($1, $2)`, i, "a document of the usual size")
		check(b, err)
		times = append(times, time.Since(began))
	}
	return microseconds(times, 0.5)
}

func microseconds(times []time.Duration, quantile float64) float64 {
	slices.Sort(times)
	return float64(times[int(quantile*float64(len(times)-1))].Microseconds())
}

// BenchmarkTaskOverhead runs chains of tasks that do nothing: what one adds to
// the time of a run.
func BenchmarkTaskOverhead(b *testing.B) {
	databases(b, func(b *testing.B, ours, engines, driver, dsn string) {
		p := newPlant(b, ours, engines)
		var gaps []time.Duration
		for b.Loop() {
			id := p.start(b, 200, true)
			p.wait(b, id)
			tasks, err := p.store.Tasks(context.Background(), id)
			check(b, err)
			slices.SortFunc(tasks, func(x, y fairlead.TaskRun) int { return x.FinishedAt.Compare(y.FinishedAt) })
			for i := 1; i < len(tasks); i++ {
				gaps = append(gaps, tasks[i].FinishedAt.Sub(tasks[i-1].FinishedAt))
			}
		}
		b.ReportMetric(microseconds(gaps, 0.5), "p50-µs/task")
		b.ReportMetric(microseconds(gaps, 0.99), "p99-µs/task")
		b.ReportMetric(bound(b, driver, dsn), "bare-insert-µs")
		b.ReportMetric(0, "ns/op")
	})
}

// BenchmarkTasksPerSecond runs eight runs of a hundred independent tasks at once.
func BenchmarkTasksPerSecond(b *testing.B) {
	databases(b, func(b *testing.B, ours, engines, _, _ string) {
		p := newPlant(b, ours, engines)
		const runs, each = 8, 100
		tasks, began := 0, time.Now()
		for b.Loop() {
			var ids []string
			for range runs {
				ids = append(ids, p.start(b, each, false))
			}
			for _, id := range ids {
				p.wait(b, id)
			}
			tasks += runs * each
		}
		b.ReportMetric(float64(tasks)/time.Since(began).Seconds(), "tasks/s")
		b.ReportMetric(0, "ns/op")
	})
}
