package pipeline

import (
	"slices"
	"strings"
	"testing"

	"fairlead.dev"
)

// scanners is the catalog with every scanner that the matrix may bring.
func scanners() Catalog {
	c := testCatalog()
	type none struct{}
	for _, name := range []string{"scan.sca", "scan.iac", "scan.licences", "scan.sast"} {
		c.Steps = append(c.Steps, StepInfo{Name: name, Title: name, Config: none{}})
	}
	return Catalog{Flow: c.Flow, Targets: c.Targets, CheckRule: c.CheckRule, Steps: append(c.Steps, StepInfo{
		Name: stepDAST, Title: "dast", NeedsEndpoint: true, Config: struct {
			FailOn string `json:"fail-on" doc:"x"`
			Time   string `json:"time" doc:"x"`
		}{},
	})}
}

// The scanners of each security cell, and what an environment does without. A
// running release is looked at where there is a preview, and nowhere else.
func TestScannersOfTheMatrix(t *testing.T) {
	const services = `
version: 1
build: {run: make, artifacts: [bin/shop]}
services:
  api: {artifacts: [bin/shop], targets: {production: {process: {command: [bin/shop], ready: {http: /readyz}}}}}
  web: {artifacts: [bin/shop], targets: {production: {process: {command: [bin/shop], listen: '127.0.0.1:8081'}}}}
`
	without := func(words string) string {
		return strings.Replace(shop, "production: {", "production: {without: ["+words+"], ", 1)
	}
	for name, c := range map[string]struct {
		config string
		branch string
		want   string
	}{
		"full":           {shop, "main", "secrets sbom sca iac licences smoke dast"},
		"full by canary": {shop, "develop", "secrets sbom sca iac licences smoke dast"},
		"basic":          {shop, "feature/x", "secrets sbom sca"},
		"no preview":     {strings.Replace(shop, "production: {", "production: {deploy: rolling, ", 1), "main", "secrets sbom sca iac licences"},
		"without dast":   {without("dast"), "main", "secrets sbom sca iac licences smoke"},
		"without more":   {without("dast, iac, licences, sca"), "main", "secrets sbom smoke"},
		"of its own": {
			shop + "steps: {probe: {use: scan.dast, with: {fail-on: high}}}\n", "main", "probe secrets sbom sca iac licences smoke",
		},
		"several services": {services, "main", "secrets sbom sca iac licences smoke-api dast-api dast-web"},
	} {
		t.Run(name, func(t *testing.T) {
			cat := scanners()
			cfg, err := Read(Source{Name: "fairlead.yaml", Data: []byte(c.config)}, cat)
			if err != nil {
				t.Fatal(err)
			}
			p, err := Plan(cfg, push(c.branch), nil, cat)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, task := range p.Tasks {
				if strings.HasPrefix(task.Type, "scan.") || strings.HasPrefix(task.Type, "sbom.") || task.Type == stepHTTP {
					got = append(got, task.ID)
				}
				if task.Type == stepDAST && task.Phase != fairlead.PhasePreview {
					t.Errorf("%s is of phase %s", task.ID, task.Phase)
				}
			}
			if have := strings.Join(got, " "); have != c.want {
				t.Errorf("scanners are %s, want %s", have, c.want)
			}
		})
	}
}

// Code is looked at where there are Go modules, after the build; not where they
// only came along.
func TestGoCodeIsLookedAt(t *testing.T) {
	for name, c := range map[string]struct {
		files  map[string]string
		config string
		branch string
		want   bool
		needs  string
	}{
		"a module":              {map[string]string{"go.mod": "module x\n"}, shop, "main", true, "build"},
		"somewhere":             {map[string]string{"package.json": "{}", "tools/gen/go.mod": "module x\n"}, shop, "main", true, "build"},
		"none":                  {map[string]string{"package.json": "{}"}, shop, "main", false, ""},
		"of others":             {map[string]string{"vendor/x/go.mod": "module x\n", "testdata/go.mod": "module x\n", ".cache/go.mod": "module x\n"}, shop, "main", false, ""},
		"basic":                 {map[string]string{"go.mod": "module x\n"}, shop, "feature/x", false, ""},
		"done without":          {map[string]string{"go.mod": "module x\n"}, strings.Replace(shop, "production: {", "production: {without: [sast], ", 1), "main", false, ""},
		"a step of its own":     {map[string]string{"go.mod": "module x\n"}, shop + "steps: {code: {use: scan.sast}}\n", "main", false, ""},
		"nothing that is built": {map[string]string{"lib/go.mod": "module x\n"}, "version: 1\n", "main", true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			cat := scanners()
			cfg, err := Read(Source{Name: "fairlead.yaml", Data: []byte(c.config)}, cat)
			if err != nil {
				t.Fatal(err)
			}
			p, err := Plan(cfg, push(c.branch), tree(c.files), cat)
			if err != nil {
				t.Fatal(err)
			}
			i := slices.IndexFunc(p.Tasks, func(t fairlead.Task) bool { return t.ID == "sast" })
			if (i >= 0) != c.want || i >= 0 && strings.Join(p.Tasks[i].Needs, " ") != c.needs {
				t.Errorf("tasks are %+v", p.Tasks)
			}
			asked := slices.ContainsFunc(p.Gates, func(g fairlead.Gate) bool { return g.Name == GateLooked && strings.Contains(g.Rule, `"sast"`) })
			if asked != c.want {
				t.Errorf("asked whether it looked: %v", asked)
			}
		})
	}
}

// Every scanner is asked to have looked, those of the preview alone included:
// they are asked later, by the same gate.
func TestScannersAreAskedToLook(t *testing.T) {
	verify := fairlead.Task{ID: "sca", Type: "scan.sca", Phase: fairlead.PhaseVerify}
	secrets := fairlead.Task{ID: "secrets", Type: stepSecrets, Phase: fairlead.PhaseVerify}
	preview := fairlead.Task{ID: "dast", Type: stepDAST, Phase: fairlead.PhasePreview}
	for name, c := range map[string]struct {
		tasks     []fairlead.Task
		unscanned string
		rule      string
		outcome   fairlead.Outcome
	}{
		"none":         {[]fairlead.Task{secrets}, "deny", "", ""},
		"before":       {[]fairlead.Task{secrets, verify, preview}, "", `["sca"].all(id, id in tasks && tasks[id].result != "skip" && !tasks[id].partial)`, fairlead.OutcomeWarn},
		"preview only": {[]fairlead.Task{secrets, preview}, "deny", "true", fairlead.OutcomeDeny},
	} {
		gates := scannedGates(c.tasks, c.unscanned, "test")
		if len(gates) == 0 && c.rule == "" {
			continue
		}
		if len(gates) != 1 || gates[0].Name != GateLooked || gates[0].Rule != c.rule || gates[0].Outcome != c.outcome {
			t.Errorf("%s: %+v", name, gates)
		}
	}
}
