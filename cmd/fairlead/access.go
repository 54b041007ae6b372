package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"fairlead.dev"
	"fairlead.dev/cli"
	"fairlead.dev/intake/worktree"
	"fairlead.dev/pipeline"
	"fairlead.dev/target"
	"fairlead.dev/target/kubernetes"
)

// accessView is what a target may do for one environment.
type accessView struct {
	Environment string `json:"environment"`
	kubernetes.Access
	place  target.Place
	config []byte
}

// access prints the smallest Role for the environments, or for the one named.
func (w *wiring) access(ctx context.Context, s cli.Settings, typ, environment string) (cli.View, error) {
	const op = "explain access"
	if typ != kubernetes.Type().Name {
		return cli.View{}, &fairlead.Problem{Op: op, Kind: fairlead.KindInvalid, Err: fmt.Errorf("the target %q asks nobody for access", typ), Hint: "kubernetes does"}
	}
	all, err := accesses(ctx, s)
	if err != nil {
		return cli.View{}, err
	}
	if environment != "" {
		all = slices.DeleteFunc(all, func(a accessView) bool { return a.Environment != environment })
	}
	if len(all) == 0 {
		return cli.View{}, &fairlead.Problem{
			Op: op, Kind: fairlead.KindNotFound, Err: fmt.Errorf("no environment %sreleases to %s", strings.TrimLeft(environment+" ", " "), typ),
			Hint: "environments.NAME.target of the last commit's fairlead.yaml is what is read",
		}
	}
	var lines []string
	for i, a := range all {
		role, err := a.Role("fairlead-" + a.place.Service + "-" + a.Environment)
		if err != nil {
			return cli.View{}, err
		}
		if i > 0 {
			lines = append(lines, "---")
		}
		lines = append(lines, strings.Split(strings.TrimSpace(string(role)), "\n")...)
	}
	return cli.View{Lines: lines, Data: all}, nil
}

// accesses gives what the last commit's configuration needs of clusters, in
// the order of the environments' names.
func accesses(ctx context.Context, s cli.Settings) ([]accessView, error) {
	repo, err := worktree.Open(ctx, s.Dir)
	if err != nil {
		return nil, err
	}
	plan, _, err := planner{set: s}.plan(ctx, repo, cli.PlanQuery{Event: string(fairlead.EventPush)})
	if err != nil {
		return nil, err
	}
	tree, err := repo.Files(ctx, plan.Event.Commit)
	if err != nil {
		return nil, err
	}
	src, err := configOf(tree)
	if err != nil {
		return nil, err
	}
	cfg, err := pipeline.Read(src, catalog())
	if err != nil {
		return nil, err
	}
	var all []accessView
	for _, name := range slices.Sorted(maps.Keys(cfg.Environments)) {
		t := cfg.Environments[name].Target
		if t.Type != kubernetes.Type().Name {
			continue
		}
		at := target.Place{Environment: name, Service: plan.Service}
		a, err := kubernetes.AccessFor(ctx, at, t.Config, tree)
		if err != nil {
			return nil, err
		}
		all = append(all, accessView{Environment: name, Access: a, place: at, config: t.Config})
	}
	return all, nil
}

// reviewed asks the clusters whether they give the access that is needed.
func reviewed(ctx context.Context, s cli.Settings) ([]cli.Tool, error) {
	all, err := accesses(ctx, s)
	if fairlead.KindOf(err) == fairlead.KindUnavailable { // no git: that is said of git
		return nil, nil
	}
	var out []cli.Tool
	for _, a := range all {
		t := cli.Tool{
			Name: "access to " + a.Environment, Wanted: "its Role", Required: true,
			For: "releasing to " + kubernetes.Where(a.config), Found: "all of it", OK: true,
		}
		missing, err := kubernetes.Missing(ctx, a.config, a.Access)
		switch {
		case err != nil:
			t.OK, t.Found, t.Hint = false, "", cmp.Or(fairlead.HintOf(err), err.Error())
		case len(missing) > 0:
			t.OK, t.Found = false, ""
			t.Hint = "may not " + strings.Join(missing, ", ") + "; `fairlead explain target kubernetes --rbac` prints the Role"
		}
		out = append(out, t)
	}
	return out, err
}
