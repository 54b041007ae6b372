package main

import (
	"context"
	"time"

	"fairlead.dev"
	"fairlead.dev/cli"
	"fairlead.dev/record"
)

// WaitingRuns gives the ids of the runs that wait for people or a freeze.
func (r *records) WaitingRuns(ctx context.Context) ([]string, error) {
	var ids []string
	for _, state := range []fairlead.State{fairlead.StateExecuting, fairlead.StateFinalizing} {
		runs, err := r.Runs(ctx, fairlead.RunFilter{State: state, Limit: 1000})
		if err != nil {
			return nil, err
		}
		for _, run := range runs {
			if run.Waiting != nil {
				ids = append(ids, run.ID)
			}
		}
	}
	return ids, nil
}

// FreezeList shows the freezes that people added.
func (r *records) FreezeList(ctx context.Context, all bool) (cli.View, error) {
	freezes, err := r.Freezes(ctx, all)
	if freezes == nil {
		freezes = []fairlead.StandingFreeze{}
	}
	return cli.View{Lines: record.FreezeLines(freezes), Data: freezes}, err
}

// FreezeIDs gives the ids of the freezes that hold.
func (r *records) FreezeIDs(ctx context.Context) ([]string, error) {
	freezes, err := r.Freezes(ctx, false)
	var ids []string
	for _, f := range freezes {
		ids = append(ids, f.ID)
	}
	return ids, err
}

// GrantList shows break-glass grants, those whose follow-up is open or all.
func (r *records) GrantList(ctx context.Context, all bool) (cli.View, error) {
	grants, err := r.Grants(ctx, "", "", "")
	if err != nil {
		return cli.View{}, err
	}
	if !all {
		grants = record.Open(grants)
	}
	if grants == nil {
		grants = []fairlead.Grant{}
	}
	return cli.View{Lines: record.GrantLines(grants, time.Now()), Data: grants}, nil
}

// GrantIDs gives the ids of the grants whose follow-up is open.
func (r *records) GrantIDs(ctx context.Context) ([]string, error) {
	grants, err := r.Grants(ctx, "", "", "")
	var ids []string
	for _, g := range record.Open(grants) {
		ids = append(ids, g.ID)
	}
	return ids, err
}
