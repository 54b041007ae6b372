package control_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"fairlead.dev"
	"fairlead.dev/control"
)

// refused holds an error's kind, some words of its text, and that it helps.
func refused(t *testing.T, err error, kind fairlead.Kind, words string) {
	t.Helper()
	if fairlead.KindOf(err) != kind || !strings.Contains(err.Error(), words) || fairlead.HintOf(err) == "" {
		t.Errorf("%v (%s, hint %q), want %s: %s", err, fairlead.KindOf(err), fairlead.HintOf(err), kind, words)
	}
}

func TestStartAndWait(t *testing.T) {
	d := newDesk(t)
	close(d.open)
	p := plan(1)
	id, err := d.Start(t.Context(), p, "")
	must(t, err)
	run := d.ended(id)
	if run.Result != fairlead.ResultSuccess || run.Plan != p.Hash || run.Commit != p.Event.Commit || run.Trigger != "ada" || !strings.HasPrefix(id, "r") {
		t.Errorf("%+v", run)
	}
	queued, err := d.store.Records(t.Context(), fairlead.RecordFilter{RunID: id})
	must(t, err)
	if queued[0].Type != fairlead.RecordRunQueued || queued[len(queued)-1].Type != fairlead.RecordRunFinished {
		t.Errorf("the record begins with %s and ends with %s", queued[0].Type, queued[len(queued)-1].Type)
	}
	second, err := d.Start(t.Context(), p, "")
	if err != nil || second == id {
		t.Errorf("the second run of the plan is %s, %v", second, err)
	}
}

func TestCancel(t *testing.T) {
	d := newDesk(t)
	id, err := d.Start(t.Context(), plan(1), "")
	must(t, err)
	run, err := d.Cancel(t.Context(), id, "dana", "changed my mind")
	if err != nil || run.ID != id {
		t.Fatalf("%+v %v", run, err)
	}
	if run := d.ended(id); run.Result != fairlead.ResultCancellation {
		t.Errorf("%s: %s", run.Result, run.Reason)
	}
	_, err = d.Cancel(t.Context(), id, "dana", "")
	refused(t, err, fairlead.KindConflict, "it has ended with cancellation")
	_, err = d.Cancel(t.Context(), "r-nothing", "dana", "")
	refused(t, err, fairlead.KindNotFound, "r-nothing")
}

func TestRetry(t *testing.T) {
	d := newDesk(t)
	d.fail = true
	id, err := d.Start(t.Context(), plan(1), "")
	must(t, err)
	_, err = d.Retry(t.Context(), id)
	refused(t, err, fairlead.KindConflict, "it is ")
	close(d.open)
	if run := d.ended(id); run.Result != fairlead.ResultFailure {
		t.Fatalf("%s: %s", run.Result, run.Reason)
	}
	d.fail = false
	again, err := d.Retry(t.Context(), id)
	must(t, err)
	run := d.ended(again)
	if run.Result != fairlead.ResultSuccess || run.RetryOf != id || run.Plan != plan(1).Hash {
		t.Errorf("%+v", run)
	}
	_, err = d.Retry(t.Context(), again)
	refused(t, err, fairlead.KindConflict, "it has succeeded")
	_, err = d.Retry(t.Context(), "r-nothing")
	refused(t, err, fairlead.KindNotFound, "r-nothing")
}

func TestRetryOfAnotherVersion(t *testing.T) {
	d := newDesk(t)
	p := plan(1, func(p *fairlead.Plan) { p.Inputs.Flow = "0" })
	must(t, d.store.SavePlan(t.Context(), p))
	d.record(fairlead.Run{ID: "r-old", Plan: p.Hash, State: fairlead.StateFinished, Result: fairlead.ResultFailure})
	_, err := d.Retry(t.Context(), "r-old")
	refused(t, err, fairlead.KindConflict, "flow version 0")
}

// record writes a run as a process that died would have left it.
func (d *desk) record(run fairlead.Run) {
	d.Helper()
	d.born(run, "")
}

// born does so in a scope.
func (d *desk) born(run fairlead.Run, scope string) {
	d.Helper()
	run.StartedAt = time.Now().UTC()
	rec := fairlead.Record{
		ID: run.ID + "/queued", Type: fairlead.RecordRunQueued, Subject: run.ID, RunID: run.ID, Time: run.StartedAt,
		Data: fmt.Appendf(nil, `{"scope": %q}`, scope),
	}
	_, err := d.store.Commit(d.Context(), fairlead.Update{Records: []fairlead.Record{rec}, Run: &run})
	must(d.T, err)
}

// A run whose process died between recording and starting it is not lost, and
// not started twice.
func TestResumeStartsWhatWasQueued(t *testing.T) {
	d := newDesk(t)
	close(d.open)
	p, other := plan(1), plan(2, func(p *fairlead.Plan) { p.Inputs.Flow = "0" })
	must(t, d.store.SavePlan(t.Context(), p))
	must(t, d.store.SavePlan(t.Context(), other))
	for _, id := range []string{"r-one", "r-two"} {
		d.record(fairlead.Run{ID: id, Plan: p.Hash, State: fairlead.StatePending, RetryOf: "r-zero"})
	}
	d.record(fairlead.Run{ID: "r-other", Plan: other.Hash, State: fairlead.StatePending})
	ids, err := d.Resume(t.Context(), "r-two")
	if err != nil || !slices.Equal(ids, []string{"r-two"}) {
		t.Fatalf("resumed %v, %v", ids, err)
	}
	if run := d.ended("r-two"); run.Result != fairlead.ResultSuccess || run.RetryOf != "r-zero" {
		t.Errorf("%+v", run)
	}
	ids, err = d.Resume(t.Context(), "")
	if err != nil || !slices.Equal(ids, []string{"r-one"}) {
		t.Fatalf("resumed %v, %v", ids, err)
	}
	d.ended("r-one")
	if ids, err = d.Resume(t.Context(), ""); err != nil || len(ids) > 0 {
		t.Errorf("resumed %v, %v", ids, err)
	}
	if run, err := d.store.Run(t.Context(), "r-other"); err != nil || run.State != fairlead.StatePending {
		t.Errorf("the run of another version: %+v %v", run, err)
	}
}

func TestResumeTakesOver(t *testing.T) {
	d := newDesk(t)
	var ids []string
	for n := range 2 {
		id, err := d.Start(t.Context(), plan(n), "")
		must(t, err)
		ids = append(ids, id)
	}
	d.interrupted(ids, true)
	if got, err := d.Resume(t.Context(), ""); err != nil || len(got) > 0 {
		t.Errorf("took over %v, whose process lives, %v", got, err)
	}
	d.Engine.Close(5 * time.Second)
	d.Engine = d.launch()
	d.interrupted(ids, false)
	got, err := d.Resume(t.Context(), ids[1])
	if err != nil || !slices.Equal(got, ids[1:]) {
		t.Errorf("took over %v, want %v, %v", got, ids[1:], err)
	}
	got, err = d.Resume(t.Context(), "")
	if err != nil || !slices.Equal(got, ids[:1]) {
		t.Errorf("took over %v, want %v, %v", got, ids[:1], err)
	}
	close(d.open)
	for _, id := range ids {
		if run := d.ended(id); run.Result != fairlead.ResultSuccess {
			t.Errorf("%s: %s", run.Result, run.Reason)
		}
	}
}

func (d *desk) interrupted(ids []string, alive bool) {
	d.Helper()
	got, err := d.Interrupted(d.Context())
	must(d.T, err)
	for _, id := range ids {
		if !slices.Contains(got, control.Interrupted{RunID: id, Alive: alive}) {
			d.Errorf("%s alive %v is not in %v", id, alive, got)
		}
	}
}
