package worker_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"fairlead.dev"
	"fairlead.dev/evidence"
	"fairlead.dev/flow"
)

const makeShop = "mkdir -p bin && cat main.txt >bin/shop"

// reads says what the task reads.
func reads(o *flow.Order) { o.Task.Reads = []string{"*.txt"} }

// A result is taken over exactly when nothing that the task reads has changed.
func TestReuse(t *testing.T) {
	tests := []struct {
		name   string
		change func(*shed, *flow.Order)
		reused bool
	}{
		{"nothing", func(*shed, *flow.Order) {}, true},
		{"a file that it does not read", func(s *shed, o *flow.Order) { o.Plan.Event.Commit = s.commit("docs/readme.md", "more") }, true},
		{"a file that it reads", func(s *shed, o *flow.Order) { o.Plan.Event.Commit = s.commit("main.txt", "two") }, false},
		{"a new file that it reads", func(s *shed, o *flow.Order) { o.Plan.Event.Commit = s.commit("more.txt", "two") }, false},
		{"its config", func(_ *shed, o *flow.Order) {
			o.Task.Config = json.RawMessage(`{"run": "mkdir bin; echo >bin/shop", "artifacts": ["bin/*"]}`)
		}, false},
		{"the spelling of its config", func(_ *shed, o *flow.Order) {
			o.Task.Config = json.RawMessage(`{ "artifacts": ["bin/*"], "run": ` + quote(makeShop) + `}`)
		}, true},
		{"its matrix cell", func(_ *shed, o *flow.Order) { o.Task.Matrix = json.RawMessage(`{"go":"1.27"}`) }, false},
		{"the environment it is for", func(_ *shed, o *flow.Order) { o.Plan.Environment = "production" }, false},
		{"the branch", func(_ *shed, o *flow.Order) { o.Plan.Event.Branch = "other" }, false},
		{"the artifact of what it needs", func(_ *shed, o *flow.Order) { o.Needs = []fairlead.TaskRun{{ID: "first"}} }, false},
		{"its timeout", func(_ *shed, o *flow.Order) { o.Task.Timeout++ }, true},
		{"its name", func(_ *shed, o *flow.Order) { o.Task.ID = "other" }, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newShed(t)
			blob := s.blob("of the first task")
			needs := func(o *flow.Order) { o.Needs = []fairlead.TaskRun{{ID: "first", Artifacts: []fairlead.Artifact{blob}}} }
			first, _ := s.succeeds(s.build(makeShop, reads, needs))
			o := s.build(makeShop, reads, needs)
			tt.change(s, &o)
			second, ev, err := s.run(o)
			must(t, err)
			if second.Result != fairlead.ResultSuccess || (second.ReusedFrom != "") != tt.reused {
				t.Fatalf("%s (%s), reused from %q, want reuse %v", second.Result, second.Reason, second.ReusedFrom, tt.reused)
			}
			if !tt.reused {
				return
			}
			if second.ReusedFrom != first.RunID || second.Attempts != 0 || !slices.Equal(second.Artifacts, first.Artifacts) {
				t.Errorf("%+v", second)
			}
			claimed(t, s, o, first, ev)
		})
	}
}

// claimed holds that a reused build is claimed for the new commit, signed for
// the new run, and says where the work was done.
func claimed(t *testing.T, s *shed, o flow.Order, first fairlead.TaskRun, ev []fairlead.Evidence) {
	t.Helper()
	if len(ev) != 1 {
		t.Fatalf("%d claims", len(ev))
	}
	st, err := s.opts.Verifier.Verify(ev[0])
	must(t, err)
	var p struct {
		Commit string
		Reused struct {
			RunID  string `json:"run_id"`
			Commit string
		}
	}
	must(t, json.Unmarshal(st.Predicate, &p))
	if st.RunID != o.RunID || st.TaskID != o.Task.ID || p.Commit != o.Plan.Event.Commit || p.Reused.RunID != first.RunID || p.Reused.Commit == "" {
		t.Errorf("statement of %s/%s: %+v", st.RunID, st.TaskID, p)
	}
	if len(st.Subjects) != 1 || st.Subjects[0].Digest != first.Artifacts[0].Digest {
		t.Errorf("subjects %v", st.Subjects)
	}
}

// A result that was itself taken over names the run that did the work.
func TestReuseNamesWhereTheWorkWasDone(t *testing.T) {
	s := newShed(t)
	first, _ := s.succeeds(s.build(makeShop))
	for range 3 {
		if tr, _ := s.succeeds(s.build(makeShop)); tr.ReusedFrom != first.RunID {
			t.Errorf("reused from %q, want %q", tr.ReusedFrom, first.RunID)
		}
	}
}

func TestReuseDependsOnVariables(t *testing.T) {
	s := newShed(t)
	env := func(o *flow.Order) { o.Task.Env = []string{"SHOP_COLOUR"} }
	script := `mkdir bin; echo "$SHOP_COLOUR" >bin/shop`
	t.Setenv("SHOP_COLOUR", "red")
	red, _ := s.succeeds(s.build(script, env))
	t.Setenv("SHOP_COLOUR", "blue")
	blue, _ := s.succeeds(s.build(script, env))
	if blue.ReusedFrom != "" || blue.Artifacts[0].Digest == red.Artifacts[0].Digest {
		t.Errorf("blue is %+v", blue)
	}
	t.Setenv("SHOP_COLOUR", "red")
	if again, _ := s.succeeds(s.build(script, env)); again.ReusedFrom != red.RunID || again.Artifacts[0] != red.Artifacts[0] {
		t.Errorf("red again is %+v", again)
	}
}

// A retry takes over what had succeeded, whatever has changed since; but
// nobody else is given that for what it is not.
func TestRetryTakesOver(t *testing.T) {
	s := newShed(t)
	env := func(o *flow.Order) { o.Task.Env = []string{"SHOP_COLOUR"} }
	script := `mkdir bin; echo "$SHOP_COLOUR" >bin/shop`
	t.Setenv("SHOP_COLOUR", "red")
	red, _ := s.succeeds(s.build(script, env))
	t.Setenv("SHOP_COLOUR", "blue")
	retry, ev := s.succeeds(s.build(script, env, func(o *flow.Order) { o.RetryOf = red.RunID }))
	if retry.ReusedFrom != red.RunID || retry.Artifacts[0] != red.Artifacts[0] || len(ev) != 1 {
		t.Errorf("retry is %+v", retry)
	}
	fresh, _ := s.succeeds(s.build(script, env))
	if fresh.ReusedFrom != "" || fresh.Artifacts[0].Digest == red.Artifacts[0].Digest {
		t.Errorf("a new run with another colour was given %+v", fresh)
	}
}

func TestRetryDoesWhatHadNotSucceeded(t *testing.T) {
	s := newShed(t)
	mark := filepath.Join(t.TempDir(), "mark")
	script := "test -e " + mark + " && " + makeShop
	failed, ev := s.execute(s.build(script))
	if failed.Result != fairlead.ResultFailure || len(ev) > 0 {
		t.Fatalf("%s: %s, %d claims", failed.Result, failed.Reason, len(ev))
	}
	must(t, os.WriteFile(mark, nil, 0o600))
	for _, of := range []string{failed.RunID, "r-that-never-was"} {
		retry, _ := s.succeeds(s.build(script+" # "+of, func(o *flow.Order) { o.RetryOf = of }))
		if retry.ReusedFrom != "" || retry.Attempts != 1 {
			t.Errorf("retry of %s is %+v", of, retry)
		}
	}
}

// A flaky case has to prove itself again, also in a retry.
func TestFlakyIsNeverTakenOver(t *testing.T) {
	s := newShed(t)
	o := s.build(makeShop)
	tr, ev, err := s.run(o)
	must(t, err)
	tr.Cases = []fairlead.TestCase{{Suite: "cart", Name: "TestAdd", Result: fairlead.CaseFlaky}}
	s.record(o, tr, ev)
	for _, of := range []string{"", o.RunID} {
		again, _, err := s.run(s.build(makeShop, func(o *flow.Order) { o.RetryOf = of }))
		if err != nil || again.Result != fairlead.ResultSuccess || again.ReusedFrom != "" {
			t.Errorf("retry of %q is %+v, %v", of, again, err)
		}
	}
}

// What is gone, or was tampered with, is made again.
func TestReuseNeedsContentAndEvidence(t *testing.T) {
	t.Run("content is gone", func(t *testing.T) {
		s := newShed(t)
		first, _ := s.succeeds(s.build(makeShop))
		must(t, os.RemoveAll(s.blobs))
		must(t, os.MkdirAll(filepath.Join(s.blobs, "tmp"), 0o700))
		second, _ := s.succeeds(s.build(makeShop))
		if second.ReusedFrom != "" || !slices.Equal(second.Artifacts, first.Artifacts) {
			t.Errorf("%+v", second)
		}
	})
	t.Run("evidence is of a key that is trusted no longer", func(t *testing.T) {
		s := newShed(t)
		s.succeeds(s.build(makeShop))
		key, err := evidence.OpenKey(filepath.Join(t.TempDir(), "keys"))
		must(t, err)
		s.opts.Signer, s.opts.Verifier = key, evidence.TrustKeys(key.Public())
		if second, _ := s.succeeds(s.build(makeShop)); second.ReusedFrom != "" {
			t.Errorf("%+v", second)
		}
	})
}

// What talks to the network depends on more than the tree.
func TestNetworkIsNeverReused(t *testing.T) {
	s := newShed(t)
	s.do = done
	for range 2 {
		if tr, _ := s.succeeds(s.order("run.func", "")); tr.Key != "" || tr.ReusedFrom != "" {
			t.Errorf("%+v", tr)
		}
	}
	if s.calls != 2 {
		t.Errorf("it ran %d times", s.calls)
	}
}
