package pipeline

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// reserved are the names of the gates that the matrix brings.
func reserved() []string {
	return []string{gateTasks, gateTestsRan, gateTestsPass, gateFlaky, gateSecrets, gateFindings, gateBuild, gateSBOM}
}

// check reports what is wrong between keys.
func (d *decoder) check(cfg *Config) {
	works := cfg.works()
	d.checkNames(works)
	for _, w := range works {
		d.checkWork(w, works)
	}
	if cfg.Build != nil {
		d.checkPaths("build.artifacts", cfg.Build.Artifacts)
	}
	d.checkCycles(works)
	d.checkRoutes(cfg)
	d.checkGates(cfg)
	d.checkStages(cfg)
}

// work is build, one test or one step, with where it stands.
type work struct {
	name  string
	key   string
	phase string // as it will be planned
	Work
}

// works lists build, tests and steps in the order of the file.
func (c *Config) works() []work {
	var ws []work
	if c.Build != nil {
		ws = append(ws, work{"build", "build", "verify", c.Build.Work})
	}
	for name, t := range c.Tests {
		ws = append(ws, work{name, "tests." + name, "verify", t.Work})
	}
	for name, s := range c.Steps {
		ws = append(ws, work{name, "steps." + name, s.Phase, s.Work})
	}
	slices.SortFunc(ws, func(a, b work) int {
		pa, pb := c.places[a.key], c.places[b.key]
		if pa != pb {
			return (pa.line-pb.line)*4096 + min(max(pa.col-pb.col, -4095), 4095)
		}
		return strings.Compare(a.key, b.key)
	})
	return ws
}

// checkNames reports a name that two pieces of work share.
func (d *decoder) checkNames(works []work) {
	owner := map[string]string{}
	for _, w := range works {
		if other, taken := owner[w.name]; taken {
			d.reportAt(w.key, "must have a name of its own; it is also the name of "+other, got(w.name), "")
			continue
		}
		owner[w.name] = w.key
	}
}

// checkWork reports needs that do not exist and a matrix that is too large.
func (d *decoder) checkWork(w work, works []work) {
	for i, need := range w.Needs {
		key := fmt.Sprintf("%s.needs[%d]", w.key, i)
		j := slices.IndexFunc(works, func(o work) bool { return o.name == need })
		switch {
		case j < 0:
			d.reportAt(key, "must name the build, a test or a step", got(need), nearestWork(need, works))
		case w.phase != "preview" && works[j].phase == "preview":
			d.reportAt(key, "must not wait for a step that runs after the decision", got(need), "give it phase: preview as well")
		}
	}
	cells := 1
	for _, name := range slices.Sorted(maps.Keys(w.Matrix)) {
		values, key := w.Matrix[name], w.key+".matrix."+name
		if len(values) == 0 {
			d.reportAt(key, "must have at least one value", "", "")
		}
		seen := map[Cell]bool{}
		for i, v := range values {
			if v != "" && seen[v] {
				d.reportAt(fmt.Sprintf("%s[%d]", key, i), "must not repeat a value", got(string(v)), "")
			}
			seen[v] = true
		}
		cells = min(cells*max(1, len(values)), maxCells+1)
	}
	if cells > maxCells {
		d.reportAt(w.key+".matrix", fmt.Sprintf("must have at most %d combinations", maxCells), "", "")
	}
	d.checkPaths(w.key+".reads", w.Reads)
}

func nearestWork(name string, works []work) string {
	names := make([]string, len(works))
	for i, w := range works {
		names[i] = w.name
	}
	return didYouMean(name, names)
}

// checkPaths reports globs that cannot match and paths that leave the tree.
func (d *decoder) checkPaths(key string, globs []string) {
	for i, g := range globs {
		at := fmt.Sprintf("%s[%d]", key, i)
		switch {
		case g == "":
		case !doublestar.ValidatePattern(g):
			d.reportAt(at, "must be a valid glob", got(g), "")
		case slices.Contains(strings.Split(g, "/"), ".."):
			d.reportAt(at, "must not leave the repository", got(g), "")
		}
	}
}

// checkCycles reports the first cycle of needs with its path.
func (d *decoder) checkCycles(works []work) {
	var nodes []node
	for _, w := range works {
		nodes = append(nodes, node{w.name, w.Needs})
	}
	if _, cycle := order(nodes); cycle != nil {
		i := slices.IndexFunc(works, func(w work) bool { return w.name == cycle[0] })
		d.reportAt(works[i].key+".needs", "must not need itself", strings.Join(cycle, " -> "), "")
	}
}

// checkRoutes compiles the routes' conditions.
func (d *decoder) checkRoutes(cfg *Config) {
	for i := range cfg.Routes {
		r, key := &cfg.Routes[i], fmt.Sprintf("routes[%d]", i)
		if r.When != "" {
			var err error
			if r.when, err = compile(r.When, routeEnv); err != nil {
				d.reportAt(key+".when", "must be a CEL condition over event and change: "+err.Error(), got(r.When), suggestVariable(err, false))
			}
		}
		if r.To != "" && !cfg.knowsEnvironment(r.To) {
			d.reportAt(key+".to", "must name an environment", got(r.To), didYouMean(r.To, cfg.environments()))
		}
	}
}

// checkGates compiles the gates' conditions and checks their rules.
func (d *decoder) checkGates(cfg *Config) {
	seen := map[string]bool{}
	for i := range cfg.Gates {
		g, key := &cfg.Gates[i], fmt.Sprintf("gates[%d]", i)
		if g.When != "" {
			var err error
			if g.when, err = compile(g.When, gateEnv); err != nil {
				d.reportAt(key+".when", "must be a CEL condition over event, change, environment and strategy: "+err.Error(), got(g.When), suggestVariable(err, true))
			}
		}
		if g.Rule != "" && d.cat.CheckRule != nil {
			if err := d.cat.CheckRule(g.Rule); err != nil {
				d.reportAt(key+".rule", "must be a CEL condition over the run's results: "+oneLine(err.Error()), got(g.Rule), "")
			}
		}
		switch {
		case slices.Contains(reserved(), g.Name):
			d.reportAt(key+".name", "must not be the name of a built-in gate", got(g.Name), "choose another name; what the matrix asks for is set under environments")
		case g.Name != "" && seen[g.Name]:
			d.reportAt(key+".name", "must be unique", got(g.Name), "")
		}
		seen[g.Name] = true
	}
}

// checkStages reports canary weights that do not grow.
func (d *decoder) checkStages(cfg *Config) {
	last := 0
	for i, s := range cfg.Deploy.Canary.Steps {
		if s.Weight > 0 && s.Weight <= last {
			d.reportAt(fmt.Sprintf("deploy.canary.steps[%d].weight", i), "must be greater than the weight before it", fmt.Sprint(s.Weight), "")
		}
		last = max(last, s.Weight)
	}
}

func oneLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}
