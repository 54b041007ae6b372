package worktree

import (
	"io/fs"
	"testing"
	"testing/fstest"

	"pgregory.net/rapid"
)

// FuzzEntry: a line of git's list of files is read into a valid path or refused.
func FuzzEntry(f *testing.F) {
	for _, line := range []string{
		"100644 blob e69de29bb2d1d6434b8b29ae775ad8c2e48c5391       0\tdir/a b", "160000 commit e69de29       -\tsub",
		"", "\t", "100644 blob x -1\ta", "100644 blob x 1\t../a", "100644 blob x 1\t.",
	} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		e, err := parseEntry(line)
		if err == nil && (!fs.ValidPath(e.path) || e.size < 0 || e.path == ".") {
			t.Errorf("%q was read as %+v", line, e)
		}
	})
}

// Any set of paths makes a file system that keeps the rules of io/fs.
func TestAnyTreeIsAFileSystem(t *testing.T) {
	element := rapid.StringMatching(`[a-c -]{1,2}`)
	rapid.Check(t, func(rt *rapid.T) {
		f := &files{nodes: map[string]*node{".": {name: ".", mode: fs.ModeDir | 0o755}}, blobs: &blobs{ctx: t.Context(), dir: t.TempDir()}}
		want := map[string]bool{}
		for range rapid.IntRange(0, 8).Draw(rt, "files") {
			path := "d" + element.Draw(rt, "dir") + "/f" + element.Draw(rt, "file")
			if !want[path] {
				f.add(entry{mode: "160000", path: path}) // a submodule has no content to fetch
				want[path] = true
			}
		}
		f.sort()
		var names []string
		for path := range want {
			names = append(names, path)
		}
		if err := fstest.TestFS(f, names...); err != nil {
			rt.Fatal(err)
		}
	})
}

func TestNearest(t *testing.T) {
	known := []string{"main", "develop", "feature/login"}
	for name, want := range map[string]string{
		"mian": "main", "Main": "main", "develpo": "develop", "feature/logn": "feature/login", "zzz": "", "": "", "x": "", "release": "",
	} {
		if got, _ := nearest(name, known); got != want {
			t.Errorf("nearest to %q is %q, want %q", name, got, want)
		}
	}
}

func TestDistance(t *testing.T) {
	word := rapid.StringMatching(`[ab]{0,6}`)
	rapid.Check(t, func(rt *rapid.T) {
		a, b, c := word.Draw(rt, "a"), word.Draw(rt, "b"), word.Draw(rt, "c")
		switch ab := distance(a, b); {
		case (ab == 0) != (a == b), ab != distance(b, a), ab > distance(a, c)+distance(c, b), ab > max(len(a), len(b)):
			rt.Fatalf("distance of %q and %q is %d", a, b, ab)
		}
	})
}
