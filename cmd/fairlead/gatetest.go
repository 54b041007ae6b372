package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"fairlead.dev"
	"fairlead.dev/cli"
	"fairlead.dev/pipeline"
	"fairlead.dev/reevaluate"
)

// gates tries policies on recorded decisions.
type gates struct {
	*wiring
	set cli.Settings
}

// Try decides anew what was decided before.
func (g gates) Try(ctx context.Context, q cli.GateQuery) (cli.GateTried, error) {
	out := cli.GateTried{Decisions: []cli.GateChange{}}
	cfg, err := g.config(q.Config)
	if err != nil {
		return out, err
	}
	r, err := g.openRecords(ctx, g.set)
	if err != nil {
		return out, err
	}
	defer r.Close()
	modules, err := g.policy(ctx, r, q.Policy)
	if err != nil {
		return out, err
	}
	runs, err := r.Runs(ctx, fairlead.RunFilter{Environment: q.Environment, Limit: 10 * q.Last})
	if err != nil {
		return out, err
	}
	for _, run := range runs {
		if len(out.Decisions) == q.Last {
			break
		}
		d, err := r.Decision(ctx, run.ID+"/decision")
		if fairlead.KindOf(err) == fairlead.KindNotFound {
			continue
		}
		if err != nil {
			return out, err
		}
		in, why, err := reevaluate.Weighed(ctx, r.Store, d)
		if err != nil {
			return out, err
		}
		if why != "" {
			out.Left = append(out.Left, run.ID+": "+why)
			continue
		}
		over, err := cfg.GatesOver(in.Plan)
		if err != nil {
			return out, err
		}
		would := reevaluate.Again(d, in, over, modules)
		change := cli.GateChange{
			RunID: run.ID, Commit: run.Commit, Environment: d.Environment, Was: d.Outcome, Would: would.Outcome, Rules: reevaluate.Differences(d, would),
		}
		if change.Was != change.Would {
			out.Changed++
		}
		out.Decisions = append(out.Decisions, change)
	}
	return out, nil
}

// config reads the fairlead.yaml to try; a work tree without one has no gates.
func (g gates) config(path string) (*pipeline.Config, error) {
	name := path
	if name == "" {
		name = filepath.Join(g.set.Dir, configName)
	}
	data, err := os.ReadFile(name) //nolint:gosec // the file the user named
	switch {
	case errors.Is(err, os.ErrNotExist) && path == "":
		return pipeline.Read(pipeline.Source{Name: configName}, catalog())
	case err != nil:
		return nil, &fairlead.Problem{Op: "read config", Kind: fairlead.KindNotFound, Err: err, Hint: "--config names a fairlead.yaml"}
	}
	if data == nil {
		data = []byte{}
	}
	return pipeline.Read(pipeline.Source{Name: name, Data: data}, catalog())
}

// policy reads the organisation's policy to try.
func (g gates) policy(ctx context.Context, r *records, dir string) ([]fairlead.PolicyModule, error) {
	if dir != "" {
		return readPolicy(dir)
	}
	return organisation(r.home, g.env)(ctx)
}
