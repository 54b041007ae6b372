package worktree_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fairlead.dev"
	"fairlead.dev/intake/worktree"
)

// hostile are settings of a repository by which git would run programs. RUN
// stands for one.
const hostile = `
[core]
	fsmonitor = RUN
	hooksPath = HOOKS
	pager = RUN
	sshCommand = RUN
	editor = RUN
	alternateRefsCommand = RUN
	repositoryFormatVersion = 1
[extensions]
	partialClone = far
[remote "far"]
	url = ext::RUN
	uploadpack = RUN
	promisor = true
[protocol "ext"]
	allow = always
[protocol]
	allow = always
[filter "evil"]
	clean = RUN
	smudge = RUN
	required = true
[filter "a=b.c"]
	process = RUN
	required = true
[diff]
	external = RUN
[diff "evil"]
	command = RUN
	textconv = RUN
[merge "evil"]
	driver = RUN
[gpg]
	program = RUN
[log]
	showSignature = true
[credential]
	helper = !RUN
[alias]
	status = !RUN
	rev-parse = !RUN
`

// Whatever a repository is set to run, looking at it and checking it out runs
// nothing.
func TestNothingTheRepositoryNamesIsRun(t *testing.T) {
	c := newCheckout(t)
	sub := newCheckout(t)
	sub.commit("Sub", "s.txt", "s")
	c.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", sub.dir, "sub")
	c.commit("First", "a.txt", "one", "b.txt", "one", "c.txt", "one")
	c.git("tag", "v1")
	c.commit("Second", "a.txt", "two")
	c.git("tag", "v2")
	c.git("checkout", "-q", "-b", "topic")
	head := c.commit("Third", "b.txt", "three")
	dir := t.TempDir()
	ran, program, hooks := filepath.Join(dir, "ran"), filepath.Join(dir, "program"), filepath.Join(dir, "hooks")
	script := "#!/bin/sh\necho \"$0 $*\" >>" + ran + "\ncat\n"
	write(t, program, script)
	for _, hook := range []string{"post-index-change", "post-checkout", "reference-transaction", "fsmonitor-watchman", "pre-auto-gc"} {
		write(t, filepath.Join(hooks, hook), script)
	}
	settings := strings.NewReplacer("RUN", program, "HOOKS", hooks).Replace(hostile)
	for _, gitDir := range []string{filepath.Join(c.dir, ".git"), filepath.Join(c.dir, ".git", "modules", "sub")} {
		config, err := os.ReadFile(filepath.Join(gitDir, "config"))
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(gitDir, "config"), string(config)+settings)
		write(t, filepath.Join(gitDir, "info", "attributes"), "a.txt filter=evil diff=evil merge=evil\n* filter=a=b.c diff=evil\ns.txt filter=evil\n")
	}
	c.write("a.txt", "two", "b.txt", "changed", "c.txt", "eno", "sub/s.txt", "t")

	r := c.open()
	dirty, err := r.Dirty(t.Context())
	if err != nil || strings.Join(dirty, " ") != "b.txt c.txt" {
		t.Errorf("dirty: %v, %v", dirty, err)
	}
	use(t, r, head)
	if _, err := r.Event(t.Context(), worktree.Query{Type: fairlead.EventPush, Commit: "0123456789012345678901234567890123456789"}); err == nil {
		t.Error("a commit that is not there was found")
	}
	if b, err := os.ReadFile(ran); err == nil {
		t.Errorf("it ran:\n%s", b)
	}
}

// use does everything with a repository that a run does.
func use(t *testing.T, r *worktree.Repo, head string) {
	t.Helper()
	for _, q := range []worktree.Query{
		{Type: fairlead.EventPush}, {Type: fairlead.EventPullRequest}, {Type: fairlead.EventTag, Tag: "v2"}, {Type: fairlead.EventPush, Commit: head},
	} {
		if _, err := r.Event(t.Context(), q); err != nil {
			t.Errorf("event %s: %v", q.Type, err)
		}
	}
	files, err := r.Files(t.Context(), head)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := fs.ReadFile(files, "a.txt"); err != nil || string(b) != "two" {
		t.Errorf("a.txt: %q, %v", b, err)
	}
	if _, err := r.TreeDigest(t.Context(), head, nil); err != nil {
		t.Error(err)
	}
	if err := r.Checkout(t.Context(), head, filepath.Join(t.TempDir(), "src")); err != nil {
		t.Error(err)
	}
}

// write writes a program.
func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o755); err != nil {
		t.Fatal(err)
	}
}

// What is protected is the checkout and its repository, but never HOME.
func TestProtected(t *testing.T) {
	c := newCheckout(t)
	c.commit("First", "a.txt", "one")
	gitDir := filepath.Join(c.dir, ".git")
	linked := filepath.Join(t.TempDir(), "linked")
	c.git("worktree", "add", "-q", linked)
	l, err := worktree.Open(t.Context(), linked)
	if err != nil {
		t.Fatal(err)
	}
	is := func(what string, got []string, want ...string) {
		t.Helper()
		if strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	is("a checkout", c.open().Protected(), c.dir, gitDir)
	is("a linked work tree", l.Protected(), linked, gitDir)
	t.Setenv("HOME", c.dir)
	is("HOME is the checkout", c.open().Protected(), gitDir)
	if err := os.Mkdir(filepath.Join(c.dir, "home"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("HOME", filepath.Join(c.dir, "home"))
	is("HOME in the checkout", c.open().Protected(), gitDir)
}

func TestPathWithALineBreak(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "two\nlines")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	gitIn(t, dir, 0, "init", "-q", "-b", "main")
	gitIn(t, dir, 0, "commit", "-q", "--allow-empty", "-m", "First")
	_, err := worktree.Open(t.Context(), dir)
	wants(t, err, fairlead.KindInvalid, "line break", "rename")
}
