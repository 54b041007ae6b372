// Package storetest holds every database under package store to one behaviour.
package storetest

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"fairlead.dev"
	"fairlead.dev/store"
)

// Run runs the suite. url gives the URL of an empty store, a new one for each call.
func Run(t *testing.T, url func(t *testing.T) string) {
	tests := []struct {
		name string
		fn   func(t *testing.T, url string)
	}{
		{"an update is applied once", testOnce},
		{"an update is applied whole or not at all", testWhole},
		{"nouns come back as they were written", testNouns},
		{"a missing thing is not found, with a hint", testMissing},
		{"a finished run never changes", testFinished},
		{"the record is append-only and without gaps", testRecord},
		{"many writers at once", testConcurrent},
		{"one bad write among many", testIsolation},
		{"runs by filter and prefix", testRuns},
		{"tasks by key", testTaskByKey},
		{"plans are immutable", testPlans},
		{"an environment has one mover", testClaim},
		{"many claim an environment at once", testClaimRace},
		{"a random history of claims and releases", testClaimProperty},
		{"a line in the order of beginning", testLine},
		{"a newer run supersedes", testSupersede},
		{"several places at once or none", testTurnWhole},
		{"many take their turn at once", testTurnRace},
		{"a random history of lines", testLineProperty},
		{"output in order", testOutput},
		{"looks in order, each once", testLooks},
		{"many keep the same look", testLookRace},
		{"cancel once", testCancel},
		{"evidence byte by byte", testEvidence},
		{"a revocation is final", testRevocation},
		{"from a component to the releases that run it", exposures},
		{"what people decide comes back and is settled once", testPeople},
		{"findings over time, and what excuses them", testFindings},
		{"opened again and by two at once", testReopen},
		{"a caller that gives up", testGiveUp},
		{"closed", testClosed},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { test.fn(t, url(t)) })
	}
}

// start is the time at which the suite's histories begin.
var start = time.Date(2026, 11, 20, 9, 30, 0, 123456789, time.UTC)

func open(t *testing.T, url string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), url)
	if err != nil {
		t.Fatalf("open: %v (hint: %s)", err, fairlead.HintOf(err))
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

// fact makes a record of a run.
func fact(id, run string) fairlead.Record {
	return fairlead.Record{
		ID: id, Type: fairlead.RecordRunStarted, Subject: run, RunID: run, Time: start, Data: json.RawMessage(`{ "n": 1 }`),
	}
}

// update makes an update of one record and a run.
func update(record string, r fairlead.Run) fairlead.Update {
	return fairlead.Update{Records: []fairlead.Record{fact(record, r.ID)}, Run: &r}
}

func run(id string, n int) fairlead.Run {
	return fairlead.Run{
		ID: id, Plan: fairlead.DigestBytes([]byte(id)), Service: "shop", Environment: "production", Strategy: fairlead.StrategyCanary,
		Commit: "c0ffee", State: fairlead.StateExecuting, StartedAt: start.Add(time.Duration(n) * time.Second),
	}
}

// commit applies an update that must be applied.
func commit(t *testing.T, s *store.Store, u fairlead.Update) {
	t.Helper()
	applied, err := s.Commit(t.Context(), u)
	if err != nil || !applied {
		t.Fatalf("commit %s: applied %v, error %v", u.Records[0].ID, applied, err)
	}
}

// wantKind fails unless err is of the kind; a kind of "" wants no error.
func wantKind(t *testing.T, err error, kind fairlead.Kind) {
	t.Helper()
	if fairlead.KindOf(err) != kind {
		t.Fatalf("error %v has kind %q, want %q", err, fairlead.KindOf(err), kind)
	}
}

// same compares two values by their JSON form.
func same(t *testing.T, what string, got, want any) {
	t.Helper()
	g, w := encode(t, got), encode(t, want)
	if g != w {
		t.Errorf("%s:\n got %s\nwant %s", what, g, w)
	}
}

func encode(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// records reads the whole record, page by page.
func records(ctx context.Context, s *store.Store) ([]fairlead.Record, error) {
	var all []fairlead.Record
	for after := int64(0); ; {
		page, err := s.Records(ctx, store.RecordFilter{After: after, Limit: 7})
		if err != nil || len(page) == 0 {
			return all, err
		}
		all = append(all, page...)
		after = page[len(page)-1].Seq
	}
}

// gapless checks that Seq counts from 1 and that no id comes twice.
func gapless(all []fairlead.Record) error {
	seen := map[string]bool{}
	for i, r := range all {
		if r.Seq != int64(i+1) {
			return fmt.Errorf("record %d has seq %d", i+1, r.Seq)
		}
		if seen[r.ID] {
			return fmt.Errorf("record %s is there twice", r.ID)
		}
		seen[r.ID] = true
	}
	return nil
}
