// Package worktree turns a git checkout into an Event, and gives the files of
// its commits. It uses the machine's git, so it sees what the user sees, and
// never the user's index or uncommitted changes unless asked for them.
package worktree

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"fairlead.dev"
)

// Repo is a checkout with at least one commit and its whole history. It is
// safe for concurrent use.
type Repo struct {
	root   string // absolute
	gitDir string // absolute; holds the objects and the tags, also of a linked work tree
	format string // sha1 or sha256
	head   string // commit at the time of Open
	branch string // current branch at the time of Open; "" when HEAD is detached
	last   atomic.Pointer[tree]
}

// Open finds the checkout that dir is in. KindInvalid says what is wrong with
// it: no repository, bare, without a commit, or shallow; KindUnavailable that
// there is no git.
func Open(ctx context.Context, dir string) (*Repo, error) {
	const op = "open repository"
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, problem(ctx, op, err)
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return nil, invalid(op, "name a directory inside a git checkout", "%s is not a directory", dir)
	}
	out, err := git(ctx, dir, "rev-parse", "--is-bare-repository", "--is-shallow-repository", "--show-object-format",
		"--path-format=absolute", "--git-common-dir", "--show-toplevel", "HEAD^{commit}", "--symbolic-full-name", "HEAD")
	if p := refusal(op, dir, lines(out), err); p != nil {
		return nil, p
	}
	if err != nil {
		return nil, problem(ctx, op, err)
	}
	said := lines(out)
	if strings.Contains(dir, "\n") || len(said) > 7 {
		return nil, invalid(op, "move the repository, or rename the directory it is in", "the path of the repository, %q, has a line break in it", dir)
	}
	if len(said) != 7 {
		return nil, problem(ctx, op, errors.New("git rev-parse answered in another form than expected"))
	}
	r := &Repo{format: said[2], gitDir: said[3], root: said[4], head: said[5]}
	r.branch, _ = strings.CutPrefix(said[6], "refs/heads/")
	if said[6] == "HEAD" {
		r.branch = ""
	}
	return r, nil
}

// refusal knows why a directory cannot be used. said holds the answers that
// git gave before it failed, in the order they were asked.
func refusal(op, dir string, said []string, err error) error {
	var f *failure
	if errors.As(err, &f) {
		switch {
		case strings.Contains(f.stderr, "dubious ownership"):
			return invalid(op, "if you trust it: git config --global --add safe.directory "+dir, "%s belongs to another user", dir)
		case strings.Contains(f.stderr, "not a git repository"):
			return invalid(op, "go into a checkout, or make one: git init", "%s is not in a git repository", dir)
		}
	}
	switch {
	case len(said) > 0 && said[0] == "true":
		return invalid(op, "use a checkout of it: git clone "+dir, "the repository at %s is bare: it has no files", dir)
	case len(said) > 1 && said[1] == "true":
		return invalid(op, "fetch the rest: git fetch --unshallow (in CI: fetch-depth 0)",
			"the history is cut off (shallow clone), so what a commit changes cannot be known")
	case f != nil && len(said) >= 5 && strings.Contains(f.stderr, "HEAD^{commit}"):
		return invalid(op, "make the first one: git add . && git commit", "the repository has no commit yet")
	case f != nil && strings.Contains(f.stderr, "work tree"):
		return invalid(op, "go to the top of the checkout", "%s is inside the repository's own files", dir)
	}
	return nil
}

func lines(out []byte) []string {
	text := strings.TrimSuffix(string(out), "\n")
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

// Root is the absolute path of the checkout's top directory.
func (r *Repo) Root() string { return r.root }

// Protected are the directories that nothing but their user may change: what
// is in them decides what git, and the next run, will do. They are the checkout
// and the repository, which lies elsewhere for a linked work tree. A checkout
// with HOME in it is not among them: commands keep their caches there.
func (r *Repo) Protected() []string {
	home, err := filepath.EvalSymlinks(os.Getenv("HOME"))
	below, rerr := filepath.Rel(r.root, home)
	if err == nil && rerr == nil && filepath.IsLocal(below) {
		return []string{r.gitDir}
	}
	return []string{r.root, r.gitDir}
}

// commit resolves what a person calls a commit. One that is known to be there
// costs no process.
func (r *Repo) commit(ctx context.Context, name string) (string, error) {
	const op = "find commit"
	if t := r.last.Load(); name == r.head || t != nil && name == t.commit {
		return name, nil
	}
	id, ok, err := r.resolve(ctx, name)
	if err != nil {
		return "", problem(ctx, op, err)
	}
	if !ok {
		return "", &fairlead.Problem{
			Op: op, Kind: fairlead.KindNotFound, Err: errors.New("no commit " + quote(name)),
			Hint: "give an id as git log shows it; if it is elsewhere, git fetch first",
		}
	}
	return id, nil
}

// resolve gives the commit that a revision stands for.
func (r *Repo) resolve(ctx context.Context, revision string) (id string, ok bool, err error) {
	if strings.ContainsAny(revision, "\x00\n") || revision == "" {
		return "", false, nil
	}
	out, err := git(ctx, r.root, "rev-parse", "--verify", "--quiet", "--end-of-options", revision+"^{commit}")
	var f *failure
	if errors.As(err, &f) {
		return "", false, nil
	}
	return strings.TrimSpace(string(out)), err == nil, err
}
