package worktree_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"fairlead.dev"
	"fairlead.dev/intake/worktree"
)

func TestOpenRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		make  func(t *testing.T) string // gives the directory to open
		kind  fairlead.Kind
		words []string
	}{
		"no such directory": {func(t *testing.T) string { return filepath.Join(t.TempDir(), "x") }, "invalid", []string{"not a directory"}},
		"no repository":     {func(t *testing.T) string { return t.TempDir() }, "invalid", []string{"not in a git repository", "git init"}},
		"no commit":         {func(t *testing.T) string { return newCheckout(t).dir }, "invalid", []string{"no commit yet", "git commit"}},
		"bare": {func(t *testing.T) string {
			dir := t.TempDir()
			gitIn(t, dir, 0, "init", "-q", "--bare")
			return dir
		}, "invalid", []string{"bare", "git clone"}},
		"shallow": {func(t *testing.T) string {
			c, dir := newCheckout(t), filepath.Join(t.TempDir(), "shallow")
			c.commit("one", "a", "1")
			c.commit("two", "a", "2")
			gitIn(t, c.dir, 0, "clone", "-q", "--depth=1", "file://"+c.dir, dir)
			return dir
		}, "invalid", []string{"shallow", "--unshallow"}},
		"inside .git": {func(t *testing.T) string {
			c := newCheckout(t)
			c.commit("one", "a", "1")
			return filepath.Join(c.dir, ".git")
		}, "invalid", []string{"own files"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := worktree.Open(t.Context(), c.make(t))
			wants(t, err, c.kind, c.words...)
		})
	}
}

func TestOpenWithoutGit(t *testing.T) {
	c := newCheckout(t)
	c.commit("one", "a", "1")
	t.Setenv("PATH", t.TempDir())
	_, err := worktree.Open(t.Context(), c.dir)
	wants(t, err, fairlead.KindUnavailable, "git is not installed")
}

func TestRoot(t *testing.T) {
	c := newCheckout(t)
	c.commit("one", "deep/er/a", "1")
	linked := filepath.Join(t.TempDir(), "linked")
	c.git("worktree", "add", "-q", "-b", "other", linked)
	for dir, root := range map[string]string{filepath.Join(c.dir, "deep/er"): c.dir, linked: linked} {
		r, err := worktree.Open(t.Context(), dir)
		wants(t, err, "")
		if r.Root() != root {
			t.Errorf("root of %s is %s, want %s", dir, r.Root(), root)
		}
		if err := r.Checkout(t.Context(), "HEAD", filepath.Join(t.TempDir(), "x")); err != nil {
			t.Errorf("check out from %s: %v", dir, err)
		}
	}
}

func TestDirty(t *testing.T) {
	c := newCheckout(t)
	c.commit("one", "a", "1", "b", "1", "c", "1", ".gitignore", "ignored\n")
	r := c.open()
	dirty := func() []string {
		t.Helper()
		d, err := r.Dirty(t.Context())
		wants(t, err, "")
		return d
	}
	c.write(".fairlead/state.db", "x", "ignored", "x")
	if d := dirty(); len(d) > 0 {
		t.Errorf("dirty %q, want none", d)
	}
	c.write("a", "2", "new dir/x", "1", "-n ü\n", "1")
	c.git("mv", "b", "moved")
	if err := os.Remove(filepath.Join(c.dir, "c")); err != nil {
		t.Fatal(err)
	}
	d := dirty()
	slices.Sort(d)
	if want := []string{"-n ü\n", "a", "b", "c", "moved", "new dir/"}; !slices.Equal(d, want) {
		t.Errorf("dirty %q, want %q", d, want)
	}
	for i := range 20 {
		c.write(fmt.Sprintf("more%d", i), "x")
	}
	if d := dirty(); len(d) != 10 {
		t.Errorf("%d dirty files are named, want the first 10", len(d))
	}
}
