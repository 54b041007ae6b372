package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"fairlead.dev"
	"fairlead.dev/cli"
	"fairlead.dev/evidence"
	"fairlead.dev/flow"
	"fairlead.dev/record"
	"fairlead.dev/triage"
)

// findings reads what scanners found over time, as the next decision would.
type findings struct {
	*records
	desk    flow.Desk
	planner planner
}

func (w *wiring) openFindings(ctx context.Context, s cli.Settings) (*findings, error) {
	r, err := w.openRecords(ctx, s)
	if err != nil {
		return nil, err
	}
	key, err := evidence.OpenKey(r.home.keys())
	if err != nil {
		r.Close()
		return nil, err
	}
	return &findings{records: r, desk: desk(r.Store, key.Public()), planner: planner{set: s}}, nil
}

// planFor gives the plan whose people decide about a service's environment: the
// next one from here. ok is false for services that are not delivered from here.
func (f *findings) planFor(ctx context.Context, service, environment string) (p fairlead.Plan, ok bool) {
	q := cli.PlanQuery{Event: string(fairlead.EventPush)}
	if environment != "" {
		q = cli.PlanQuery{Event: string(fairlead.EventManual), Environment: environment}
	}
	p, _, err := f.planner.Plan(ctx, q)
	return p, err == nil && p.Service == service
}

// read gives findings as they are now, what is due first at the top.
func (f *findings) read(ctx context.Context, q cli.FindingQuery, now time.Time) ([]fairlead.Tracked, error) {
	filter := fairlead.TrackedFilter{Service: q.Service}
	if q.Environment != "" {
		filter.Environment = &q.Environment
	}
	all, err := f.Store.Findings(ctx, filter)
	if err != nil {
		return nil, err
	}
	all, err = f.excused(ctx, all, now)
	out := []fairlead.Tracked{}
	for _, t := range all {
		if chosen(t, q, now) {
			out = append(out, t)
		}
	}
	slices.SortFunc(out, byDue)
	return out, err
}

// excused applies the exceptions in force, place by place.
func (f *findings) excused(ctx context.Context, all []fairlead.Tracked, now time.Time) ([]fairlead.Tracked, error) {
	type place struct{ service, environment string }
	places := map[place][]fairlead.Tracked{}
	var order []place
	for _, t := range all {
		at := place{t.Service, t.Environment}
		if places[at] == nil {
			order = append(order, at)
		}
		places[at] = append(places[at], t)
	}
	var out []fairlead.Tracked
	for _, at := range order {
		var holding []fairlead.Exception
		if p, ok := f.planFor(ctx, at.service, at.environment); ok {
			var err error
			if holding, err = f.desk.Exceptions(ctx, f.Store, p, now); err != nil {
				return nil, err
			}
		}
		out = append(out, triage.Excuse(places[at], holding)...)
	}
	return out, nil
}

func chosen(t fairlead.Tracked, q cli.FindingQuery, now time.Time) bool {
	within := func(list []string, word string) bool { return len(list) == 0 || slices.Contains(list, word) }
	there := t.FixedAt.IsZero() || q.All || slices.Contains(q.States, string(fairlead.FindingFixed))
	return t.Into == "" && there && within(q.States, string(t.State)) && within(q.Severities, string(record.SeverityOf(t.Finding))) &&
		within(q.Categories, string(t.Finding.Category)) && (!q.Overdue || t.Overdue(now))
}

// byDue orders findings by when they have to be gone, excused ones last.
func byDue(a, b fairlead.Tracked) int {
	last := func(t fairlead.Tracked) int {
		if t.Standing() {
			return 0
		}
		return 1
	}
	return cmp.Or(cmp.Compare(last(a), last(b)), a.Due.Compare(b.Due), triage.ByWeight(a, b))
}

// List shows findings.
func (f *findings) List(ctx context.Context, q cli.FindingQuery) (cli.View, error) {
	now := time.Now()
	all, err := f.read(ctx, q, now)
	if err != nil {
		return cli.View{}, err
	}
	lines := record.FollowedLines(all, now)
	if len(all) == 0 {
		lines = []string{"no finding fits; `fairlead run` follows what its scanners see, `fairlead scan` looks at a tree by hand"}
	}
	return cli.View{Lines: lines, Data: all}, nil
}

// Show explains one finding.
func (f *findings) Show(ctx context.Context, id string) (cli.View, error) {
	all, err := f.find(ctx, id)
	if err != nil {
		return cli.View{}, err
	}
	var lines []string
	for _, t := range all {
		lines = append(lines, record.FindingStory(t, time.Now())...)
	}
	return cli.View{Lines: lines, Data: all}, nil
}

// find gives a finding by its id or the beginning of it: in every environment
// in which it is.
func (f *findings) find(ctx context.Context, id string) ([]fairlead.Tracked, error) {
	all, err := f.read(ctx, cli.FindingQuery{All: true}, time.Now())
	if err != nil {
		return nil, err
	}
	var out []fairlead.Tracked
	for _, t := range all {
		if t.ID == id || id != "" && strings.HasPrefix(t.ID, id) {
			out = append(out, t)
		}
	}
	const op, hint = "find finding", "`fairlead findings list --all` shows them"
	if len(out) == 0 {
		return nil, &fairlead.Problem{Op: op, Kind: fairlead.KindNotFound, Err: fmt.Errorf("there is no finding %q", id), Hint: hint}
	}
	if slices.ContainsFunc(out, func(t fairlead.Tracked) bool { return t.ID != out[0].ID }) {
		return nil, &fairlead.Problem{Op: op, Kind: fairlead.KindInvalid, Err: errors.New("several findings begin with " + id), Hint: hint}
	}
	return out, nil
}

// SARIF gives findings as SARIF 2.1.0.
func (f *findings) SARIF(ctx context.Context, q cli.FindingQuery) ([]byte, error) {
	all, err := f.read(ctx, q, time.Now())
	if err != nil {
		return nil, err
	}
	return record.SARIF(all)
}

// IDs lists the ids of the findings that are there.
func (f *findings) IDs(ctx context.Context) ([]string, error) {
	all, err := f.read(ctx, cli.FindingQuery{}, time.Now())
	var ids []string
	for _, t := range all {
		ids = append(ids, t.ID)
	}
	slices.Sort(ids)
	return slices.Compact(ids), err
}
