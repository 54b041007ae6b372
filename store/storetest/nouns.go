package storetest

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"fairlead.dev"
	"fairlead.dev/store"
)

func testNouns(t *testing.T, url string) {
	s := open(t, url)
	r := run("r1", 0)
	r.Reason = "a quote ' a \"double\" one, a \x00 byte, a line\nand ünïcode"
	release := fairlead.Release{Service: "shop", Command: []string{"bin/shop"}, Config: []byte(`{"a":1}`)}.Identify()
	tasks := []fairlead.TaskRun{
		{RunID: "r1", ID: "unit[go=1.26]", State: fairlead.StateFinished, Result: fairlead.ResultFailure, StartedAt: start.Add(time.Second)},
		{RunID: "r1", ID: "build", State: fairlead.StateExecuting, StartedAt: start},
	}
	d := fairlead.Decision{ID: "r1/decision", RunID: "r1", Outcome: fairlead.OutcomeAllow, Time: start}
	dep := fairlead.Deployment{ID: "r1/deployment", RunID: "r1", Environment: "production", Service: "shop", Release: release, StartedAt: start}
	env := fairlead.EnvironmentState{Environment: "production", Service: "shop", Current: &release, Fence: 3, UpdatedAt: start}
	commit(t, s, fairlead.Update{
		Records: []fairlead.Record{fact("r1/x", "r1")}, Run: &r, Tasks: tasks, Decision: &d, Deployment: &dep, Environment: &env,
	})
	ctx := t.Context()
	check(t, "run", r)(s.Run(ctx, "r1"))
	check(t, "task", tasks[0])(s.Task(ctx, "r1", "unit[go=1.26]"))
	check(t, "tasks", []fairlead.TaskRun{tasks[1], tasks[0]})(s.Tasks(ctx, "r1"))
	check(t, "decision", d)(s.Decision(ctx, "r1/decision"))
	check(t, "deployment", dep)(s.Deployment(ctx, "r1/deployment"))
	check(t, "deployments", []fairlead.Deployment{dep})(s.Deployments(ctx, "production", "shop", 5))
	check(t, "other deployments", []fairlead.Deployment(nil))(s.Deployments(ctx, "staging", "", 5))
	check(t, "environment", env)(s.Environment(ctx, "production", "shop"))
	check(t, "environments", []fairlead.EnvironmentState{env})(s.Environments(ctx))

	tasks[1].State, tasks[1].Result = fairlead.StateFinished, fairlead.ResultSuccess
	dep.Phase = fairlead.DeployDone
	commit(t, s, fairlead.Update{Records: []fairlead.Record{fact("r1/y", "r1")}, Tasks: tasks[1:], Deployment: &dep})
	check(t, "task afterwards", tasks[1])(s.Task(ctx, "r1", "build"))
	check(t, "deployment afterwards", dep)(s.Deployment(ctx, "r1/deployment"))
	check(t, "task left alone", tasks[0])(s.Task(ctx, "r1", "unit[go=1.26]"))
}

// check compares what a read gives with what it should give.
func check[T any](t *testing.T, what string, want T) func(T, error) {
	return func(got T, err error) {
		t.Helper()
		if err != nil {
			t.Errorf("%s: %v", what, err)
			return
		}
		same(t, what, got, want)
	}
}

func testMissing(t *testing.T, url string) {
	s := open(t, url)
	ctx := t.Context()
	for name, read := range map[string]func() error{
		"run":         func() error { _, err := s.Run(ctx, "x"); return err },
		"prefix":      func() error { _, err := s.RunByPrefix(ctx, "x"); return err },
		"task":        func() error { _, err := s.Task(ctx, "x", "y"); return err },
		"decision":    func() error { _, err := s.Decision(ctx, "x"); return err },
		"deployment":  func() error { _, err := s.Deployment(ctx, "x"); return err },
		"environment": func() error { _, err := s.Environment(ctx, "x", "y"); return err },
		"plan":        func() error { _, err := s.Plan(ctx, "sha256:x"); return err },
		"evidence":    func() error { _, err := s.Evidence(ctx, "sha256:x"); return err },
	} {
		err := read()
		if fairlead.KindOf(err) != fairlead.KindNotFound || fairlead.HintOf(err) == "" {
			t.Errorf("%s: %v (hint %q), want not found with a hint", name, err, fairlead.HintOf(err))
		}
	}
	for name, count := range map[string]func() (int, error){
		"runs":     func() (int, error) { v, err := s.Runs(ctx, store.RunFilter{}); return len(v), err },
		"tasks":    func() (int, error) { v, err := s.Tasks(ctx, "x"); return len(v), err },
		"output":   func() (int, error) { v, err := s.Output(ctx, "x", "y", 0, 0); return len(v), err },
		"evidence": func() (int, error) { v, err := s.EvidenceOf(ctx, "x"); return len(v), err },
	} {
		if n, err := count(); n != 0 || err != nil {
			t.Errorf("%s: %d, error %v", name, n, err)
		}
	}
}

func testRuns(t *testing.T, url string) {
	s := open(t, url)
	for i, id := range []string{"aa1", "aa2", "ab1", "b%_", "b_x", "Zz"} {
		r := run(id, i)
		if i%2 == 1 {
			r.Environment, r.State = "staging", fairlead.StateFinished
		}
		if id == "ab1" {
			r.Commit = id
		}
		commit(t, s, update(id, r))
	}
	for _, c := range []struct {
		filter store.RunFilter
		want   string
	}{
		{store.RunFilter{}, "Zz b_x b%_ ab1 aa2 aa1"},
		{store.RunFilter{Limit: 2}, "Zz b_x"},
		{store.RunFilter{Environment: "staging"}, "Zz b%_ aa2"},
		{store.RunFilter{Environment: "production", Service: "shop", State: fairlead.StateExecuting, Limit: 1}, "b_x"},
		{store.RunFilter{Service: "other"}, ""},
		{store.RunFilter{Commit: "ab1", Service: "shop"}, "ab1"},
		{store.RunFilter{Commit: "none"}, ""},
	} {
		runs, err := s.Runs(t.Context(), c.filter)
		wantKind(t, err, "")
		var ids []string
		for _, r := range runs {
			ids = append(ids, r.ID)
		}
		if got := strings.Join(ids, " "); got != c.want {
			t.Errorf("%+v: %q, want %q", c.filter, got, c.want)
		}
	}
	for prefix, want := range map[string]string{"aa1": "aa1", "ab": "ab1", "Z": "Zz", "b%": "b%_", "b_": "b_x"} {
		got, err := s.RunByPrefix(t.Context(), prefix)
		if err != nil || got.ID != want {
			t.Errorf("prefix %s: %q, error %v", prefix, got.ID, err)
		}
	}
	commit(t, s, update("aa", run("aa", 9)))
	if got, err := s.RunByPrefix(t.Context(), "aa"); err != nil || got.ID != "aa" {
		t.Errorf("an exact id: %q, error %v", got.ID, err)
	}
	_, err := s.RunByPrefix(t.Context(), "a")
	wantKind(t, err, fairlead.KindInvalid)
	for _, id := range []string{"aa1", "aa2", "ab1"} {
		if !strings.Contains(fairlead.HintOf(err), id) {
			t.Errorf("hint %q does not list %s", fairlead.HintOf(err), id)
		}
	}
	_, err = s.RunByPrefix(t.Context(), "")
	wantKind(t, err, fairlead.KindInvalid)
}

func testTaskByKey(t *testing.T, url string) {
	s := open(t, url)
	key := fairlead.DigestBytes([]byte("inputs"))
	tasks := []fairlead.TaskRun{
		{RunID: "r1", Result: fairlead.ResultSuccess, FinishedAt: start},
		{RunID: "r2", Result: fairlead.ResultSuccess, FinishedAt: start.Add(time.Minute)},
		{RunID: "r3", Result: fairlead.ResultFailure, FinishedAt: start.Add(2 * time.Minute)},
		{RunID: "r4", Result: fairlead.ResultSuccess, FinishedAt: start.Add(3 * time.Minute), ReusedFrom: "r2"},
	}
	for i, tr := range tasks {
		tr.ID, tr.State, tr.Key = "build", fairlead.StateFinished, key
		commit(t, s, fairlead.Update{Records: []fairlead.Record{fact(fmt.Sprint(i), tr.RunID)}, Tasks: []fairlead.TaskRun{tr}})
	}
	if _, ok, err := s.TaskByKey(t.Context(), key); ok || err != nil {
		t.Errorf("a later failure did not take the success back: %v, error %v", ok, err)
	}
	commit(t, s, fairlead.Update{Records: []fairlead.Record{fact("r5", "r5")}, Tasks: []fairlead.TaskRun{
		{RunID: "r5", ID: "build", State: fairlead.StateFinished, Key: key, Result: fairlead.ResultSuccess, FinishedAt: start.Add(4 * time.Minute)},
		{RunID: "r6", ID: "build", State: fairlead.StateFinished, Key: key, Result: fairlead.ResultError, FinishedAt: start.Add(5 * time.Minute)},
		{RunID: "r7", ID: "build", State: fairlead.StateExecuting, Key: key},
	}})
	got, ok, err := s.TaskByKey(t.Context(), key)
	if err != nil || !ok || got.RunID != "r5" {
		t.Errorf("found %v %s, error %v; want r5, the newest that did the work", ok, got.RunID, err)
	}
	for _, none := range []fairlead.Digest{"", fairlead.DigestBytes([]byte("other"))} {
		if _, ok, err := s.TaskByKey(t.Context(), none); ok || err != nil {
			t.Errorf("key %q: found %v, error %v", none, ok, err)
		}
	}
}

func testPlans(t *testing.T, url string) {
	s := open(t, url)
	p := fairlead.Plan{Hash: fairlead.DigestBytes([]byte("plan")), Service: "shop"}
	for range 2 {
		wantKind(t, s.SavePlan(t.Context(), p), "")
	}
	check(t, "plan", p)(s.Plan(t.Context(), p.Hash))
	other := p
	other.Service = "forged"
	wantKind(t, s.SavePlan(t.Context(), other), fairlead.KindConflict)
	check(t, "plan afterwards", p)(s.Plan(t.Context(), p.Hash))
	wantKind(t, s.SavePlan(t.Context(), fairlead.Plan{}), fairlead.KindInvalid)
}

func testOutput(t *testing.T, url string) {
	s := open(t, url)
	ctx := t.Context()
	var want []byte
	for i := range 10 {
		data := fmt.Appendf(nil, "line %d \x00\xff\n", i)
		want = append(want, data...)
		wantKind(t, s.AppendOutput(ctx, "r1", "unit", 1+i/5, data), "")
		wantKind(t, s.AppendOutput(ctx, "r1", "other", 1, data), "")
	}
	wantKind(t, s.AppendOutput(ctx, "r1", "unit", 2, nil), "")
	big := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	wantKind(t, s.AppendOutput(ctx, "r1", "unit", 2, big), "")
	got, attempts := readOutput(t, ctx, s)
	if !bytes.Equal(got, append(want, big...)) {
		t.Errorf("read %d bytes, want the %d that were written", len(got), len(want)+len(big))
	}
	if attempts != "1111122222" {
		t.Errorf("attempts of the first ten chunks: %s", attempts)
	}
}

func readOutput(t *testing.T, ctx context.Context, s *store.Store) (all []byte, attempts string) {
	t.Helper()
	for after := int64(0); ; {
		chunks, err := s.Output(ctx, "r1", "unit", after, 3)
		wantKind(t, err, "")
		if len(chunks) == 0 {
			return all, attempts
		}
		for _, c := range chunks {
			if c.Seq != after+1 || time.Since(c.Time) > time.Hour {
				t.Fatalf("chunk %d at %s follows %d", c.Seq, c.Time, after)
			}
			after = c.Seq
			all = append(all, c.Data...)
			if len(attempts) < 10 {
				attempts += fmt.Sprint(c.Attempt)
			}
		}
	}
}

func testCancel(t *testing.T, url string) {
	s := open(t, url)
	ctx := t.Context()
	commit(t, s, update("r1", run("r1", 0)))
	check(t, "before", false)(s.CancelRequested(ctx, "r1"))
	for range 2 {
		wantKind(t, s.RequestCancel(ctx, "r1", "ada", "wrong branch"), "")
	}
	check(t, "after", true)(s.CancelRequested(ctx, "r1"))
	check(t, "another run", false)(s.CancelRequested(ctx, "r2"))
	found, err := s.Records(ctx, store.RecordFilter{RunID: "r1", Types: []fairlead.RecordType{fairlead.RecordCancelRequested}})
	if err != nil || len(found) != 1 || !strings.Contains(string(found[0].Data), "ada") {
		t.Errorf("records of the request: %v, error %v", found, err)
	}
	r := run("r2", 0)
	r.State = fairlead.StateFinished
	commit(t, s, update("r2", r))
	wantKind(t, s.RequestCancel(ctx, "r2", "ada", ""), fairlead.KindConflict)
	check(t, "refused", false)(s.CancelRequested(ctx, "r2"))
	if late, err := s.Records(ctx, store.RecordFilter{RunID: "r2"}); err != nil || len(late) != 1 {
		t.Errorf("a refused request was recorded: %v, error %v", late, err)
	}
	stopped := run("r1", 0)
	stopped.State = fairlead.StateFinished
	commit(t, s, update("r1/finished", stopped))
	wantKind(t, s.RequestCancel(ctx, "r1", "ada", "again"), "")
	wantKind(t, s.RequestCancel(ctx, "not yet", "ada", ""), "")
	check(t, "a run not recorded yet", true)(s.CancelRequested(ctx, "not yet"))
}

func testRevocation(t *testing.T, url string) {
	s := open(t, url)
	ctx := t.Context()
	one := fairlead.Revocation{Evidence: "sha256:aaaa", RunID: "r1", TaskID: "unit", Who: "ada", Reason: "leaked key", Time: start}
	commit(t, s, fairlead.Update{Records: []fairlead.Record{fact("one", "r1")}, Revocations: []fairlead.Revocation{one}})
	check(t, "what was revoked", []fairlead.Revocation{one})(s.Revocations(ctx, "sha256:bbbb", "sha256:aaaa"))
	check(t, "what was not", []fairlead.Revocation(nil))(s.Revocations(ctx, "sha256:bbbb"))
	check(t, "nothing", []fairlead.Revocation(nil))(s.Revocations(ctx))
	other := one
	other.Reason = "forged"
	_, err := s.Commit(ctx, fairlead.Update{Records: []fairlead.Record{fact("two", "r1")}, Revocations: []fairlead.Revocation{other}})
	if err == nil {
		t.Error("a revocation was written over")
	}
	check(t, "afterwards", []fairlead.Revocation{one})(s.Revocations(ctx, "sha256:aaaa"))
}

func testEvidence(t *testing.T, url string) {
	s := open(t, url)
	ctx := t.Context()
	var all []fairlead.Evidence
	for i, body := range []string{`{"payload": "a",   "spaces": "<kept> & not escaped"}`, `{"b":1}`} {
		all = append(all, fairlead.Evidence{
			ID: fairlead.DigestBytes([]byte(body)), RunID: "r1", TaskID: "build", PredicateType: fairlead.PredicateBuild,
			Envelope: []byte(body), Time: start.Add(time.Duration(i) * time.Second),
		})
	}
	for _, record := range []string{"one", "two"} { // evidence stated again changes nothing
		commit(t, s, fairlead.Update{Records: []fairlead.Record{fact(record, "r1")}, Evidence: all})
	}
	check(t, "of the run", all)(s.EvidenceOf(ctx, "r1"))
	check(t, "by id", []fairlead.Evidence{all[1], all[0]})(s.Evidence(ctx, all[1].ID, all[0].ID))
	check(t, "by no id", []fairlead.Evidence{})(s.Evidence(ctx))
	got, err := s.Evidence(ctx, all[0].ID)
	wantKind(t, err, "")
	if fairlead.DigestBytes(got[0].Envelope) != all[0].ID {
		t.Errorf("the envelope was changed: %s", got[0].Envelope)
	}
	_, err = s.Evidence(ctx, all[0].ID, "sha256:missing")
	wantKind(t, err, fairlead.KindNotFound)
	check(t, "by prefix", all[0])(s.EvidenceByPrefix(ctx, all[0].ID.Short()))
	for prefix, kind := range map[string]fairlead.Kind{"ab": fairlead.KindInvalid, "0000000000": fairlead.KindNotFound} {
		_, err := s.EvidenceByPrefix(ctx, prefix)
		wantKind(t, err, kind)
	}
}
