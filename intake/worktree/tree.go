package worktree

import (
	"context"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"sync"

	"fairlead.dev"
	"github.com/bmatcuk/doublestar/v4"
)

// entry is one file of a commit.
type entry struct {
	mode string // git's: 100644, 100755, 120000 (symbolic link), 160000 (submodule)
	id   string // of the object
	size int64  // bytes; 0 for a submodule
	path string
}

// tree is the list of files of one commit.
type tree struct {
	commit  string
	entries []entry  // sorted by path, byte by byte
	digests sync.Map // fairlead.Digest by its globs, joined with NUL
}

// tree lists the files of a commit. The last list is kept: a run asks for the
// same commit many times.
func (r *Repo) tree(ctx context.Context, commit string) (*tree, error) {
	const op = "list files"
	id, err := r.commit(ctx, commit)
	if err != nil {
		return nil, err
	}
	if t := r.last.Load(); t != nil && t.commit == id {
		return t, nil
	}
	out, err := git(ctx, r.root, "ls-tree", "-r", "-z", "-l", "--full-tree", id)
	if err != nil {
		return nil, problem(ctx, op, err)
	}
	t := &tree{commit: id}
	for _, line := range fields(out) {
		e, err := parseEntry(line)
		if err != nil {
			return nil, problem(ctx, op, err)
		}
		t.entries = append(t.entries, e)
	}
	r.last.Store(t)
	return t, nil
}

// parseEntry reads "<mode> <type> <id> <size>\t<path>".
func parseEntry(line string) (entry, error) {
	meta, path, ok := strings.Cut(line, "\t")
	part := strings.Fields(meta)
	if !ok || len(part) != 4 || !fs.ValidPath(path) || path == "." {
		return entry{}, fmt.Errorf("unexpected entry %q", line)
	}
	e := entry{mode: part[0], id: part[2], path: path}
	if part[3] == "-" {
		return e, nil
	}
	size, err := strconv.ParseInt(part[3], 10, 64)
	if err != nil || size < 0 {
		return entry{}, fmt.Errorf("unexpected size in entry %q", line)
	}
	e.size = size
	return e, nil
}

// TreeDigest is over mode, object id and path of the commit's files that match
// one of the globs ("**" crosses directories, a slash at the end means all
// below); no globs stand for all files. Equal digests mean equal files. A glob
// that cannot be read is KindInvalid.
func (r *Repo) TreeDigest(ctx context.Context, commit string, globs []string) (fairlead.Digest, error) {
	patterns := make([]string, len(globs))
	for i, g := range globs {
		patterns[i] = strings.TrimPrefix(g, "./")
		if strings.HasSuffix(g, "/") {
			patterns[i] += "**"
		}
		if !doublestar.ValidatePattern(patterns[i]) {
			return "", invalid("digest files", "escape special characters with a backslash", "%q is not a glob", g)
		}
	}
	t, err := r.tree(ctx, commit)
	if err != nil {
		return "", err
	}
	return t.digest(patterns), nil
}

// digest is computed once for each set of globs: the tasks of a run share them.
func (t *tree) digest(patterns []string) fairlead.Digest {
	key := strings.Join(patterns, "\x00")
	if d, ok := t.digests.Load(key); ok {
		return d.(fairlead.Digest) //nolint:forcetypeassert // nothing else is stored
	}
	var list strings.Builder
	for _, e := range t.entries {
		if matches(patterns, e.path) {
			fmt.Fprintf(&list, "%s %s %s\x00", e.mode, e.id, e.path)
		}
	}
	d := fairlead.DigestBytes([]byte(list.String()))
	t.digests.Store(key, d)
	return d
}

func matches(patterns []string, path string) bool {
	for _, p := range patterns {
		if doublestar.MatchUnvalidated(p, path) {
			return true
		}
	}
	return len(patterns) == 0
}
