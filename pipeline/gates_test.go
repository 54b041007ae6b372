package pipeline

import (
	"fmt"
	"strings"
	"testing"

	"fairlead.dev"
)

func gateList(p fairlead.Plan) string {
	var out []string
	for _, g := range p.Gates {
		out = append(out, g.Name+"="+string(g.Outcome))
	}
	return strings.Join(out, " ")
}

func TestGatesOfTheMatrix(t *testing.T) {
	always := "tasks-succeeded=deny "
	for _, c := range []struct{ name, config, branch, want string }{
		{"full", shop, "main", always + "tests-ran=deny tests-pass=deny no-flaky-tests=warn build-proven=deny no-secrets=deny source-scanned=deny no-severe-findings=deny no-fixable-vulnerabilities=deny nothing-known-exploited=deny vulnerabilities-without-fix=warn nothing-overdue=deny sbom-present=deny"},
		{"basic", shop, "feature/x", always + "tests-ran=warn tests-pass=deny no-flaky-tests=warn build-proven=deny no-secrets=deny source-scanned=deny no-severe-findings=warn no-fixable-vulnerabilities=warn nothing-known-exploited=warn vulnerabilities-without-fix=warn nothing-overdue=warn sbom-present=warn"},
		{"no tests known", "version: 1\n", "main", always + "tests-ran=deny tests-pass=deny no-flaky-tests=warn no-secrets=deny source-scanned=deny no-severe-findings=deny no-fixable-vulnerabilities=deny nothing-known-exploited=deny vulnerabilities-without-fix=warn nothing-overdue=deny sbom-present=deny"},
		{
			"tests that report nothing", "version: 1\ntests: {a: {run: x}}\n", "main",
			always + "tests-pass=deny no-flaky-tests=warn no-secrets=deny source-scanned=deny no-severe-findings=deny no-fixable-vulnerabilities=deny nothing-known-exploited=deny vulnerabilities-without-fix=warn nothing-overdue=deny sbom-present=deny",
		},
		{
			"no security", "version: 1\nenvironments: {production: {security: none, tests: none}}\n", "main",
			always + "tests-pass=deny no-flaky-tests=warn no-secrets=deny",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := mustPlan(t, c.config, push(c.branch))
			if have := gateList(p); have != c.want {
				t.Errorf("have %s\nwant %s", have, c.want)
			}
			for _, g := range p.Gates {
				if g.Rule == "" || g.Reason == "" || g.Fix == "" || g.About == "" || g.Source == "" {
					t.Errorf("incomplete gate %+v", g)
				}
				if reason(p, "gate "+g.Name).Detail == "" {
					t.Errorf("gate %s has no reason", g.Name)
				}
			}
		})
	}
}

func TestTasksGateCountsWhatRunsBeforeTheDecision(t *testing.T) {
	p := mustPlan(t, shop, push("main"))
	verify := 0
	for _, task := range p.Tasks {
		if task.Phase == fairlead.PhaseVerify {
			verify++
		}
	}
	if want := fmt.Sprintf("size(tasks) >= %d &&", verify); !strings.HasPrefix(p.Gates[0].Rule, want) || verify != len(p.Tasks)-1 {
		t.Errorf("rule is %s, want %s", p.Gates[0].Rule, want)
	}
}

func TestConfiguredGates(t *testing.T) {
	config := shop + `
gates:
  - {name: everywhere, rule: tests.skipped == 0, reason: why, fix: how}
  - {name: live, when: 'environment == "production" && strategy == "blue-green"', rule: "1 < 2", outcome: warn, about: findings, reason: why, fix: how}
  - {name: schema, when: 'change.paths.exists(p, p.startsWith("db/"))', rule: "true", reason: why, fix: how}
`
	p := mustPlan(t, config, push("main"))
	if have := gateList(p); !strings.HasSuffix(have, "sbom-present=deny everywhere=deny live=warn") {
		t.Errorf("have %s", have)
	}
	live := p.Gates[len(p.Gates)-1]
	want := fairlead.Gate{Name: "live", Rule: "1 < 2", Outcome: "warn", Reason: "why", Fix: "how", About: "findings", Source: "fairlead.yaml:16:5"}
	if live != want {
		t.Errorf("have %+v\nwant %+v", live, want)
	}
	if r := reason(p, "gate schema"); r.Choice != "not in force" {
		t.Errorf("have %+v", r)
	}
	if have := gateList(mustPlan(t, config, push("develop"))); strings.Contains(have, "live") {
		t.Errorf("have %s", have)
	}
}

func TestAConditionThatCannotBeEvaluatedStopsThePlan(t *testing.T) {
	cfg := mustRead(t, shop+"routes: [{when: 'change.paths[7] == \"x\"', to: dev}]\n")
	_, err := Plan(cfg, push("main"), nil, testCatalog())
	if fairlead.KindOf(err) != fairlead.KindInvalid || !strings.Contains(err.Error(), "routes[0]") {
		t.Errorf("have %v", err)
	}
}

func TestAConditionIsBounded(t *testing.T) {
	rule := `["aaaaaaaaaa"]` + strings.Repeat(".map(a, a + a)", 40) + ".size() > 0"
	cfg := mustRead(t, shop+"routes: [{when: '"+rule+"', to: dev}]\n")
	if _, err := Plan(cfg, push("main"), nil, testCatalog()); err == nil || !strings.Contains(err.Error(), "cost") {
		t.Errorf("have %v", err)
	}
}

// A reason names its source once.
func TestGatesAreExplained(t *testing.T) {
	p := mustPlan(t, shop, push("main"))
	n := 0
	for _, r := range p.Reasons {
		if strings.HasPrefix(r.Subject, "gate ") && r.Source == "matrix" {
			n++
			if strings.Contains(r.Detail, "matrix") {
				t.Errorf("%s is explained by %s: %s", r.Subject, r.Source, r.Detail)
			}
		}
	}
	if n == 0 {
		t.Error("no gate is explained")
	}
}
