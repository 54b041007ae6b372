package report

import (
	"cmp"

	"fairlead.dev"
)

// checkovLog is what Checkov writes with -o json: one of these, or a list with
// one for each kind of file.
type checkovLog struct {
	CheckType string         `json:"check_type"`
	Version   string         `json:"checkov_version"` // where there was nothing to check
	Results   checkovResults `json:"results"`
	Summary   struct {
		ParsingErrors int    `json:"parsing_errors"`
		Version       string `json:"checkov_version"`
	} `json:"summary"`
}

type checkovResults struct {
	Passed  []struct{}     `json:"passed_checks"`
	Failed  []checkovCheck `json:"failed_checks"`
	Skipped []struct{}     `json:"skipped_checks"`
}

type checkovCheck struct {
	ID            string `json:"check_id"`
	Name          string `json:"check_name"`
	File          string `json:"file_path"`
	Lines         []int  `json:"file_line_range"`
	Resource      string `json:"resource"`
	Severity      word   `json:"severity"` // null without an account of its maker's
	Guideline     string `json:"guideline"`
	Vulnerability struct {
		ID          string  `json:"id"`
		Severity    string  `json:"severity"`
		Vector      string  `json:"vector"`
		CVSS        float64 `json:"cvss"`
		Description string  `json:"description"`
		Package     string  `json:"package_name"`
		Version     string  `json:"package_version"`
		Fixed       string  `json:"lowest_fixed_version"`
	} `json:"vulnerability_details"`
}

func readCheckov(c *collector, b []byte) error {
	logs, err := each[checkovLog](b)
	if err != nil {
		return err
	}
	for _, log := range logs {
		tool := c.tool("checkov", cmp.Or(log.Summary.Version, log.Version))
		c.report.Partial = c.report.Partial || log.Summary.ParsingErrors > 0
		c.report.Excused += len(log.Results.Skipped)
		c.report.Notes += len(log.Results.Passed)
		for _, x := range log.Results.Failed {
			c.checkovCheck(tool, log.CheckType, x)
		}
	}
	return c.full
}

func (c *collector) checkovCheck(tool, kind string, x checkovCheck) {
	severity, counts := severityOf(string(x.Severity))
	if !counts {
		c.report.Notes++
		return
	}
	line := 0
	if len(x.Lines) > 0 {
		line = x.Lines[0]
	}
	f := fairlead.Finding{
		Category: fairlead.CategoryIaC, Rule: x.ID, ToolVersion: tool, Severity: severity, SeveritySource: "rule",
		Message: x.Name, Resource: x.Resource, Location: c.where("./"+x.File, line, 0),
	}
	if x.Guideline != "" {
		f.Fix = "see " + x.Guideline
	}
	switch v := x.Vulnerability; {
	case v.ID != "":
		f.Rule, f.Resource, f.Fix = v.ID, "", ""
		f.Component = fairlead.Component{Name: v.Package, Version: v.Version}
		f.Severity, f.SeveritySource = cmp.Or(scoredOr(v.CVSS, v.Severity), f.Severity), cmp.Or(v.Vector, "checkov")
		f.FixedIn = versions(v.Fixed)
		c.vulnerable(f, vulnerable{ids: []string{v.ID}, summary: v.Description})
	case kind == "secrets":
		f.Resource = "" // a hash of the secret without a key
		c.secret(f, x.Name)
	default:
		c.add(f, "report", "checkov", f.Rule, f.Location.Path, f.Resource)
	}
}

// scoredOr is the rating of a word, or of a score where there is no word.
func scoredOr(score float64, word string) fairlead.Severity {
	if word == "" {
		return scored(score)
	}
	s, _ := known(word)
	return s
}
