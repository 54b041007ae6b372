package worktree

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"fairlead.dev"
)

// Checkout puts a clean, writable checkout of a commit into dir, which must
// not exist yet or be empty. It has a .git of its own with the repository's
// tags, so that builds can stamp versions, and borrows the objects from the
// repository, whose index and branches it never touches. HEAD is detached.
// Submodules are left empty. When it fails, dir is gone.
func (r *Repo) Checkout(ctx context.Context, commit, dir string) error {
	const op = "check out"
	id, err := r.commit(ctx, commit)
	if err != nil {
		return err
	}
	if left, err := os.ReadDir(dir); err == nil && len(left) > 0 {
		return &fairlead.Problem{
			Op: op, Kind: fairlead.KindConflict, Err: fmt.Errorf("%s is not empty", dir), Hint: "remove it or name another directory",
		}
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return problem(ctx, op, err)
	}
	err = r.borrow(ctx, id, dir)
	if err == nil {
		_, err = git(ctx, dir, "-c", "checkout.workers=0", "read-tree", "-m", "-u", "HEAD")
	}
	if err != nil {
		return problem(ctx, op, errors.Join(err, os.RemoveAll(dir)))
	}
	return nil
}

// borrow makes a repository at dir that uses this one's objects. Writing its
// few files takes a fraction of the time of git clone, which copies every branch.
func (r *Repo) borrow(ctx context.Context, commit, dir string) error {
	tags, err := git(ctx, r.root, "for-each-ref", "--format=%(objectname) %(refname)", "refs/tags")
	if err != nil {
		return err
	}
	objects := filepath.Join(r.gitDir, "objects")
	if strings.ContainsAny(objects, "\n") {
		return errors.New("the repository's path has a line break, which git's list of borrowed objects cannot express")
	}
	// Files are the commit's, byte by byte, whatever the user's own settings are.
	config := "[core]\n\tbare = false\n\tautocrlf = false\n\trepositoryformatversion = "
	if r.format == "sha1" {
		config += "0\n"
	} else {
		config += "1\n[extensions]\n\tobjectformat = " + r.format + "\n"
	}
	gitDir := filepath.Join(dir, ".git")
	for _, sub := range []string{"objects/info", "refs/heads", "refs/tags"} {
		if err := os.MkdirAll(filepath.Join(gitDir, sub), 0o755); err != nil {
			return err
		}
	}
	for name, content := range map[string]string{
		"HEAD":                    commit + "\n",
		"config":                  config,
		"packed-refs":             string(tags),
		"objects/info/alternates": alternate(objects) + "\n",
	} {
		if err := os.WriteFile(filepath.Join(gitDir, name), []byte(content), 0o644); err != nil { //nolint:gosec // as git does
			return err
		}
	}
	return nil
}

// alternate writes a path as objects/info/alternates wants it: quoted when it
// begins like a comment or a quotation.
func alternate(path string) string {
	if strings.HasPrefix(path, "#") || strings.HasPrefix(path, `"`) {
		return quote(path)
	}
	return path
}
