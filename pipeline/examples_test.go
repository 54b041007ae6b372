package pipeline

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"fairlead.dev"
	"fairlead.dev/gate"
	stepall "fairlead.dev/step/all"
	targetall "fairlead.dev/target/all"
)

// realCatalog is the catalog that the product is wired with.
func realCatalog() Catalog {
	c := Catalog{CheckRule: gate.Check}
	for _, s := range stepall.Types() {
		c.Steps = append(c.Steps, StepInfo{Name: s.Name, Title: s.Title, Config: s.Config, NeedsEndpoint: s.Needs.Endpoint})
	}
	for _, t := range targetall.Types() {
		c.Targets = append(c.Targets, TargetInfo{Name: t.Name, Title: t.Title, Config: t.Config})
	}
	return c
}

// Every example is read, accepted by the schema and planned for every branch
// of the matrix, and the gate room understands every rule of its plans.
func TestExamplesWithTheRealCatalog(t *testing.T) {
	files, err := filepath.Glob("../examples/*/fairlead.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	cat := realCatalog()
	schema := compiledSchema(t, cat)
	for _, file := range append(files, "") {
		t.Run(file, func(t *testing.T) {
			src := Source{Name: "fairlead.yaml"}
			if file != "" {
				if src.Data, err = os.ReadFile(file); err != nil {
					t.Fatal(err)
				}
				if err := schema.Validate(generic(t, src.Data)); err != nil {
					t.Error(err)
				}
			}
			cfg, err := Read(src, cat)
			if err != nil {
				t.Fatal(err)
			}
			for _, branch := range []string{"main", "develop", "feature/x"} {
				planAndCheck(t, cfg, cat, branch, os.DirFS("../examples/shop"))
			}
		})
	}
}

func planAndCheck(t *testing.T, cfg *Config, cat Catalog, branch string, tree fs.FS) {
	t.Helper()
	p, err := Plan(cfg, push(branch), tree, cat)
	if err != nil {
		t.Fatal(err)
	}
	if (p.Release == nil) != (p.Strategy == fairlead.StrategyNone) || (branch == "main" && p.Release == nil) {
		t.Errorf("%s by %s with release %v", branch, p.Strategy, p.Release)
	}
	for _, g := range p.Gates {
		if err := gate.Check(g.Rule); err != nil {
			t.Errorf("%s: gate %s: %v", branch, g.Name, err)
		}
	}
}
