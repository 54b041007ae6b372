package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"fairlead.dev"
	"fairlead.dev/cli"
	"fairlead.dev/control"
)

// serviceIn names the service that a command about an environment means: the
// named one or this repository's own. It must have been released from this
// state directory, whose agent runs it; others may share the database.
func (c *controlPlane) serviceIn(ctx context.Context, environment, service string) (string, error) {
	ours, others, err := c.servicesIn(ctx, environment)
	if err != nil {
		return "", err
	}
	if service == "" {
		own, err := c.ownService(ctx)
		switch {
		case err == nil:
			service = own
		case len(ours) == 1: // a broken configuration must not be in a rollback's way
			service = ours[0]
		default:
			return "", err
		}
	}
	switch {
	case slices.Contains(ours, service):
		return service, nil
	case slices.Contains(others, service):
		return "", &fairlead.Problem{
			Op: "find service", Kind: fairlead.KindConflict,
			Err:  fmt.Errorf("%s was released to %s from another repository or state directory", service, environment),
			Hint: "run the command where it was released from",
		}
	case len(ours) > 0:
		return "", &fairlead.Problem{
			Op: "find service", Kind: fairlead.KindConflict,
			Err:  fmt.Errorf("%s was never released to %s; %s was", service, environment, strings.Join(ours, ", ")),
			Hint: "--service NAME says which one is meant",
		}
	default:
		return "", &fairlead.Problem{
			Op: "find service", Kind: fairlead.KindNotFound, Err: fmt.Errorf("nothing was released to %q", environment),
			Hint: "`fairlead env list` shows what is live where",
		}
	}
}

// together gives the services of the newest release to an environment that
// came from here, in the order of release, when it was one of several; none
// when it was of one.
func (c *controlPlane) together(ctx context.Context, environment string) ([]string, error) {
	all, err := c.store.Environments(ctx)
	if err != nil {
		return nil, err
	}
	var newest fairlead.Run
	for _, st := range all {
		last := cmp.Or(st.Moving, st.Deployment)
		if strings.HasPrefix(last, "b") {
			last = st.Deployment // a rollback that a person asked for is of what was released
		}
		runID, _, _ := strings.Cut(last, "/")
		if st.Environment != environment || runID == "" {
			continue
		}
		own, err := c.Owns(ctx, runID)
		if err != nil {
			return nil, err
		}
		run, err := c.store.Run(ctx, runID)
		if fairlead.KindOf(err) == fairlead.KindNotFound || err == nil && !own {
			continue
		}
		if err != nil {
			return nil, err
		}
		if run.StartedAt.After(newest.StartedAt) {
			newest = run
		}
	}
	return control.Services(newest), nil
}

// servicesIn lists what was released to an environment: from this state
// directory, and from others.
func (c *controlPlane) servicesIn(ctx context.Context, environment string) (ours, others []string, err error) {
	all, err := c.store.Environments(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, st := range all {
		if st.Environment != environment {
			continue
		}
		own, err := c.Owns(ctx, cmp.Or(st.Moving, st.Deployment))
		if err != nil {
			return nil, nil, err
		}
		if own {
			ours = append(ours, st.Service)
		} else {
			others = append(others, st.Service)
		}
	}
	return ours, others, nil
}

// ownService is the service of this repository's newest commit.
func (c *controlPlane) ownService(ctx context.Context) (string, error) {
	p, _, err := planner{set: c.set}.Plan(ctx, cli.PlanQuery{Event: string(fairlead.EventPush)})
	return p.Service, err
}
