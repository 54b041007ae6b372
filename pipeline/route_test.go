package pipeline

import (
	"strings"
	"testing"

	"fairlead.dev"
)

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

func TestAStrategyByHandDoesNotChooseTheEnvironment(t *testing.T) {
	p := mustPlan(t, shop, event(fairlead.EventManual, func(e *fairlead.Event) { e.Branch, e.Manual.Strategy = "fix-it", "canary" }))
	if p.Strategy != fairlead.StrategyNone || !strings.Contains(reason(p, "strategy").Detail, "add a route for it") {
		t.Errorf("%s: %+v", p.Strategy, reason(p, "strategy"))
	}
}
