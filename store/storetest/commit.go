package storetest

import (
	"context"
	"database/sql"
	"fmt"
	neturl "net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"fairlead.dev"
	"fairlead.dev/store"
)

func testOnce(t *testing.T, url string) {
	s := open(t, url)
	u := update("r1/started", run("r1", 0))
	commit(t, s, u)
	again := update("r1/started", run("r1", 5))
	again.Records = append(again.Records, fact("r1/other", "r1"))
	applied, err := s.Commit(t.Context(), again)
	if err != nil || applied {
		t.Fatalf("second commit: applied %v, error %v", applied, err)
	}
	got, err := s.Run(t.Context(), "r1")
	wantKind(t, err, "")
	same(t, "run", got, run("r1", 0))
	all, err := records(t.Context(), s)
	wantKind(t, err, "")
	if len(all) != 1 {
		t.Errorf("%d records, want 1", len(all))
	}
}

func testWhole(t *testing.T, url string) {
	s := open(t, url)
	commit(t, s, fairlead.Update{Records: []fairlead.Record{fact("taken", "r0")}})
	half := update("r1/started", run("r1", 0))
	half.Records = append(half.Records, fact("taken", "r1"))
	applied, err := s.Commit(t.Context(), half)
	wantKind(t, err, fairlead.KindConflict)
	if applied {
		t.Error("a refused update says it was applied")
	}
	_, err = s.Run(t.Context(), "r1")
	wantKind(t, err, fairlead.KindNotFound)

	for name, u := range map[string]fairlead.Update{
		"no record":       {Run: half.Run},
		"record no id":    {Records: []fairlead.Record{{Type: fairlead.RecordRunStarted}}},
		"record no type":  {Records: []fairlead.Record{{ID: "x"}}},
		"forged evidence": {Records: []fairlead.Record{fact("x", "r1")}, Evidence: []fairlead.Evidence{{ID: fairlead.DigestBytes(nil), Envelope: []byte(`{}`)}}},
	} {
		if _, err := s.Commit(t.Context(), u); fairlead.KindOf(err) != fairlead.KindInvalid {
			t.Errorf("%s: error %v, want invalid", name, err)
		}
	}
	all, err := records(t.Context(), s)
	wantKind(t, err, "")
	if len(all) != 1 {
		t.Errorf("%d records, want 1: something was left half done", len(all))
	}
}

func testFinished(t *testing.T, url string) {
	s := open(t, url)
	r := run("r1", 0)
	commit(t, s, update("r1/started", r))
	r.State, r.Result = fairlead.StateFinished, fairlead.ResultSuccess
	commit(t, s, update("r1/finished", r))
	r.Result = fairlead.ResultFailure
	_, err := s.Commit(t.Context(), update("r1/late", r))
	wantKind(t, err, fairlead.KindConflict)
	got, err := s.Run(t.Context(), "r1")
	wantKind(t, err, "")
	if got.Result != fairlead.ResultSuccess {
		t.Errorf("a finished run became %s", got.Result)
	}
	if all, _ := records(t.Context(), s); len(all) != 2 {
		t.Errorf("%d records, want 2", len(all))
	}
}

func testRecord(t *testing.T, url string) {
	s := open(t, url)
	for i := range 20 {
		r := fact(fmt.Sprintf("f%02d", i), fmt.Sprintf("r%d", i%2))
		if i%5 == 0 {
			r.Type, r.Data, r.Time = fairlead.RecordVerdict, nil, time.Time{}
		}
		commit(t, s, fairlead.Update{Records: []fairlead.Record{r}})
	}
	all, err := records(t.Context(), s)
	wantKind(t, err, "")
	if err := gapless(all); err != nil || len(all) != 20 {
		t.Fatalf("%d records: %v", len(all), err)
	}
	want := fact("f01", "r1")
	want.Seq = 2
	if got := all[1]; string(got.Data) != string(want.Data) || !got.Time.Equal(want.Time) {
		t.Errorf("record %+v, want %+v", got, want)
	}
	if all[0].Data != nil || !all[0].Time.IsZero() {
		t.Errorf("a record without data and time came back as %+v", all[0])
	}
	some, err := s.Records(t.Context(), store.RecordFilter{
		RunID: "r0", After: 1, Types: []fairlead.RecordType{fairlead.RecordVerdict, fairlead.RecordDecision},
	})
	wantKind(t, err, "")
	if len(some) != 1 || some[0].ID != "f10" {
		t.Errorf("filtered records: %v", some)
	}
	refuses(t, url)
}

// refuses checks that not even SQL changes the record.
func refuses(t *testing.T, url string) {
	t.Helper()
	driver, source, table := "pgx", url, "fairlead.record"
	statements := []string{"TRUNCATE %s"}
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
		file := neturl.URL{Scheme: "file", OmitHost: true, Path: path}
		driver, source, table = "sqlite", file.String(), "record"
		statements = []string{"INSERT OR REPLACE INTO %s (seq, id, type, subject, run_id, time) VALUES (1, 'f00', '', '', '', 0)"}
	}
	db, err := sql.Open(driver, source)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, st := range append(statements, "UPDATE %s SET subject = 'x' WHERE seq = 1", "DELETE FROM %s WHERE seq = 1") {
		_, err := db.ExecContext(t.Context(), fmt.Sprintf(st, table))
		if err == nil || !strings.Contains(err.Error(), "append-only") {
			t.Errorf("%s: %v, want a refusal", st, err)
		}
	}
}

func testConcurrent(t *testing.T, url string) {
	s, other := open(t, url), open(t, url)
	const callers, each = 8, 25
	watch := watchRecord(t, other)
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			to := s
			if c%4 == 0 {
				to = other // as a second process would
			}
			for i := range each {
				id := fmt.Sprintf("r%d-%d", c, i)
				if applied, err := to.Commit(t.Context(), update(id, run(id, i))); err != nil || !applied {
					t.Errorf("%s: applied %v, error %v", id, applied, err)
				}
			}
		})
	}
	wg.Wait()
	if seen := watch(); seen != callers*each {
		t.Errorf("a reader that followed the record saw %d of %d", seen, callers*each)
	}
	all, err := records(t.Context(), s)
	wantKind(t, err, "")
	if err := gapless(all); err != nil || len(all) != callers*each {
		t.Errorf("%d records: %v", len(all), err)
	}
}

// watchRecord follows the record while it is written; the function it gives
// waits a moment for the last ones and says how many it saw.
func watchRecord(t *testing.T, s *store.Store) func() int {
	stop, seen := make(chan struct{}), make(chan int)
	go func() {
		var last int64
		n, ending := 0, false
		for {
			page, err := s.Records(context.WithoutCancel(t.Context()), store.RecordFilter{After: last})
			if err != nil {
				t.Errorf("follow the record: %v", err)
			}
			for _, r := range page {
				if r.Seq != last+1 {
					t.Errorf("record %d follows %d", r.Seq, last)
				}
				last = r.Seq
				n++
			}
			if ending {
				seen <- n
				return
			}
			select {
			case <-stop:
				ending = true
			case <-time.After(time.Millisecond):
			}
		}
	}()
	return func() int { close(stop); return <-seen }
}

func testIsolation(t *testing.T, url string) {
	s := open(t, url)
	done := run("done", 0)
	done.State = fairlead.StateFinished
	commit(t, s, update("done", done))
	var wg sync.WaitGroup
	for c := range 8 {
		wg.Go(func() {
			for i := range 10 {
				good, bad := fmt.Sprintf("good%d-%d", c, i), fmt.Sprintf("bad%d-%d", c, i)
				if applied, err := s.Commit(t.Context(), update(good, run(good, i))); err != nil || !applied {
					t.Errorf("good: applied %v, error %v", applied, err)
				}
				if applied, err := s.Commit(t.Context(), update(bad, done)); applied || fairlead.KindOf(err) != fairlead.KindConflict {
					t.Errorf("bad: applied %v, error %v", applied, err)
				}
			}
		})
	}
	wg.Wait()
	all, err := records(t.Context(), s)
	wantKind(t, err, "")
	if err := gapless(all); err != nil || len(all) != 81 {
		t.Errorf("%d records, want 81: %v", len(all), err)
	}
}

func testGiveUp(t *testing.T, url string) {
	s := open(t, url)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if applied, err := s.Commit(ctx, update("r1", run("r1", 0))); err == nil {
		t.Errorf("a cancelled commit has no error (applied %v)", applied)
	} else {
		wantKind(t, err, fairlead.KindCancelled)
	}
	_, err := s.Run(t.Context(), "r1")
	wantKind(t, err, fairlead.KindNotFound)
	_, err = s.Run(ctx, "r1")
	wantKind(t, err, fairlead.KindCancelled)
}

func testClosed(t *testing.T, url string) {
	s := open(t, url)
	commit(t, s, update("r1", run("r1", 0)))
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	_, err := s.Commit(t.Context(), update("r2", run("r2", 0)))
	wantKind(t, err, fairlead.KindUnavailable)
	_, err = s.Run(t.Context(), "r1")
	wantKind(t, err, fairlead.KindUnavailable)
}

func testReopen(t *testing.T, url string) {
	first := open(t, url)
	commit(t, first, update("r1", run("r1", 0)))
	second := open(t, url)
	got, err := second.Run(t.Context(), "r1")
	wantKind(t, err, "")
	same(t, "run", got, run("r1", 0))
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	commit(t, second, update("r2", run("r2", 0)))
	third := open(t, url)
	if applied, err := third.Commit(t.Context(), update("r2", run("r2", 0))); err != nil || applied {
		t.Errorf("an update applied before: applied %v, error %v", applied, err)
	}
}
