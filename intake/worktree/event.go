package worktree

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"fairlead.dev"
)

// Query says which event to make.
type Query struct {
	Type    fairlead.EventType
	Branch  string // "" = the current one
	Commit  string // anything git understands; "" = the branch's or the tag's
	Tag     string // for a tag event; "" = the one at the commit
	Trigger string // who causes the event
	Manual  fairlead.Manual
}

// bases are the branches that pull requests go to, first one found.
var bases = []string{"main", "master", "develop", "trunk"}

// Event makes the event of a commit. The same query on the same history gives
// the same event. A branch, tag or commit that is not there is KindNotFound;
// a commit that is on no branch, or on several, or not on the one named, is
// KindInvalid: the branch decides where a change goes, so it is never guessed.
func (r *Repo) Event(ctx context.Context, q Query) (fairlead.Event, error) {
	branch, commit, err := r.subject(ctx, &q)
	if err != nil {
		return fairlead.Event{}, err
	}
	// Whoever asks for an event asks for the commit's files next. Listing them
	// takes as long as reading the commit, and is an error of its own then.
	listed := make(chan struct{})
	go func() {
		defer close(listed)
		_, _ = r.tree(ctx, commit)
	}()
	defer func() { <-listed }()
	ev, parent, err := r.describe(ctx, commit)
	if err != nil {
		return fairlead.Event{}, err
	}
	ev.Type, ev.Branch, ev.Tag, ev.Trigger, ev.Manual = q.Type, branch, q.Tag, q.Trigger, q.Manual
	base := parent
	switch q.Type {
	case fairlead.EventPullRequest:
		base, err = r.mergeBase(ctx, branch, commit, parent)
	case fairlead.EventTag:
		base, err = r.previousTag(ctx, commit)
	}
	if err != nil {
		return fairlead.Event{}, err
	}
	if base != parent {
		if ev.Change.Paths, err = r.changed(ctx, base, commit); err != nil {
			return fairlead.Event{}, err
		}
	}
	ev.Change.Base = base
	if ev.Authors == nil || base != parent {
		ev.Authors, err = r.authors(ctx, base, commit)
	}
	return ev, err
}

// subject finds the branch and the commit of an event, and its tag.
func (r *Repo) subject(ctx context.Context, q *Query) (branch, commit string, err error) {
	if !slices.Contains(fairlead.EventTypes(), q.Type) {
		return "", "", invalid("make event", fmt.Sprintf("it is one of %v", fairlead.EventTypes()), "no event type %q", q.Type)
	}
	commit = r.head
	if q.Commit != "" {
		if commit, err = r.commit(ctx, q.Commit); err != nil {
			return "", "", err
		}
	}
	if q.Type == fairlead.EventTag {
		return r.tagged(ctx, q, commit)
	}
	q.Tag = ""
	switch {
	case q.Branch != "":
		return r.named(ctx, q, commit)
	case commit == r.head && r.branch != "":
		return r.branch, commit, nil
	}
	branch, err = r.branchOf(ctx, commit)
	return branch, commit, err
}

// named is the subject for a branch that was named.
func (r *Repo) named(ctx context.Context, q *Query, commit string) (string, string, error) {
	tip, err := r.tip(ctx, q.Branch)
	if err != nil {
		return "", "", err
	}
	if q.Commit == "" {
		return q.Branch, tip, nil
	}
	on, err := r.ancestor(ctx, commit, tip)
	if err == nil && !on {
		err = invalid("make event", "leave --branch away to have it found", "commit %s is not on branch %s", short(commit), q.Branch)
	}
	return q.Branch, commit, err
}

// ancestor tells whether a commit is part of a tip's history.
func (r *Repo) ancestor(ctx context.Context, commit, tip string) (bool, error) {
	if commit == tip {
		return true, nil
	}
	_, err := git(ctx, r.root, "merge-base", "--is-ancestor", commit, tip)
	if f := (*failure)(nil); errors.As(err, &f) && f.code == 1 {
		return false, nil
	}
	return err == nil, problem(ctx, "compare commits", err)
}

// describe reads a commit and what it changes against its first parent. The
// authors of a merge are more than its own: they are left open.
func (r *Repo) describe(ctx context.Context, commit string) (ev fairlead.Event, parent string, err error) {
	const op = "read commit"
	out, err := git(ctx, r.root, "log", "-1", "-z", "--first-parent", "-m", "--name-only", "--no-renames", "--no-ext-diff",
		"--ignore-submodules=none", "--no-color", "--format=format:%H%x00%P%x00%ae%x00%ct%x00%s%x00"+madeBy+"%x00", commit, "--")
	if err != nil {
		return ev, "", problem(ctx, op, err)
	}
	part := strings.SplitN(string(out), "\x00", 7)
	if len(part) != 7 {
		return ev, "", problem(ctx, op, errors.New("git log answered in another form than expected"))
	}
	seconds, err := strconv.ParseInt(part[3], 10, 64)
	if err != nil {
		return ev, "", problem(ctx, op, err)
	}
	var others string
	parent, others, _ = strings.Cut(part[1], " ")
	ev = fairlead.Event{
		Repository: filepath.Base(r.root), Commit: part[0], Author: strings.ToValidUTF8(part[2], "�"),
		Message: strings.ToValidUTF8(part[4], "�"), Time: time.Unix(seconds, 0).UTC(),
		Change: fairlead.Change{Paths: sorted(fields([]byte(strings.TrimPrefix(part[6], "\n"))))},
	}
	if others == "" {
		ev.Authors = addresses(part[5])
	}
	return ev, parent, nil
}

// changed gives the paths that differ between two commits; an empty base
// stands for nothing at all, so that every file is new.
func (r *Repo) changed(ctx context.Context, base, commit string) ([]string, error) {
	if base == "" {
		t, err := r.tree(ctx, commit)
		if err != nil {
			return nil, err
		}
		paths := []string{}
		for _, e := range t.entries {
			paths = append(paths, e.path)
		}
		return sorted(paths), nil
	}
	out, err := git(ctx, r.root, "diff-tree", "-r", "-z", "--name-only", "--no-renames", "--ignore-submodules=none", base, commit, "--")
	if err != nil {
		return nil, problem(ctx, "compare commits", err)
	}
	return sorted(fields(out)), nil
}

// mergeBase finds where a pull request's branch left the branch it goes to. A
// branch that pull requests go to itself, alone, is compared with its parent.
func (r *Repo) mergeBase(ctx context.Context, branch, commit, parent string) (string, error) {
	const op = "find what the pull request goes to"
	refs, err := r.branches(ctx)
	if err != nil {
		return "", err
	}
	for _, name := range bases {
		tip, ok := refs[name]
		if !ok || name == branch {
			continue
		}
		out, err := git(ctx, r.root, "merge-base", tip, commit)
		if f := (*failure)(nil); errors.As(err, &f) && f.code == 1 {
			return "", invalid(op, "rebase it", "commit %s has no history in common with %s", short(commit), name)
		}
		return strings.TrimSpace(string(out)), problem(ctx, op, err)
	}
	if slices.Contains(bases, branch) {
		return parent, nil
	}
	return "", invalid(op, "fetch the branch the pull request goes to", "none of the branches %s is here", strings.Join(bases, ", "))
}

// previousTag gives the commit of the nearest tag before this one, "" when
// there is none.
func (r *Repo) previousTag(ctx context.Context, commit string) (string, error) {
	const op = "find previous tag"
	out, err := git(ctx, r.root, "describe", "--tags", "--abbrev=0", commit+"^")
	if f := (*failure)(nil); errors.As(err, &f) {
		return "", nil
	}
	if err != nil {
		return "", problem(ctx, op, err)
	}
	id, _, err := r.resolve(ctx, "refs/tags/"+strings.TrimSuffix(string(out), "\n"))
	return id, problem(ctx, op, err)
}

// sorted gives paths in order, and never nil: a change without paths is "[]".
func sorted(paths []string) []string {
	slices.Sort(paths)
	if paths == nil {
		return []string{}
	}
	return paths
}

func short(commit string) string { return commit[:min(len(commit), 12)] }

func quote(s string) string { return strconv.Quote(s) }
