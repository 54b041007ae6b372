package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"fairlead.dev"
	"fairlead.dev/cli"
)

// world is what the commands ask, made by hand: the rooms behind the command
// line have tests of their own. What is nil or empty was not asked for by the
// test.
type world struct {
	waitingRuns []string
	voted       cli.Voted
	waits       *fairlead.Waiting
	mu          sync.Mutex
	run         fairlead.Run
	tasks       []fairlead.TaskRun
	events      []fairlead.Record
	output      map[string][]string // of tasks, by "run/task"
	asked       []string            // what was asked for, in order
	err         error               // what everything ends with
	planErr     error
	resumed     []string
	tools       []cli.Tool
	trouble     chan error
	ending      chan fairlead.Run // what Wait gives
	closed      int
	agents      int               // that run
	turning     []fairlead.Record // what a rollback leaves
	settings    cli.Settings
	query       cli.PlanQuery
}

func newWorld() *world {
	return &world{trouble: make(chan error, 1), ending: make(chan fairlead.Run, 4), output: map[string][]string{}}
}

func (w *world) ask(format string, args ...any) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked = append(w.asked, strings.TrimSpace(fmt.Sprintf(format, args...)))
	return w.err
}

// heard tells whether something was asked for.
func (w *world) heard(what string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, a := range w.asked {
		if a == what {
			return true
		}
	}
	return false
}

// app gives the command line this world.
func (w *world) app() cli.App {
	return cli.App{
		Version: "v1.2.3",
		Planner: func(s cli.Settings) cli.Planner { w.settings = s; return planner{w} },
		Config:  func(cli.Settings) cli.ConfigTools { return configTools{w} },
		Records: func(_ context.Context, s cli.Settings) (cli.Records, error) { w.settings = s; return records{w}, w.err },
		Control: func(context.Context, cli.Settings) (cli.Control, error) { return steering{w}, w.err },
		Doctor:  func(context.Context, cli.Settings) ([]cli.Tool, error) { return w.tools, w.err },
		Agent:   func(cli.Settings) cli.AgentTools { return agent{w} },
		Traffic: func(fairlead.JudgePolicy) cli.Traffic {
			return cli.Traffic{Twice: 11536, Fourfold: 1500, NoErrors: 3679}
		},
		Kinds: []cli.Kind{
			{Name: "build.command", Title: "build", Doc: "# Build\n", Sort: "step"}, {Name: "process", Title: "run", Doc: "# Run\n", Sort: "target"},
		},
	}
}

// said is what one command line had to say.
type said struct {
	code     int
	out, err string
}

func (w *world) say(ctx context.Context, args ...string) said {
	var out, errs bytes.Buffer
	code := cli.Run(ctx, args, cli.Stdio{In: strings.NewReader(""), Out: &out, Err: &errs}, w.app())
	return said{code, out.String(), errs.String()}
}

// wants holds an exit code and words of what was written.
func (s said) wants(t *testing.T, code int, words ...string) {
	t.Helper()
	if s.code != code {
		t.Errorf("exit code %d, want %d\n%s%s", s.code, code, s.out, s.err)
	}
	for _, word := range words {
		if !strings.Contains(s.out+s.err, word) {
			t.Errorf("%q is not in\n%s%s", word, s.out, s.err)
		}
	}
}

type planner struct{ *world }

func (w planner) Plan(_ context.Context, q cli.PlanQuery) (fairlead.Plan, []string, error) {
	w.query = q
	return examplePlan(), []string{"a note"}, w.planErr
}

func examplePlan() fairlead.Plan {
	return fairlead.Plan{
		Hash: fairlead.DigestBytes([]byte("plan")), Service: "shop", Environment: "production", Strategy: fairlead.StrategyCanary,
		Event:   fairlead.Event{Type: fairlead.EventPush, Branch: "main", Commit: strings.Repeat("ab", 20)},
		Profile: fairlead.Profile{Security: "full"},
		Tasks:   []fairlead.Task{{ID: "build", Type: "build.command", Reason: "it is there"}, {ID: "unit", Type: "test.command", Needs: []string{"build"}}},
		Gates:   []fairlead.Gate{{Name: "tests-pass", Outcome: fairlead.OutcomeDeny, Rule: "tests.failed == 0", Source: "matrix"}},
		Release: &fairlead.ReleasePlan{
			Target: "process", Replicas: 2, Command: []string{"bin/shop"}, Bake: fairlead.Duration(time.Minute),
			Steps: []fairlead.Stage{{Weight: 10, For: fairlead.Duration(5 * time.Second)}}, Config: json.RawMessage(`{"listen": "127.0.0.1:8081"}`),
			Judge: fairlead.JudgePolicy{
				FalseAlarm: 0.01, Margin: 1, Negligible: 0.001, ErrorFloor: 0.2,
				Metrics:   []fairlead.MetricPolicy{{Name: "errors"}, {Name: "latency"}},
				Undecided: fairlead.UndecidedHold, Hold: fairlead.Duration(2 * time.Minute),
			},
		},
		Reasons: []fairlead.Reason{
			{Subject: "environment", Choice: "production", Source: "route", Detail: "push to main"},
			{Subject: "strategy", Source: "matrix"},
			{Subject: "detection", Choice: "not used", Source: "detected", Detail: "a Dockerfile"},
			{Subject: "deploy undecided", Choice: "hold", Source: "default", Detail: "monitoring: full"},
		},
	}
}

type configTools struct{ *world }

func (w configTools) Lint(_ context.Context, file string) error { return w.ask("lint %s", file) }
func (w configTools) Schema() ([]byte, error)                   { return []byte(`{"type":"object"}`), w.err }

func (w configTools) Explain(key string) (string, any, error) {
	return "all about " + key, map[string]string{"key": key}, w.err
}

type agent struct{ *world }

func (w agent) Serve(_ context.Context, dir, trust string, idle time.Duration) error {
	return w.ask("serve agent %s %s %s", dir, trust, idle)
}
func (w agent) Start(context.Context) error { return w.ask("start agent") }

func (w agent) Stop(context.Context) (bool, error) { return w.agents > 0, w.ask("stop agent") }

type steering struct{ *world }

func (w steering) Start(_ context.Context, p fairlead.Plan) (string, error) {
	return "r1", w.ask("start %s", p.Service)
}

func (w steering) Wait(ctx context.Context, id string) (fairlead.Run, error) {
	select {
	case run := <-w.ending:
		w.mu.Lock()
		defer w.mu.Unlock()
		run.ID, run.State = id, fairlead.StateFinished
		w.run = run
		return run, w.err
	case <-ctx.Done():
		return fairlead.Run{}, ctx.Err()
	}
}

func (w steering) Cancel(_ context.Context, id, reason string) (fairlead.Run, error) {
	err := w.ask("cancel %s %s", id, reason)
	return fairlead.Run{ID: id}, err
}

func (w steering) Retry(_ context.Context, id string) (string, error) {
	return "r2", w.ask("retry %s", id)
}

func (w steering) Rollback(_ context.Context, q cli.RollbackQuery) (cli.RolledBack, error) {
	if q.Began != nil {
		q.Began("b1")
	}
	w.mu.Lock()
	w.events = append(w.events, w.turning...)
	w.mu.Unlock()
	words := strings.Join(strings.Fields(strings.Join([]string{q.Environment, q.Service, q.To, q.Reason}, " ")), " ")
	return cli.RolledBack{RunID: "b1", Reason: "all traffic is back"}, w.ask("rollback %s", words)
}

func (w steering) Promote(_ context.Context, q cli.PromoteQuery) (cli.Promoted, error) {
	err := w.ask("promote %s %s %s", q.From, q.To, q.Release)
	p := cli.Promoted{
		Service: "shop", From: q.From, To: q.To, Commit: "0123456789abcdef", Release: "sha256:feed", Live: q.To == "dev",
		Promotion: fairlead.Promotion{From: q.From, Run: "r0", Release: "sha256:beef", Artifacts: []fairlead.Artifact{{Name: "bin/shop", Digest: "sha256:a0"}}},
		Tasks: []cli.Asked{
			{Task: "build", Why: "the content is gone", Blocks: q.Release == "gone"},
			{Task: "unit", Reused: true, Run: "r0", Evidence: []fairlead.Digest{"sha256:ee"}, Until: time.Unix(1e9, 0).UTC()},
			{Task: "full", Why: "nothing has proven it"},
		},
	}
	if !q.DryRun && !p.Live {
		p.RunID = "r1"
	}
	return p, err
}

func (w steering) Revoke(_ context.Context, id, reason string) (fairlead.Revocation, error) {
	return fairlead.Revocation{Evidence: "sha256:ee", RunID: "r0", TaskID: "unit", Reason: reason}, w.ask("revoke %s %s", id, reason)
}

func (w steering) Resume(_ context.Context, id string) ([]string, error) {
	return w.resumed, w.ask("resume %s", id)
}

func (w steering) Serve(_ context.Context, onTakeover func(string)) error {
	onTakeover("r7")
	return w.err
}
func (w steering) Trouble() <-chan error { return w.trouble }
func (w steering) Close()                { w.mu.Lock(); defer w.mu.Unlock(); w.closed++ }

type records struct{ *world }

func (w records) FindRun(_ context.Context, id string) (fairlead.Run, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if id != "" && !strings.HasPrefix(w.run.ID, id) {
		return fairlead.Run{}, &fairlead.Problem{Op: "find run", Kind: fairlead.KindNotFound, Err: errors.New("no run " + id), Hint: "look again"}
	}
	return w.run, nil
}

func (w records) Evidence(_ context.Context, run fairlead.Run) (cli.View, error) {
	return cli.View{Lines: []string{"evidence of " + run.ID}, Data: map[string]string{"run": run.ID}}, nil
}

func (w records) EvidenceShow(_ context.Context, id string) (cli.View, error) {
	return cli.View{Lines: []string{"shows " + id}, Data: map[string]string{"id": id}}, nil
}

func (w records) Tasks(context.Context, string) ([]fairlead.TaskRun, error) { return w.tasks, nil }

func (w records) Events(_ context.Context, _ string, after int64) ([]fairlead.Record, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, e := range w.events {
		if e.Seq > after {
			return w.events[i : i+1], nil
		}
	}
	return nil, nil
}

func (w records) Output(_ context.Context, run, task string, after int64) ([]fairlead.OutputChunk, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := w.output[run+"/"+task]
	if int(after) >= len(all) {
		return nil, nil
	}
	return []fairlead.OutputChunk{{Seq: after + 1, Attempt: 1, Data: []byte(all[after])}}, nil
}

func (w records) view(name string) (cli.View, error) {
	return cli.View{Lines: []string{name + " line"}, Data: map[string]string{"view": name}}, w.ask("%s", name)
}
func (w records) Status(context.Context) (cli.View, error)           { return w.view("status") }
func (w records) Why(_ context.Context, id string) (cli.View, error) { return w.view("why " + id) }

func (w records) Environments(context.Context) (cli.View, error) { return w.view("environments") }

func (w records) Environment(_ context.Context, n string) (cli.View, error) {
	return w.view("environment " + n)
}

func (w records) Sentence(r fairlead.Record) string { return "sentence of " + r.Subject }

func (w records) Waiting(context.Context, string) (string, error) { return "", w.err }

func (w records) Address(_ context.Context, run fairlead.Run) string {
	if run.Deployment == "" {
		return ""
	}
	return "http://127.0.0.1:8081"
}

func (w records) Close() { w.mu.Lock(); defer w.mu.Unlock(); w.closed++ }

func (w records) ReplicaLog(_ context.Context, env string) ([]string, error) {
	return []string{"replica of " + env}, w.err
}

// documents reads a stream of JSON documents, and fails when it is none.
func documents(t *testing.T, text string) []map[string]any {
	t.Helper()
	var all []map[string]any
	for d := json.NewDecoder(strings.NewReader(text)); d.More(); {
		var v map[string]any
		if err := d.Decode(&v); err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		all = append(all, v)
	}
	return all
}

func problem(kind fairlead.Kind) error {
	return &fairlead.Problem{Op: "do it", Kind: kind, Err: errors.New("it went wrong"), Hint: "mend it"}
}

func (w records) WaitingRuns(context.Context) ([]string, error) { return w.waitingRuns, nil }

func (w steering) Vote(_ context.Context, b cli.Ballot) (cli.Voted, error) {
	return w.voted, w.ask("%s %s %s %s", b.Vote, b.RunID, b.Reason, b.Key)
}

func (w steering) Waits(context.Context, fairlead.Run) (*fairlead.Waiting, error) {
	return w.waits, nil
}

func (w records) FreezeList(context.Context, bool) (cli.View, error) {
	return cli.View{Lines: []string{"a freeze"}}, nil
}

func (w records) FreezeIDs(context.Context) ([]string, error) { return []string{"f1"}, nil }

func (w records) GrantList(context.Context, bool) (cli.View, error) {
	return cli.View{Lines: []string{"a grant"}}, nil
}

func (w records) GrantIDs(context.Context) ([]string, error) { return []string{"b1"}, nil }

func (w steering) AddFreeze(_ context.Context, q cli.FreezeQuery) (fairlead.StandingFreeze, error) {
	return fairlead.StandingFreeze{Freeze: fairlead.Freeze{ID: "f1"}}, w.ask("freeze %v %s %v", q.Now, q.Reason, q.Except)
}

func (w steering) LiftFreeze(_ context.Context, id, reason, key string) (fairlead.StandingFreeze, error) {
	return fairlead.StandingFreeze{Freeze: fairlead.Freeze{ID: id}, LiftedBy: "ada"}, w.ask("lift %s %s %s", id, reason, key)
}

func (w steering) BreakGlass(_ context.Context, q cli.GlassQuery) (fairlead.Grant, error) {
	return fairlead.Grant{ID: "b1", Person: "ada", Skips: []string{"freezes"}}, w.ask("glass %s %s %s %s", q.Environment, q.Commit, q.Reason, q.Incident)
}

func (w steering) Review(_ context.Context, q cli.ReviewQuery) (fairlead.Grant, error) {
	return fairlead.Grant{ID: q.Grant, Review: &fairlead.Review{Person: "bob"}}, w.ask("review %s %s %s", q.Grant, q.Reason, q.Key)
}

func (w steering) RequestException(_ context.Context, q cli.ExceptionQuery) (fairlead.Exception, error) {
	return fairlead.Exception{ID: "x1", Person: "ada"}, w.ask("excuse %s %s %s %s", q.Scope.Vulnerability, q.Environment, q.For, q.Reason)
}

func (w steering) ApproveException(_ context.Context, q cli.AnswerQuery) (fairlead.Exception, error) {
	return fairlead.Exception{ID: q.ID, Approvals: []fairlead.ExceptionApproval{{Person: "bob"}}}, w.ask("approve exception %s %s", q.ID, q.Key)
}

func (w steering) RevokeException(_ context.Context, q cli.AnswerQuery) (fairlead.Exception, error) {
	return fairlead.Exception{ID: q.ID, Revoked: &fairlead.ExceptionRevoked{Person: "bob"}}, w.ask("revoke exception %s %s", q.ID, q.Reason)
}
