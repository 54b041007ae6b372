package flow_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"fairlead.dev"
	"fairlead.dev/engine"
	"fairlead.dev/flow"
)

// freeze adds a freeze of everything, or changes one.
func (r *rig) freeze(id string, lifted bool) {
	r.Helper()
	at := time.Now().UTC()
	f := fairlead.StandingFreeze{Freeze: fairlead.Freeze{ID: id, TZ: "UTC", Except: []string{"break-glass"}, Reason: "an incident"}, AddedBy: "dana", AddedAt: at}
	name, typ := id+"/added", fairlead.RecordFreezeAdded
	if lifted {
		f.LiftedBy, f.LiftedAt, name, typ = "dana", at, id+"/lifted", fairlead.RecordFreezeLifted
	}
	if _, err := r.store.Commit(r.Context(), fairlead.Update{
		Records: []fairlead.Record{{ID: name, Type: typ, Subject: id, Time: at}}, Freeze: &f,
	}); err != nil {
		r.Fatal(err)
	}
}

// A freeze that begins while a run waits in line holds it when its turn comes,
// and everybody sees that; another process goes on with it when it is lifted.
func TestFreezeBeginsInLine(t *testing.T) {
	r := newRig(t)
	r.old()
	reached, goOn := r.held("a 2@10 old 2@90")
	first := r.start(canary("a"))
	reached()
	second := r.start(canary("b"))
	r.inLine(second)
	r.freeze("f1", false)
	goOn()
	r.ended(r.wait(first), fairlead.ResultSuccess)
	run := r.waiting(second)
	if run.Waiting.Human || len(run.Waiting.Freezes) != 1 || !strings.Contains(run.Waiting.Text, "an incident") {
		t.Errorf("it waits for %+v", run.Waiting)
	}
	r.live("a")
	r.engine.Close(5 * time.Second)
	r.engine = r.launch()
	if ids, err := r.engine.TakeOver(context.Background(), second); err != nil || len(ids) == 0 {
		t.Fatalf("took over %v, %v", ids, err)
	}
	r.freeze("f1", true)
	done := r.wait(second)
	r.ended(done, fairlead.ResultSuccess)
	if done.Waiting != nil || r.records(second, fairlead.RecordRunGoesOn) != 1 {
		t.Errorf("it waits for %+v, and went on %d times", done.Waiting, r.records(second, fairlead.RecordRunGoesOn))
	}
	r.live("b")
}

// An approval that expires while its run waits in line has to be given again,
// and can be.
func TestApprovalExpiresInLine(t *testing.T) {
	r := newRig(t)
	r.old()
	reached, goOn := r.held("a 2@10 old 2@90")
	first := r.start(canary("a"))
	reached()
	const expires = 2 * time.Second
	soon := func(p *fairlead.Plan) { p.Safeguards.Approvals[0].Expires = fairlead.Duration(expires) }
	second := r.start(canary("b", guardedBy, soon))
	run := r.waiting(second)
	given := time.Now()
	r.say(r.key, run, second, "alice", "0", nil)
	r.inLine(second)
	time.Sleep(time.Until(given.Add(expires))) // what is tested is that time passes
	goOn()
	r.ended(r.wait(first), fairlead.ResultSuccess)
	run = r.waiting(second)
	if !run.Waiting.Human {
		t.Errorf("it waits for %+v", run.Waiting)
	}
	r.say(r.key, run, second, "alice", "1", nil)
	done := r.wait(second)
	r.ended(done, fairlead.ResultSuccess)
	d, err := r.store.Decision(t.Context(), done.Decision)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, rule := range d.Rules {
		if strings.Contains(rule.Reason, "approved by alice") {
			n++
		}
	}
	if n != 1 || d.Outcome != fairlead.OutcomeAllow {
		t.Errorf("decision %+v", d)
	}
}

// Nobody gets rid of an approval by going back to a release from before it was
// asked for: the rules of the newest release hold beside those of the live one.
func TestRollbackLoosensNothing(t *testing.T) {
	r := newRig(t)
	r.old()
	id := r.start(canary("strict", guardedBy))
	r.say(r.key, r.waiting(id), id, "alice", "0", nil)
	r.ended(r.wait(id), fairlead.ResultSuccess)
	st, err := r.store.Environment(t.Context(), shop.Environment, shop.Service)
	if err != nil {
		t.Fatal(err)
	}
	const back = "b1"
	if _, err := r.store.Commit(t.Context(), fairlead.Update{
		Records: []fairlead.Record{{ID: back + "/queued", Type: fairlead.RecordRunQueued, Subject: back, RunID: back}},
		Run:     &fairlead.Run{ID: back, Service: shop.Service, Environment: shop.Environment, State: fairlead.StateFinalizing},
	}); err != nil {
		t.Fatal(err)
	}
	if err := engine.Start(t.Context(), r.engine, flow.NameRollback, back+"/rollback", flow.Rollback{
		ID: back + "/rollback", RunID: back, Own: true, Environment: shop.Environment, Service: shop.Service, From: *st.Current, To: st.Previous,
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := engine.Result[flow.Ending](t.Context(), r.engine, back+"/rollback"); err != nil {
		t.Fatal(err)
	}
	r.live("old")
	loose := r.start(canary("loose"))
	run := r.waiting(loose)
	if !run.Waiting.Human || !strings.Contains(run.Waiting.Text, "waiting for alice") {
		t.Errorf("it waits for %+v", run.Waiting)
	}
	r.say(r.key, run, loose, "alice", "1", nil)
	r.ended(r.wait(loose), fairlead.ResultSuccess)
}
