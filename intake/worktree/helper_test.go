package worktree_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"fairlead.dev"
	"fairlead.dev/intake/worktree"
)

// checkout is a real repository under test.
type checkout struct {
	t   *testing.T
	dir string
	n   int
}

// newCheckout makes a repository on branch main without a commit.
func newCheckout(t *testing.T) *checkout {
	t.Helper()
	c := &checkout{t: t, dir: filepath.Join(t.TempDir(), "a shop")}
	if err := os.Mkdir(c.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	c.git("init", "-q", "-b", "main")
	return c
}

// git runs git as a user would, at a fixed time that grows with every call.
func (c *checkout) git(args ...string) string {
	c.t.Helper()
	return gitIn(c.t, c.dir, c.n, args...)
}

func gitIn(t *testing.T, dir string, n int, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	date := fmt.Sprintf("2026-11-20T10:%02d:00+01:00", n)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=Ada", "GIT_AUTHOR_EMAIL=ada@example.org", "GIT_COMMITTER_NAME=Bob", "GIT_COMMITTER_EMAIL=bob@example.org",
		"GIT_AUTHOR_DATE="+date, "GIT_COMMITTER_DATE="+date)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// write writes files, given as path and content in turn.
func (c *checkout) write(pairs ...string) {
	c.t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		path := filepath.Join(c.dir, pairs[i])
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			c.t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(pairs[i+1]), 0o644); err != nil {
			c.t.Fatal(err)
		}
	}
}

// commit writes files and commits them all; it gives the commit.
func (c *checkout) commit(message string, pairs ...string) string {
	c.t.Helper()
	c.write(pairs...)
	c.n++
	c.git("add", "-A")
	c.git("commit", "-q", "--allow-empty", "-m", message)
	return c.git("rev-parse", "HEAD")
}

func (c *checkout) open() *worktree.Repo {
	c.t.Helper()
	r, err := worktree.Open(c.t.Context(), c.dir)
	if err != nil {
		c.t.Fatalf("open: %v (hint: %s)", err, fairlead.HintOf(err))
	}
	return r
}

// wants checks an error's kind, and that its text and hint hold some words.
func wants(t *testing.T, err error, kind fairlead.Kind, words ...string) {
	t.Helper()
	if fairlead.KindOf(err) != kind {
		t.Fatalf("error %v has kind %q, want %q", err, fairlead.KindOf(err), kind)
	}
	if err == nil {
		return
	}
	if fairlead.HintOf(err) == "" {
		t.Errorf("error %v has no hint", err)
	}
	for _, w := range words {
		if !strings.Contains(err.Error()+" "+fairlead.HintOf(err), w) {
			t.Errorf("error %q with hint %q does not say %q", err, fairlead.HintOf(err), w)
		}
	}
}
