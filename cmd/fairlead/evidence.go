package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"fairlead.dev"
	"fairlead.dev/cli"
	"fairlead.dev/evidence"
)

// What a piece of evidence is worth now.
const (
	standsValid     = "valid"
	standsExpired   = "expired"
	standsRevoked   = "revoked"
	standsUntrusted = "not trusted"
)

// evidenceView is one piece of evidence and what it is worth now.
type evidenceView struct {
	ID            fairlead.Digest      `json:"id"`
	RunID         string               `json:"run_id"`
	TaskID        string               `json:"task_id,omitempty"`
	PredicateType string               `json:"predicate_type"`
	Subjects      []fairlead.Subject   `json:"subjects"`
	From          fairlead.Digest      `json:"from,omitempty"`
	KeyID         string               `json:"key_id"`
	ProvenAt      time.Time            `json:"proven_at"`
	Until         time.Time            `json:"until,omitzero"`
	State         string               `json:"state"`
	Reason        string               `json:"reason,omitempty"`
	Revocation    *fairlead.Revocation `json:"revocation,omitempty"`
	Predicate     json.RawMessage      `json:"predicate,omitempty"` // when one is shown
}

// Evidence lists what a run left.
func (r *records) Evidence(ctx context.Context, run fairlead.Run) (cli.View, error) {
	rows, err := r.EvidenceOf(ctx, run.ID)
	if err != nil {
		return cli.View{}, err
	}
	views, err := r.stand(ctx, run, rows)
	if err != nil {
		return cli.View{}, err
	}
	if len(views) == 0 {
		return cli.View{Lines: []string{"run " + run.ID + " left no evidence"}, Data: views}, nil
	}
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "evidence\ttask\tstates\tproven\tvalid until\tstate")
	for _, v := range views {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", v.ID.Short(), v.task(), v.PredicateType, stamp(v.ProvenAt), stamp(v.Until), v.worth())
	}
	_ = t.Flush() // a strings.Builder never fails
	return cli.View{Lines: strings.Split(strings.TrimRight(b.String(), "\n"), "\n"), Data: views}, nil
}

// EvidenceShow shows one piece, with the statement that was signed.
func (r *records) EvidenceShow(ctx context.Context, id string) (cli.View, error) {
	e, err := r.EvidenceByPrefix(ctx, id)
	if err != nil {
		return cli.View{}, err
	}
	run, err := r.Run(ctx, e.RunID)
	if err != nil {
		return cli.View{}, err
	}
	views, err := r.stand(ctx, run, []fairlead.Evidence{e})
	if err != nil {
		return cli.View{}, err
	}
	v := views[0]
	lines := []string{
		"evidence   " + string(v.ID), "states     " + v.PredicateType, "run        " + v.RunID, "task       " + v.task(),
		"signed by  " + v.KeyID, "proven     " + stamp(v.ProvenAt), "until      " + stamp(v.Until), "state      " + v.worth(),
	}
	if v.From != "" {
		lines = append(lines, "repeats    "+string(v.From))
	}
	for _, s := range v.Subjects {
		lines = append(lines, "about      "+s.Name+" "+string(s.Digest))
	}
	if len(v.Predicate) > 0 {
		lines = append(lines, "predicate  "+string(v.Predicate))
	}
	return cli.View{Lines: lines, Data: v}, nil
}

// stand tells what evidence of a run is worth now.
func (r *records) stand(ctx context.Context, run fairlead.Run, rows []fairlead.Evidence) ([]evidenceView, error) {
	key, err := evidence.OpenKey(r.home.keys())
	if err != nil {
		return nil, err
	}
	revoked, err := r.Revocations(ctx, evidence.Names(rows)...)
	if err != nil {
		return nil, err
	}
	plan, err := r.Plan(ctx, run.Plan)
	if err != nil && fairlead.KindOf(err) != fairlead.KindNotFound {
		return nil, err
	}
	types := map[string]string{}
	for _, t := range plan.Tasks {
		types[t.ID] = t.Type
	}
	trust := evidence.TrustKeys(key.Public())
	views := make([]evidenceView, 0, len(rows))
	for _, e := range rows {
		v := viewOf(trust, e)
		if valid := plan.ValidFor.Of(types[e.TaskID]).D(); valid > 0 && e.TaskID != "" {
			v.Until = v.ProvenAt.Add(valid)
			if v.State == standsValid && !time.Now().Before(v.Until) {
				v.State = standsExpired
			}
		}
		if i := slices.IndexFunc(revoked, func(x fairlead.Revocation) bool { return x.Evidence == evidence.Origin(e) }); i >= 0 {
			v.State, v.Revocation = standsRevoked, &revoked[i]
			v.Reason = "by " + revoked[i].Who + " at " + stamp(revoked[i].Time) + ": " + revoked[i].Reason
		}
		views = append(views, v)
	}
	return views, nil
}

// viewOf verifies a row and shows it.
func viewOf(trust evidence.Trust, e fairlead.Evidence) evidenceView {
	v := evidenceView{
		ID: e.ID, RunID: e.RunID, TaskID: e.TaskID, PredicateType: e.PredicateType, Subjects: e.Subjects, From: e.From,
		KeyID: e.KeyID, ProvenAt: e.Time, State: standsValid,
	}
	s, err := trust.Verify(e)
	if err != nil {
		v.State, v.Reason = standsUntrusted, err.Error()
	}
	v.Predicate = s.Predicate
	return v
}

func (v evidenceView) task() string {
	if v.TaskID == "" {
		return "the decision"
	}
	return v.TaskID
}

func (v evidenceView) worth() string {
	if v.Reason == "" {
		return v.State
	}
	return v.State + " " + v.Reason
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Format("2006-01-02 15:04:05Z07:00")
}
