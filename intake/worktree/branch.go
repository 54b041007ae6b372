package worktree

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"fairlead.dev"
)

// branches gives the tip of every branch by its short name. A local branch
// goes before a remote's branch of the same name.
func (r *Repo) branches(ctx context.Context, more ...string) (map[string]string, error) {
	args := append([]string{"for-each-ref", "--format=%(objectname) %(refname)"}, more...)
	out, err := git(ctx, r.root, append(args, "refs/heads", "refs/remotes")...)
	if err != nil {
		return nil, problem(ctx, "list branches", err)
	}
	tips := map[string]string{}
	for _, line := range lines(out) {
		id, ref, _ := strings.Cut(line, " ")
		if name, ok := strings.CutPrefix(ref, "refs/heads/"); ok {
			tips[name] = id
			continue
		}
		_, name, _ := strings.Cut(strings.TrimPrefix(ref, "refs/remotes/"), "/")
		if _, local := tips[name]; !local && name != "" && name != "HEAD" {
			tips[name] = id
		}
	}
	return tips, nil
}

// tip gives the commit a branch is at.
func (r *Repo) tip(ctx context.Context, branch string) (string, error) {
	const op = "find branch"
	tips, err := r.branches(ctx)
	if err != nil {
		return "", err
	}
	if id, ok := tips[branch]; ok {
		return id, nil
	}
	return "", unknown(op, "branch", branch, slices.Sorted(maps.Keys(tips)))
}

// branchOf finds the one branch a commit is on. Of several, the one whose tip
// it is.
func (r *Repo) branchOf(ctx context.Context, commit string) (string, error) {
	const op, hint = "find branch", "say which one it is for with --branch"
	tips, err := r.branches(ctx, "--contains="+commit)
	if err != nil {
		return "", err
	}
	names := slices.Sorted(maps.Keys(tips))
	var ending []string
	for _, name := range names {
		if tips[name] == commit {
			ending = append(ending, name)
		}
	}
	switch {
	case len(names) == 1:
		return names[0], nil
	case len(ending) == 1:
		return ending[0], nil
	case len(names) == 0:
		return "", invalid(op, hint, "commit %s is on no branch", short(commit))
	}
	const most = 5
	list := strings.Join(names[:min(len(names), most)], ", ")
	if len(names) > most {
		list += " and more"
	}
	return "", invalid(op, hint, "commit %s is on several branches: %s", short(commit), list)
}

// tagged is the subject of a tag event.
func (r *Repo) tagged(ctx context.Context, q *Query, commit string) (branch, id string, err error) {
	const op = "find tag"
	names, err := r.tags(ctx)
	if err != nil {
		return "", "", err
	}
	if q.Tag != "" {
		if !slices.Contains(names, q.Tag) {
			return "", "", unknown(op, "tag", q.Tag, names)
		}
		id, ok, err := r.resolve(ctx, "refs/tags/"+q.Tag)
		switch {
		case err != nil:
			return "", "", problem(ctx, op, err)
		case !ok:
			return "", "", invalid(op, "name a tag of a commit", "tag %s is not at a commit", q.Tag)
		case q.Commit != "" && id != commit:
			return "", "", invalid(op, "leave --commit away", "tag %s is at %s, not at %s", q.Tag, short(id), short(commit))
		}
		return q.Branch, id, nil
	}
	here, err := r.tags(ctx, "--points-at="+commit)
	if err != nil {
		return "", "", err
	}
	switch len(here) {
	case 0:
		return "", "", invalid(op, "name a tag with --tag, or make one: git tag v1.0.0", "commit %s has no tag", short(commit))
	case 1:
		q.Tag = here[0]
		return q.Branch, commit, nil
	}
	return "", "", invalid(op, "say which with --tag", "commit %s has several tags: %s", short(commit), strings.Join(here, ", "))
}

func (r *Repo) tags(ctx context.Context, more ...string) ([]string, error) {
	args := append([]string{"for-each-ref", "--format=%(refname:lstrip=2)"}, more...)
	out, err := git(ctx, r.root, append(args, "refs/tags")...)
	return lines(out), problem(ctx, "list tags", err)
}

// unknown says that a name is not there, and which one may have been meant.
func unknown(op, what, name string, known []string) error {
	p := &fairlead.Problem{Op: op, Kind: fairlead.KindNotFound, Err: errors.New("no " + what + " " + quote(name))}
	near, ok := nearest(name, known)
	switch {
	case ok:
		p.Hint = "did you mean " + near + "?"
	case len(known) == 0:
		p.Hint = "there is none yet"
	default:
		p.Hint = "git " + what + " lists them; if it is elsewhere, git fetch first"
	}
	return p
}

// nearest gives the known name with the fewest edits: at most two, or a third
// of a long name, and never the whole of it.
func nearest(name string, known []string) (string, bool) {
	best, edits := "", min(max(3, len(name)/3+1), len(name))
	for _, k := range known {
		if d := distance(name, k); d < edits {
			best, edits = k, d
		}
	}
	return best, best != ""
}

// distance counts the bytes to insert, remove or replace between a and b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := before
			if a[i] != b[j] {
				cost++
			}
			before = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
