package worktree_test

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"fairlead.dev"
	"fairlead.dev/intake/worktree"
)

// history is a repository with a little of everything.
type history struct {
	*checkout
	first, second, third, feature, merge string
}

// first(v1.0.0) - second - third(v1.1.0) ------- merge   main
//
//	\- feature -------------/         feature/login
func newHistory(t *testing.T) history {
	c := newCheckout(t)
	h := history{checkout: c}
	h.first = c.commit("begin", "a.txt", "1", "dir/b.txt", "1")
	c.git("tag", "-a", "-m", "one", "v1.0.0")
	h.second = c.commit("second: one line\n\nand a body", "a.txt", "2", "-dash", "x", "sp ace/ü\nline", "y")
	c.git("checkout", "-q", "-b", "feature/login")
	h.feature = c.commit("login", "login.txt", "1")
	c.git("checkout", "-q", "main")
	h.third = c.commit("third", "dir/c.txt", "1")
	c.git("tag", "v1.1.0")
	c.n++
	c.git("mv", "a.txt", "moved.txt")
	c.git("commit", "-q", "-m", "move")
	c.git("merge", "-q", "--no-ff", "-m", "merge login", "feature/login")
	h.merge = c.git("rev-parse", "HEAD")
	return h
}

func TestEvent(t *testing.T) {
	h := newHistory(t)
	moved := h.git("rev-parse", "HEAD^1")
	for name, c := range map[string]struct {
		query  worktree.Query
		branch string
		tag    string
		commit string
		base   string
		paths  string
	}{
		"push of a merge":          {worktree.Query{Type: "push"}, "main", "", h.merge, moved, "login.txt"},
		"push of a rename":         {worktree.Query{Type: "push", Commit: moved}, "main", "", moved, h.third, "a.txt moved.txt"},
		"push of the first":        {worktree.Query{Type: "push", Branch: "main", Commit: h.first}, "main", "", h.first, "", "a.txt dir/b.txt"},
		"push of odd names":        {worktree.Query{Type: "push", Branch: "main", Commit: h.second[:10]}, "main", "", h.second, h.first, "-dash a.txt sp ace/ü\nline"},
		"push of a branch":         {worktree.Query{Type: "push", Branch: "feature/login"}, "feature/login", "", h.feature, h.second, "login.txt"},
		"schedule":                 {worktree.Query{Type: "schedule"}, "main", "", h.merge, moved, "login.txt"},
		"manual drops the tag":     {worktree.Query{Type: "manual", Tag: "v1.0.0"}, "main", "", h.merge, moved, "login.txt"},
		"pull request":             {worktree.Query{Type: "pull_request", Branch: "feature/login"}, "feature/login", "", h.feature, h.feature, ""},
		"tag by name":              {worktree.Query{Type: "tag", Tag: "v1.1.0"}, "", "v1.1.0", h.third, h.first, "-dash a.txt dir/c.txt sp ace/ü\nline"},
		"tag at the commit":        {worktree.Query{Type: "tag", Commit: h.third}, "", "v1.1.0", h.third, h.first, "-dash a.txt dir/c.txt sp ace/ü\nline"},
		"the first tag, annotated": {worktree.Query{Type: "tag", Tag: "v1.0.0"}, "", "v1.0.0", h.first, "", "a.txt dir/b.txt"},
	} {
		t.Run(name, func(t *testing.T) {
			ev, err := h.open().Event(t.Context(), c.query)
			wants(t, err, "")
			if ev.Branch != c.branch || ev.Tag != c.tag || ev.Commit != c.commit || ev.Change.Base != c.base {
				t.Errorf("branch %q tag %q commit %s base %q; want %q %q %s %q",
					ev.Branch, ev.Tag, ev.Commit, ev.Change.Base, c.branch, c.tag, c.commit, c.base)
			}
			if got := strings.Join(ev.Change.Paths, " "); got != c.paths || ev.Change.Paths == nil {
				t.Errorf("paths %q, want %q", got, c.paths)
			}
		})
	}
}

func TestEventOfPullRequestBeforeMerge(t *testing.T) {
	c := newCheckout(t)
	base := c.commit("begin", "a", "1")
	c.git("checkout", "-q", "-b", "topic")
	c.commit("one", "b", "1")
	tip := c.commit("two", "c", "1")
	c.git("checkout", "-q", "main")
	c.commit("meanwhile", "d", "1")
	c.git("checkout", "-q", "topic")
	ev, err := c.open().Event(t.Context(), worktree.Query{Type: fairlead.EventPullRequest})
	wants(t, err, "")
	want := fairlead.Change{Base: base, Paths: []string{"b", "c"}}
	if ev.Commit != tip || ev.Branch != "topic" || !reflect.DeepEqual(ev.Change, want) {
		t.Errorf("event %+v, want change %+v", ev, want)
	}
}

func TestEventOfPullRequestWithoutTarget(t *testing.T) {
	c := newCheckout(t)
	first := c.commit("begin", "a", "1")
	c.commit("two", "b", "1")
	pull := worktree.Query{Type: fairlead.EventPullRequest}
	ev, err := c.open().Event(t.Context(), pull)
	wants(t, err, "")
	if want := (fairlead.Change{Base: first, Paths: []string{"b"}}); !reflect.DeepEqual(ev.Change, want) {
		t.Errorf("on main alone: %+v, want %+v", ev.Change, want)
	}
	c.git("branch", "-q", "-m", "main", "topic")
	_, err = c.open().Event(t.Context(), pull)
	wants(t, err, fairlead.KindInvalid, "main", "fetch")
	c.git("checkout", "-q", "--orphan", "main")
	c.commit("other", "z", "1")
	c.git("checkout", "-q", "topic")
	_, err = c.open().Event(t.Context(), pull)
	wants(t, err, fairlead.KindInvalid, "no history in common")
}

func TestEventFields(t *testing.T) {
	h := newHistory(t)
	q := worktree.Query{
		Type: fairlead.EventManual, Branch: "main", Commit: h.second, Trigger: "eve", Manual: fairlead.Manual{Environment: "staging"},
	}
	ev, err := h.open().Event(t.Context(), q)
	wants(t, err, "")
	want := fairlead.Event{
		Type: fairlead.EventManual, Repository: "a shop", Branch: "main", Commit: h.second, Message: "second: one line",
		Author: "ada@example.org", Authors: []string{"ada@example.org", "bob@example.org"}, Trigger: "eve", Time: time.Date(2026, 11, 20, 9, 2, 0, 0, time.UTC),
		Change: ev.Change, Manual: q.Manual,
	}
	if !reflect.DeepEqual(ev, want) {
		t.Errorf("event\n %+v, want\n %+v", ev, want)
	}
	again, err := h.open().Event(t.Context(), q)
	wants(t, err, "")
	if !reflect.DeepEqual(ev, again) {
		t.Errorf("the same query gave\n %+v, then\n %+v", ev, again)
	}
}

func TestEventRefusals(t *testing.T) {
	h := newHistory(t)
	h.git("tag", "second-name", h.third)
	h.git("branch", "topic", h.second)
	loose := h.git("commit-tree", "-m", "loose", "HEAD^{tree}")
	for name, c := range map[string]struct {
		query worktree.Query
		kind  fairlead.Kind
		words []string
	}{
		"unknown branch":           {worktree.Query{Type: "push", Branch: "mian"}, "not_found", []string{`"mian"`, "did you mean main?"}},
		"unknown far branch":       {worktree.Query{Type: "push", Branch: "zzz"}, "not_found", []string{"git branch"}},
		"branch like an option":    {worktree.Query{Type: "push", Branch: "--upload-pack=x"}, "not_found", nil},
		"branch as a revision":     {worktree.Query{Type: "push", Branch: "main~1"}, "not_found", nil},
		"commit like an option":    {worktree.Query{Type: "push", Commit: "--output=x"}, "not_found", nil},
		"commit with a line break": {worktree.Query{Type: "push", Commit: "HEAD\nx"}, "not_found", nil},
		"unknown commit":           {worktree.Query{Type: "push", Commit: "feedbeef"}, "not_found", []string{"git fetch"}},
		"a tree":                   {worktree.Query{Type: "push", Commit: "HEAD^{tree}"}, "not_found", nil},
		"commit on no branch":      {worktree.Query{Type: "push", Commit: loose}, "invalid", []string{"no branch", "--branch"}},
		"commit on many branches":  {worktree.Query{Type: "push", Commit: h.first}, "invalid", []string{"main", "topic", "--branch"}},
		"commit not on the branch": {worktree.Query{Type: "push", Branch: "topic", Commit: h.third}, "invalid", []string{"not on branch topic"}},
		"unknown tag":              {worktree.Query{Type: "tag", Tag: "v1.1.1"}, "not_found", []string{"did you mean v1."}},
		"no tag here":              {worktree.Query{Type: "tag"}, "invalid", []string{"has no tag"}},
		"two tags here":            {worktree.Query{Type: "tag", Commit: h.third}, "invalid", []string{"second-name", "v1.1.0"}},
		"tag elsewhere":            {worktree.Query{Type: "tag", Tag: "v1.0.0", Commit: h.third}, "invalid", []string{"v1.0.0"}},
		"unknown type":             {worktree.Query{Type: "pusch"}, "invalid", []string{"push"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := h.open().Event(t.Context(), c.query)
			wants(t, err, c.kind, c.words...)
		})
	}
}

func TestDetachedHead(t *testing.T) {
	h := newHistory(t)
	h.git("checkout", "-q", "--detach", h.feature)
	ev, err := h.open().Event(t.Context(), worktree.Query{Type: fairlead.EventPush})
	wants(t, err, "")
	if ev.Branch != "feature/login" || ev.Commit != h.feature {
		t.Errorf("branch %q of %s; the commit is the tip of feature/login", ev.Branch, ev.Commit)
	}
	h.git("checkout", "-q", "--detach", h.first)
	_, err = h.open().Event(t.Context(), worktree.Query{Type: fairlead.EventPush})
	wants(t, err, fairlead.KindInvalid, "several branches", "--branch")
}

// A clone of one branch, as continuous integration makes it: only the remote's
// branch is there.
func TestRemoteBranch(t *testing.T) {
	h := newHistory(t)
	dir := filepath.Join(t.TempDir(), "clone")
	gitIn(t, t.TempDir(), 0, "clone", "-q", h.dir, dir)
	gitIn(t, dir, 0, "checkout", "-q", "--detach", h.merge)
	gitIn(t, dir, 0, "branch", "-q", "-D", "main")
	r, err := worktree.Open(t.Context(), dir)
	wants(t, err, "")
	for branch, commit := range map[string]string{"": h.merge, "feature/login": h.feature} {
		ev, err := r.Event(t.Context(), worktree.Query{Type: fairlead.EventPush, Branch: branch})
		wants(t, err, "")
		if ev.Commit != commit || branch == "" && ev.Branch != "main" {
			t.Errorf("branch %q: %s of %q", branch, ev.Commit, ev.Branch)
		}
	}
}

// The user's GIT_* variables and the repository's configuration do not reach
// into what is read.
func TestHostileSurroundings(t *testing.T) {
	h := newHistory(t)
	want, err := h.open().Event(t.Context(), worktree.Query{Type: fairlead.EventPush})
	wants(t, err, "")
	trap := filepath.Join(t.TempDir(), "sprung")
	for key, value := range map[string]string{
		"core.fsmonitor": "touch " + trap, "diff.external": "touch " + trap, "core.pager": "touch " + trap, "log.showSignature": "true",
		"diff.renames": "true", "log.showRoot": "false", "diff.noprefix": "true", "core.quotePath": "true", "color.ui": "always",
	} {
		h.git("config", key, value)
	}
	h.git("replace", h.merge, h.first)
	for name, value := range map[string]string{
		"GIT_DIR": "/nowhere", "GIT_INDEX_FILE": "/nowhere", "GIT_EXTERNAL_DIFF": "touch " + trap, "GIT_CONFIG_COUNT": "x",
	} {
		t.Setenv(name, value)
	}
	r := h.open()
	got, err := r.Event(t.Context(), worktree.Query{Type: fairlead.EventPush})
	wants(t, err, "")
	if !reflect.DeepEqual(got, want) {
		t.Errorf("event\n %+v, want\n %+v", got, want)
	}
	if dirty, err := r.Dirty(t.Context()); err != nil || len(dirty) > 0 {
		t.Errorf("dirty %v, error %v", dirty, err)
	}
	if _, err := os.Stat(trap); err == nil {
		t.Error("a command that the configuration names was run")
	}
}
