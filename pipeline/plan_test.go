package pipeline

import (
	"slices"
	"strings"
	"testing"

	"fairlead.dev"
)

const shop = `
version: 1
service: shop
build: {run: make, artifacts: [bin/shop]}
tests:
  unit: {run: make unit, report: go-test}
  it: {run: make it, report: go-test, level: standard, needs: [build]}
  e2e: {run: make e2e, report: junit, level: complete, needs: [it]}
environments:
  production: {target: {process: {command: [bin/shop], ready: {http: /readyz}}}}
  staging: {target: {process: {command: [bin/shop], replicas: 3, ready: {http: /readyz}}}}
  dev: {target: {process: {command: [bin/shop]}}}
`

func mustPlan(t testing.TB, config string, ev fairlead.Event) fairlead.Plan {
	t.Helper()
	p, err := Plan(mustRead(t, config), ev, nil, testCatalog())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func ids(p fairlead.Plan) string {
	var out []string
	for _, t := range p.Tasks {
		out = append(out, t.ID)
	}
	return strings.Join(out, " ")
}

func task(t testing.TB, p fairlead.Plan, id string) fairlead.Task {
	t.Helper()
	i := slices.IndexFunc(p.Tasks, func(t fairlead.Task) bool { return t.ID == id })
	if i < 0 {
		t.Fatalf("no task %s among %s", id, ids(p))
	}
	return p.Tasks[i]
}

func reason(p fairlead.Plan, subject string) fairlead.Reason {
	for _, r := range slices.Backward(p.Reasons) {
		if r.Subject == subject {
			return r
		}
	}
	return fairlead.Reason{}
}

func event(kind fairlead.EventType, change func(*fairlead.Event)) fairlead.Event {
	e := push("main")
	e.Type = kind
	if change != nil {
		change(&e)
	}
	return e
}

func TestTheMatrix(t *testing.T) {
	cases := []struct {
		name        string
		event       fairlead.Event
		environment string
		strategy    fairlead.Strategy
		security    string
		tests       string
		monitoring  string
		tasks       string
	}{
		{"main", push("main"), "production", "blue-green", "full", "complete", "full", "build unit it e2e secrets sbom smoke"},
		{"master", push("master"), "production", "blue-green", "full", "complete", "full", "build unit it e2e secrets sbom smoke"},
		{"develop", push("develop"), "staging", "canary", "full", "standard", "standard", "build unit it secrets sbom smoke"},
		{"feature", push("feature/x"), "dev", "rolling", "basic", "fast", "basic", "build unit secrets sbom"},
		{"other", push("fix-it"), "dev", "none", "basic", "fast", "basic", "build unit secrets sbom"},
		{"no branch", push(""), "dev", "none", "basic", "fast", "basic", "build unit secrets sbom"},
		{"schedule", event(fairlead.EventSchedule, nil), "all", "none", "scan", "health", "drift", "secrets sbom"},
		{"pull request", event(fairlead.EventPullRequest, nil), "production", "none", "full", "complete", "full", "build unit it e2e secrets sbom"},
		{
			"version", event(fairlead.EventTag, func(e *fairlead.Event) { e.Branch, e.Tag = "", "v1.2.0" }),
			"production", "blue-green", "full", "complete", "full", "build unit it e2e secrets sbom smoke",
		},
		{
			"pre-release", event(fairlead.EventTag, func(e *fairlead.Event) { e.Tag = "1.2.0-rc.1" }),
			"staging", "canary", "full", "standard", "standard", "build unit it secrets sbom smoke",
		},
		{
			"other tag", event(fairlead.EventTag, func(e *fairlead.Event) { e.Tag = "nightly" }),
			"dev", "none", "basic", "fast", "basic", "build unit secrets sbom",
		},
		{
			"by hand", event(fairlead.EventManual, func(e *fairlead.Event) { e.Manual = fairlead.Manual{Environment: "staging", Strategy: "rolling"} }),
			"staging", "rolling", "full", "standard", "standard", "build unit it secrets sbom",
		},
		{
			"environment by hand", event(fairlead.EventManual, func(e *fairlead.Event) { e.Manual.Environment = "dev" }),
			"dev", "rolling", "basic", "fast", "basic", "build unit secrets sbom",
		},
		{
			"strategy by hand", event(fairlead.EventManual, func(e *fairlead.Event) { e.Manual.Strategy = "canary" }),
			"production", "canary", "full", "complete", "full", "build unit it e2e secrets sbom smoke",
		},
		{"nothing by hand", event(fairlead.EventManual, nil), "production", "blue-green", "full", "complete", "full", "build unit it e2e secrets sbom smoke"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p := mustPlan(t, shop, c.event)
			if p.Environment != c.environment || p.Strategy != c.strategy {
				t.Errorf("%s by %s, want %s by %s", p.Environment, p.Strategy, c.environment, c.strategy)
			}
			if p.Profile.Security != c.security || p.Profile.Tests != c.tests || p.Profile.Monitoring != c.monitoring {
				t.Errorf("profile is %+v", p.Profile)
			}
			if ids(p) != c.tasks {
				t.Errorf("tasks are %s, want %s", ids(p), c.tasks)
			}
			if (p.Release == nil) != (c.strategy == "none") {
				t.Errorf("strategy %s with release %v", p.Strategy, p.Release)
			}
			for _, subject := range []string{
				"environment", "strategy", "service", "profile security", "profile deployment",
				"profile tests", "profile monitoring", "profile cost", "profile compliance",
			} {
				if r := reason(p, subject); r.Choice == "" || r.Source == "" || r.Detail == "" {
					t.Errorf("%s has no whole reason: %+v", subject, r)
				}
			}
		})
	}
}

func TestCellsAreOverridden(t *testing.T) {
	p := mustPlan(t, `
version: 1
tests: {unit: {run: x, report: tap}, e2e: {run: x, report: tap, level: complete}}
environments:
  production:
    target: {process: {command: [x]}}
    tests: fast
    security: none
    monitoring: standard
    cost: tracked
    compliance: basic
    deploy: rolling
`, push("main"))
	want := fairlead.Profile{Security: "none", Deployment: "rolling", Tests: "fast", Monitoring: "standard", Cost: "tracked", Compliance: "basic"}
	if p.Profile != want {
		t.Errorf("profile is %+v", p.Profile)
	}
	if ids(p) != "unit" || p.Strategy != fairlead.StrategyRolling {
		t.Errorf("tasks %s, strategy %s", ids(p), p.Strategy)
	}
	if r := reason(p, "profile tests"); r.Source != "config" || r.Detail != "fairlead.yaml:7:5 (the matrix says complete)" {
		t.Errorf("have %+v", r)
	}
	if r := reason(p, "task e2e"); r.Choice != "left out" {
		t.Errorf("have %+v", r)
	}
}

func TestUnknownEnvironmentIsStrict(t *testing.T) {
	p := mustPlan(t, "version: 1\nenvironments: {qa: {target: {process: {command: [x]}}}}\nroutes: [{when: 'true', to: qa}]\n", push("x"))
	if p.Environment != "qa" || p.Profile.Security != "full" || p.Profile.Tests != "complete" || p.Strategy != fairlead.StrategyBlueGreen {
		t.Errorf("%s %+v", p.Environment, p.Profile)
	}
	if r := reason(p, "profile security"); !strings.Contains(r.Detail, "no row for qa") {
		t.Errorf("have %+v", r)
	}
}

func TestWithoutATargetNothingIsReleased(t *testing.T) {
	for name, config := range map[string]string{
		"no target at all":        "version: 1\nservice: shop\n",
		"environment not listed":  "version: 1\nservice: shop\nbuild: {run: x, artifacts: [bin/x]}\nenvironments: {dev: {tests: fast}}\n",
		"artifacts are ambiguous": "version: 1\nservice: shop\nbuild: {run: x, artifacts: [bin/x, bin/y]}\n",
		"artifacts are a glob":    "version: 1\nservice: shop\nbuild: {run: x, artifacts: ['bin/*']}\n",
	} {
		p := mustPlan(t, config, push("main"))
		r := reason(p, "strategy")
		if p.Release != nil || p.Strategy != fairlead.StrategyNone || !strings.Contains(r.Detail, "add environments.production.target") {
			t.Errorf("%s: %s, %+v", name, p.Strategy, r)
		}
		if p.Profile.Deployment != fairlead.StrategyBlueGreen {
			t.Errorf("%s: the profile still says what the matrix asks for, not %s", name, p.Profile.Deployment)
		}
	}
}

func TestTheOnlyArtifactIsStarted(t *testing.T) {
	for branch, listen := range map[string]string{"main": "127.0.0.1:8080", "develop": "127.0.0.1:8081", "feature/x": "127.0.0.1:8082"} {
		p := mustPlan(t, "version: 1\nbuild: {run: x, artifacts: [bin/x]}\n", push(branch))
		if p.Release == nil || !slices.Equal(p.Release.Command, []string{"bin/x"}) || !strings.Contains(string(p.Release.Config), listen) {
			t.Errorf("%s: %+v", branch, p.Release)
		}
	}
}

func TestHashCoversEverything(t *testing.T) {
	base := mustPlan(t, shop, push("main"))
	if base.Hash == "" || mustPlan(t, shop, push("main")).Hash != base.Hash {
		t.Fatal("the same input gives the same hash")
	}
	unhashed := base
	unhashed.Hash = ""
	if fairlead.DigestJSON(unhashed) != base.Hash {
		t.Error("the hash is over the plan without it")
	}
	commit := push("main")
	commit.Commit = strings.Repeat("cd", 20)
	other := testCatalog()
	other.Flow = "flow-2"
	flow, err := Plan(mustRead(t, shop), push("main"), nil, other)
	if err != nil {
		t.Fatal(err)
	}
	for name, p := range map[string]fairlead.Plan{
		"commit":  mustPlan(t, shop, commit),
		"config":  mustPlan(t, shop+"# a comment\n", push("main")),
		"gates":   mustPlan(t, shop+"gates: [{name: a, rule: 'true', reason: r, fix: f}]\n", push("main")),
		"flow":    flow,
		"command": mustPlan(t, strings.Replace(shop, "make unit", "make units", 1), push("main")),
	} {
		if p.Hash == base.Hash {
			t.Errorf("another %s gives the same hash", name)
		}
	}
}
