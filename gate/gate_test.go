package gate

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"fairlead.dev"
)

// shop is a run with something of everything.
func shop(gates ...fairlead.Gate) Input {
	return Input{
		RunID: "run-1",
		Time:  time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC),
		Plan: fairlead.Plan{
			Hash: fairlead.DigestBytes([]byte("plan")), Environment: "production", Gates: gates,
			Event: fairlead.Event{
				Type: fairlead.EventPush, Branch: "main", Commit: strings.Repeat("ab", 20), Author: "ada@example.org", Trigger: "ada",
				Change: fairlead.Change{Paths: []string{"db/migrations/1.sql", "main.go"}},
			},
			Profile: fairlead.Profile{Security: "full", Tests: "complete", Deployment: fairlead.StrategyBlueGreen},
			Inputs:  fairlead.PlanInputs{Policy: fairlead.DigestBytes([]byte("policy"))},
		},
		Tasks: []fairlead.TaskRun{
			{ID: "build", Type: "build.command", Result: fairlead.ResultSuccess, Artifacts: []fairlead.Artifact{{Name: "bin/shop", Digest: fairlead.DigestBytes(nil), Size: 3_000_000}}},
			{ID: "unit", Type: "test.command", Result: fairlead.ResultFailure, Reason: "1 case failed", Cases: []fairlead.TestCase{
				{Suite: "cart", Name: "TestAdd", Result: fairlead.CasePassed},
				{Suite: "cart", Name: "TestDrop", Result: fairlead.CaseFailed, Location: fairlead.Location{Path: "cart_test.go", Line: 12}},
				{Suite: "cart", Name: "TestRace", Result: fairlead.CaseFlaky},
				{Suite: "cart", Name: "TestLater", Result: fairlead.CaseSkipped},
			}},
			{ID: "smoke", Type: "check.http", Result: fairlead.ResultSkip},
			{ID: "secrets", Type: "scan.secrets", Result: fairlead.ResultSuccess, Findings: []fairlead.Finding{
				{Fingerprint: "f1", Rule: "aws-access-token", Tool: "scan.secrets", Severity: fairlead.SeverityCritical, Location: fairlead.Location{Path: "a.conf", Line: 3}},
				{Fingerprint: "f2", Rule: "odd", Tool: "scan.sast", Severity: fairlead.SeverityUnknown},
				{Fingerprint: "f3", Rule: "style", Tool: "scan.sast", Severity: fairlead.SeverityLow},
			}},
		},
		Evidence: []fairlead.Evidence{{ID: fairlead.DigestBytes([]byte("e")), PredicateType: fairlead.PredicateBuild, TaskID: "build", KeyID: "k1"}},
	}
}

func TestVariablesSayWhatTheRunFound(t *testing.T) {
	for _, rule := range []string{
		`size(tasks) == 4 && tasks["unit"].result == "failure" && tasks.unit.reason == "1 case failed" && tasks.build.type == "build.command"`,
		`tests.total == 4 && tests.passed == 1 && tests.failed == 1 && tests.flaky == 1 && tests.skipped == 1`,
		`tests.cases.exists(c, c.suite == "cart" && c.name == "TestDrop" && c.result == "failed" && c.task == "unit")`,
		`findings.exists(f, f.rule == "aws-access-token" && f.tool == "scan.secrets" && f.path == "a.conf" && f.line == 3 && f.fingerprint == "f1")`,
		`findings.filter(f, f.severity == "high").size() == 1`, // the unknown one
		`artifacts.all(a, a.size < 4000000 && a.digest.startsWith("sha256:")) && artifacts[0].name == "bin/shop"`,
		`evidence.exists(e, e.task == "build" && e.predicate_type == "https://fairlead.dev/build/v1" && e.key_id == "k1")`,
		`event.type == "push" && event.branch == "main" && event.tag == "" && event.commit.startsWith("abab") && event.author.endsWith("@example.org") && event.trigger == "ada"`,
		`change.paths.exists(p, p.startsWith("db/migrations/"))`,
		`environment == "production" && profile.security == "full" && profile.tests == "complete" && profile.deployment == "blue-green"`,
		`tests.passed < 1.5`,
	} {
		if err := Check(rule); err != nil {
			t.Errorf("%s: %v", rule, err)
			continue
		}
		d := Decide(shop(fairlead.Gate{Name: "g", Rule: rule, Outcome: fairlead.OutcomeDeny}))
		if d.Outcome != fairlead.OutcomeAllow {
			t.Errorf("%s: %s", rule, d.Rules[0].Reason)
		}
	}
}

func TestEmptyRunHasEmptyListsNotErrors(t *testing.T) {
	rule := `size(tasks) == 0 && tests.cases.size() == 0 && findings.size() + artifacts.size() + evidence.size() + change.paths.size() == 0`
	d := Decide(Input{Plan: fairlead.Plan{Gates: []fairlead.Gate{{Name: "g", Rule: rule}}}})
	if d.Outcome != fairlead.OutcomeAllow {
		t.Error(d.Rules[0].Reason)
	}
}

func TestCheckNamesTheMistake(t *testing.T) {
	for _, tt := range []struct{ rule, want string }{
		{`tests.faild == 0`, `column 6: undefined field 'faild', did you mean "failed"?`},
		{`finding.size() == 0`, `did you mean`},
		{"true &&\n  findings.exists(f, f.severty == \"high\")", `line 2 column 23: undefined field 'severty', did you mean "severity"?`},
		{`tasks.all(id, tasks[id].reslt == "success")`, `did you mean "result"?`},
		{`profile.securty == "full"`, `did you mean "security"?`},
		{`1 + 1`, "the rule is of type int, not a condition"},
		{`tests.failed == "0"`, "no matching overload"},
		{`tests.failed ==`, "Syntax error"},
		{`  `, "the rule is empty"},
		{`nonsense.x`, "undeclared reference to 'nonsense'"},
		{strings.Repeat("(", 500) + "true" + strings.Repeat(")", 500), "recursion limit"},
		{strings.Repeat("true && ", 5000) + "true", "size exceeds limit"},
	} {
		err := Check(tt.rule)
		if fairlead.KindOf(err) != fairlead.KindInvalid || !strings.Contains(fmt.Sprint(err), tt.want) {
			t.Errorf("%.60s: %v, want %s", tt.rule, err, tt.want)
		}
	}
	if err := Check(`tests.faild == 0 && findings.sise() == 0`); strings.Count(err.Error(), "column") != 2 {
		t.Errorf("not every mistake is named: %v", err)
	}
}

func TestDecisionListsWhatEachRuleIsAbout(t *testing.T) {
	d := Decide(shop(
		fairlead.Gate{Name: "pass", Rule: `tests.failed == 0`, Outcome: fairlead.OutcomeDeny, Reason: "a case failed", Fix: "mend it", About: "cases", Source: "always"},
		fairlead.Gate{Name: "flaky", Rule: `tests.flaky == 0`, Outcome: fairlead.OutcomeWarn, About: "cases"},
		fairlead.Gate{Name: "secrets", Rule: `!findings.exists(f, f.tool == "scan.secrets")`, Outcome: fairlead.OutcomeDeny, About: "findings"},
		fairlead.Gate{Name: "severe", Rule: `!findings.exists(f, f.severity in ["critical", "high"])`, Outcome: fairlead.OutcomeWarn, About: "findings"},
		fairlead.Gate{Name: "few", Rule: `findings.size() < 2`, Outcome: fairlead.OutcomeWarn, About: "findings"},
		fairlead.Gate{Name: "tasks", Rule: `size(tasks) >= 4 && tasks.all(id, tasks[id].result in ["success", "skip"])`, Outcome: fairlead.OutcomeDeny, About: "tasks"},
		fairlead.Gate{Name: "all-ran", Rule: `tasks.all(id, tasks[id].result == "success")`, Outcome: fairlead.OutcomeWait, About: "tasks"},
		fairlead.Gate{Name: "main", Rule: `event.branch == "main"`, Outcome: fairlead.OutcomeDeny, About: "findings"},
	))
	type about struct {
		Outcome  fairlead.Outcome
		Findings []string
		Cases    []string
		Tasks    []string
	}
	got := map[string]about{}
	for _, r := range d.Rules {
		a := about{Outcome: r.Outcome, Tasks: r.Tasks}
		for _, f := range r.Findings {
			a.Findings = append(a.Findings, f.Fingerprint)
		}
		for _, c := range r.Cases {
			a.Cases = append(a.Cases, c.Name)
		}
		got[r.Name] = a
	}
	want := map[string]about{
		"pass":    {Outcome: fairlead.OutcomeDeny, Cases: []string{"TestDrop"}},
		"flaky":   {Outcome: fairlead.OutcomeWarn, Cases: []string{"TestRace"}},
		"secrets": {Outcome: fairlead.OutcomeDeny, Findings: []string{"f1"}},
		"severe":  {Outcome: fairlead.OutcomeWarn, Findings: []string{"f1", "f2"}},
		"few":     {Outcome: fairlead.OutcomeWarn, Findings: []string{"f1", "f2", "f3"}},
		"tasks":   {Outcome: fairlead.OutcomeDeny, Tasks: []string{"unit"}},
		"all-ran": {Outcome: fairlead.OutcomeWait, Tasks: []string{"unit", "smoke"}},
		"main":    {Outcome: fairlead.OutcomeAllow},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if r := d.Rules[0]; r.Name != "pass" || r.Reason != "a case failed" || r.Fix != "mend it" || r.Source != "always" || r.Cases[0].Location.Line != 12 {
		t.Errorf("the first rule is %+v", r)
	}
	if d.ID != "run-1/decision" || d.Environment != "production" || d.Commit != strings.Repeat("ab", 20) || len(d.Evidence) != 1 || d.Policy == "" || d.Plan == "" || d.Time.IsZero() {
		t.Errorf("decision %+v", d)
	}
}

func TestDoubtDenies(t *testing.T) {
	long := shop()
	for i := range 3000 {
		long.Tasks[0].Findings = append(long.Tasks[0].Findings, fairlead.Finding{Rule: fmt.Sprint(i)})
	}
	for _, tt := range []struct{ name, rule, want string }{
		{"missing key", `tasks["e2e"].result == "success"`, "no such key: e2e"},
		{"does not compile", `tests.faild == 0`, "undefined field"},
		{"not a condition", `tests.failed`, "not a condition"},
		{"empty", ``, "the rule is empty"},
		{"division by zero", `1 / (tests.failed - tests.failed) == 1`, "division by zero"},
		{"too much work", `findings.all(a, findings.all(b, findings.all(c, a.rule != "x")))`, "cost limit exceeded"},
		{"too much text", `["aaaaaaaaaa"]` + strings.Repeat(".map(a, a + a)", 40) + `.size() > 0`, "cost limit exceeded"},
		{"slow pattern", `findings.all(f, f.rule.matches("(a*)*b"))`, "does not hold"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := long
			in.Plan.Gates = []fairlead.Gate{{Name: "g", Rule: tt.rule, Outcome: fairlead.OutcomeWarn, Source: "fairlead.yaml:12:3"}}
			if tt.want == "does not hold" {
				in.Plan.Gates[0].Outcome = fairlead.OutcomeDeny
			}
			began := time.Now()
			d := Decide(in)
			if d.Outcome != fairlead.OutcomeDeny || !strings.Contains(d.Rules[0].Reason, tt.want) {
				t.Errorf("%s: %s, want deny with %q", d.Outcome, d.Rules[0].Reason, tt.want)
			}
			if tt.want != "does not hold" && d.Rules[0].Fix != "correct the rule at fairlead.yaml:12:3" {
				t.Errorf("fix %q", d.Rules[0].Fix)
			}
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("took %s", took)
			}
		})
	}
	d := Decide(shop())
	if d.Outcome != fairlead.OutcomeDeny || len(d.Rules) != 1 || d.Rules[0].Fix == "" {
		t.Errorf("without gates: %+v", d)
	}
	if d := Decide(shop(fairlead.Gate{Name: "g", Rule: "false", Outcome: "shrug"})); d.Outcome != fairlead.OutcomeDeny {
		t.Errorf("an outcome nobody knows: %s", d.Outcome)
	}
}

func TestReleaseIsNamed(t *testing.T) {
	in := shop(fairlead.Gate{Name: "g", Rule: "true"})
	r := fairlead.Release{Service: "shop"}.Identify()
	in.Releases = []fairlead.Release{r}
	if d := Decide(in); d.Release != r.ID || d.Releases != nil {
		t.Errorf("release %s, want %s", d.Release, r.ID)
	}
	in.Plan.Services = []fairlead.ServicePlan{{Name: "shop"}}
	if d := Decide(in); d.Release != "" || d.Releases["shop"] != r.ID {
		t.Errorf("of several services: %s, %v", d.Release, d.Releases)
	}
}

// The decision is as heavy as its heaviest rule, one rule each, in order,
// whatever the rules are.
func TestHeaviestRuleWins(t *testing.T) {
	order := []fairlead.Outcome{fairlead.OutcomeAllow, fairlead.OutcomeWarn, fairlead.OutcomeWait, fairlead.OutcomeDeny}
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 6).Draw(t, "rules")
		var gates []fairlead.Gate
		want := 0
		for i := range n {
			g := fairlead.Gate{
				Name:    fmt.Sprint(i),
				Rule:    rapid.SampledFrom([]string{"true", "false", `tasks["none"].id == ""`, "tests.failed > 0"}).Draw(t, "rule"),
				Outcome: rapid.SampledFrom(order[1:]).Draw(t, "outcome"),
			}
			gates = append(gates, g)
			switch g.Rule {
			case "false":
				want = max(want, slices.Index(order, g.Outcome))
			case `tasks["none"].id == ""`:
				want = 3
			}
		}
		in := shop(gates...)
		d := Decide(in)
		if d.Outcome != order[want] || len(d.Rules) != n {
			t.Fatalf("%s with %d rules, want %s with %d", d.Outcome, len(d.Rules), order[want], n)
		}
		for i, r := range d.Rules {
			if r.Name != fmt.Sprint(i) {
				t.Fatalf("rule %d is %s", i, r.Name)
			}
		}
		if diff := cmp.Diff(d, Decide(in)); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestEveryVariableIsDescribed(t *testing.T) {
	for _, v := range Variables() {
		if v.Name == "" || v.Type == "" || v.Doc == "" {
			t.Errorf("incomplete: %+v", v)
		}
		if err := Check("type(" + v.Name + ") != int"); err != nil {
			t.Errorf("%s cannot be used: %v", v.Name, err)
		}
	}
}

func FuzzRule(f *testing.F) {
	for _, r := range []string{`true`, `tests.failed == 0`, `findings.all(f, f.severity != "x")`, `tasks["a"].id`, `[1,2].map(x, x*2)`, `"a" + `} {
		f.Add(r)
	}
	f.Fuzz(func(t *testing.T, rule string) {
		err := Check(rule)
		d := Decide(shop(fairlead.Gate{Name: "g", Rule: rule, Outcome: fairlead.OutcomeWarn}))
		if err != nil && d.Outcome != fairlead.OutcomeDeny {
			t.Fatalf("a rule that does not check is %s", d.Outcome)
		}
	})
}

func BenchmarkCheck(b *testing.B) {
	for b.Loop() {
		if err := Check(`!findings.exists(f, f.severity in ["critical", "high"])`); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecideThousandFindings(b *testing.B) {
	in := shop(
		fairlead.Gate{Name: "a", Rule: `!findings.exists(f, f.severity in ["critical", "high"])`, About: "findings"},
		fairlead.Gate{Name: "b", Rule: `tests.failed == 0`, About: "cases"},
	)
	for i := range 1000 {
		in.Tasks[0].Findings = append(in.Tasks[0].Findings, fairlead.Finding{Rule: fmt.Sprint(i), Severity: fairlead.SeverityLow})
	}
	for b.Loop() {
		Decide(in)
	}
}
