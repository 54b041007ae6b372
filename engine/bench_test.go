package engine_test

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"fairlead.dev/engine"
	"fairlead.dev/internal/pgtest"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Every benchmark reports, beside its own figure, that of the bare database in
// the same run: one INSERT with its commit, at the same settings, which is the
// least that recording anything can cost.

func benchEach(b *testing.B, bench func(b *testing.B, url string)) {
	b.Run("sqlite", func(b *testing.B) { bench(b, "sqlite:"+filepath.Join(b.TempDir(), "flows.db")) })
	b.Run("postgres", func(b *testing.B) { bench(b, pgtest.Start(b)) })
}

// inserter gives a function that commits one row into the database at url.
func inserter(b *testing.B, url string) func() error {
	b.Helper()
	const table, row = "CREATE TABLE bound (id text, value text)", "INSERT INTO bound VALUES ('0123456789', '0123456789012345678901234567890123456789')"
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
		db, err := engine.OpenSQLite(b.Context(), path)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = db.Close() })
		if _, err := db.ExecContext(b.Context(), table); err != nil {
			b.Fatal(err)
		}
		return func() error { _, err := db.ExecContext(b.Context(), row); return err }
	}
	pool, err := pgxpool.New(b.Context(), url)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(pool.Close)
	if _, err := pool.Exec(b.Context(), table); err != nil {
		b.Fatal(err)
	}
	return func() error { _, err := pool.Exec(b.Context(), row); return err }
}

func percentile(d []time.Duration, p float64) float64 {
	slices.Sort(d)
	return float64(d[int(p*float64(len(d)-1))].Nanoseconds()) / 1e6
}

func nothing(context.Context) (int, error) { return 1, nil }

// One step after another: what a step costs beyond its work.
func BenchmarkSequentialSteps(b *testing.B) {
	benchEach(b, func(b *testing.B, url string) {
		insert := inserter(b, url)
		e := open(b, engine.Config{URL: url})
		steps := make([]time.Duration, b.N)
		engine.Register(e, "steps", func(f *engine.Flow, n int) (int, error) {
			for i := range n {
				begun := time.Now()
				if _, err := engine.Do(f, "step", nothing); err != nil {
					return 0, err
				}
				steps[i] = time.Since(begun)
			}
			return n, nil
		})
		launch(b, e)
		b.ResetTimer()
		run(b, e, "steps", "f", b.N)
		b.StopTimer()
		bound := make([]time.Duration, min(b.N, 500))
		for i := range bound {
			begun := time.Now()
			if err := insert(); err != nil {
				b.Fatal(err)
			}
			bound[i] = time.Since(begun)
		}
		b.ReportMetric(percentile(steps, 0.5), "p50-ms")
		b.ReportMetric(percentile(steps, 0.99), "p99-ms")
		b.ReportMetric(percentile(bound, 0.5), "bare-p50-ms")
		b.ReportMetric(percentile(bound, 0.99), "bare-p99-ms")
	})
}

func run(b *testing.B, e *engine.Engine, flow, id string, n int) {
	if err := engine.Start(b.Context(), e, flow, id, n); err != nil {
		b.Fatal(err)
	}
	if _, err := engine.Result[int](b.Context(), e, id); err != nil {
		b.Fatal(err)
	}
}

// Eight flows at once, b.N steps between them.
func BenchmarkEightFlows(b *testing.B) {
	benchEach(b, func(b *testing.B, url string) {
		const flows = 8
		insert := inserter(b, url)
		e := open(b, engine.Config{URL: url})
		engine.Register(e, "steps", func(f *engine.Flow, n int) (int, error) {
			for range n {
				if _, err := engine.Do(f, "step", nothing); err != nil {
					return 0, err
				}
			}
			return n, nil
		})
		launch(b, e)
		b.ResetTimer()
		took := eight(func(i int) { run(b, e, "steps", fmt.Sprint("f", i), b.N/flows+1) })
		b.StopTimer()
		bare := eight(func(int) {
			for range 100 {
				if err := insert(); err != nil {
					b.Error(err)
				}
			}
		})
		b.ReportMetric(float64(b.N)/took.Seconds(), "steps/s")
		b.ReportMetric(flows*100/bare.Seconds(), "bare-inserts/s")
	})
}

func eight(work func(i int)) time.Duration {
	begun := time.Now()
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() { work(i) })
	}
	wg.Wait()
	return time.Since(begun)
}

// A flow that starts a thousand steps at once, which all wait for one another.
func BenchmarkThousandParallelSteps(b *testing.B) {
	benchEach(b, func(b *testing.B, url string) {
		const width = 1000
		e := open(b, engine.Config{URL: url})
		var heap, stack, longest float64
		engine.Register(e, "wide", func(f *engine.Flow, n int) (int, error) {
			var before, waiting runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			var ready sync.WaitGroup
			ready.Add(n)
			gate := make(chan struct{})
			futures := make([]engine.Future[int], n)
			begun := time.Now()
			for i := range n {
				futures[i] = engine.Go(f, fmt.Sprint("step ", i), func(context.Context) (int, error) {
					ready.Done()
					<-gate
					return i, nil
				})
			}
			ready.Wait()
			longest = max(longest, float64(time.Since(begun).Milliseconds()))
			runtime.GC()
			runtime.ReadMemStats(&waiting)
			heap = max(heap, float64(int64(waiting.HeapAlloc)-int64(before.HeapAlloc))/1e6)
			stack = max(stack, float64(int64(waiting.StackInuse)-int64(before.StackInuse))/1e6)
			close(gate)
			sum := 0
			for _, fu := range futures {
				v, err := fu.Wait()
				if err != nil {
					return 0, err
				}
				sum += v
			}
			return sum, nil
		})
		launch(b, e)
		b.ResetTimer()
		for i := range b.N {
			run(b, e, "wide", fmt.Sprint("f", i), width)
		}
		b.StopTimer()
		b.ReportMetric(longest, "all-started-ms")
		b.ReportMetric(heap, "heap-MB")
		b.ReportMetric(stack, "stack-MB")
		b.ReportMetric(width*float64(b.N)/b.Elapsed().Seconds(), "steps/s")
	})
}

// From Open to the first result, the start of a process included in no part.
func BenchmarkStartUp(b *testing.B) {
	benchEach(b, func(b *testing.B, url string) {
		open(b, engine.Config{URL: url}) // the tables exist
		for i := range b.N {
			e := open(b, engine.Config{URL: url})
			engine.Register(e, "one", func(f *engine.Flow, n int) (int, error) { return engine.Do(f, "step", nothing) })
			launch(b, e)
			run(b, e, "one", fmt.Sprint("f", i), 1)
			b.StopTimer()
			e.Close(time.Second)
			b.StartTimer()
		}
	})
}
