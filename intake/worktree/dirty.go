package worktree

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// ownDir is Fairlead's state directory at the top of a checkout.
const ownDir = ".fairlead"

// Dirty gives the first ten files that differ from the commit or that git does
// not know, ignored ones and Fairlead's own left out. An untracked directory
// is named once, with a slash at its end. Files are compared as they are,
// without the programs that the configuration names as filters.
func (r *Repo) Dirty(ctx context.Context) ([]string, error) {
	const most = 10
	const op = "look for changes"
	filters, err := r.withoutFilters(ctx)
	if err != nil {
		return nil, problem(ctx, op, err)
	}
	// Of a submodule only its commit counts: to look further, git would start
	// itself there, under the submodule's own settings.
	cmd := command(ctx, r.root, "status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=normal", "--ignore-submodules=dirty")
	cmd.Env = append(cmd.Env, filters...)
	out, err := run(cmd)
	if err != nil {
		return nil, problem(ctx, op, err)
	}
	var dirty []string
	for _, entry := range fields(out) {
		if len(entry) < 4 { // "XY path"
			continue
		}
		path := entry[3:]
		if path == ownDir || strings.HasPrefix(path, ownDir+"/") {
			continue
		}
		if dirty = append(dirty, path); len(dirty) == most {
			break
		}
	}
	return dirty, nil
}

// withoutFilters gives variables under which git runs none of the filters that
// are configured: looking at a repository must not run what it says.
func (r *Repo) withoutFilters(ctx context.Context) ([]string, error) {
	out, err := git(ctx, r.root, "config", "-z", "--name-only", "--get-regexp", `^filter\..*\.(clean|process|required)$`)
	if f := (*failure)(nil); errors.As(err, &f) && f.code == 1 {
		return nil, nil // there is none
	}
	if err != nil {
		return nil, err
	}
	var env []string
	names := fields(out)
	for i, name := range names {
		value := "" // no program
		if strings.HasSuffix(name, ".required") {
			value = "false"
		}
		env = append(env, fmt.Sprintf("GIT_CONFIG_KEY_%d=%s", i, name), fmt.Sprintf("GIT_CONFIG_VALUE_%d=%s", i, value))
	}
	return append(env, fmt.Sprintf("GIT_CONFIG_COUNT=%d", len(names))), nil
}
