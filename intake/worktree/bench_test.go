package worktree_test

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"fairlead.dev"
	"fairlead.dev/intake/worktree"
)

// BenchmarkPlanRead measures what a cold plan needs: open, look for changes,
// the event, the list of files and one file, in a repository of 2,000 files.
func BenchmarkPlanRead(b *testing.B) {
	dir := benchRepo(b, 2000)
	for b.Loop() {
		r, err := worktree.Open(b.Context(), dir)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := r.Dirty(b.Context()); err != nil {
			b.Fatal(err)
		}
		ev, err := r.Event(b.Context(), worktree.Query{Type: fairlead.EventPush})
		if err != nil {
			b.Fatal(err)
		}
		tree, err := r.Files(b.Context(), ev.Commit)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := fs.ReadFile(tree, "dir0/file0"); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkGit is one git process that does next to nothing: the unit of the above.
func BenchmarkGit(b *testing.B) {
	dir := benchRepo(b, 1)
	for b.Loop() {
		cmd := exec.Command("git", "rev-parse", "HEAD")
		cmd.Dir = dir
		if err := cmd.Run(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCheckout measures a checkout of 2,000 files.
func BenchmarkCheckout(b *testing.B) {
	r, err := worktree.Open(b.Context(), benchRepo(b, 2000))
	if err != nil {
		b.Fatal(err)
	}
	to, n := b.TempDir(), 0
	for b.Loop() {
		n++
		if err := r.Checkout(b.Context(), "HEAD", filepath.Join(to, fmt.Sprint(n))); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkTreeDigest measures the digest that every task needs.
func BenchmarkTreeDigest(b *testing.B) {
	r, err := worktree.Open(b.Context(), benchRepo(b, 2000))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := r.TreeDigest(b.Context(), "HEAD", []string{"dir1*/**"}); err != nil {
			b.Fatal(err)
		}
	}
}

func benchRepo(b *testing.B, files int) string {
	b.Helper()
	dir := b.TempDir()
	for i := range files {
		sub := filepath.Join(dir, fmt.Sprintf("dir%d", i%40))
		if err := os.MkdirAll(sub, 0o755); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(sub, fmt.Sprintf("file%d", i)), fmt.Appendf(nil, "content %d\n", i), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	for _, args := range [][]string{
		{"init", "-q", "-b", "main"}, {"add", "."}, {"-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "-q", "-m", "one"}, {"gc", "-q"},
	} {
		cmd := exec.Command("git", args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	return dir
}
