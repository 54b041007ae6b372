package worktree

import (
	"context"
	"errors"
	"slices"
	"strings"

	"fairlead.dev"
)

// Since gives everybody who made what a commit has beyond a base, as
// [fairlead.Event] has its authors, and the paths that differ. A base that is
// not here, or from which a shallow clone does not reach the commit, is
// KindNotFound: nobody can tell then.
func (r *Repo) Since(ctx context.Context, base, commit string) (authors, paths []string, err error) {
	const op = "find what is new since the live release"
	if base == commit {
		return nil, nil, nil
	}
	missing := &fairlead.Problem{
		Op: op, Kind: fairlead.KindNotFound, Err: errors.New("commit " + short(base) + ", which is live, or what came after it is not in this clone"),
		Hint: "git fetch it (git fetch --unshallow of a shallow clone): who may approve depends on who made the change",
	}
	base, ok, err := r.resolve(ctx, base)
	if err != nil || !ok {
		return nil, nil, errors.Join(err, missing)
	}
	if on, err := r.ancestor(ctx, base, commit); err != nil {
		return nil, nil, err
	} else if !on {
		out, err := git(ctx, r.root, "rev-parse", "--is-shallow-repository")
		if err != nil {
			return nil, nil, problem(ctx, op, err)
		}
		if strings.TrimSpace(string(out)) == "true" {
			return nil, nil, missing
		}
	}
	if authors, err = r.authors(ctx, base, commit); err != nil {
		return nil, nil, err
	}
	paths, err = r.changed(ctx, base, commit)
	return authors, paths, err
}

// authors gives the e-mail addresses of everybody who made a change: authors,
// committers and co-authors of its commits, lower-case, sorted, each once.
// Without a base it is the one commit's, however long its history.
func (r *Repo) authors(ctx context.Context, base, commit string) ([]string, error) {
	args := []string{"log", "-z", "--no-color", "--format=format:" + madeBy}
	if base == "" {
		args = append(args, "-1", commit, "--")
	} else {
		args = append(args, commit, "^"+base, "--")
	}
	out, err := git(ctx, r.root, args...)
	if err != nil {
		return nil, problem(ctx, "read the authors of a change", err)
	}
	return addresses(string(out)), nil
}

// madeBy is git's format for everybody who made a commit, a line each.
const madeBy = "%ae%x0a%ce%x0a%(trailers:key=Co-authored-by,valueonly,unfold)"

// addresses gives the e-mail addresses in what git printed for madeBy.
func addresses(said string) []string {
	var all []string
	for _, line := range strings.FieldsFunc(said, func(c rune) bool { return c == '\n' || c == 0 }) {
		if _, address, ok := strings.Cut(line, "<"); ok { // a co-author: Name <address>
			line, _, _ = strings.Cut(address, ">")
		}
		if line = strings.ToLower(strings.TrimSpace(strings.ToValidUTF8(line, "\ufffd"))); line != "" {
			all = append(all, line)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
