package pipeline

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"fairlead.dev"
)

// Defaults and limits of a piece of work.
const (
	defaultTimeout = fairlead.Duration(15 * time.Minute)
	defaultRetries = 2
	maxCells       = 256   // combinations of one matrix
	maxTasks       = 10000 // tasks of one plan
)

// draft is a piece of work on its way to one task or, with a matrix, several.
type draft struct {
	node
	step    string // step type
	config  json.RawMessage
	work    Work
	phase   fairlead.Phase
	slow    bool   // a test suite above the level fast
	service string // of several: the one that a preview checks
	source  string // reason: config, matrix or detected
	detail  string
	order   place // where it stands in the file
}

// drafts collects everything the plan does, in the order of the file, the
// matrix's own work last.
func (p *planner) drafts() ([]draft, error) {
	var ds []draft
	if b, source, detail := p.build(); b != nil {
		keys := map[string]any{"run": b.Run}
		if len(b.Artifacts) > 0 {
			keys["artifacts"] = b.Artifacts
		}
		d, err := p.draft("build", "build", stepBuild, keys, b.Work)
		if err != nil {
			return nil, err
		}
		d.source, d.detail = source, detail
		ds = append(ds, d)
	}
	tests, err := p.tests()
	if err != nil {
		return nil, err
	}
	ds = append(append(ds, tests...), p.steps()...)
	slices.SortStableFunc(ds, func(a, b draft) int {
		return cmp.Or(a.order.compare(b.order), strings.Compare(a.id, b.id))
	})
	own, err := p.matrixDrafts(ds)
	if err != nil {
		return nil, err
	}
	ds = append(ds, own...)
	return ds, p.licences(ds)
}

// draft makes a piece of work of a step type from the keys that differ from
// the type's defaults.
func (p *planner) draft(id, key, step string, keys map[string]any, w Work) (draft, error) {
	info, _ := p.cat.step(step)
	config, err := complete(step, info.Config, keys)
	return draft{
		node: node{id, w.Needs}, step: step, config: config, work: w,
		phase: fairlead.PhaseVerify, order: p.cfg.places[key],
	}, err
}

// steps are the configured steps. Those that check a release are left out when
// there is none.
func (p *planner) steps() []draft {
	var ds []draft
	for _, name := range slices.Sorted(maps.Keys(p.cfg.Steps)) {
		s, key := p.cfg.Steps[name], "steps."+name
		if s.Phase == string(fairlead.PhasePreview) && p.strategy == fairlead.StrategyNone {
			p.because("task "+name, "left out", "event", "it checks a release and nothing is released")
			continue
		}
		if s.Service != "" && !slices.ContainsFunc(p.services, func(o fairlead.ServicePlan) bool { return o.Name == s.Service }) {
			p.because("task "+name, "left out", "config", "it checks "+s.Service+", which is not released to "+p.environment)
			continue
		}
		ds = append(ds, draft{
			node: node{name, s.Needs}, step: s.Use, config: s.With.Config, work: s.Work,
			phase: fairlead.Phase(s.Phase), service: s.Service, source: "config", detail: p.cfg.at(key), order: p.cfg.places[key],
		})
	}
	return ds
}

// build is the configured build or else the detected one. A schedule releases
// nothing and builds only for steps that need it.
func (p *planner) build() (b *Build, source, detail string) {
	switch {
	case p.environment == envAll && !p.stepNeedsBuild():
		return nil, "", ""
	case p.cfg.Build != nil:
		return p.cfg.Build, "config", p.cfg.at("build")
	case p.found.build != nil:
		return p.found.build, "detected", p.found.language + " by " + p.found.by
	}
	return nil, "", ""
}

func (p *planner) stepNeedsBuild() bool {
	for _, s := range p.cfg.Steps {
		if slices.Contains(s.Needs, "build") {
			return true
		}
	}
	return false
}

// tests are the suites that the tests cell includes and those they need.
func (p *planner) tests() ([]draft, error) {
	suites, source := p.cfg.Tests, "config"
	if len(suites) == 0 && p.found.test != nil {
		suites, source = map[string]Test{p.testName(): *p.found.test}, "detected"
	}
	chosen := chooseTests(suites, p.profile.Tests)
	var ds []draft
	for _, name := range slices.Sorted(maps.Keys(suites)) {
		why, ok := chosen[name]
		if !ok {
			p.because("task "+name, "left out", "matrix", levelOf(suites[name])+" tests are not in tests: "+p.profile.Tests)
			continue
		}
		d, err := p.testDraft(name, suites[name])
		if err != nil {
			return nil, err
		}
		d.source, d.detail = source, p.cfg.at("tests."+name)+" ("+why+")"
		if source == "detected" {
			d.detail = p.found.language + " by " + p.found.by + " (" + why + ")"
		}
		ds = append(ds, d)
	}
	return ds, nil
}

// chooseTests gives the suites that a tests cell includes, and those that they
// need, with why.
func chooseTests(suites map[string]Test, cell string) map[string]string {
	chosen := map[string]string{}
	var choose func(name, why string)
	choose = func(name, why string) {
		t, ok := suites[name]
		if _, done := chosen[name]; done || !ok {
			return
		}
		chosen[name] = why
		for _, need := range t.Needs {
			choose(need, "needed by "+name)
		}
	}
	wanted := levels(cell)
	for _, name := range slices.Sorted(maps.Keys(suites)) {
		if level := levelOf(suites[name]); slices.Contains(wanted, level) {
			choose(name, level+" tests, profile "+cell)
		}
	}
	return chosen
}

// testName is a name for the detected tests that no step has taken.
func (p *planner) testName() string {
	if _, taken := p.cfg.Steps["test"]; taken {
		return "detected-test"
	}
	return "test"
}

func levelOf(t Test) string {
	if t.Level == "" {
		return "fast"
	}
	return t.Level
}

func (p *planner) testDraft(name string, t Test) (draft, error) {
	keys := map[string]any{"run": t.Run, "report": reportOf(t)}
	if t.ReportFile != "" {
		keys["report-file"] = t.ReportFile
	}
	if t.RetryFailed != nil {
		keys["retry-failed"] = *t.RetryFailed
	}
	if reportOf(t) != "none" {
		p.reporting++
	}
	d, err := p.draft(name, "tests."+name, stepTest, keys, t.Work)
	d.slow = levelOf(t) != "fast"
	return d, err
}

func reportOf(t Test) string {
	if t.Report == "" {
		return "none"
	}
	return t.Report
}

// tasks turns the drafts into tasks in topological order. A need on work with
// a matrix is a need on all its cells; a need on work that is left out of this
// plan is dropped.
func (p *planner) tasks(ds []draft) ([]fairlead.Task, error) {
	nodes, cells := make([]node, len(ds)), make(map[string][]string, len(ds))
	expanded := make([][]fairlead.Task, len(ds))
	total := 0
	for i, d := range ds {
		nodes[i] = d.node
		expanded[i] = p.expand(d)
		total += len(expanded[i])
		for _, t := range expanded[i] {
			cells[d.id] = append(cells[d.id], t.ID)
		}
	}
	if total > maxTasks {
		return nil, problem("use smaller matrices", "the plan has %d tasks; at most %d are possible", total, maxTasks)
	}
	sorted, cycle := order(nodes)
	if cycle != nil {
		return nil, problem("remove one of these needs", "needs form a cycle: %s", strings.Join(cycle, " -> "))
	}
	tasks := make([]fairlead.Task, 0, total)
	for _, i := range sorted {
		needs := []string{}
		for _, need := range ds[i].needs {
			needs = append(needs, cells[need]...)
		}
		for _, t := range expanded[i] {
			t.Needs = unique(needs)
			tasks = append(tasks, t)
			p.because("task "+t.ID, ds[i].step, ds[i].source, ds[i].detail)
		}
	}
	return tasks, nil
}
