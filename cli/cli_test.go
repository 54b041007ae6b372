package cli_test

import (
	"strings"
	"testing"

	"fairlead.dev"
	"fairlead.dev/cli"
)

// kinds and the exit codes that the README promises for them.
var exits = map[fairlead.Kind]int{
	fairlead.KindInvalid: 2, fairlead.KindNotFound: 2, fairlead.KindConflict: 1, fairlead.KindDenied: 1, fairlead.KindFailed: 1,
	fairlead.KindWaiting: 3, fairlead.KindCancelled: 1, fairlead.KindTimeout: 1, fairlead.KindUnavailable: 4, fairlead.KindTransient: 4,
	fairlead.KindInternal: 4,
}

// commands are command lines that do their work at once, one of each command.
func commands() map[string][]string {
	return map[string][]string{
		"plan": {"plan"}, "status": {"status"}, "why": {"why"}, "env list": {"env", "list"}, "env show": {"env", "show", "production"},
		"cancel": {"cancel", "r1"}, "rollback": {"rollback"}, "config lint": {"config", "lint"}, "config schema": {"config", "schema"},
		"config explain": {"config", "explain", "deploy"}, "explain": {"explain"}, "doctor": {"doctor"}, "serve": {"serve"},
		"agent": {"agent"}, "agent start": {"agent", "start"}, "agent stop": {"agent", "stop"}, "resume": {"resume"},
		"promote": {"promote", "--from", "staging", "--to", "dev"}, "evidence list": {"evidence", "list"},
		"evidence show": {"evidence", "show", "4f1c"}, "evidence revoke": {"evidence", "revoke", "4f1c", "--reason", "leaked"},
		"logs": {"logs"}, "watch": {"watch"}, "logs of replicas": {"logs", "--environment", "production"},
	}
}

func finished() *world {
	w := newWorld()
	w.run = fairlead.Run{ID: "r1", State: fairlead.StateFinished, Result: fairlead.ResultSuccess, Reason: "fine"}
	return w
}

func TestEveryCommandDoesItsWork(t *testing.T) {
	for name, args := range commands() {
		t.Run(name, func(t *testing.T) {
			w := finished()
			got := w.say(t.Context(), args...)
			got.wants(t, 0)
			if got.err != "" {
				t.Errorf("it says %q on standard error", got.err)
			}
			w = finished()
			got = w.say(t.Context(), append(args, "--json")...)
			got.wants(t, 0)
			if name != "explain" && name != "doctor" && name != "logs of replicas" { // lists
				documents(t, got.out)
			}
		})
	}
}

func TestProblemsSetTheExitCode(t *testing.T) {
	for kind, code := range exits {
		w := newWorld()
		w.err = problem(kind)
		for _, name := range []string{"status", "cancel", "config lint", "doctor", "agent stop"} {
			args := commands()[name]
			got := w.say(t.Context(), args...)
			got.wants(t, code)
			if got.err != "fairlead: do it: it went wrong\nhint: mend it\n" || got.out != "" {
				t.Errorf("%s: standard error %q, standard output %q", name, got.err, got.out)
			}
			got = w.say(t.Context(), append(args, "--json")...)
			got.wants(t, code)
			docs := documents(t, got.out)
			p, _ := docs[len(docs)-1]["problem"].(map[string]any)
			if p["op"] != "do it" || p["kind"] != string(kind) || p["cause"] != "it went wrong" || p["hint"] != "mend it" || got.err != "" {
				t.Errorf("%s: problem %v, standard error %q", name, p, got.err)
			}
		}
	}
}

func TestUnknownThings(t *testing.T) {
	for _, tt := range []struct {
		args  []string
		words string
	}{
		{[]string{"deploy"}, `unknown command "deploy"`},
		{[]string{"env", "delete"}, `unknown command "env delete"`},
		{[]string{"config", "fix"}, `unknown command "config fix"`},
		{[]string{"status", "--nonsense"}, "unknown flag: --nonsense"},
		{[]string{"aprove", "r1"}, "did you mean `fairlead approve`?"},
		{[]string{"freeze", "ad"}, "did you mean `fairlead freeze add`?"},
		{[]string{"freeze", "add", "--exdat", "2026-01-01"}, "did you mean `--exdate`?"},
		{[]string{"status", "--jsn"}, "did you mean `--json`?"},
		{[]string{"status", "now"}, `fairlead status: unknown command "now"`},
		{[]string{"cancel"}, "fairlead cancel: accepts 1 arg(s), received 0"},
		{[]string{"env", "show"}, "fairlead env show: accepts 1 arg(s), received 0"},
		{[]string{"retry", "a", "b"}, "fairlead retry: accepts at most 1 arg(s)"},
		{[]string{"agent", "--idle", "soon"}, `invalid argument "soon"`},
		{[]string{"explain", "build.magic"}, `nothing is called "build.magic"`},
		{[]string{"cancel", "x9"}, "no run x9"},
		{[]string{"logs", "x9"}, "no run x9"},
		{[]string{"logs", "r1", "nope"}, `run r1 has no task "nope"`},
	} {
		got := finished().say(t.Context(), tt.args...)
		got.wants(t, 2, tt.words, "hint: ")
		if got.out != "" {
			t.Errorf("%v writes %q on standard output", tt.args, got.out)
		}
	}
	docs := documents(t, finished().say(t.Context(), "--json", "deploy").out)
	if p, _ := docs[0]["problem"].(map[string]any); p["kind"] != "invalid" || p["hint"] == "" {
		t.Errorf("as JSON: %v", docs)
	}
}

func TestHelpOfEveryCommand(t *testing.T) {
	top := newWorld().say(t.Context())
	top.wants(t, 0, "Usage:", "Available Commands:")
	for _, args := range commands() {
		words := args[:1]
		if len(args) > 1 && (args[0] == "env" || args[0] == "config" || args[0] == "agent") {
			words = args[:2]
		}
		got := newWorld().say(t.Context(), append(words, "--help")...)
		got.wants(t, 0, "Usage:", "fairlead "+strings.Join(words, " "), "--json")
		if !strings.Contains(top.out, words[0]) {
			t.Errorf("%s is not in the list of commands", words[0])
		}
	}
	for _, name := range []string{"run", "retry"} {
		newWorld().say(t.Context(), name, "--help").wants(t, 0, "Usage:", "fairlead "+name)
	}
	newWorld().say(t.Context(), "--version").wants(t, 0, "fairlead v1.2.3\n")
}

func TestSettingsReachTheRooms(t *testing.T) {
	w := finished()
	w.say(t.Context(), "-C", "elsewhere", "--state", "st", "--database", "postgres://x", "--json", "-v", "status").wants(t, 0)
	if want := (cli.Settings{Dir: "elsewhere", State: "st", Database: "postgres://x", JSON: true, Verbose: true}); w.settings != want {
		t.Errorf("settings %+v", w.settings)
	}
	if w.closed != 1 {
		t.Errorf("the records were closed %d times", w.closed)
	}
	w.say(t.Context(), "plan", "--event", "manual", "--branch", "b", "--commit", "c", "--tag", "t", "--environment", "e", "--strategy", "canary").wants(t, 0)
	if want := (cli.PlanQuery{Event: "manual", Branch: "b", Commit: "c", Tag: "t", Environment: "e", Strategy: "canary"}); w.query != want {
		t.Errorf("query %+v", w.query)
	}
}

func TestArgumentsReachTheRooms(t *testing.T) {
	for line, want := range map[string]string{
		"cancel r1 --reason late":          "cancel r1 late",
		"rollback":                         "rollback production",
		"rollback dev --to abc --reason x": "rollback dev abc x",
		"rollback dev --service shop":      "rollback dev shop",
		"why":                              "why",
		"why r1/unit":                      "why r1/unit",
		"env show dev":                     "environment dev",
		"config lint other.yaml":           "lint other.yaml",
		"resume r1":                        "resume r1",
		"agent --agent-dir a --trust b --idle 5s": "serve agent a b 5s",
	} {
		w := finished()
		w.say(t.Context(), strings.Fields(line)...).wants(t, 0)
		if !w.heard(want) {
			t.Errorf("%s asks for %v, not %q", line, w.asked, want)
		}
	}
}

func TestPlanForPeople(t *testing.T) {
	got := newWorld().say(t.Context(), "plan")
	got.wants(t, 0, "environment  production", "route: push to main", "unit", "build.command", "tests-pass", "2 replicas of bin/shop",
		"10% of traffic", "note: a note", "push of main ababababab")
	got.wants(t, 0, "2 replicas of bin/shop at 127.0.0.1:8081", "note: detection: not used: a Dockerfile",
		"more of errors, latency than chance explains (1% false alarms in all), 20% errors at once",
		"when 100% more is ruled out, or what is bad is rarer than 0.1%",
		"about 1500 requests to each release find four times as many errors, 12000 twice as many, no number of show none more; 3700 without",
		"without an answer before all the traffic: wait 2m0s more, then roll back", "(default: monitoring: full)")
	w := newWorld()
	w.planErr = problem(fairlead.KindInvalid)
	w.say(t.Context(), "plan").wants(t, 2, "it went wrong")
}

func TestDoctor(t *testing.T) {
	w := newWorld()
	w.tools = []cli.Tool{
		{Name: "git", Found: "2.47", Wanted: "2.30", Required: true, OK: true, For: "commits"},
		{Name: "go", Wanted: "1.26", Required: true, For: "build", Hint: "install go"},
		{Name: "docker", For: "images", Hint: "install docker"},
		{Name: "aws", Found: "1.45", Wanted: "2", For: "accounts"},
	}
	got := w.say(t.Context(), "doctor")
	got.wants(t, 4, "missing or too old: go\n", "hint: install go\n", "optional", "1.45 (too old)")
	if strings.Contains(got.err, "docker") {
		t.Errorf("an optional tool is a problem: %s", got.err)
	}
	w.tools[1].OK = true
	w.say(t.Context(), "doctor").wants(t, 0)
}

func TestAgentStop(t *testing.T) {
	w := newWorld()
	w.say(t.Context(), "agent", "stop").wants(t, 0, "no agent runs\n")
	w.agents = 1
	w.say(t.Context(), "agent", "stop").wants(t, 0, "stopped\n")
}
