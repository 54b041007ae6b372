package secrets

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"fairlead.dev/step"
)

// past is a repository that had a secret once, on a branch and in a tag only.
func past(t *testing.T) (dir, leaked string) {
	t.Helper()
	dir = workspace(t, map[string]string{"conf/app.conf": leakyConf(t), "main.go": "package main\n"})
	git := func(args ...string) string {
		cmd := exec.Command("git", append([]string{"-c", "user.name=D", "-c", "user.email=d@example.org"}, args...)...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git %v: %v: %s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	git("init", "-q", "-b", "main")
	git("add", "-A")
	git("commit", "-q", "-m", "with secrets")
	leaked = git("rev-parse", "HEAD")
	git("rm", "-q", "conf/app.conf")
	git("commit", "-q", "-m", "without")
	return dir, leaked
}

func historyOf(t *testing.T, dir string) (step.Out, string) {
	t.Helper()
	c := Type().Config.(Config)
	c.Scope = scopeHistory
	var said bytes.Buffer
	out, err := Type().Run(t.Context(), step.In{Config: c, Workspace: dir, Scratch: t.TempDir(), Env: os.Environ(), Output: &said})
	if err != nil {
		t.Fatalf("%v: %s", err, said.String())
	}
	return out, said.String()
}

// TestHistoryKeepsWhatWasTakenOut holds that a secret that is gone from the tree
// is found with the commit that brought it in, and told nowhere.
func TestHistoryKeepsWhatWasTakenOut(t *testing.T) {
	dir, leaked := past(t)
	if tree, _ := scanIt(t, dir, nil, func(c *Config) { c.Scope = scopeTree }); len(tree.Findings) != 0 {
		t.Fatalf("the tree has findings: %v", seenIn(tree))
	}
	out, said := historyOf(t, dir)
	if len(out.Findings) != 4 {
		t.Fatalf("findings %v, want the four of the file: %s", seenIn(out), said)
	}
	for _, f := range out.Findings {
		if f.Resource != "commit "+leaked || f.Location.Path != "conf/app.conf" {
			t.Errorf("%s is told at %s of %q, want commit %s", f.Rule, f.Location.Path, f.Resource, leaked)
		}
	}
	for name, value := range values() {
		if strings.Contains(said, value[len(value)-20:]) {
			t.Errorf("the value of %s is in the output", name)
		}
	}
	if out.Partial {
		t.Error("the whole history is told to be a part")
	}
}

// TestHistoryOfNothing holds that a tree without history is skipped with a reason.
func TestHistoryOfNothing(t *testing.T) {
	out, _ := historyOf(t, workspace(t, map[string]string{"a.txt": leakyConf(t)}))
	if out.Outcome != step.Skipped || !strings.Contains(out.Reason, "no history") {
		t.Errorf("outcome %s, %q", out.Outcome, out.Reason)
	}
}

// TestHistoryOfARepositoryThatIsBroken holds that what cannot be read is a
// problem, never a clean answer.
func TestHistoryOfARepositoryThatIsBroken(t *testing.T) {
	dir, _ := past(t)
	if err := os.RemoveAll(filepath.Join(dir, ".git", "objects")); err != nil {
		t.Fatal(err)
	}
	c := Type().Config.(Config)
	c.Scope = scopeHistory
	out, err := Type().Run(t.Context(), step.In{Config: c, Workspace: dir, Scratch: t.TempDir(), Env: os.Environ(), Output: &bytes.Buffer{}})
	if err == nil {
		t.Errorf("outcome %s, want a problem", out.Outcome)
	}
}
