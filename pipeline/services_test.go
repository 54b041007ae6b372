package pipeline

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"fairlead.dev"
)

const pair = `
version: 1
service: shop
build: {run: make, artifacts: [bin/api, bin/web]}
tests: {unit: {run: make unit, report: go-test}}
steps: {look: {use: check.http, service: web, with: {paths: [/]}}}
services:
  web:
    after: [api]
    artifacts: [bin/web]
    targets:
      production: {process: {command: [bin/web], listen: "127.0.0.1:9001", ready: {http: /readyz}}}
      staging: {process: {command: [bin/web], listen: "127.0.0.1:9003"}}
  api:
    artifacts: [bin/api]
    targets:
      production: {process: {command: [bin/api], replicas: 3, listen: "127.0.0.1:9002", ready: {http: /ok}}}
`

func TestServices(t *testing.T) {
	p := mustPlan(t, pair, push("main"))
	if p.Release != nil || p.Service != "shop" || p.Lock.Mode != fairlead.LockSerialize {
		t.Errorf("release %v of %s with lock %+v", p.Release, p.Service, p.Lock)
	}
	var got []string
	for _, part := range p.Parts() {
		checks := ""
		for _, task := range part.Tasks {
			if task.Phase == fairlead.PhasePreview {
				checks += " " + task.ID
			}
		}
		got = append(got, fmt.Sprintf("%s %v x%d%s", part.Service, part.Release.Artifacts, part.Release.Replicas, checks))
	}
	if want := []string{"api [bin/api] x3 smoke-api", "web [bin/web] x2 look"}; !slices.Equal(got, want) {
		t.Errorf("parts %q, want %q", got, want)
	}
	if after := p.Services[1].After; !slices.Equal(after, []string{"api"}) {
		t.Errorf("web comes after %v", after)
	}
	if r := reason(p, "service web"); r.Choice != "number 2" || r.Source != "config" {
		t.Errorf("reason %+v", r)
	}
}

// A service without a target in the environment is left out and said to be.
func TestServiceLeftOut(t *testing.T) {
	p := mustPlan(t, pair, push("develop"))
	if len(p.Services) != 1 || p.Services[0].Name != "web" || len(p.Services[0].After) != 0 || reason(p, "service api").Choice != "left out" {
		t.Errorf("services %+v, reason %+v", p.Services, reason(p, "service api"))
	}
	p = mustPlan(t, pair, push("feature/x"))
	if p.Strategy != fairlead.StrategyNone || len(p.Parts()) != 0 || p.Lock.Mode != "" {
		t.Errorf("%s of %d services with lock %q", p.Strategy, len(p.Parts()), p.Lock.Mode)
	}
}

func TestPlanOfOneServiceIsItsOnlyPart(t *testing.T) {
	p := mustPlan(t, shop, push("main"))
	if parts := p.Parts(); len(parts) != 1 || parts[0].Hash != p.Hash || parts[0].Service != "shop" {
		t.Errorf("parts %+v", parts)
	}
}

func TestServicesThatCannotBe(t *testing.T) {
	for name, c := range map[string]struct{ from, to, want string }{
		"unknown":       {"after: [api]", "after: [apy]", "services.web.after[0]: must name a service"},
		"cycle":         {"  api:\n", "  api:\n    after: [web]\n", "must not come after itself"},
		"environment":   {"staging: {process", "stagin: {process", "services.web.targets.stagin: must name an environment"},
		"two targets":   {"services:\n", "environments: {production: {target: {process: {command: [a]}}}}\nservices:\n", "environments.production.target: must not be there beside services"},
		"checks what":   {", service: web", "", "steps.look: must say which service it checks"},
		"checks nobody": {"service: web,", "service: wep,", "steps.look.service: must name a service"},
		"artifacts":     {"[bin/web]\n", "[../web]\n", "services.web.artifacts[0]: must not leave the repository"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Read(Source{Name: "fairlead.yaml", Data: []byte(strings.Replace(pair, c.from, c.to, 1))}, testCatalog())
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %s", err, c.want)
			}
		})
	}
	same := strings.Replace(pair, "127.0.0.1:9002", "127.0.0.1:9001", 1)
	if _, err := Plan(mustRead(t, same), push("main"), nil, testCatalog()); fairlead.KindOf(err) != fairlead.KindInvalid ||
		!strings.Contains(err.Error(), "api and web would both listen on 127.0.0.1:9001") {
		t.Errorf("two services on one address: %v", err)
	}
}
