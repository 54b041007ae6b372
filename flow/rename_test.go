package flow_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"fairlead.dev"
)

// grounded lets all releases of a test stand on one ground, as those of a
// target do that names the same Deployment.
func (r *rig) grounded() {
	r.engine.Close(5 * time.Second)
	r.parts.Desk.Ground = func(string, json.RawMessage) string { return "Deployment shop" }
	r.engine = r.launch()
}

// renamed gives a plan other names of its service and environment.
func renamed(service, environment string) func(*fairlead.Plan) {
	return func(p *fairlead.Plan) { p.Service, p.Environment = service, environment }
}

// A change that gives its service or its environment another name meets the
// rules of what is live in the same place all the same: approvals, freezes of
// the old environment, and those that people added for it.
func TestRenameShedsNothing(t *testing.T) {
	for name, tt := range map[string]struct{ service, environment string }{
		"service":     {"store", "production"},
		"environment": {"shop", "prod"},
		"both":        {"store", "prod"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.grounded()
			id := r.start(canary("strict", guardedBy, func(p *fairlead.Plan) {
				p.Safeguards.Approvals[0].When = `environment == "production"`
				p.Safeguards.Freezes = []fairlead.Freeze{{ID: "past", TZ: "UTC", Environments: []string{"production"}, To: "2020-01-01", Except: []string{}}}
			}))
			r.say(r.key, r.waiting(id), id, "alice", "0", nil)
			r.ended(r.wait(id), fairlead.ResultSuccess)

			loose := r.start(canary("loose", renamed(tt.service, tt.environment)))
			run := r.waiting(loose)
			if !run.Waiting.Human || !strings.Contains(run.Waiting.Text, "waiting for alice") {
				t.Errorf("it waits for %+v", run.Waiting)
			}
			stop := fairlead.StandingFreeze{
				Freeze:  fairlead.Freeze{ID: "f1", TZ: "UTC", Environments: []string{"production"}, Except: []string{}, Reason: "an incident"},
				AddedBy: "dana", AddedAt: run.StartedAt,
			}
			if _, err := r.store.Commit(t.Context(), fairlead.Update{
				Records: []fairlead.Record{{ID: "f1/added", Type: fairlead.RecordFreezeAdded, Subject: "f1"}}, Freeze: &stop,
			}); err != nil {
				t.Fatal(err)
			}
			h, err := r.parts.Desk.Look(t.Context(), asking(t, run, r), run.Waiting.Since)
			if err != nil || h.Waiting == nil || len(h.Waiting.Freezes) != 1 {
				t.Errorf("a freeze of production does not hold it: %+v %v", h, err)
			}
			elsewhere := r.parts.Desk
			elsewhere.Ground = func(string, json.RawMessage) string { return "" }
			if h, err := elsewhere.Look(t.Context(), asking(t, run, r), run.Waiting.Since); err != nil || slices.ContainsFunc(h.Rules, func(o fairlead.RuleOutcome) bool { return o.Name != "freeze f1" }) {
				t.Errorf("in a place of its own it is held by %+v, %v", h.Rules, err)
			}
			if err := r.store.RequestCancel(t.Context(), loose, "dana", ""); err != nil {
				t.Fatal(err)
			}
			r.ended(r.wait(loose), fairlead.ResultCancellation)
		})
	}
}
