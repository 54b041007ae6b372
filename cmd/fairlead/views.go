package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"fairlead.dev"
	"fairlead.dev/cli"
	"fairlead.dev/record"
	"fairlead.dev/target"
)

// Status shows what is live where and what is on its way.
func (r *records) Status(ctx context.Context) (cli.View, error) {
	s, err := record.ReadStatus(ctx, r.Store)
	if err == nil {
		s.People, err = record.ReadPeople(ctx, r.Store, time.Now())
	}
	return cli.View{Lines: s.Lines(), Data: s}, err
}

// Why explains a run or something of it, the newest run without a name.
func (r *records) Why(ctx context.Context, id string) (cli.View, error) {
	if id == "" {
		run, err := r.FindRun(ctx, "")
		if err != nil {
			return cli.View{}, err
		}
		id = run.ID
	}
	e, err := record.Explain(ctx, r.Store, id)
	return cli.View{Lines: e.Lines(), Data: e}, err
}

// Sentence says a record in words.
func (r *records) Sentence(rec fairlead.Record) string { return record.Sentence(rec) }

// Waiting says what a run waits for in line now.
func (r *records) Waiting(ctx context.Context, runID string) (string, error) {
	turn, err := r.Turn(ctx, runID)
	if fairlead.KindOf(err) == fairlead.KindNotFound {
		return "", nil
	}
	return strings.Join(record.WaitLines(turn), "; "), err
}

// Address is where what a run released is reached, of each of its services.
func (r *records) Address(ctx context.Context, run fairlead.Run) string {
	if run.Deployment == "" {
		return ""
	}
	ids := run.Deployments
	if len(ids) == 0 {
		ids = []string{run.Deployment}
	}
	var all []string
	for _, id := range ids {
		d, err := r.Deployment(ctx, id)
		if err != nil {
			continue // it was said that the run succeeded; nothing more is known
		}
		o, err := r.observe(ctx, d.Release.Target, target.Place{Environment: d.Environment, Service: d.Service})
		if err == nil && o.Endpoint != "" {
			all = append(all, o.Endpoint)
		}
	}
	return strings.Join(all, ", ")
}

// ReplicaLog gives what an environment's replicas wrote, as far as it is kept.
func (r *records) ReplicaLog(ctx context.Context, name string) ([]string, error) {
	live, err := r.liveIn(ctx, name)
	if err != nil {
		return nil, err
	}
	history, err := r.Deployments(ctx, name, live.Service, 1)
	if err != nil {
		return nil, err
	}
	typ := targetOf(live, history)
	t, err := openTarget(targets(r.home, false), typ)
	if err != nil {
		return nil, err
	}
	kept, ok := t.(logger)
	if !ok {
		return nil, &fairlead.Problem{
			Op: "read replica logs", Kind: fairlead.KindInvalid, Err: fmt.Errorf("the target %q keeps no logs", typ),
			Hint: "look where the replicas write to",
		}
	}
	at := target.Place{Environment: name, Service: live.Service}
	seen, err := t.Observe(ctx, at)
	if err != nil {
		return nil, err
	}
	var lines []string
	for _, i := range seen.Releases {
		log, err := kept.Logs(ctx, at, i.Release, "")
		if err != nil {
			return lines, err
		}
		s := bufio.NewScanner(log)
		s.Buffer(nil, 1<<20)
		for s.Scan() {
			lines = append(lines, i.Release.Short()+"  "+s.Text())
		}
		if err := errors.Join(s.Err(), log.Close()); err != nil {
			return lines, err
		}
	}
	return lines, nil
}
