package pipeline

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

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
		{"version", event(fairlead.EventTag, func(e *fairlead.Event) { e.Branch, e.Tag = "", "v1.2.0" }),
			"production", "blue-green", "full", "complete", "full", "build unit it e2e secrets sbom smoke"},
		{"pre-release", event(fairlead.EventTag, func(e *fairlead.Event) { e.Tag = "1.2.0-rc.1" }),
			"staging", "canary", "full", "standard", "standard", "build unit it secrets sbom smoke"},
		{"other tag", event(fairlead.EventTag, func(e *fairlead.Event) { e.Tag = "nightly" }),
			"dev", "none", "basic", "fast", "basic", "build unit secrets sbom"},
		{"by hand", event(fairlead.EventManual, func(e *fairlead.Event) { e.Manual = fairlead.Manual{Environment: "staging", Strategy: "rolling"} }),
			"staging", "rolling", "full", "standard", "standard", "build unit it secrets sbom"},
		{"environment by hand", event(fairlead.EventManual, func(e *fairlead.Event) { e.Manual.Environment = "dev" }),
			"dev", "rolling", "basic", "fast", "basic", "build unit secrets sbom"},
		{"strategy by hand", event(fairlead.EventManual, func(e *fairlead.Event) { e.Manual.Strategy = "canary" }),
			"production", "canary", "full", "complete", "full", "build unit it e2e secrets sbom smoke"},
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
			for _, subject := range []string{"environment", "strategy", "service", "profile security", "profile deployment",
				"profile tests", "profile monitoring", "profile cost", "profile compliance"} {
				if r := reason(p, subject); r.Choice == "" || r.Source == "" || r.Detail == "" {
					t.Errorf("%s has no whole reason: %+v", subject, r)
				}
			}
		})
	}
}

func TestHeldBackReleasesSayWhy(t *testing.T) {
	for want, ev := range map[string]fairlead.Event{
		"add a route for it":        push("fix-it"),
		"never released":            event(fairlead.EventPullRequest, nil),
		"releases nothing":          event(fairlead.EventSchedule, nil),
		"not a version such as v1":  event(fairlead.EventTag, func(e *fairlead.Event) { e.Tag = "nightly" }),
		"a commit that is on no br": push(""),
	} {
		if r := reason(mustPlan(t, shop, ev), "strategy"); r.Choice != "none" || !strings.Contains(r.Detail, want) {
			t.Errorf("have %+v, want it to say %q", r, want)
		}
	}
}

func TestRoutes(t *testing.T) {
	config := shop + `
routes:
  - {when: 'event.branch == "hotfix"', to: production, deploy: canary}
  - {when: 'event.branch.startsWith("hot")', to: staging}
  - {when: 'change.paths.exists(p, p == "docs/a.md")', to: dev, deploy: none}
  - {when: 'event.type == "schedule"', to: staging}
`
	docs := push("main")
	docs.Change.Paths = []string{"docs/a.md"}
	hotPR := push("hotfix")
	hotPR.Type = fairlead.EventPullRequest
	for _, c := range []struct {
		name        string
		event       fairlead.Event
		environment string
		strategy    fairlead.Strategy
		source      string
	}{
		{"first match", push("hotfix"), "production", "canary", "route"},
		{"second", push("hot-wire"), "staging", "canary", "route"},
		{"by path", docs, "dev", "none", "route"},
		{"matrix after routes", push("main"), "production", "blue-green", "matrix"},
		{"pull request", hotPR, "production", "none", "route"},
		{"schedule", event(fairlead.EventSchedule, nil), "staging", "none", "route"},
		{"hand before routes", event(fairlead.EventManual, func(e *fairlead.Event) {
			e.Branch, e.Manual.Environment = "hotfix", "dev"
		}), "dev", "rolling", "event"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := mustPlan(t, config, c.event)
			if p.Environment != c.environment || p.Strategy != c.strategy {
				t.Errorf("%s by %s, want %s by %s", p.Environment, p.Strategy, c.environment, c.strategy)
			}
			r := reason(p, "environment")
			if r.Source != c.source {
				t.Errorf("environment is explained by %+v", r)
			}
			if c.source == "route" && !strings.Contains(r.Detail, "fairlead.yaml:") {
				t.Errorf("a route's reason names its line: %+v", r)
			}
		})
	}
}

func TestChoicesByHandMustExist(t *testing.T) {
	for _, c := range []struct {
		manual fairlead.Manual
		hint   string
	}{
		{fairlead.Manual{Environment: "prodution"}, `did you mean "production"?`},
		{fairlead.Manual{Environment: "moon-base"}, "known environments are dev, production, staging"},
		{fairlead.Manual{Strategy: "bluegreen"}, "known strategies are none, rolling, canary, blue-green"},
	} {
		_, err := Plan(mustRead(t, shop), event(fairlead.EventManual, func(e *fairlead.Event) { e.Manual = c.manual }), nil, testCatalog())
		if fairlead.KindOf(err) != fairlead.KindInvalid || fairlead.HintOf(err) != c.hint {
			t.Errorf("%+v: %v, hint %q", c.manual, err, fairlead.HintOf(err))
		}
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

func TestTasksAreComplete(t *testing.T) {
	p := mustPlan(t, `
version: 1
env: [B, A]
build: {run: make, artifacts: [bin/x]}
tests:
  unit:
    run: go test
    report: junit
    report-file: out.xml
    retry-failed: 3
    env: [C, A]
    reads: ["**/*.go"]
    timeout: 90s
    retries: 0
    needs: [build]
    matrix: {os: [linux, mac], go: [1.25, "1.30"]}
steps:
  after: {use: scan.secrets, with: {allow: [a]}, needs: [unit, unit]}
environments: {production: {target: {process: {command: [bin/x], replicas: 4, env: {K: v}}}}}
`, push("main"))
	if want := "build unit[go=1.25,os=linux] unit[go=1.25,os=mac] unit[go=1.30,os=linux] unit[go=1.30,os=mac] after sbom"; ids(p) != want {
		t.Fatalf("tasks are %s", ids(p))
	}
	u := task(t, p, "unit[go=1.30,os=mac]")
	have, err := json.Marshal(u)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"id":"unit[go=1.30,os=mac]","type":"test.command","needs":["build"],` +
		`"config":{"run":"go test","report":"junit","report-file":"out.xml","retry-failed":3},` +
		`"matrix":{"go":"1.30","os":"mac"},"env":["A","B","C"],"reads":["**/*.go"],"timeout":"1m30s","retries":0,` +
		`"phase":"verify","reason":"config: fairlead.yaml:6:3 (fast tests, profile complete)"}`
	if string(have) != want {
		t.Errorf("have %s\nwant %s", have, want)
	}
	if n := len(task(t, p, "after").Needs); n != 4 {
		t.Errorf("a need on a matrix is %d needs", n)
	}
	if b := task(t, p, "build"); b.Timeout.D() != 15*time.Minute || b.Retries != 2 || len(b.Needs) != 0 {
		t.Errorf("defaults of build: %+v", b)
	}
	if p.Release.Replicas != 4 || p.Release.Env["K"] != "v" || !slices.Equal(p.Release.Command, []string{"bin/x"}) ||
		!slices.Equal(p.Release.Artifacts, []string{"bin/x"}) || p.Release.Target != "process" {
		t.Errorf("release is %+v", p.Release)
	}
	for _, task := range p.Tasks {
		if task.Reason == "" || reason(p, "task "+task.ID).Source == "" {
			t.Errorf("%s has no reason", task.ID)
		}
	}
}

func TestNeededTestsComeAlong(t *testing.T) {
	p := mustPlan(t, `
version: 1
tests:
  fast: {run: x, needs: [heavy]}
  heavy: {run: x, level: complete}
  other: {run: x, level: complete}
`, push("feature/x"))
	if ids(p) != "heavy fast secrets sbom" {
		t.Errorf("tasks are %s", ids(p))
	}
	if r := reason(p, "task heavy"); !strings.Contains(r.Detail, "needed by fast") {
		t.Errorf("have %+v", r)
	}
}

func TestOwnStepsStandInForTheMatrix(t *testing.T) {
	p := mustPlan(t, shop+`
steps:
  keys: {use: scan.secrets, with: {scope: change}}
  sbom: {use: build.command, with: {run: make sbom}}
  probe: {use: check.http, with: {paths: [/x]}}
`, push("main"))
	if ids(p) != "build unit it e2e keys sbom probe sbom.source" {
		t.Errorf("tasks are %s", ids(p))
	}
	if r := reason(p, "matrix task secrets"); r.Choice != "not added" || r.Source != "config" {
		t.Errorf("have %+v", r)
	}
	if probe := task(t, p, "probe"); probe.Phase != fairlead.PhasePreview {
		t.Errorf("probe runs in %s", probe.Phase)
	}
}

func TestPreviewStepsNeedARelease(t *testing.T) {
	p := mustPlan(t, shop+"steps: {probe: {use: check.http, with: {paths: [/x]}}}\n", event(fairlead.EventPullRequest, nil))
	if strings.Contains(ids(p), "probe") || reason(p, "task probe").Choice != "left out" {
		t.Errorf("tasks are %s, %+v", ids(p), reason(p, "task probe"))
	}
}

func TestScheduleBuildsOnlyWhatStepsNeed(t *testing.T) {
	p := mustPlan(t, shop+"steps: {soak: {use: test.command, with: {run: soak}, needs: [build]}}\n", event(fairlead.EventSchedule, nil))
	if ids(p) != "build soak secrets sbom" {
		t.Errorf("tasks are %s", ids(p))
	}
}

func TestScanScopeFollowsSecurity(t *testing.T) {
	for branch, want := range map[string]string{"main": `"scope":"tree"`, "feature/x": `"scope":"change"`} {
		if config := string(task(t, mustPlan(t, shop, push(branch)), "secrets").Config); !strings.Contains(config, want) {
			t.Errorf("%s scans with %s", branch, config)
		}
	}
}

func TestSmokeAsksTheReadyPath(t *testing.T) {
	smoke := task(t, mustPlan(t, shop, push("main")), "smoke")
	if smoke.Phase != fairlead.PhasePreview || !strings.Contains(string(smoke.Config), `"paths":["/readyz"]`) || len(smoke.Needs) != 0 {
		t.Errorf("smoke is %+v", smoke)
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

func TestShopExample(t *testing.T) {
	data, err := os.ReadFile("../examples/shop/fairlead.yaml")
	if err != nil {
		t.Fatal(err)
	}
	tree := fstest.MapFS{"go.mod": {Data: []byte("module shop\n")}, "main.go": {Data: []byte("package main\n")}}
	p, err := Plan(mustRead(t, string(data)), push("develop"), tree, testCatalog())
	if err != nil {
		t.Fatal(err)
	}
	if p.Strategy != fairlead.StrategyCanary || p.Service != "shop" || p.Release == nil || p.Release.Steps[0].Weight != 10 {
		t.Errorf("%+v", p)
	}
}

func TestAStrategyByHandDoesNotChooseTheEnvironment(t *testing.T) {
	p := mustPlan(t, shop, event(fairlead.EventManual, func(e *fairlead.Event) { e.Branch, e.Manual.Strategy = "fix-it", "canary" }))
	if p.Strategy != fairlead.StrategyNone || !strings.Contains(reason(p, "strategy").Detail, "add a route for it") {
		t.Errorf("%s: %+v", p.Strategy, reason(p, "strategy"))
	}
}
