package pipeline

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// reserved are the names of the gates that the matrix brings.
func reserved() []string {
	return []string{gateTasks, gateTestsRan, gateTestsPass, gateFlaky, gateSecrets, gateScanned, GateLooked, gateFindings, gateDenied, gateAsked, gateFixable, gateExploited, gateUnfixed, gateOverdue, gateBuild, gateSBOM, allApprovals}
}

// check reports what is wrong between keys.
func (d *decoder) check(cfg *Config) {
	works := cfg.works()
	phases := d.checkNames(works)
	for _, w := range works {
		d.checkNeeds(w, phases)
		d.checkMatrix(w)
		d.checkPaths(w.key+".reads", w.Reads)
	}
	if cfg.Build != nil {
		d.checkPaths("build.artifacts", cfg.Build.Artifacts)
	}
	d.checkCycles(works)
	d.checkRoutes(cfg)
	d.checkGates(cfg)
	d.checkStages(cfg)
	d.checkPeople(cfg)
	d.checkFreezes(cfg)
	d.checkBreakGlass(cfg)
	d.checkExceptions(cfg)
	d.checkLicences(cfg)
	d.checkJudges(cfg)
	d.checkLocks(cfg)
	d.checkServices(cfg)
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
		return cmp.Or(c.places[a.key].compare(c.places[b.key]), strings.Compare(a.key, b.key))
	})
	return ws
}

// checkNames reports a name that two pieces of work share, and gives the phase
// of each piece by its name.
func (d *decoder) checkNames(works []work) map[string]string {
	owner, phases := map[string]string{}, make(map[string]string, len(works))
	for _, w := range works {
		if other, taken := owner[w.name]; taken {
			d.reportAt(w.key, "must have a name of its own; it is also the name of "+other, got(w.name), "")
			continue
		}
		owner[w.name], phases[w.name] = w.key, w.phase
	}
	return phases
}

// checkNeeds reports needs that cannot be met.
func (d *decoder) checkNeeds(w work, phases map[string]string) {
	for i, need := range w.Needs {
		phase, known := phases[need]
		switch {
		case !known:
			d.reportAt(fmt.Sprintf("%s.needs[%d]", w.key, i), "must name the build, a test or a step", got(need),
				didYouMean(need, slices.Collect(maps.Keys(phases))))
		case w.phase != "preview" && phase == "preview":
			d.reportAt(fmt.Sprintf("%s.needs[%d]", w.key, i), "must not wait for a step that runs after the decision", got(need),
				"give it phase: preview as well")
		}
	}
}

// checkMatrix reports a matrix that has no combinations, too many, or one
// twice.
func (d *decoder) checkMatrix(w work) {
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
			d.reportAt(key+".to", "must name an environment", got(r.To), didYouMean(r.To, cfg.EnvironmentNames()))
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
