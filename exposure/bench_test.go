package exposure_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"flag"
	"fmt"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"fairlead.dev"
	"fairlead.dev/exposure"
	"fairlead.dev/vulndb"
)

var (
	sboms = flag.Int("sboms", 200, "bills of materials that the benchmark re-evaluates")
	parts = flag.Int("parts", 500, "components of each")
)

// fleet writes a running release for each of many bills of materials, in bulk
// and past the store: release by release, each on disk before the next, that
// takes an hour. Each component is in every fortieth of them.
func (w *world) fleet(file string, many, each int) {
	w.Helper()
	db, err := sql.Open("sqlite", "file:"+file)
	w.must(err)
	defer db.Close()
	db.SetMaxOpenConns(1)
	run := func(query string, args ...any) {
		w.Helper()
		_, err := db.ExecContext(w.Context(), query, args...)
		w.must(err)
	}
	run("PRAGMA synchronous = off")
	run("PRAGMA cache_size = -262144") // KiB
	run("DROP INDEX inventory_part_sbom")
	run("BEGIN")
	packages := 40 * each
	const upTo = `WITH RECURSIVE n(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n + 1 < ?) `
	run(`INSERT INTO inventory_component (num, purl, key) `+upTo+`SELECT n, 'pkg:npm/p' || n || '@1.0.0', 'npm/p' || n FROM n`, packages)
	run(`INSERT INTO inventory_sbom (num, sbom) `+upTo+`SELECT n, 'sbom ' || n FROM n`, many)
	mention, err := json.Marshal(fairlead.Mention{Places: []fairlead.Location{{Path: "package-lock.json"}}})
	w.must(err)
	run(`INSERT INTO inventory_mention (num, doc) VALUES (1, ?)`, string(mention))
	run(`INSERT INTO inventory_part (component, sbom, mention) `+upTo+`, c(c) AS (SELECT 0 UNION ALL SELECT c + 1 FROM c WHERE c + 1 < ?)
		SELECT (n * 37 + c * 41) % ? AS component, n AS sbom, 1 FROM n, c ORDER BY component, sbom`, many, each, packages)
	insert := func(query string) func(...any) {
		st, err := db.PrepareContext(w.Context(), query)
		w.must(err)
		w.Cleanup(func() { st.Close() })
		return func(args ...any) {
			_, err := st.ExecContext(w.Context(), args...)
			w.must(err)
		}
	}
	held := insert(`INSERT INTO inventory_release (release_id, sbom, looked) VALUES (?, ?, 1)`)
	environment := insert(`INSERT INTO environment (environment, service, fence, release_id, doc) VALUES (?, ?, ?, ?, ?)`)
	deployment := insert(`INSERT INTO deployment (id, environment, service, started, doc) VALUES (?, ?, ?, 0, ?)`)
	runs := insert(`INSERT INTO run (id, environment, service, revision, state, started, doc) VALUES (?, ?, ?, '', 'finished', 0, ?)`)
	plan := fairlead.Plan{Service: "s", Environment: "production"}
	plan.Hash = fairlead.DigestJSON(plan)
	doc := func(v any) string {
		b, err := json.Marshal(v)
		w.must(err)
		return string(b)
	}
	for n := range many {
		id, service, of := fairlead.DigestBytes(fmt.Append(nil, "release ", n)), fmt.Sprint("s", n), fmt.Sprint("d", n)
		release := fairlead.Release{ID: id, Service: service}
		held(string(id), n)
		environment("production", service, n+1, string(id), doc(fairlead.EnvironmentState{
			Environment: "production", Service: service, Fence: int64(n + 1), Deployment: of, Current: &release,
		}))
		deployment(of, "production", service, doc(fairlead.Deployment{ID: of, RunID: of, Environment: "production", Service: service, Release: release}))
		runs(of, "production", service, doc(fairlead.Run{ID: of, Plan: plan.Hash, Service: service, Environment: "production", State: fairlead.StateFinished}))
	}
	run("COMMIT")
	run("CREATE INDEX inventory_part_sbom ON inventory_part (sbom)")
	w.must(w.db.SavePlan(w.Context(), plan))
}

// clock reads the plan behind what runs, as the program does.
func (w *world) clock(ctx context.Context, environment, service string) (fairlead.Clock, error) {
	st, err := w.db.Environment(ctx, environment, service)
	if err != nil {
		return fairlead.Clock{}, err
	}
	dep, err := w.db.Deployment(ctx, st.Deployment)
	if err != nil {
		return fairlead.Clock{}, err
	}
	run, err := w.db.Run(ctx, dep.RunID)
	if err != nil {
		return fairlead.Clock{}, err
	}
	_, err = w.db.Plan(ctx, run.Plan)
	return fairlead.DefaultClock(), err
}

// BenchmarkReevaluate is the look-up after one new advisory, for one running
// release of each bill of materials: -sboms 10000 is what the product is
// measured by. Every second run withdraws the advisory again.
func BenchmarkReevaluate(b *testing.B) {
	file := filepath.Join(b.TempDir(), "fairlead.db")
	w := newWorldOn(b, "sqlite:"+file)
	w.learn("EXAMPLE-0", "other", "")
	w.fleet(file, *sboms, *parts)
	if in, err := w.db.PartsIn(b.Context(), fairlead.DigestBytes([]byte("release 0"))); err != nil || len(in) != *parts {
		b.Fatalf("%d parts of a release, %v", len(in), err)
	}
	b.ResetTimer()
	var hit, findings int
	var spent time.Duration
	for n := 0; b.Loop(); n++ {
		withdrawn := ""
		if n%2 == 1 {
			withdrawn = "2026-10-02T00:00:00Z"
		}
		b.StopTimer()
		change := w.learn("EXAMPLE-1", "p41", withdrawn)
		b.StartTimer()
		began := processor(b)
		known, err := vulndb.Open(b.Context(), w.file)
		w.must(err)
		e := exposure.Evaluator{Index: w.db, Documents: w, Advisories: known, Clock: w.clock, Now: now.Add(time.Duration(n+1) * time.Second)}
		out, err := e.Evaluate(b.Context(), change.Packages)
		w.must(err)
		w.must(known.Close())
		spent += processor(b) - began
		hit, findings = len(out.Affected)+len(out.Cleared), len(out.Findings)
	}
	if hit == 0 || findings != hit {
		b.Fatalf("%d releases and %d findings", hit, findings)
	}
	b.ReportMetric(float64(spent.Milliseconds())/float64(b.N), "cpu-ms/op") // which other work on the machine hardly changes
	b.ReportMetric(float64(hit), "releases")
	b.ReportMetric(float64(findings), "findings")
}

// processor is the processor time that this process has taken.
func processor(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
