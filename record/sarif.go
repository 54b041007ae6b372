package record

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"fairlead.dev"
	"fairlead.dev/format/sarif"
)

// SARIF writes findings over time as SARIF 2.1.0: one run for each tool, in
// which a finding that several tools saw is a result of each. Findings that are
// excused are suppressed results; fixed ones are absent.
func SARIF(all []fairlead.Tracked) ([]byte, error) {
	runs := map[string]*sarif.Run{}
	for _, t := range all {
		for _, o := range t.Observations {
			if !o.Gone.IsZero() && t.FixedAt.IsZero() {
				continue
			}
			name, version := toolOf(o)
			key := name + "\x00" + version
			if runs[key] == nil {
				runs[key] = &sarif.Run{Tool: sarif.Tool{Name: name, Version: version}}
			}
			addRule(runs[key], t.Finding, o)
			runs[key].Results = append(runs[key].Results, resultOf(t, o))
		}
	}
	var log sarif.Log
	for _, key := range slices.Sorted(maps.Keys(runs)) {
		log.Runs = append(log.Runs, *runs[key])
	}
	if len(log.Runs) == 0 { // a log says who found nothing
		log.Runs = []sarif.Run{{Tool: sarif.Tool{Name: "fairlead"}}}
	}
	return sarif.Encode(log)
}

// toolOf splits "gosec 2.30.0"; a tool without version is its step type.
func toolOf(o fairlead.Observation) (name, version string) {
	name, version, _ = strings.Cut(o.ToolVersion, " ")
	return cmp.Or(name, o.Tool), version
}

func addRule(r *sarif.Run, f fairlead.Finding, o fairlead.Observation) {
	if slices.ContainsFunc(r.Rules, func(have sarif.Rule) bool { return have.ID == o.Rule }) {
		return
	}
	rule := sarif.Rule{ID: o.Rule, Short: firstLine(cmp.Or(f.Message, o.Rule)), Help: f.Fix, Level: levelOf(o.Severity), SecuritySeverity: score(o.Severity), Tags: []string{"security"}}
	for _, cwe := range f.CWE {
		rule.Tags = append(rule.Tags, "external/cwe/"+strings.ToLower(cwe))
	}
	r.Rules = append(r.Rules, rule)
}

func resultOf(t fairlead.Tracked, o fairlead.Observation) sarif.Result {
	f := t.Finding
	r := sarif.Result{
		RuleID: o.Rule, Level: levelOf(f.Severity), Message: cmp.Or(f.Message, FindingTitle(f)), BaselineState: baseline(t.State),
		PartialFingerprints: map[string]string{"fairlead/v1": t.ID}, Properties: properties(t),
	}
	if o.Location.Path != "" {
		r.Locations = []sarif.Location{{URI: o.Location.Path, Line: o.Location.Line, Column: o.Location.Column, Logical: f.Resource}}
	}
	for _, l := range f.Further {
		if l.Path != "" {
			r.Related = append(r.Related, sarif.Location{URI: l.Path, Line: l.Line, Column: l.Column})
		}
	}
	if t.Exception != "" {
		r.Suppressions = []sarif.Suppression{{Kind: "external", Status: "accepted", Justification: "exception " + t.Exception}}
	}
	return r
}

// properties is what SARIF has no word for.
func properties(t fairlead.Tracked) map[string]any {
	f := t.Finding
	p := map[string]any{"severity": SeverityOf(f), "state": t.State, "category": f.Category, "firstSeen": t.FirstSeen.UTC()}
	if !t.Due.IsZero() {
		p["due"] = t.Due.UTC()
	}
	for key, value := range map[string]string{
		"purl": f.Component.PURL, "vulnerability": f.Vulnerability.ID, "reachability": string(f.Reachability), "fix": f.Fix,
		"fixedIn": strings.Join(f.FixedIn, ", "), "severitySource": f.SeveritySource, "resource": f.Resource, "group": t.Group,
	} {
		if value != "" {
			p[key] = value
		}
	}
	return p
}

func baseline(s fairlead.FindingState) string {
	switch s {
	case fairlead.FindingNew, fairlead.FindingReopened:
		return "new"
	case fairlead.FindingFixed:
		return "absent"
	default:
		return "unchanged"
	}
}

func levelOf(s fairlead.Severity) sarif.Level {
	switch s {
	case fairlead.SeverityLow:
		return sarif.LevelNote
	case fairlead.SeverityMedium:
		return sarif.LevelWarning
	default:
		return sarif.LevelError
	}
}

// score is the number by which code hosts rank a severity. That of a finding of
// unknown severity is the lowest that is high.
func score(s fairlead.Severity) string {
	number := map[fairlead.Severity]float64{fairlead.SeverityCritical: 9.5, fairlead.SeverityHigh: 8, fairlead.SeverityMedium: 5.5, fairlead.SeverityLow: 2}
	if n, ok := number[s]; ok {
		return fmt.Sprintf("%.1f", n)
	}
	return "7.0"
}
