package cli_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"fairlead.dev"
)

// happened is a world in which a run has left some records.
func happened() *world {
	w := newWorld()
	at := time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC)
	w.events = []fairlead.Record{
		{Seq: 3, ID: "r1/queued", Type: fairlead.RecordRunQueued, Subject: "r1", RunID: "r1", Time: at},
		{Seq: 7, ID: "r1/unit/started", Type: fairlead.RecordTaskStarted, Subject: "r1/unit", RunID: "r1", Time: at.Add(1500 * time.Millisecond)},
		{Seq: 9, ID: "r1/finished", Type: fairlead.RecordRunFinished, Subject: "r1", RunID: "r1", Time: at.Add(90 * time.Second)},
	}
	w.run = fairlead.Run{
		ID: "r1", State: fairlead.StateFinished, Result: fairlead.ResultSuccess, Reason: "it is live",
		StartedAt: at, FinishedAt: at.Add(90 * time.Second),
	}
	return w
}

func TestRunShowsItsProgress(t *testing.T) {
	w := happened()
	w.run.Deployment = "r1/deployment"
	w.ending <- w.run
	got := w.say(t.Context(), "run")
	got.wants(t, 0)
	want := "run r1\n   0.0s  sentence of r1\n   1.5s  sentence of r1/unit\n  1m30s  sentence of r1\n  1m30s  success: it is live\n         live at http://127.0.0.1:8081\n"
	if got.out != want || got.err != "" {
		t.Errorf("it writes\n%s%s\nwant\n%s", got.out, got.err, want)
	}
	if !w.query.Strict || !w.heard("start shop") || w.closed != 2 {
		t.Errorf("strict %v, asked %v, closed %d", w.query.Strict, w.asked, w.closed)
	}
}

// A commit that is named is delivered whatever the work tree looks like.
func TestRunOfACommitIsNotStrict(t *testing.T) {
	w := happened()
	w.ending <- w.run
	w.say(t.Context(), "run", "--commit", "HEAD").wants(t, 0)
	if w.query.Strict || w.query.Commit != "HEAD" {
		t.Errorf("query %+v", w.query)
	}
}

func TestRunAsJSON(t *testing.T) {
	w := happened()
	w.ending <- w.run
	got := w.say(t.Context(), "run", "--json")
	got.wants(t, 0)
	lines := strings.Split(strings.TrimSpace(got.out), "\n")
	docs := documents(t, got.out)
	if len(lines) != 4 || len(docs) != 4 || docs[0]["id"] != "r1/queued" || docs[1]["seq"] != 7.0 || docs[2]["type"] != "pipelinerun.finished" {
		t.Fatalf("%d lines, %d documents:\n%s", len(lines), len(docs), got.out)
	}
	if run, _ := docs[3]["run"].(map[string]any); run["result"] != "success" || run["id"] != "r1" {
		t.Errorf("the last line is %s", lines[3])
	}
}

// How a run ends is the exit code, with the hint of what went wrong.
func TestHowARunEnds(t *testing.T) {
	fault := func(kind fairlead.Kind, hint string) *fairlead.Fault {
		return &fairlead.Fault{Op: "decide", Kind: kind, Cause: "no", Hint: hint}
	}
	for _, tt := range []struct {
		result fairlead.Result
		fault  *fairlead.Fault
		code   int
		hint   string
	}{
		{fairlead.ResultFailure, nil, 1, "tries again"},
		{fairlead.ResultFailure, fault(fairlead.KindDenied, "mend the test"), 1, "mend the test (`fairlead why r"},
		{fairlead.ResultCancellation, nil, 1, "explains"},
		{fairlead.ResultCancellation, fault(fairlead.KindUnavailable, ""), 1, "explains"},
		{fairlead.ResultError, fault(fairlead.KindUnavailable, "start it"), 4, "start it"},
		{fairlead.ResultError, fault(fairlead.KindInvalid, ""), 2, "explains"},
		{fairlead.ResultTimeout, fault(fairlead.KindTimeout, ""), 1, "explains"},
	} {
		for _, command := range [][]string{{"run"}, {"retry", "r1"}, {"watch", "r1"}} {
			ended := func() *world {
				w := happened()
				w.run.Result, w.run.Fault, w.run.Reason = tt.result, tt.fault, "that is why"
				w.ending <- w.run
				return w
			}
			got := ended().say(t.Context(), command...)
			got.wants(t, tt.code, "  "+string(tt.result)+": that is why\n", "ended with "+string(tt.result), "hint: ", tt.hint)

			got = ended().say(t.Context(), append(command, "--json")...)
			got.wants(t, tt.code)
			docs := documents(t, got.out)
			if lines := strings.Count(got.out, "\n"); lines != len(docs) {
				t.Errorf("%d documents on %d lines", len(docs), lines)
			}
			if _, ok := docs[len(docs)-1]["problem"]; !ok || got.err != "" {
				t.Errorf("%v --json ends with %v and says %q", command, docs[len(docs)-1], got.err)
			}
		}
	}
}

// The first interrupt cancels the run, and the command waits for its end.
func TestInterruptCancels(t *testing.T) {
	w := happened()
	ctx, interrupt := context.WithCancel(t.Context())
	interrupt()
	go func() {
		for !w.heard("cancel r1 interrupted") {
			time.Sleep(time.Millisecond)
		}
		w.ending <- fairlead.Run{Result: fairlead.ResultCancellation, Reason: "cancelled"}
	}()
	w.say(ctx, "run").wants(t, 1, "interrupt again to leave it for `fairlead resume`", "cancellation: cancelled")
}

func TestRunThatCannotBePlannedOrStarted(t *testing.T) {
	w := happened()
	w.planErr = problem(fairlead.KindInvalid)
	w.say(t.Context(), "run").wants(t, 2, "it went wrong")
	if len(w.asked) > 0 {
		t.Errorf("asked %v", w.asked)
	}
	w = happened()
	w.err = problem(fairlead.KindUnavailable)
	w.say(t.Context(), "run").wants(t, 4, "it went wrong")
}

func TestResume(t *testing.T) {
	w := happened()
	w.say(t.Context(), "resume").wants(t, 0, "nothing to resume")
	w.resumed = []string{"r1", "r2"}
	w.ending <- fairlead.Run{Result: fairlead.ResultFailure, Reason: "no"}
	w.ending <- fairlead.Run{Result: fairlead.ResultSuccess, Reason: "yes"}
	w.say(t.Context(), "resume").wants(t, 1, "run r1\n", "run r2\n", "failure: no", "success: yes")
}

func TestLogs(t *testing.T) {
	w := happened()
	w.tasks = []fairlead.TaskRun{
		{RunID: "r1", ID: "build", ReusedFrom: "r0"}, {RunID: "r1", ID: "silent"}, {RunID: "r1", ID: "unit"},
	}
	w.output["r0/build"] = []string{"built\n"}
	w.output["r1/unit"] = []string{"one\n", "\x1b[2Jtwo\x07\ttab\n"}
	if got := w.say(t.Context(), "logs"); got.out != "== build of r0\nbuilt\n== unit of r1\none\n[2Jtwo\ttab\n" {
		t.Errorf("it writes %q", got.out)
	}
	if got := w.say(t.Context(), "logs", "r1", "unit", "--follow"); got.out != "one\n[2Jtwo\ttab\n" {
		t.Errorf("of one task it writes %q", got.out)
	}
	docs := documents(t, w.say(t.Context(), "logs", "--json").out)
	if len(docs) != 3 || docs[2]["text"] != "\x1b[2Jtwo\x07\ttab\n" || docs[2]["task"] != "unit" {
		t.Errorf("as JSON: %v", docs)
	}
}

// watch and logs --follow end with the run, or with the reader's patience.
func TestFollowingEnds(t *testing.T) {
	for _, args := range [][]string{{"watch"}, {"logs", "--follow"}} {
		w := happened()
		w.run.State, w.run.Result = fairlead.StateExecuting, ""
		ctx, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
		w.say(ctx, args...).wants(t, 0)
		stop()
		go func() {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.run.State, w.run.Result = fairlead.StateFinished, fairlead.ResultSuccess
		}()
		w.say(t.Context(), args...).wants(t, 0)
	}
}
