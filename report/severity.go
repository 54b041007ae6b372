package report

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"fairlead.dev"
)

// severityOf reads a tool's word. What is no flaw is not ok; a word that nobody
// knows is unknown.
func severityOf(word string) (s fairlead.Severity, ok bool) {
	switch strings.ToLower(strings.TrimSpace(word)) {
	case "critical", "blocker":
		return fairlead.SeverityCritical, true
	case "high", "important", "error", "serious":
		return fairlead.SeverityHigh, true
	case "medium", "moderate", "warning":
		return fairlead.SeverityMedium, true
	case "low", "minor", "negligible", "note":
		return fairlead.SeverityLow, true
	case "info", "informational", "information", "none", "trace":
		return "", false
	}
	return fairlead.SeverityUnknown, true
}

// scored is the qualitative rating of CVSS 3 and 4. A zero is what tools write
// for a score that they do not have.
func scored(score float64) fairlead.Severity {
	switch {
	case score >= 9:
		return fairlead.SeverityCritical
	case score >= 7:
		return fairlead.SeverityHigh
	case score >= 4:
		return fairlead.SeverityMedium
	case score > 0:
		return fairlead.SeverityLow
	}
	return fairlead.SeverityUnknown
}

// scoredText is the rating of a score that is written out; not ok for what is
// no number.
func scoredText(s string) (fairlead.Severity, bool) {
	n, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	if err != nil || n < 0 || n > 10 {
		return "", false
	}
	return scored(n), true
}

// rank orders severities, heaviest first: unknown counts as high.
func rank(s fairlead.Severity) int {
	return slices.Index([]fairlead.Severity{
		fairlead.SeverityCritical, fairlead.SeverityHigh, fairlead.SeverityUnknown, fairlead.SeverityMedium, fairlead.SeverityLow,
	}, s)
}

var (
	weakness   = regexp.MustCompile(`(?i)\bCWE[-_:/ ]?0*([1-9][0-9]{0,5})\b`)
	identifier = regexp.MustCompile(`^(CVE-[0-9]{4}-[0-9]{4,10}|GHSA(-[0-9a-z]{4}){3}|[A-Z]{2,12}-[0-9]{4}-[0-9]+)`)
)

// weaknesses gives the CWE identifiers that texts name: "CWE-89".
func weaknesses(texts ...string) []string {
	var out []string
	for _, t := range texts {
		for _, m := range weakness.FindAllStringSubmatch(t, 20) {
			if id := "CWE-" + m[1]; len(out) < maxFurther && !slices.Contains(out, id) {
				out = append(out, id)
			}
		}
	}
	return out
}

// vulnerabilityID gives the identifier of a vulnerability that text begins with, "" for none.
func vulnerabilityID(text string) string { return identifier.FindString(text) }

// probability reads a number from 0 to 1.
func probability(s string) (float64, bool) {
	n, err := strconv.ParseFloat(s, 64)
	return n, err == nil && n > 0 && n <= 1
}
