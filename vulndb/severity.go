package vulndb

import (
	"encoding/json"
	"slices"
	"strings"

	cvss20 "github.com/pandatix/go-cvss/20"
	cvss30 "github.com/pandatix/go-cvss/30"
	cvss31 "github.com/pandatix/go-cvss/31"
	cvss40 "github.com/pandatix/go-cvss/40"

	"fairlead.dev"
	"fairlead.dev/format/osv"
)

// rating is how bad a record says its vulnerability is, and by which words.
type rating struct {
	severity fairlead.Severity
	source   string // CVSS vector, or the word of the record's database
}

// rank orders severities, the worst first. Unknown is treated as high where
// something is decided, but any known rating is worth more than none.
func rank(s fairlead.Severity) int {
	return slices.Index([]fairlead.Severity{
		fairlead.SeverityCritical, fairlead.SeverityHigh, fairlead.SeverityMedium, fairlead.SeverityLow, fairlead.SeverityUnknown,
	}, s)
}

// rate gives a record's own rating: by CVSS 4 before 3 before 2, else by its
// database's word, else unknown. Of several vectors of one version the worst counts.
func rate(r osv.Record) rating {
	all := slices.Clone(r.Severity)
	for _, a := range r.Affected {
		all = append(all, a.Severity...)
	}
	for _, typ := range []string{"CVSS_V4", "CVSS_V3", "CVSS_V2"} {
		best := rating{severity: fairlead.SeverityUnknown}
		for _, s := range all {
			if s.Type != typ {
				continue
			}
			if v, ok := score(s.Score); ok && rank(severityOf(v)) < rank(best.severity) {
				best = rating{severityOf(v), s.Score}
			}
		}
		if best.source != "" {
			return best
		}
	}
	for _, word := range words(r, all) {
		if s, ok := severityWord(word); ok {
			return rating{s, word}
		}
	}
	return rating{severity: fairlead.SeverityUnknown}
}

// score gives the base score of a CVSS vector of any version.
func score(vector string) (float64, bool) {
	switch {
	case strings.HasPrefix(vector, "CVSS:4.0/"):
		if v, err := cvss40.ParseVector(vector); err == nil {
			return v.Score(), true
		}
	case strings.HasPrefix(vector, "CVSS:3.1/"):
		if v, err := cvss31.ParseVector(vector); err == nil {
			return v.BaseScore(), true
		}
	case strings.HasPrefix(vector, "CVSS:3.0/"):
		if v, err := cvss30.ParseVector(vector); err == nil {
			return v.BaseScore(), true
		}
	default:
		if v, err := cvss20.ParseVector(vector); err == nil {
			return v.BaseScore(), true
		}
	}
	return 0, false
}

// severityOf is the qualitative rating scale of CVSS 3 and 4.
func severityOf(score float64) fairlead.Severity {
	switch {
	case score >= 9:
		return fairlead.SeverityCritical
	case score >= 7:
		return fairlead.SeverityHigh
	case score >= 4:
		return fairlead.SeverityMedium
	}
	return fairlead.SeverityLow
}

// words gives the ratings a record has in words.
func words(r osv.Record, all []osv.Severity) []string {
	var d struct {
		Severity any `json:"severity"`
	}
	var out []string
	if json.Unmarshal(r.DatabaseSpecific, &d) == nil {
		if s, ok := d.Severity.(string); ok {
			out = append(out, s)
		}
	}
	for _, s := range all {
		if !strings.HasPrefix(s.Type, "CVSS") {
			out = append(out, s.Score)
		}
	}
	return out
}

func severityWord(word string) (fairlead.Severity, bool) {
	switch strings.ToLower(word) {
	case "critical":
		return fairlead.SeverityCritical, true
	case "high", "important":
		return fairlead.SeverityHigh, true
	case "medium", "moderate":
		return fairlead.SeverityMedium, true
	case "low", "negligible", "minor":
		return fairlead.SeverityLow, true
	}
	return "", false
}

// weaknesses gives the CWE identifiers a record names.
func weaknesses(r osv.Record) []string {
	var d struct {
		IDs []string `json:"cwe_ids"`
	}
	if json.Unmarshal(r.DatabaseSpecific, &d) != nil {
		return nil
	}
	return slices.DeleteFunc(d.IDs, func(s string) bool { return !strings.HasPrefix(s, "CWE-") || strings.ContainsAny(s, " \t\n") })
}
