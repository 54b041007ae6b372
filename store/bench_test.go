package store_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"fairlead.dev"
	"fairlead.dev/internal/pgtest"
	"fairlead.dev/store"
)

// BenchmarkCommit compares the store with the least that a durable write can
// cost: one bare INSERT in its own transaction, on the same disk, in the same run.
func BenchmarkCommit(b *testing.B) {
	b.Run("sqlite/bare", benchBareSQLite)
	b.Run("sqlite/one caller", func(b *testing.B) { benchCommit(b, benchURL(b), 1) })
	b.Run("sqlite/8 callers", func(b *testing.B) { benchCommit(b, benchURL(b), 8) })
	b.Run("postgres/bare", benchBarePostgres)
	b.Run("postgres/one caller", func(b *testing.B) { benchCommit(b, pgtest.Start(b), 1) })
	b.Run("postgres/8 callers", func(b *testing.B) { benchCommit(b, pgtest.Start(b), 8) })
}

// BenchmarkRead measures the reads that flows and pages repeat, over 10,000 runs.
func BenchmarkRead(b *testing.B) {
	ctx := b.Context()
	s := openBench(b, benchURL(b))
	for i := range 10_000 {
		if _, err := s.Commit(ctx, benchUpdate(i)); err != nil {
			b.Fatal(err)
		}
	}
	for name, read := range map[string]func() error{
		"run":           func() error { _, err := s.Run(ctx, "run-5000"); return err },
		"newest 100":    func() error { _, err := s.Runs(ctx, store.RunFilter{Environment: "production"}); return err },
		"cancel":        func() error { _, err := s.CancelRequested(ctx, "run-5000"); return err },
		"1,000 records": func() error { _, err := s.Records(ctx, store.RecordFilter{After: 5000}); return err },
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if err := read(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func benchURL(b *testing.B) string { return "sqlite:" + filepath.Join(b.TempDir(), "state.db") }

func openBench(b *testing.B, url string) *store.Store {
	b.Helper()
	s, err := store.Open(b.Context(), url)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	return s
}

// benchUpdate is what a finished task writes, with its run.
func benchUpdate(i int) fairlead.Update {
	id := fmt.Sprintf("run-%d", i)
	at := time.Date(2026, 11, 20, 9, 0, i, 0, time.UTC)
	return fairlead.Update{
		Records: []fairlead.Record{{
			ID: id + "/unit", Type: fairlead.RecordTaskFinished, Subject: id + "/unit", RunID: id, Time: at,
			Data: json.RawMessage(`{"result":"success","attempts":1,"seconds":1.5}`),
		}},
		Run: &fairlead.Run{ID: id, Service: "shop", Environment: "production", State: fairlead.StateExecuting, StartedAt: at},
		Tasks: []fairlead.TaskRun{{
			RunID: id, ID: "unit", Type: "test.command", State: fairlead.StateFinished, Result: fairlead.ResultSuccess,
			Key: fairlead.DigestBytes([]byte(id)), StartedAt: at, FinishedAt: at,
		}},
	}
}

func benchCommit(b *testing.B, url string, callers int) {
	s := openBench(b, url)
	var next atomic.Int64
	took := make([][]time.Duration, callers)
	done := make(chan error, callers)
	b.ResetTimer()
	for c := range callers {
		go func() {
			for {
				i := next.Add(1)
				if i > int64(b.N) {
					done <- nil
					return
				}
				began := time.Now()
				if _, err := s.Commit(context.Background(), benchUpdate(int(i))); err != nil {
					done <- err
					return
				}
				took[c] = append(took[c], time.Since(began))
			}
		}()
	}
	for range callers {
		if err := <-done; err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	report(b, slices.Concat(took...))
}

func report(b *testing.B, took []time.Duration) {
	slices.Sort(took)
	b.ReportMetric(float64(len(took))/b.Elapsed().Seconds(), "updates/s")
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
}

func benchBareSQLite(b *testing.B) {
	path := filepath.Join(b.TempDir(), "bare.db")
	benchBare(b, "sqlite", path+"?_pragma=journal_mode(wal)&_pragma=synchronous(full)", "INTEGER", "INSERT INTO bare (doc) VALUES (?)")
}

func benchBarePostgres(b *testing.B) {
	benchBare(b, "pgx", pgtest.Start(b), "BIGSERIAL", "INSERT INTO bare (doc) VALUES ($1)")
}

func benchBare(b *testing.B, driver, source, serial, insert string) {
	db, err := sql.Open(driver, source)
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	if _, err := db.Exec("CREATE TABLE bare (seq " + serial + " PRIMARY KEY, doc TEXT)"); err != nil {
		b.Fatal(err)
	}
	st, err := db.Prepare(insert)
	if err != nil {
		b.Fatal(err)
	}
	defer st.Close()
	var took []time.Duration
	for b.Loop() {
		began := time.Now()
		if _, err := st.Exec(`{"result":"success","attempts":1,"seconds":1.5}`); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(began))
	}
	report(b, took)
}
