package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"

	"fairlead.dev"
	"fairlead.dev/cli"
	"fairlead.dev/gate"
	"fairlead.dev/pipeline"
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
		in, why, err := g.weighed(ctx, r, run, d)
		if err != nil {
			return out, err
		}
		if why != "" {
			out.Left = append(out.Left, run.ID+": "+why)
			continue
		}
		if in.Plan.Gates, err = cfg.GatesOver(in.Plan); err != nil {
			return out, err
		}
		in.Organisation = modules
		change := compare(d, gate.Decide(in))
		change.RunID, change.Commit, change.Environment = run.ID, run.Commit, d.Environment
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

// weighed gives what a decision rested on; why says what is missing of it.
func (g gates) weighed(ctx context.Context, r *records, run fairlead.Run, d fairlead.Decision) (in gate.Input, why string, err error) {
	in = gate.Input{RunID: run.ID, Time: d.Time}
	if in.Plan, err = r.Plan(ctx, d.Plan); fairlead.KindOf(err) == fairlead.KindNotFound {
		return in, "its plan is not kept", nil
	}
	if err != nil {
		return in, "", err
	}
	if in.Tasks, err = r.Tasks(ctx, run.ID); err != nil {
		return in, "", err
	}
	in.Tasks = slices.DeleteFunc(in.Tasks, func(t fairlead.TaskRun) bool { // that came after the decision
		return slices.ContainsFunc(in.Plan.Tasks, func(p fairlead.Task) bool { return p.ID == t.ID && p.Phase != fairlead.PhaseVerify })
	})
	if in.Evidence, err = r.Store.Evidence(ctx, d.Evidence...); err != nil {
		return in, "", err
	}
	w, err := r.Weighed(ctx, d.ID)
	if fairlead.KindOf(err) == fairlead.KindNotFound {
		if d.Inputs != nil {
			in.Findings = []fairlead.Tracked{}
		}
		return in, "", nil
	}
	in.Findings = w.Findings
	return in, "", err
}

// compare says how two decisions about the same differ.
func compare(was, would fairlead.Decision) cli.GateChange {
	c := cli.GateChange{Was: was.Outcome, Would: would.Outcome}
	for _, r := range would.Rules {
		same := slices.ContainsFunc(was.Rules, func(o fairlead.RuleOutcome) bool {
			return o.Name == r.Name && o.Outcome == r.Outcome && (r.Name != "organisation" || o.Reason == r.Reason)
		})
		if !same {
			c.Rules = append(c.Rules, r)
		}
	}
	return c
}
