package sast

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/securego/gosec/v2/issue"
	"golang.org/x/tools/go/packages"

	"fairlead.dev"
	"fairlead.dev/step"
)

// take makes findings of gosec's issues of a package, in the order of the source.
func (j *judge) take(p *packages.Package, found []*issue.Issue) {
	slices.SortFunc(found, func(a, b *issue.Issue) int {
		return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(first(a.Line), first(b.Line)),
			cmp.Compare(first(a.Col), first(b.Col)), strings.Compare(a.RuleID, b.RuleID), strings.Compare(a.What, b.What))
	})
	found = slices.CompactFunc(found, func(a, b *issue.Issue) bool {
		return a.File == b.File && a.Line == b.Line && a.Col == b.Col && a.RuleID == b.RuleID
	})
	for _, i := range found {
		place := j.relative(i.File)
		if place == "" || j.config.allowed(place) || i.Confidence < confidences()[j.config.Confidence] {
			continue
		}
		if len(i.Suppressions) > 0 {
			j.suppressed = append(j.suppressed, suppression{Rule: i.RuleID, Path: place, Justification: i.Suppressions[0].Justification})
			continue
		}
		j.findings = append(j.findings, j.finding(i, place, function(p, i.File, first(i.Line))))
	}
}

// finding gives an issue its identity: rule, file, function and the code
// itself, and which one it is of those that are alike there.
func (j *judge) finding(i *issue.Issue, place, function string) fairlead.Finding {
	parts := []string{i.RuleID, place, function, code(i)}
	key := strings.Join(parts, "\x00")
	j.seen[key]++
	f := fairlead.Finding{
		Fingerprint: fairlead.Fingerprint(fairlead.CategorySAST, append(parts, strconv.Itoa(j.seen[key]))...),
		Category:    fairlead.CategorySAST, Rule: i.RuleID, Tool: Name, ToolVersion: engine,
		Severity: severity(i.Severity), SeveritySource: "rule, confidence " + strings.ToLower(i.Confidence.String()),
		Message: i.What, Location: fairlead.Location{Path: place, Line: first(i.Line), Column: first(i.Col)},
		Resource: function, Fix: i.Autofix,
	}
	if i.Cwe != nil {
		f.CWE = []string{"CWE-" + i.Cwe.ID}
	}
	return f
}

func severity(s issue.Score) fairlead.Severity {
	switch s {
	case issue.High:
		return fairlead.SeverityHigh
	case issue.Medium:
		return fairlead.SeverityMedium
	default:
		return fairlead.SeverityLow
	}
}

// first is the first number of "12" or "12-14".
func first(numbers string) int {
	head, _, _ := strings.Cut(numbers, "-")
	n, _ := strconv.Atoi(head)
	return n
}

// code is what the issue is about, without its line numbers, white space and
// the lines around it, which gosec quotes as well.
func code(i *issue.Issue) string {
	from, to := first(i.Line), first(i.Line)
	if _, last, ok := strings.Cut(i.Line, "-"); ok {
		to = first(last)
	}
	var kept []string
	for line := range strings.Lines(i.Code) {
		number, text, ok := strings.Cut(line, ": ")
		if n := first(number); ok && n >= from && n <= to {
			kept = append(kept, strings.Fields(text)...)
		}
	}
	return strings.Join(kept, " ")
}

// predicate is what the claim says about the scan.
type predicate struct {
	Scanner    string         `json:"scanner"`
	Packages   int            `json:"packages"`
	Missed     []string       `json:"missed,omitempty"` // what was not looked at completely, and why
	Findings   int            `json:"findings"`
	Rules      map[string]int `json:"rules"` // findings by rule
	Suppressed []suppression  `json:"suppressed"`
}

// out is what the step leaves.
func (j *judge) out(in step.In) step.Out {
	counts := map[string]int{}
	for _, f := range j.findings {
		counts[f.Rule]++
		fmt.Fprintf(in.Output, "%s:%d: %s: %s (%s)\n", f.Location.Path, f.Location.Line, f.Severity, f.Message, f.Rule)
	}
	for _, s := range j.suppressed {
		fmt.Fprintf(in.Output, "%s: %s is suppressed: %s\n", s.Path, s.Rule, s.Justification)
	}
	if j.packages == 0 && len(j.missed) > 0 {
		return step.Out{Outcome: step.Skipped, Reason: "not looked at: " + j.missed[0], Partial: true}
	}
	reason := fmt.Sprintf("%d packages", j.packages)
	if n := len(j.missed); n > 0 {
		reason += "; not looked at completely: " + j.missed[0]
	}
	if n := len(j.suppressed); n > 0 {
		reason += fmt.Sprintf(", %d findings suppressed in the source", n)
	}
	return step.Out{
		Outcome: step.Done, Reason: reason, Findings: j.findings, Partial: len(j.missed) > 0, Missed: j.blind,
		Measurements: []fairlead.Measurement{
			{Name: "packages_judged", Value: float64(j.packages), Unit: "1"},
			{Name: "findings", Value: float64(len(j.findings)), Unit: "1"},
			{Name: "suppressed", Value: float64(len(j.suppressed)), Unit: "1"},
		},
		Claims: []fairlead.Claim{{PredicateType: fairlead.PredicateScan, Predicate: step.Predicate(predicate{
			Scanner: engine, Packages: j.packages, Missed: j.missed, Findings: len(j.findings), Rules: counts, Suppressed: j.suppressed,
		})}},
	}
}
