package worker_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fairlead.dev"
	"fairlead.dev/flow"
	"fairlead.dev/step"
)

func done(context.Context, step.In) (step.Out, error) { return step.Out{Outcome: step.Done}, nil }

// The artifacts of the tasks needed are in the workspace, as they were made.
func TestArtifactsOfNeedsArePlaced(t *testing.T) {
	s := newShed(t)
	tool := s.blob("#!/bin/sh\necho built with the tool\n")
	tool.Name, tool.Mode = "deep/er/tool", 0o755
	over := s.blob("two")
	over.Name, over.Mode = "main.txt", 0o644
	o := s.build("deep/er/tool && cat main.txt && mkdir bin && touch bin/shop", func(o *flow.Order) {
		o.Needs = []fairlead.TaskRun{{ID: "a", Artifacts: []fairlead.Artifact{tool}}, {ID: "b", Artifacts: []fairlead.Artifact{over}}}
	})
	s.succeeds(o)
	if out := s.output(o); out != "built with the tool\ntwo" {
		t.Errorf("output %q", out)
	}
}

func TestArtifactsStayInTheWorkspace(t *testing.T) {
	s := newShed(t)
	for _, name := range []string{"../out", "/etc/out", "a/../../out"} {
		a := s.blob("x")
		a.Name = name
		tr, _ := s.execute(s.build("true", func(o *flow.Order) { o.Needs = []fairlead.TaskRun{{ID: "a", Artifacts: []fairlead.Artifact{a}}} }))
		if tr.Result != fairlead.ResultError || !strings.Contains(tr.Reason, "its name leaves the workspace") {
			t.Errorf("%s: %s: %s", name, tr.Result, tr.Reason)
		}
	}
	tr, _ := s.execute(s.build("true", func(o *flow.Order) {
		o.Needs = []fairlead.TaskRun{{ID: "a", Artifacts: []fairlead.Artifact{{Name: "a", Digest: fairlead.DigestBytes([]byte("never kept"))}}}}
	}))
	if tr.Result != fairlead.ResultError || !strings.Contains(tr.Reason, "place artifact a") {
		t.Errorf("missing content: %s: %s", tr.Result, tr.Reason)
	}
}

// A command sees PATH, HOME, CI, what it was told, what it declares, and no more.
func TestVariables(t *testing.T) {
	t.Setenv("SHOP_SEEN", "seen-value")
	t.Setenv("SHOP_HIDDEN", "hidden-value")
	s := newShed(t)
	o := s.build("env | cut -d= -f1 | sort >names; env >all; mkdir bin; mv names all bin", func(o *flow.Order) {
		o.Task.Env = []string{"SHOP_SEEN"}
		o.Task.Matrix = json.RawMessage(`{"go-version":"1.26"}`)
		o.Plan.Event.Tag = "v1"
	})
	tr, _ := s.succeeds(o)
	names := strings.Fields(s.content(tr, "bin/names"))
	want := []string{
		"CI", "FAIRLEAD_ATTEMPT", "FAIRLEAD_BRANCH", "FAIRLEAD_COMMIT", "FAIRLEAD_ENVIRONMENT", "FAIRLEAD_EVENT",
		"FAIRLEAD_MATRIX_GO_VERSION", "FAIRLEAD_RUN", "FAIRLEAD_SERVICE", "FAIRLEAD_TAG", "FAIRLEAD_TASK", "HOME", "PATH", "SHOP_SEEN",
	}
	names = slices.DeleteFunc(names, func(n string) bool { return n == "PWD" || n == "SHLVL" || n == "_" || n == "OLDPWD" }) // the shell's own
	if !slices.Equal(names, want) {
		t.Errorf("variables\n%v\nwant\n%v", names, want)
	}
	all := s.content(tr, "bin/all")
	for _, line := range []string{
		"FAIRLEAD_RUN=" + o.RunID, "FAIRLEAD_TASK=task", "FAIRLEAD_ATTEMPT=1", "FAIRLEAD_SERVICE=shop", "FAIRLEAD_ENVIRONMENT=dev",
		"FAIRLEAD_COMMIT=" + o.Plan.Event.Commit, "FAIRLEAD_BRANCH=main", "FAIRLEAD_TAG=v1", "FAIRLEAD_EVENT=push",
		"FAIRLEAD_MATRIX_GO_VERSION=1.26", "SHOP_SEEN=seen-value", "CI=true",
	} {
		if !strings.Contains("\n"+all, "\n"+line+"\n") {
			t.Errorf("no %s in\n%s", line, all)
		}
	}
}

// The value of a declared variable is written nowhere.
func TestSecretsAreMasked(t *testing.T) {
	const secret = "hunter2-very-secret"
	t.Setenv("SHOP_TOKEN", secret)
	s := newShed(t)
	env := func(o *flow.Order) { o.Task.Env = []string{"SHOP_TOKEN"} }
	o := s.build(`echo "token $SHOP_TOKEN"; printf "%s" "$SHOP_TOKEN" | cut -c1-5; echo "again $SHOP_TOKEN" >&2; exit 3`, env)
	tr, _ := s.execute(o)
	if tr.Result != fairlead.ResultFailure {
		t.Fatalf("%s: %s", tr.Result, tr.Reason)
	}
	doc, err := json.Marshal(tr)
	must(t, err)
	out := s.output(o)
	if strings.Contains(out+string(doc), secret) || !strings.Contains(out, "token ") || !strings.Contains(out, "hunte") {
		t.Errorf("kept: %s\n%s", out, doc)
	}
	ok := s.build(`echo "token $SHOP_TOKEN"; mkdir bin; touch bin/shop`, env)
	tr, ev := s.succeeds(ok)
	if doc, err = json.Marshal([]any{tr, ev}); err != nil || strings.Contains(string(doc)+s.output(ok), secret) {
		t.Errorf("kept: %s %v", doc, err)
	}
	for _, e := range ev {
		if strings.Contains(string(e.Envelope), secret) {
			t.Error("the secret is signed")
		}
	}
}

// A workspace goes with its task, also when the command made it hard to remove.
func TestWorkspaceIsRemoved(t *testing.T) {
	s := newShed(t)
	for _, script := range []string{
		"mkdir bin; touch bin/shop",
		"mkdir -p bin cache/mod; touch bin/shop cache/mod/a; chmod -R a-w cache",
		"mkdir -p a/b; chmod 0 a/b a; false",
	} {
		s.execute(s.build(script))
		if left := s.left(); len(left) > 0 {
			t.Errorf("%s leaves %v", script, left)
		}
	}
	runs, err := os.ReadDir(s.work)
	if err != nil || len(runs) > 0 {
		t.Errorf("left behind: %v %v", runs, err)
	}
}

// What a process that died has left does not disturb who does the task again.
func TestLeftoversAreCleared(t *testing.T) {
	s := newShed(t)
	o := s.build("ls; mkdir bin; touch bin/shop")
	left := filepath.Join(s.work, o.RunID, "task", "1", "src")
	must(t, os.MkdirAll(left, 0o755))
	must(t, os.WriteFile(filepath.Join(left, "half"), nil, 0o600))
	s.succeeds(o)
	if out := s.output(o); out != "docs\nmain.txt\n" {
		t.Errorf("the command found %q", out)
	}
}

// The workspace is the commit's, not the work tree's.
func TestWorkspaceIsTheCommit(t *testing.T) {
	s := newShed(t)
	o := s.build("cat main.txt; git rev-parse HEAD; mkdir bin; touch bin/shop")
	must(t, os.WriteFile(filepath.Join(s.repo, "main.txt"), []byte("not committed"), 0o600))
	s.succeeds(o)
	if out := s.output(o); out != "one"+o.Plan.Event.Commit+"\n" {
		t.Errorf("output %q", out)
	}
}

// A step that fails leaves what it claims all the same: a failed test is a fact.
func TestFailedTestIsClaimed(t *testing.T) {
	s := newShed(t)
	tr, ev := s.execute(s.order("test.command", `{"run": "echo '1..1'; echo 'not ok 1 adds'", "report": "tap", "retry-failed": 0}`))
	if tr.Result != fairlead.ResultFailure || len(tr.Cases) != 1 || len(ev) != 1 || ev[0].PredicateType != fairlead.PredicateTest {
		t.Fatalf("%+v %v", tr, ev)
	}
	st, err := s.opts.Verifier.Verify(ev[0])
	if err != nil || !strings.Contains(string(st.Predicate), `"FAILED"`) || len(tr.Evidence) != 1 || tr.Evidence[0] != ev[0].ID {
		t.Errorf("%s %v", st.Predicate, err)
	}
}
