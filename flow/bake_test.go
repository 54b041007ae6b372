package flow_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"fairlead.dev"
)

// onceAll does something when the last of the services has all of its traffic.
func (r *rig) onceAll(state string, do func()) {
	var once sync.Once
	r.stand.applied = func(s string) {
		if s == state {
			once.Do(do)
		}
	}
}

// While the services bake together none of them is final: whichever turns bad,
// first or last, takes all back, the last one first, and there is one verdict.
func TestOneThatTurnsBadWhileOthersBakeTakesAllBack(t *testing.T) {
	for _, bad := range []string{"db", "api", "web"} {
		t.Run(bad, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			services := []string{"db", "api", "web"}
			r.oldOf(services...)
			r.onceAll("new-web 2@100 old-web 2@0", func() { r.stand.behave("new-"+bad, manner{worseAt: 100}) })
			run := r.deliver(several("new", services, func(p *fairlead.Plan) {
				p.Services[1].Release.Bake = fairlead.Duration(time.Minute) // the longest is that of all
			}))
			r.ended(run, fairlead.ResultFailure, bad+": ", "rolled back: web, api, db")
			if got := r.turns(run.ID); !slices.Equal(got, []string{"web", "api", "db"}) {
				t.Errorf("rolled back in the order %v", got)
			}
			for _, s := range services {
				r.liveAt(s, "old-"+s)
			}
			if n := r.records(run.ID, fairlead.RecordServiceDeployed); n != 0 {
				t.Errorf("%d services were final before the verdict on all of them", n)
			}
			verdict := r.lastVerdict(run.ID)
			if verdict.ID != run.ID+"/verdict" || verdict.Answer != fairlead.AnswerWorse || !strings.HasPrefix(verdict.Reason, bad+": ") {
				t.Errorf("the one verdict is %+v", verdict)
			}
		})
	}
}

// All bake at the same time, and nothing is final before that is over.
func TestServicesBakeAtTheSameTime(t *testing.T) {
	r := newRig(t)
	services := []string{"db", "api", "web"}
	r.oldOf(services...)
	const bake = 300 * time.Millisecond
	run := r.deliver(several("new", services, func(p *fairlead.Plan) {
		for i := range p.Services {
			p.Services[i].Release.Bake = fairlead.Duration(bake)
		}
	}))
	r.ended(run, fairlead.ResultSuccess, "db, api, web are live in production")
	var began, ended []time.Time
	for _, s := range services {
		began = append(began, r.when(run.ID, run.ID+"/"+s+"/deployment/bake"))
		ended = append(ended, r.when(run.ID, run.ID+"/"+s+"/deployment/done"))
	}
	for i := range services {
		for j := range services {
			// Half of it is enough to tell: one after the other it would be none.
			if took := ended[j].Sub(began[i]); took < bake/2 {
				t.Errorf("%s is final %s after %s began to bake", services[j], took, services[i])
			}
		}
	}
	for _, s := range services {
		d, err := r.store.Deployment(t.Context(), run.ID+"/"+s+"/deployment")
		if err != nil || !slices.ContainsFunc(d.Verdicts, func(v fairlead.Verdict) bool {
			return v.Stage == "bake" && v.Answer == fairlead.AnswerNotWorse
		}) {
			t.Errorf("%s has no verdict on its bake: %+v %v", s, d.Verdicts, err)
		}
	}
}

// A service that has its traffic and answers with errors while a later one is
// still on its way is not waited for until all bake.
func TestErrorsOfOneThatWasJudgedStopTheNext(t *testing.T) {
	r := newRig(t)
	r.oldOf("api", "web")
	r.onceAll("new-web 2@10 old-web 2@90", func() { r.stand.behave("new-api", manner{worseAt: 100}) })
	run := r.deliver(several("new", []string{"api", "web"}, func(p *fairlead.Plan) {
		p.Services[1].Release.Steps = []fairlead.Stage{{Weight: 10, For: fairlead.Duration(time.Minute)}}
	}))
	r.ended(run, fairlead.ResultFailure, "api, released with it, answers with errors", "rolled back: web, api")
	r.liveAt("api", "old-api")
	r.liveAt("web", "old-web")
}

// A freeze that begins when the first service serves already holds the second
// before its first traffic; lifted, it goes on.
func TestFreezeHoldsTheNextServiceBeforeItsTraffic(t *testing.T) {
	r := newRig(t)
	r.oldOf("api", "web")
	reached, goOn := r.held("new-web 2@0 old-web 2@100")
	id := r.start(several("new", []string{"api", "web"}))
	reached()
	r.freeze("f1", false)
	goOn()
	run := r.waiting(id)
	if w := run.Waiting; w.Human || w.Question != fairlead.QuestionTraffic || len(w.Freezes) != 1 {
		t.Errorf("it waits for %+v", w)
	}
	if s := r.stand.now(at("api")); s != "new-api 2@100 old-api 2@0" {
		t.Errorf("of api there is %q", s)
	}
	if s := r.stand.now(at("web")); s != "new-web 2@0 old-web 2@100" {
		t.Errorf("of web there is %q", s)
	}
	r.engine.Close(5 * time.Second)
	r.engine = r.launch()
	if ids, err := r.engine.TakeOver(context.Background(), id); err != nil || len(ids) == 0 {
		t.Fatalf("took over %v, %v", ids, err)
	}
	r.freeze("f1", true)
	r.ended(r.wait(id), fairlead.ResultSuccess, "api, web are live")
	if n := r.records(id, fairlead.RecordRunGoesOn); n != 1 {
		t.Errorf("it went on %d times", n)
	}
}

// One release may be held at each of its services, and says so each time.
func TestEachServiceIsHeldByItself(t *testing.T) {
	r := newRig(t)
	services := []string{"api", "web"}
	r.oldOf(services...)
	upWeb := make(chan struct{})
	r.stand.applied = func(s string) {
		switch s {
		case "new-api 2@0 old-api 2@100":
			r.freeze("f1", false)
		case "new-web 2@0 old-web 2@100":
			r.freeze("f2", false)
			close(upWeb)
		}
	}
	id := r.start(several("new", services))
	r.waiting(id)
	r.freeze("f1", true)
	select {
	case <-upWeb:
	case <-time.After(30 * time.Second):
		t.Fatal("web never comes up")
	}
	r.waiting(id)
	if s := r.stand.now(at("web")); s != "new-web 2@0 old-web 2@100" {
		t.Errorf("of web there is %q", s)
	}
	r.freeze("f2", true)
	r.ended(r.wait(id), fairlead.ResultSuccess)
	if waits, on := r.records(id, fairlead.RecordRunWaiting), r.records(id, fairlead.RecordRunGoesOn); waits != 2 || on != 2 {
		t.Errorf("it waited %d times and went on %d times", waits, on)
	}
}

// Evidence that is revoked when the first service serves already stops the
// second before its first traffic, and the first goes back.
func TestRevokedBetweenTwoServices(t *testing.T) {
	r := newRig(t)
	r.oldOf("api", "web")
	reached, goOn := r.held("new-web 2@0 old-web 2@100")
	id := r.start(several("new", []string{"api", "web"}))
	reached()
	evidence, err := r.store.EvidenceOf(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(evidence, func(e fairlead.Evidence) bool { return e.TaskID == "build" })
	if _, err := r.store.Commit(t.Context(), fairlead.Update{
		Records:     []fairlead.Record{{ID: "revoked", Type: fairlead.RecordEvidenceRevoked, RunID: id}},
		Revocations: []fairlead.Revocation{{Evidence: evidence[i].ID, Who: "ada", Reason: "stolen key"}},
	}); err != nil {
		t.Fatal(err)
	}
	goOn()
	r.ended(r.wait(id), fairlead.ResultFailure, "web: ", "was revoked by ada: stolen key", "rolled back: web, api")
	r.liveAt("api", "old-api")
	r.liveAt("web", "old-web")
	for _, m := range r.stand.history(at("web")) {
		if strings.HasPrefix(m.state, "new-web") && !strings.HasPrefix(m.state, "new-web 2@0") {
			t.Errorf("web served: %s", m.state)
		}
	}
}

// lastVerdict gives the newest verdict that a run recorded.
func (r *rig) lastVerdict(runID string) fairlead.Verdict {
	r.Helper()
	all, err := r.store.Records(r.Context(), fairlead.RecordFilter{RunID: runID, Types: []fairlead.RecordType{fairlead.RecordVerdict}})
	if err != nil || len(all) == 0 {
		r.Fatal("no verdict", err)
	}
	var v fairlead.Verdict
	if err := json.Unmarshal(all[len(all)-1].Data, &v); err != nil {
		r.Fatal(err)
	}
	return v
}

// when gives the time of a record.
func (r *rig) when(runID, id string) time.Time {
	r.Helper()
	all, err := r.store.Records(r.Context(), fairlead.RecordFilter{RunID: runID})
	if err != nil {
		r.Fatal(err)
	}
	for _, rec := range all {
		if rec.ID == id {
			return rec.Time
		}
	}
	r.Fatalf("there is no record %s", id)
	return time.Time{}
}
