package worktree_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"fairlead.dev"
)

func link(t *testing.T, c *checkout, to, name string) {
	t.Helper()
	if err := os.Symlink(to, filepath.Join(c.dir, name)); err != nil {
		t.Fatal(err)
	}
}

func newTree(t *testing.T) *checkout {
	c := newCheckout(t)
	c.write("go.mod", "module x\n", "empty", "", "src/a.go", "package a\n", "src/deep/b.go", "package b\n", "-n ü\n.txt", "odd\x00\xff")
	link(t, c, "src/a.go", "to-file")
	link(t, c, "deep/../deep", "src/to-dir")
	link(t, c, "../outside", "escape")
	link(t, c, "/etc/hostname", "absolute")
	link(t, c, "loop", "loop")
	if err := os.Chmod(filepath.Join(c.dir, "src/a.go"), 0o755); err != nil {
		t.Fatal(err)
	}
	c.git("add", "-A")
	sub := c.commit("one")
	c.git("update-index", "--add", "--cacheinfo", "160000,"+sub+",vendor/sub")
	c.git("commit", "-q", "-m", "submodule")
	return c
}

func TestFiles(t *testing.T) {
	c := newTree(t)
	head := c.git("rev-parse", "HEAD")
	c.write("go.mod", "changed but not committed")
	tree, err := c.open().Files(t.Context(), head)
	wants(t, err, "")
	for name, want := range map[string]string{
		"go.mod": "module x\n", "empty": "", "src/deep/b.go": "package b\n", "-n ü\n.txt": "odd\x00\xff",
		"to-file": "package a\n", "src/to-dir/b.go": "package b\n",
	} {
		got, err := fs.ReadFile(tree, name)
		info, statErr := fs.Stat(tree, name)
		if err != nil || statErr != nil || string(got) != want || info.Size() != int64(len(want)) {
			t.Errorf("%q: %q, size %v, errors %v, %v", name, got, info, err, statErr)
		}
	}
	for _, name := range []string{"escape", "absolute", "loop", "missing", "src/missing", "go.mod/x", "../x"} {
		if got, err := fs.ReadFile(tree, name); err == nil {
			t.Errorf("%s: read %q, want an error", name, got)
		}
	}
	if info, err := fs.Stat(tree, "src/a.go"); err != nil || info.Mode() != 0o755 {
		t.Errorf("src/a.go: %v, error %v", info, err)
	}
	if to, err := fs.ReadLink(tree, "escape"); err != nil || to != "../outside" {
		t.Errorf("escape leads to %q, error %v", to, err)
	}
	if list, err := fs.ReadDir(tree, "vendor/sub"); err != nil || len(list) != 0 {
		t.Errorf("submodule: %v, error %v", list, err)
	}
}

func TestFilesAreAFileSystem(t *testing.T) {
	c := newCheckout(t)
	c.commit("one", "go.mod", "module x\n", "src/a.go", "package a\n", "src/deep/b.go", "package b\n", "empty", "")
	tree, err := c.open().Files(t.Context(), "HEAD")
	wants(t, err, "")
	if err := fstest.TestFS(tree, "go.mod", "src/a.go", "src/deep/b.go", "empty"); err != nil {
		t.Error(err)
	}
}

func TestFilesWithoutFiles(t *testing.T) {
	c := newCheckout(t)
	c.commit("nothing")
	tree, err := c.open().Files(t.Context(), "HEAD")
	wants(t, err, "")
	if list, err := fs.ReadDir(tree, "."); err != nil || len(list) != 0 {
		t.Errorf("files %v, error %v", list, err)
	}
	_, err = c.open().Files(t.Context(), "feedbeef")
	wants(t, err, fairlead.KindNotFound)
}

func TestTreeDigest(t *testing.T) {
	c := newCheckout(t)
	c.commit("one", "go.mod", "1", "src/a.go", "1", "src/deep/b.go", "1", "doc/x.md", "1")
	r := c.open()
	digest := func(commit string, globs ...string) fairlead.Digest {
		t.Helper()
		d, err := r.TreeDigest(t.Context(), commit, globs)
		wants(t, err, "")
		return d
	}
	before := c.git("rev-parse", "HEAD")
	after := c.commit("two", "doc/x.md", "2")
	if digest(before) == digest(after) {
		t.Error("a changed file did not change the digest of the whole tree")
	}
	for _, globs := range [][]string{{"**/*.go"}, {"src/**"}, {"src/"}, {"./src/*.go", "go.mod"}, {"none"}} {
		if digest(before, globs...) != digest(after, globs...) {
			t.Errorf("%v: a file that does not match changed the digest", globs)
		}
	}
	for _, globs := range [][]string{{"doc/"}, {"**/*.md"}, {"go.mod", "doc/{x,y}.md"}} {
		if digest(before, globs...) == digest(after, globs...) {
			t.Errorf("%v: a file that matches did not change the digest", globs)
		}
	}
	if digest(after, "src/*") == digest(after, "src/**") {
		t.Error("* crosses a directory")
	}
	c.git("update-index", "--chmod=+x", "go.mod")
	c.git("commit", "-q", "-m", "mode")
	if digest(after, "go.mod") == digest("HEAD", "go.mod") {
		t.Error("a changed mode did not change the digest")
	}
	_, err := r.TreeDigest(t.Context(), after, []string{"a[", "b"})
	wants(t, err, fairlead.KindInvalid, `"a["`)
}

func TestCheckout(t *testing.T) {
	c := newTree(t)
	c.git("tag", "-a", "-m", "release", "v1.2.3")
	head := c.git("rev-parse", "HEAD")
	c.write("go.mod", "changed", "staged", "x")
	c.git("add", "staged")
	index := c.git("status", "--porcelain")
	r := c.open()
	dir := filepath.Join(t.TempDir(), "new", "work space")
	wants(t, r.Checkout(t.Context(), head, dir), "")
	for name, want := range map[string]string{"go.mod": "module x\n", "-n ü\n.txt": "odd\x00\xff", "to-file": "package a\n"} {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != want {
			t.Errorf("%q: %q, error %v", name, got, err)
		}
	}
	if got := gitIn(t, dir, 0, "describe", "--tags", "--dirty"); got != "v1.2.3" {
		t.Errorf("the build would be stamped %s, want v1.2.3", got)
	}
	if got := gitIn(t, dir, 0, "rev-parse", "HEAD"); got != head {
		t.Errorf("HEAD is %s, want %s", got, head)
	}
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte("x"), 0o644); err != nil {
		t.Errorf("the checkout is not writable: %v", err)
	}
	if got := c.git("status", "--porcelain"); got != index {
		t.Errorf("the user's checkout changed:\n%s\nwas\n%s", got, index)
	}
	wants(t, r.Checkout(t.Context(), head, dir), fairlead.KindConflict, "not empty")
	wants(t, r.Checkout(t.Context(), "feedbeef", filepath.Join(dir, "x")), fairlead.KindNotFound)
}

// The user's own settings do not change what is built.
func TestCheckoutKeepsBytes(t *testing.T) {
	c := newCheckout(t)
	c.commit("one", "unix", "a\nb\n", "dos", "a\r\nb\r\n")
	home := t.TempDir()
	if err := os.WriteFile(filepath.Join(home, ".gitconfig"), []byte("[core]\n\tautocrlf = true\n\teol = crlf\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("HOME", home)
	t.Setenv("XDG_CONFIG_HOME", home)
	dir := filepath.Join(t.TempDir(), "w")
	wants(t, c.open().Checkout(t.Context(), "HEAD", dir), "")
	for name, want := range map[string]string{"unix": "a\nb\n", "dos": "a\r\nb\r\n"} {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != want {
			t.Errorf("%s: %q, error %v, want %q", name, got, err, want)
		}
	}
}

// A checkout does not run what the user's hooks or the commit name.
func TestCheckoutRunsNothing(t *testing.T) {
	c := newCheckout(t)
	trap := filepath.Join(t.TempDir(), "sprung")
	c.commit("one", "a", "1", ".gitattributes", "* filter=trap\n")
	c.git("config", "filter.trap.smudge", "touch "+trap+"; cat")
	hook := filepath.Join(c.dir, ".git/hooks/post-checkout")
	if err := os.MkdirAll(filepath.Dir(hook), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(hook, []byte("#!/bin/sh\ntouch "+trap+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	wants(t, c.open().Checkout(t.Context(), "HEAD", filepath.Join(t.TempDir(), "w")), "")
	if _, err := os.Stat(trap); err == nil {
		t.Error("a command was run")
	}
}

func TestCheckoutSHA256(t *testing.T) {
	dir := t.TempDir()
	gitIn(t, dir, 0, "init", "-q", "-b", "main", "--object-format=sha256")
	c := &checkout{t: t, dir: dir}
	head := c.commit("one", "a", "1")
	if len(head) != 64 {
		t.Fatalf("commit %s is not a SHA-256 id", head)
	}
	to := filepath.Join(t.TempDir(), "w")
	wants(t, c.open().Checkout(t.Context(), "HEAD", to), "")
	if got := gitIn(t, to, 0, "status", "--porcelain"); got != "" {
		t.Errorf("status: %s", got)
	}
}

// The version that a Go program carries comes from the checkout's own .git.
func TestCheckoutStampsGoBuild(t *testing.T) {
	c := newCheckout(t)
	head := c.commit("one", "go.mod", "module example.org/x\n\ngo 1.22\n", "main.go", "package main\n\nfunc main() {}\n")
	dir := filepath.Join(t.TempDir(), "w")
	wants(t, c.open().Checkout(t.Context(), head, dir), "")
	build := exec.Command("go", "build", "-buildvcs=true", "-o", "x", ".")
	build.Dir = dir
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	out, err := exec.Command("go", "version", "-m", filepath.Join(dir, "x")).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "vcs.revision="+head) {
		t.Errorf("error %v; the program does not carry its commit:\n%s", err, out)
	}
}
