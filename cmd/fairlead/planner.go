package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"

	"fairlead.dev"
	"fairlead.dev/cli"
	"fairlead.dev/intake/worktree"
	"fairlead.dev/pipeline"
)

// configName is the configuration's name at the top of a repository.
const configName = "fairlead.yaml"

// planner makes plans from a git checkout.
type planner struct {
	set cli.Settings
	// counter opens what people decided and what is live; nil leaves both open.
	counter func(context.Context, cli.Settings) *counter
}

// Plan reads the commit, the event and the commit's own fairlead.yaml.
func (p planner) Plan(ctx context.Context, q cli.PlanQuery) (fairlead.Plan, []string, error) {
	repo, err := worktree.Open(ctx, p.set.Dir)
	if err != nil {
		return fairlead.Plan{}, nil, err
	}
	plan, notes, err := p.plan(ctx, repo, q)
	if err != nil || p.counter == nil || len(plan.Parts()) == 0 {
		return plan, notes, err
	}
	set := p.set
	if set.State == "" {
		set.State = checkoutState(repo)
	}
	at := p.counter(ctx, set)
	defer at.done()
	live, err := at.liveCommits(ctx, plan)
	switch {
	case err != nil && q.Strict:
		return plan, notes, err
	case err != nil: // the outlook says so as well
		notes = append(notes, "the change is compared with its parent, not with what is live: "+err.Error())
	default:
		if plan, err = sinceLive(ctx, repo, plan, live); err != nil {
			return plan, notes, err
		}
	}
	more, err := at.outlook(ctx, plan)
	return plan, append(notes, more...), err
}

func (p planner) plan(ctx context.Context, repo *worktree.Repo, q cli.PlanQuery) (fairlead.Plan, []string, error) {
	typ, err := eventType(q.Event)
	if err != nil {
		return fairlead.Plan{}, nil, err
	}
	var notes []string
	changes := lookForChanges(ctx, repo, q)
	ev, err := repo.Event(ctx, worktree.Query{
		Type: typ, Branch: q.Branch, Commit: q.Commit, Tag: q.Tag, Trigger: who(),
		Manual: fairlead.Manual{Environment: q.Environment, Strategy: q.Strategy},
	})
	var plan fairlead.Plan
	if err == nil {
		plan, err = planEvent(ctx, repo, ev)
	}
	found := <-changes
	switch {
	case found.err != nil:
		return fairlead.Plan{}, nil, found.err
	case len(found.dirty) > 0 && q.Strict:
		return fairlead.Plan{}, nil, uncommitted(found.dirty)
	case len(found.dirty) > 0:
		notes = append(notes, "uncommitted changes are not part of it: "+strings.Join(found.dirty, ", "))
	}
	return plan, notes, err
}

// changes are the files of a checkout that are not part of its commit.
type changes struct {
	dirty []string
	err   error
}

// lookForChanges looks for them meanwhile, when the commit is not named.
func lookForChanges(ctx context.Context, repo *worktree.Repo, q cli.PlanQuery) <-chan changes {
	out := make(chan changes, 1)
	if q.Commit != "" {
		out <- changes{}
		return out
	}
	go func() {
		dirty, err := repo.Dirty(ctx)
		out <- changes{dirty, err}
	}()
	return out
}

// sinceLive plans anew with all that a release would bring: its change is what
// is new against the commits that are live, whatever was pushed and not released
// before, and everybody who made that is one of its authors.
func sinceLive(ctx context.Context, repo *worktree.Repo, plan fairlead.Plan, live []string) (fairlead.Plan, error) {
	ev := plan.Event
	for _, base := range live {
		authors, paths, err := repo.Since(ctx, base, ev.Commit)
		if err != nil {
			return plan, err
		}
		ev.Authors, ev.Change.Paths = union(ev.Authors, authors), union(ev.Change.Paths, paths)
	}
	if slices.Equal(ev.Authors, plan.Event.Authors) && slices.Equal(ev.Change.Paths, plan.Event.Change.Paths) {
		return plan, nil
	}
	again, err := planEvent(ctx, repo, ev)
	if err == nil && again.Environment != plan.Environment {
		err = &fairlead.Problem{
			Op: "plan", Kind: fairlead.KindInvalid,
			Err:  fmt.Errorf("the last commit alone goes to %s, all that is new since what is live there to %s", plan.Environment, again.Environment),
			Hint: "say where with --event manual --environment",
		}
	}
	return again, err
}

// union gives what is in one of two lists, sorted, each once.
func union(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}

// planEvent plans an event by its commit's own configuration.
func planEvent(ctx context.Context, repo *worktree.Repo, ev fairlead.Event) (fairlead.Plan, error) {
	tree, err := repo.Files(ctx, ev.Commit)
	if err != nil {
		return fairlead.Plan{}, err
	}
	src, err := configOf(tree)
	if err != nil {
		return fairlead.Plan{}, err
	}
	cat := catalog()
	cfg, err := pipeline.Read(src, cat)
	if err != nil {
		return fairlead.Plan{}, err
	}
	return pipeline.Plan(cfg, ev, tree, cat)
}

func eventType(s string) (fairlead.EventType, error) {
	for _, t := range fairlead.EventTypes() {
		if string(t) == s {
			return t, nil
		}
	}
	return "", &fairlead.Problem{
		Op: "read command line", Kind: fairlead.KindInvalid, Err: fmt.Errorf("no event %q", s),
		Hint: fmt.Sprintf("--event is one of %v", fairlead.EventTypes()),
	}
}

func uncommitted(dirty []string) error {
	return &fairlead.Problem{
		Op: "read work tree", Kind: fairlead.KindInvalid,
		Err:  errors.New("it has uncommitted changes: " + strings.Join(dirty, ", ")),
		Hint: "commit or stash them, or deliver what is committed with --commit HEAD",
	}
}

// configOf reads the commit's configuration; none is fine.
func configOf(tree fs.FS) (pipeline.Source, error) {
	if err := misplaced(tree); err != nil {
		return pipeline.Source{}, err
	}
	data, err := fs.ReadFile(tree, configName)
	if errors.Is(err, fs.ErrNotExist) {
		return pipeline.Source{Name: configName}, nil
	}
	if err != nil {
		return pipeline.Source{}, &fairlead.Problem{Op: "read " + configName, Kind: fairlead.KindUnavailable, Err: err}
	}
	if data == nil {
		data = []byte{}
	}
	return pipeline.Source{Name: configName, Data: data}, nil
}

// misplaced refuses a configuration that would be taken for none: one that is
// not a file of the commit, and one of nearly the right name.
func misplaced(tree fs.FS) error {
	entries, err := fs.ReadDir(tree, ".")
	if err != nil {
		return nil // whoever reads the file says it better
	}
	for _, e := range entries {
		name := e.Name()
		base, isYAML := strings.CutSuffix(strings.ToLower(name), ".yaml")
		if !isYAML {
			base, isYAML = strings.CutSuffix(strings.ToLower(name), ".yml")
		}
		switch {
		case name == configName && !e.Type().IsRegular():
			return &fairlead.Problem{
				Op: "read " + configName, Kind: fairlead.KindInvalid, Err: errors.New("it is not a regular file"),
				Hint: "a link may lead out of the commit: put the configuration itself there",
			}
		case name != configName && isYAML && strings.TrimPrefix(base, ".") == "fairlead":
			return &fairlead.Problem{
				Op: "read " + configName, Kind: fairlead.KindInvalid, Err: fmt.Errorf("the configuration is never read from %s", name),
				Hint: "rename it: git mv " + name + " " + configName,
			}
		}
	}
	return nil
}

// who names the person at the keyboard.
func who() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "unknown"
}

// configTools are the commands about the configuration, on the work tree's file.
type configTools struct{ set cli.Settings }

// Lint reads a file of the work tree and reports every problem.
func (c configTools) Lint(_ context.Context, file string) error {
	path := file
	if path == "" {
		if err := misplaced(os.DirFS(c.set.Dir)); err != nil {
			return err
		}
		path = filepath.Join(c.set.Dir, configName)
	}
	data, err := os.ReadFile(path) //nolint:gosec // the file the user named
	if err != nil {
		return &fairlead.Problem{
			Op: "read config", Kind: fairlead.KindNotFound, Err: err,
			Hint: "without a file everything is detected; `fairlead plan` shows what",
		}
	}
	if data == nil {
		data = []byte{}
	}
	_, err = pipeline.Read(pipeline.Source{Name: path, Data: data}, catalog())
	return err
}

// Schema gives the JSON Schema of the configuration.
func (configTools) Schema() ([]byte, error) { return pipeline.Schema(catalog()) }

// Explain describes one key.
func (configTools) Explain(key string) (string, any, error) {
	help, err := pipeline.Explain(catalog(), key)
	if err != nil {
		return "", nil, err
	}
	return help.String(), help, nil
}
