package report

import (
	"strings"

	"fairlead.dev"
)

// kicsLog is what KICS writes with --report-formats json.
type kicsLog struct {
	Version string      `json:"kics_version"`
	Unread  int         `json:"files_failed_to_scan"`
	Queries []kicsQuery `json:"queries"`
}

type kicsQuery struct {
	Name     string `json:"query_name"`
	ID       string `json:"query_id"`
	Severity string `json:"severity"`
	CWE      word   `json:"cwe"`
	Files    []struct {
		Name         string `json:"file_name"`
		Line         int    `json:"line"`
		ResourceType string `json:"resource_type"`
		ResourceName string `json:"resource_name"`
		SearchKey    string `json:"search_key"`
		Actual       string `json:"actual_value"`
		Expected     string `json:"expected_value"`
	} `json:"files"`
}

func readKICS(c *collector, b []byte) error {
	var log kicsLog
	if err := decode(b, &log); err != nil {
		return wrong(err)
	}
	tool := c.tool("kics", log.Version)
	c.report.Partial = log.Unread > 0
	for _, q := range log.Queries {
		severity, counts := severityOf(q.Severity)
		if !counts {
			c.report.Notes += len(q.Files)
			continue
		}
		for _, x := range q.Files {
			f := fairlead.Finding{
				Category: fairlead.CategoryIaC, Rule: q.ID, ToolVersion: tool, Severity: severity, SeveritySource: "rule",
				Message: q.Name + ": " + x.Actual, Fix: x.Expected, Location: c.where(x.Name, x.Line, 0),
			}
			if id := strings.TrimSpace(string(q.CWE)); id != "" {
				f.CWE = weaknesses("CWE-" + strings.TrimPrefix(id, "CWE-"))
			}
			if strings.HasPrefix(q.Name, "Passwords And Secrets") {
				f.Fix = ""
				c.secret(f, q.Name)
				continue
			}
			f.Resource = resource(x.ResourceType, x.ResourceName, x.SearchKey)
			c.add(f, "report", "kics", f.Rule, f.Location.Path, f.Resource, x.SearchKey)
		}
	}
	return c.full
}

// resource names what a check is about: "aws_s3_bucket.logs".
func resource(typ, name, otherwise string) string {
	if name == "" || name == "n/a" {
		return otherwise
	}
	if typ == "" || typ == "n/a" {
		return name
	}
	return typ + "." + name
}
