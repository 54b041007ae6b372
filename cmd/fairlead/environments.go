package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"fairlead.dev"
	"fairlead.dev/cli"
	"fairlead.dev/control"
	"fairlead.dev/record"
	"fairlead.dev/target"
)

// Environments lists what is live where.
func (r *records) Environments(ctx context.Context) (cli.View, error) {
	live, err := record.ReadLive(ctx, r.Store)
	return cli.View{Lines: record.LiveLines(live), Data: live}, err
}

// environmentView is one environment: the record, what the target sees, and history.
type environmentView struct {
	record.Live
	Seen    *target.Observed      `json:"seen,omitempty"`   // what runs now; absent when the target does not answer
	Unseen  *fairlead.Fault       `json:"unseen,omitempty"` // why it is absent
	History []fairlead.Deployment `json:"history"`
	People  record.People         `json:"people"`            // freezes and broken glass of this environment
	Waiting fairlead.Line         `json:"waiting,omitempty"` // runs in line, in order
	Others  []environmentView     `json:"others,omitempty"`  // further services of the same release
}

// Environment shows one environment.
func (r *records) Environment(ctx context.Context, name string) (cli.View, error) {
	live, err := r.liveIn(ctx, name)
	if err != nil {
		return cli.View{}, err
	}
	v, err := r.environmentOf(ctx, live)
	if err != nil {
		return cli.View{}, err
	}
	people, err := record.ReadPeople(ctx, r.Store, time.Now())
	v.People = people.In(name)
	if err != nil {
		return cli.View{}, err
	}
	all, err := record.ReadLive(ctx, r.Store)
	if err != nil {
		return cli.View{}, err
	}
	fellows, err := r.fellows(ctx, v.History)
	if err != nil {
		return cli.View{}, err
	}
	for _, l := range all {
		if l.Environment != name || l.Service == live.Service || !slices.Contains(fellows, l.Service) {
			continue
		}
		o, err := r.environmentOf(ctx, l)
		if err != nil {
			return cli.View{}, err
		}
		v.Others = append(v.Others, o)
	}
	return cli.View{Lines: v.lines(), Data: v}, nil
}

// fellows names the services that were last released together with this one.
func (r *records) fellows(ctx context.Context, history []fairlead.Deployment) ([]string, error) {
	if len(history) == 0 {
		return nil, nil
	}
	run, err := r.Run(ctx, history[0].RunID)
	if fairlead.KindOf(err) == fairlead.KindNotFound {
		return nil, nil
	}
	return control.Services(run), err
}

// environmentOf shows one service in one environment.
func (r *records) environmentOf(ctx context.Context, live record.Live) (environmentView, error) {
	v := environmentView{Live: live, History: []fairlead.Deployment{}}
	history, err := r.Deployments(ctx, live.Environment, live.Service, 10)
	if err != nil {
		return v, err
	}
	if len(history) > 0 {
		v.History = history
	}
	if v.Waiting, err = r.Line(ctx, live.Environment, live.Service); err != nil {
		return v, err
	}
	o, err := r.observe(ctx, targetOf(v.Live, v.History), target.Place{Environment: live.Environment, Service: live.Service})
	if err != nil {
		v.Unseen = fairlead.FaultOf(err)
	} else {
		v.Seen = &o
	}
	return v, nil
}

// observe looks at a place without starting anything.
func (r *records) observe(ctx context.Context, typ string, at target.Place) (target.Observed, error) {
	t, err := openTarget(targets(r.home, false), typ)
	if err != nil {
		return target.Observed{}, err
	}
	return t.Observe(ctx, at)
}

// targetOf is the type of the target that an environment's releases go to: the
// live one's, or, as long as none is live, the last one's that was tried.
func targetOf(live record.Live, history []fairlead.Deployment) string {
	if live.Target == "" && len(history) > 0 {
		return history[0].Release.Target
	}
	return live.Target
}

// liveIn finds what is live in an environment, first what was released from
// here: several repositories may share the database.
func (r *records) liveIn(ctx context.Context, name string) (record.Live, error) {
	all, err := r.Store.Environments(ctx)
	if err != nil {
		return record.Live{}, err
	}
	var names []string
	var found *fairlead.EnvironmentState
	for _, st := range all {
		names = append(names, st.Environment)
		if st.Environment != name {
			continue
		}
		own, err := r.own(ctx, cmp.Or(st.Moving, st.Deployment))
		if err != nil {
			return record.Live{}, err
		}
		if found == nil || own {
			found = &st
		}
	}
	if found == nil {
		return record.Live{}, &fairlead.Problem{
			Op: "show environment", Kind: fairlead.KindNotFound, Err: fmt.Errorf("nothing was released to %q", name),
			Hint: fmt.Sprintf("there are: %v", slices.Compact(names)),
		}
	}
	live, err := record.ReadLive(ctx, r.Store)
	if err != nil {
		return record.Live{}, err
	}
	for _, l := range live {
		if l.Environment == name && l.Service == found.Service {
			return l, nil
		}
	}
	return record.Live{}, &fairlead.Problem{Op: "show environment", Kind: fairlead.KindInternal, Err: fmt.Errorf("%s of %s is gone", found.Service, name)}
}

func (v environmentView) lines() []string {
	lines := append(v.People.Lines(), record.LiveLines([]record.Live{v.Live})...)
	if v.Seen == nil {
		lines = append(lines, "", "what runs is not known: "+v.Unseen.Op+": "+v.Unseen.Cause)
	} else {
		lines = append(lines, "", "running at "+v.Seen.Endpoint)
		if v.Seen.Pending != "" {
			lines = append(lines, "  "+v.Seen.Pending)
		}
		for _, i := range v.Seen.Releases {
			lines = append(lines, fmt.Sprintf("  release %s  %d of %d replicas ready, %d%% of traffic, %d requests, %d errors, %d restarts",
				i.Release.Short(), i.Ready, i.Wanted, i.Weight, i.Sample.Requests, i.Sample.Errors, i.Sample.Restarts))
			if i.Problem != nil {
				lines = append(lines, "    "+i.Problem.Op+": "+i.Problem.Cause)
			}
		}
	}
	if p := v.Promotion; p != nil {
		lines = append(lines, "", fmt.Sprintf("promoted from %s, run %s, %s there", p.From, p.Run, p.Words()))
	}
	if len(v.Waiting) > 0 {
		lines = append(lines, "", "in line")
	}
	for _, k := range v.Waiting {
		lines = append(lines, fmt.Sprintf("  %s  %s, %s", k.RunID, k.State, k.Lock.Mode))
	}
	lines = append(lines, "", "deployments, newest first")
	for _, d := range v.History {
		lines = append(lines, fmt.Sprintf("  %s  release %s  %s  %s  %s",
			d.StartedAt.Format("2006-01-02 15:04:05"), d.Release.ID.Short(), d.Strategy, d.Phase, d.Reason))
	}
	for _, o := range v.Others {
		lines = append(append(lines, ""), o.lines()...)
	}
	return lines
}
