package evidence

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"fairlead.dev"
)

// past is a record of earlier runs, kept by hand.
type past struct {
	bench
	runs    []fairlead.Run
	plans   map[fairlead.Digest]fairlead.Plan
	tasks   map[string][]fairlead.TaskRun
	rows    map[fairlead.Digest]fairlead.Evidence
	revoked map[fairlead.Digest]fairlead.Revocation
	gone    map[fairlead.Digest]bool
	broken  error
}

func (p *past) Runs(_ context.Context, f fairlead.RunFilter) (out []fairlead.Run, _ error) {
	for _, r := range p.runs {
		if r.Service == f.Service && r.Commit == f.Commit {
			out = append(out, r)
		}
	}
	return out, p.broken
}

func (p *past) Tasks(_ context.Context, run string) ([]fairlead.TaskRun, error) {
	return p.tasks[run], p.broken
}

func (p *past) Plan(_ context.Context, hash fairlead.Digest) (fairlead.Plan, error) {
	return p.plans[hash], p.broken
}

func (p *past) Evidence(_ context.Context, ids ...fairlead.Digest) (out []fairlead.Evidence, _ error) {
	for _, id := range ids {
		e, ok := p.rows[id]
		if !ok {
			return nil, &fairlead.Problem{Op: "read evidence", Kind: fairlead.KindNotFound, Err: errors.New("none")}
		}
		out = append(out, e)
	}
	return out, p.broken
}

func (p *past) Revocations(_ context.Context, ids ...fairlead.Digest) (out []fairlead.Revocation, _ error) {
	for _, id := range ids {
		if r, ok := p.revoked[id]; ok {
			out = append(out, r)
		}
	}
	return out, p.broken
}

func (p *past) open(_ context.Context, d fairlead.Digest) (io.ReadCloser, error) {
	if p.gone[d] {
		return nil, errors.New("no such blob")
	}
	return io.NopCloser(strings.NewReader("")), nil
}

func (p *past) book() Book {
	return Book{Shelf: p, History: p, Verifier: p.trust, Content: p.open}
}

// Work of a delivery: a build, and tests that need it.
var (
	buildTask = fairlead.Task{ID: "build", Type: "build.command", Config: []byte(`{"run":"make"}`), Phase: fairlead.PhaseVerify}
	unitTask  = fairlead.Task{ID: "unit", Type: "test.command", Config: []byte(`{"run":"make test"}`), Needs: []string{"build"}, Phase: fairlead.PhaseVerify}
	fullTask  = fairlead.Task{ID: "full", Type: "test.command", Config: []byte(`{"run":"make full"}`), Phase: fairlead.PhaseVerify}
	smokeTask = fairlead.Task{ID: "smoke", Type: "check.http", Config: []byte(`{}`), Phase: fairlead.PhasePreview}
)

func newPast(t *testing.T) *past {
	return &past{
		bench: newBench(t), plans: map[fairlead.Digest]fairlead.Plan{}, tasks: map[string][]fairlead.TaskRun{},
		rows: map[fairlead.Digest]fairlead.Evidence{}, revoked: map[fairlead.Digest]fairlead.Revocation{}, gone: map[fairlead.Digest]bool{},
	}
}

// delivered adds a run in which each task, in order, ended with a result.
func (p *past) delivered(id string, at time.Time, content string, results ...fairlead.Result) {
	p.t.Helper()
	hash := fairlead.DigestBytes([]byte(id))
	tasks := []fairlead.Task{buildTask, unitTask}
	p.plans[hash] = fairlead.Plan{Hash: hash, Tasks: tasks}
	p.runs = append(p.runs, fairlead.Run{ID: id, Plan: hash, Service: "shop", Commit: commit})
	for i, result := range results {
		tr := fairlead.TaskRun{
			RunID: id, ID: tasks[i].ID, Type: tasks[i].Type, State: fairlead.StateFinished, Result: result, FinishedAt: at,
		}
		c := About(fairlead.Claim{PredicateType: fairlead.PredicateTest, Predicate: encode(map[string]string{"result": "PASSED"})}, commit)
		if i == 0 {
			tr.Artifacts = []fairlead.Artifact{artifact(content)}
			c = buildClaim(commit, tr.Artifacts...)
		}
		e, err := p.signer.Sign(p.t.Context(), id, tr.ID, c, at)
		if err != nil {
			p.t.Fatal(err)
		}
		p.rows[e.ID] = e
		tr.Evidence = []fairlead.Digest{e.ID}
		p.tasks[id] = append(p.tasks[id], tr)
	}
}

func (p *past) evidenceOf(run string, task int) fairlead.Digest {
	return p.tasks[run][task].Evidence[0]
}

// promotion is a plan that promotes what run r1 released.
func promotion() fairlead.Plan {
	day := fairlead.Duration(24 * time.Hour)
	return fairlead.Plan{
		Service: "shop", Environment: "production", Event: fairlead.Event{Commit: commit},
		Tasks:     []fairlead.Task{buildTask, unitTask, fullTask, smokeTask},
		Promotion: &fairlead.Promotion{From: "staging", Run: "r1", Artifacts: []fairlead.Artifact{artifact("shop")}},
		ValidFor:  fairlead.ValidFor{Build: 30 * day, Tests: day, Scans: day, SBOM: day, Others: day},
	}
}

const (
	good = fairlead.ResultSuccess
	bad  = fairlead.ResultFailure
)

func TestWhatAPromotionTakesOver(t *testing.T) {
	minute := func(n int) time.Time { return noon.Add(time.Duration(n) * time.Minute) }
	for _, tt := range []struct {
		name         string
		edit         func(*past)
		at           time.Time
		build, unit  string // why not; "" when it is taken over
		full, reused string
	}{
		{name: "what is proven"},
		{name: "until it expires", at: noon.Add(24 * time.Hour), unit: "it expired at 2026-11-03 12:00:00Z, 24h0m0s after"},
		{name: "a build counts longer, not for ever", at: noon.Add(30 * 24 * time.Hour), build: "it expired", unit: "it expired"},
		{name: "a later failure takes it back", edit: func(p *past) { p.delivered("r2", minute(1), "shop", good, bad) }, unit: "it ended with failure in run r2"},
		{name: "and so does a timeout", edit: func(p *past) { p.delivered("r2", minute(1), "shop", good, fairlead.ResultTimeout) }, unit: "it ended with timeout in run r2"},
		{name: "an earlier failure does not", edit: func(p *past) { p.delivered("r0", minute(-1), "shop", good, bad) }},
		{name: "what was skipped or could not be done says nothing", edit: func(p *past) {
			p.delivered("r2", minute(1), "shop", good, fairlead.ResultSkip)
			p.delivered("r3", minute(2), "shop", good, fairlead.ResultError)
			p.delivered("r4", minute(3), "shop", good, fairlead.ResultCancellation)
		}},
		{name: "a later success of the same build", edit: func(p *past) { p.delivered("r2", minute(1), "shop", good, good) }, reused: "r2"},
		{name: "a later success of another build", edit: func(p *past) { p.delivered("r2", minute(1), "other", good, good) }, unit: "run r2 proved it with other artifacts of build"},
		{name: "a later success of another commit", edit: func(p *past) {
			p.delivered("r2", minute(1), "shop", good, bad)
			p.runs[1].Commit = "another"
		}},
		{name: "other work under the same name", edit: func(p *past) {
			p.delivered("r2", minute(1), "shop", good, bad)
			plan := p.plans[p.runs[1].Plan]
			plan.Tasks[1].Config = []byte(`{"run":"make quick"}`)
		}},
		{name: "revoked", edit: func(p *past) {
			id := p.evidenceOf("r1", 1)
			p.revoked[id] = fairlead.Revocation{Evidence: id, Who: "ada", Reason: "blind"}
		}, unit: "was revoked by ada: blind"},
		{name: "a build that was revoked", edit: func(p *past) {
			id := p.evidenceOf("r1", 0)
			p.revoked[id] = fairlead.Revocation{Evidence: id, Who: "ada", Reason: "stolen key"}
		}, build: "was revoked by ada: stolen key"},
		{name: "forged", edit: func(p *past) {
			e := p.rows[p.evidenceOf("r1", 1)]
			e.Time = minute(60)
			p.rows[e.ID] = e
		}, unit: "the row says it was proven at"},
		{name: "evidence that is gone", edit: func(p *past) { delete(p.rows, p.evidenceOf("r1", 1)) }, unit: "its evidence is gone"},
		{name: "without evidence", edit: func(p *past) { p.tasks["r1"][1].Evidence = nil }, unit: "it left no signed evidence in run r1"},
		{name: "a build without evidence", edit: func(p *past) { p.tasks["r1"][0].Evidence = nil }, build: "it left no signed evidence in run r1"},
		{name: "flaky", edit: func(p *past) {
			p.tasks["r1"][1].Cases = []fairlead.TestCase{{Result: fairlead.CaseFlaky}}
		}, unit: "a test case was flaky"},
		{name: "bytes that are gone", edit: func(p *past) { p.gone[artifact("shop").Digest] = true }, build: "the content of artifact bin/shop"},
		{name: "no build at all", edit: func(p *past) { p.tasks["r1"] = p.tasks["r1"][1:] }, build: "run r1 has no task build"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newPast(t)
			p.delivered("r1", noon, "shop", good, good)
			if tt.edit != nil {
				tt.edit(p)
			}
			if tt.at.IsZero() {
				tt.at = minute(10)
			}
			answers, err := p.book().Foresee(t.Context(), promotion(), tt.at)
			if err != nil || len(answers) != 4 {
				t.Fatalf("%+v, %v", answers, err)
			}
			for i, want := range []string{tt.build, tt.unit, "nothing has proven it for commit abababab", "it checks the release in production"} {
				a := answers[i]
				if a.Reused != (want == "") || !strings.Contains(a.Why, want) || a.Blocks != (i == 0 && want != "") {
					t.Errorf("%s: %+v, want %q", a.Task, a, want)
				}
			}
			if tt.reused != "" && answers[1].Run != tt.reused {
				t.Errorf("unit is of run %s, want %s", answers[1].Run, tt.reused)
			}
		})
	}
}

// What another run took over from revoked evidence is worth nothing either,
// and a copy does not make old evidence new.
func TestCopiesFollowTheirOriginal(t *testing.T) {
	p := newPast(t)
	p.delivered("r1", noon, "shop", good, good)
	original := p.rows[p.evidenceOf("r1", 1)]
	c := About(fairlead.Claim{PredicateType: fairlead.PredicateTest, Predicate: encode(map[string]string{"result": "PASSED"}), From: original.ID}, commit)
	e, err := p.signer.Sign(t.Context(), "r2", "unit", c, noon)
	if err != nil {
		t.Fatal(err)
	}
	p.rows[e.ID] = e
	copied := fairlead.TaskRun{RunID: "r2", ID: "unit", Result: good, ReusedFrom: "r1", FinishedAt: noon.Add(time.Hour), ProvenAt: noon, Evidence: []fairlead.Digest{e.ID}}
	w, err := p.book().Weigh(t.Context(), copied, fairlead.Duration(2*time.Hour), noon.Add(90*time.Minute))
	if err != nil || w.Lapsed != "" || !w.ProvenAt.Equal(noon) || !w.Until.Equal(noon.Add(2*time.Hour)) {
		t.Errorf("%+v, %v", w, err)
	}
	if w, err := p.book().Weigh(t.Context(), copied, fairlead.Duration(time.Hour), noon.Add(90*time.Minute)); err != nil || !strings.Contains(w.Lapsed, "it expired") {
		t.Errorf("%q, %v", w.Lapsed, err)
	}
	p.revoked[original.ID] = fairlead.Revocation{Evidence: original.ID, Who: "ada", Reason: "blind"}
	if w, err := p.book().Weigh(t.Context(), copied, 0, noon); err != nil || !strings.Contains(w.Lapsed, "was revoked") {
		t.Errorf("%q, %v", w.Lapsed, err)
	}
}

// What cannot be read is an error and never a yes.
func TestUnreadablePast(t *testing.T) {
	p := newPast(t)
	p.delivered("r1", noon, "shop", good, good)
	p.broken = errors.New("disk on fire")
	if answers, err := p.book().Foresee(t.Context(), promotion(), noon); !errors.Is(err, p.broken) {
		t.Errorf("%+v, %v", answers, err)
	}
}

// What rests on a database of vulnerabilities counts as long as no other one is
// there: a new advisory is not met by a scan that did not know it.
func TestAnotherDatabaseOfVulnerabilities(t *testing.T) {
	p := newPast(t)
	p.delivered("r1", noon, "shop", good, good)
	was, broken := fairlead.DigestBytes([]byte("yesterday")), errors.New("disk on fire")
	scan := p.tasks["r1"][1]
	scan.Advisories = &fairlead.Advisories{Digest: was}
	for _, c := range []struct {
		name   string
		task   fairlead.TaskRun
		now    fairlead.Digest
		lapsed string
		err    error
	}{
		{"the same", scan, was, "", nil},
		{"another one", scan, fairlead.DigestBytes([]byte("today")), "the database of vulnerabilities is another one than in run r1", nil},
		{"none any more", scan, "", "the database of vulnerabilities is another one than in run r1", nil},
		{"a task that asks none", p.tasks["r1"][1], fairlead.DigestBytes([]byte("today")), "", nil},
		{"one that cannot be read", scan, "", "", broken},
	} {
		b := p.book()
		b.Advisories = func(context.Context) (string, fairlead.Digest, error) { return "vulndb.sqlite", c.now, c.err }
		w, err := b.Weigh(t.Context(), c.task, 0, noon)
		if w.Lapsed != c.lapsed || !errors.Is(err, c.err) {
			t.Errorf("%s: %q, %v", c.name, w.Lapsed, err)
		}
	}
	if w, err := p.book().Weigh(t.Context(), scan, 0, noon); err != nil || w.Lapsed != "" {
		t.Errorf("where no database is asked: %q, %v", w.Lapsed, err)
	}
}
