package pipeline

import (
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
