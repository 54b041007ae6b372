package gate

import (
	"slices"
	"time"

	"fairlead.dev"
)

// The types of the variables. The cel tags are the names that rules use.
type (
	taskFacts struct {
		ID     string `cel:"id"`
		Type   string `cel:"type"`
		Result string `cel:"result"`
		Reason string `cel:"reason"`

		Partial bool `cel:"partial"`
	}
	testFacts struct {
		Total   int         `cel:"total"`
		Passed  int         `cel:"passed"`
		Failed  int         `cel:"failed"`
		Flaky   int         `cel:"flaky"`
		Skipped int         `cel:"skipped"`
		Cases   []caseFacts `cel:"cases"`
	}
	caseFacts struct {
		Suite  string `cel:"suite"`
		Name   string `cel:"name"`
		Result string `cel:"result"`
		Task   string `cel:"task"`
	}
	findingFacts struct {
		Rule        string `cel:"rule"`
		Tool        string `cel:"tool"`
		Severity    string `cel:"severity"`
		Path        string `cel:"path"`
		Line        int    `cel:"line"`
		Fingerprint string `cel:"fingerprint"`
		Message     string `cel:"message"`

		Category      string  `cel:"category"`
		State         string  `cel:"state"`
		Overdue       bool    `cel:"overdue"`
		Reachable     bool    `cel:"reachable"`
		Exploited     bool    `cel:"exploited"`
		EPSS          float64 `cel:"epss"`
		Fixable       bool    `cel:"fixable"`
		Component     string  `cel:"component"`
		Vulnerability string  `cel:"vulnerability"`
	}
	artifactFacts struct {
		Name   string `cel:"name"`
		Digest string `cel:"digest"`
		Size   int64  `cel:"size"`
	}
	evidenceFacts struct {
		PredicateType string `cel:"predicate_type"`
		Task          string `cel:"task"`
		KeyID         string `cel:"key_id"`
	}
	eventFacts struct {
		Type    string `cel:"type"`
		Branch  string `cel:"branch"`
		Tag     string `cel:"tag"`
		Commit  string `cel:"commit"`
		Author  string `cel:"author"`
		Trigger string `cel:"trigger"`
	}
	changeFacts struct {
		Paths []string `cel:"paths"`
	}
	profileFacts struct {
		Security   string `cel:"security"`
		Deployment string `cel:"deployment"`
		Tests      string `cel:"tests"`
		Monitoring string `cel:"monitoring"`
		Cost       string `cel:"cost"`
		Compliance string `cel:"compliance"`
	}
)

// facts is what rules see, beside the nouns it was made from.
type facts struct {
	tasks       map[string]taskFacts
	tests       testFacts
	findings    []findingFacts
	artifacts   []artifactFacts
	evidence    []evidenceFacts
	event       eventFacts
	change      changeFacts
	environment string
	profile     profileFacts

	taskOrder []string           // ids, in the run's order
	found     []fairlead.Finding // parallel to findings
	excused   []fairlead.Tracked // findings that an exception lets pass
	now       time.Time
	cases     []fairlead.TestCase // parallel to tests.Cases
}

// gather collects the facts of a run, in the order of its tasks.
func gather(in Input) facts {
	e, p := in.Plan.Event, in.Plan.Profile
	f := facts{
		tasks: map[string]taskFacts{},
		event: eventFacts{
			Type: string(e.Type), Branch: e.Branch, Tag: e.Tag, Commit: e.Commit, Author: e.Author, Trigger: e.Trigger,
		},
		change:      changeFacts{Paths: e.Change.Paths},
		environment: in.Plan.Environment,
		profile: profileFacts{
			Security: p.Security, Deployment: string(p.Deployment), Tests: p.Tests,
			Monitoring: p.Monitoring, Cost: p.Cost, Compliance: p.Compliance,
		},
	}
	f.now = in.Time
	for _, t := range in.Tasks {
		f.addTask(t)
		if in.Findings == nil {
			for _, x := range t.Findings {
				f.addFinding(fairlead.Tracked{Finding: x})
			}
		}
	}
	for _, t := range in.Findings {
		switch {
		case !t.FixedAt.IsZero() || t.Into != "":
		case t.Exception != "":
			f.excused = append(f.excused, t)
		default:
			f.addFinding(t)
		}
	}
	for _, e := range in.Evidence {
		f.evidence = append(f.evidence, evidenceFacts{PredicateType: e.PredicateType, Task: e.TaskID, KeyID: e.KeyID})
	}
	return f
}

func (f *facts) addTask(t fairlead.TaskRun) {
	f.tasks[t.ID] = taskFacts{ID: t.ID, Type: t.Type, Result: string(t.Result), Reason: t.Reason, Partial: t.Partial}
	f.taskOrder = append(f.taskOrder, t.ID)
	for _, c := range t.Cases {
		f.tests.add(caseFacts{Suite: c.Suite, Name: c.Name, Result: string(c.Result), Task: t.ID})
		f.cases = append(f.cases, c)
	}
	for _, a := range t.Artifacts {
		f.artifacts = append(f.artifacts, artifactFacts{Name: a.Name, Digest: string(a.Digest), Size: a.Size})
	}
}

// addFinding adds one finding, as rules see it.
func (f *facts) addFinding(t fairlead.Tracked) {
	x := t.Finding
	f.findings = append(f.findings, findingFacts{
		Rule: x.Rule, Tool: x.Tool, Severity: severityOf(x), Path: x.Location.Path, Line: x.Location.Line,
		Fingerprint: x.Fingerprint, Message: x.Message,
		Category: string(x.Category), State: string(t.State), Overdue: t.Overdue(f.now), Reachable: !outOfReach(x),
		Exploited: !x.Vulnerability.KEV.IsZero(), EPSS: x.Vulnerability.EPSS, Fixable: len(x.FixedIn) > 0,
		Component: x.Component.PURL, Vulnerability: x.Vulnerability.ID,
	})
	f.found = append(f.found, x)
}

// outOfReach tells whether it is proven that a finding does no harm where it is.
func outOfReach(x fairlead.Finding) bool {
	return x.Reachability == fairlead.ReachableRequired || x.Reachability == fairlead.ReachableUnused ||
		x.Vulnerability.VEX == "not_affected" || x.Vulnerability.VEX == "fixed"
}

// strict gives the facts as if nothing was excused.
func (f facts) strict() facts {
	f.findings, f.found = slices.Clone(f.findings), slices.Clone(f.found)
	for _, t := range f.excused {
		f.addFinding(t)
	}
	return f
}

// exceptions lists those without which a rule would not hold.
func (f facts) exceptions(r rule) []string {
	var ids []string
	try := trial{rule: r, left: costLimit}
	for _, t := range f.excused {
		one := f
		one.findings, one.found = nil, nil
		one.addFinding(t)
		if try.breaks(one) && !slices.Contains(ids, t.Exception) {
			ids = append(ids, t.Exception)
		}
	}
	slices.Sort(ids)
	return ids
}

// add counts one case. A result that is not known counts as failed.
func (t *testFacts) add(c caseFacts) {
	t.Cases = append(t.Cases, c)
	t.Total++
	switch fairlead.CaseResult(c.Result) {
	case fairlead.CasePassed:
		t.Passed++
	case fairlead.CaseFlaky:
		t.Flaky++
	case fairlead.CaseSkipped:
		t.Skipped++
	default:
		t.Failed++
	}
}

// severityOf is the severity that rules see: one that is not known is high.
func severityOf(f fairlead.Finding) string {
	switch f.Severity {
	case fairlead.SeverityCritical, fairlead.SeverityHigh, fairlead.SeverityMedium, fairlead.SeverityLow:
		return string(f.Severity)
	default:
		return string(fairlead.SeverityHigh)
	}
}

// suspects lists the tasks that did not succeed, or not completely.
func (f facts) suspects() []string {
	var ids []string
	for _, id := range f.taskOrder {
		if t := f.tasks[id]; t.Result != string(fairlead.ResultSuccess) || t.Partial {
			ids = append(ids, id)
		}
	}
	return ids
}

// activation binds the facts to the variables' names. Lists are never nil, so
// that an empty one is a list to CEL as well.
func (f facts) activation() map[string]any {
	return map[string]any{
		"tasks":       f.tasks,
		"tests":       testFacts{f.tests.Total, f.tests.Passed, f.tests.Failed, f.tests.Flaky, f.tests.Skipped, list(f.tests.Cases)},
		"findings":    list(f.findings),
		"artifacts":   list(f.artifacts),
		"evidence":    list(f.evidence),
		"event":       f.event,
		"change":      changeFacts{Paths: list(f.change.Paths)},
		"environment": f.environment,
		"profile":     f.profile,
	}
}

func list[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}
