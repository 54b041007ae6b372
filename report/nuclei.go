package report

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"regexp"
	"strings"

	"fairlead.dev"
)

// nucleiResult is what nuclei writes on each line with -jsonl, or in a list with
// -json-export. Request, response and what was extracted are never kept.
type nucleiResult struct {
	Template  string `json:"template-id"`
	Matcher   string `json:"matcher-name"`
	Status    *bool  `json:"matcher-status"`
	Type      string `json:"type"` // http, dns, ssl, tcp, file
	Port      word   `json:"port"`
	MatchedAt string `json:"matched-at"`
	Request   string `json:"request"`
	Info      struct {
		Name           string `json:"name"`
		Severity       string `json:"severity"`
		Remediation    string `json:"remediation"`
		Classification struct {
			CVE    list    `json:"cve-id"`
			CWE    list    `json:"cwe-id"`
			Vector string  `json:"cvss-metrics"`
			EPSS   float64 `json:"epss-score"`
		} `json:"classification"`
	} `json:"info"`
}

func readNuclei(c *collector, b []byte) error {
	b = bytes.TrimSpace(b)
	tool := c.tool("nuclei", "")
	if bytes.HasPrefix(b, []byte("[")) {
		all, err := each[nucleiResult](b)
		if err != nil {
			return err
		}
		for _, x := range all {
			c.nucleiResult(tool, x)
		}
		return c.full
	}
	d := json.NewDecoder(bytes.NewReader(b))
	for {
		var x nucleiResult
		if err := d.Decode(&x); errors.Is(err, io.EOF) {
			return c.full
		} else if err != nil {
			return wrong(err)
		}
		if x.Template == "" {
			return errors.New("a result has no template-id")
		}
		c.nucleiResult(tool, x)
	}
}

var method = regexp.MustCompile(`^[A-Z]{3,10} `)

func (c *collector) nucleiResult(tool string, x nucleiResult) {
	severity, counts := severityOf(x.Info.Severity)
	if !counts || x.Status != nil && !*x.Status {
		c.report.Notes++
		return
	}
	f := fairlead.Finding{
		Category: fairlead.CategoryDAST, Rule: x.Template, ToolVersion: tool, Severity: severity,
		SeveritySource: cmp.Or(x.Info.Classification.Vector, "template"), CWE: weaknesses(x.Info.Classification.CWE...), Fix: x.Info.Remediation,
	}
	f.Vulnerability.EPSS = min(max(x.Info.Classification.EPSS, 0), 1)
	var cves []string
	for _, id := range x.Info.Classification.CVE {
		cves = append(cves, strings.ToUpper(id))
	}
	f.Vulnerability.ID, f.Vulnerability.Aliases = aliases(cves)
	switch {
	case x.Type == "file":
		f.Category, f.Location = fairlead.CategorySAST, c.where(x.MatchedAt, 0, 0)
	case strings.Contains(x.MatchedAt, "://"):
		f.Resource = request(strings.TrimSpace(method.FindString(x.Request)), x.MatchedAt, "")
	default:
		f.Resource = strings.TrimSpace(x.Type + " :" + string(x.Port)) // hosts differ between environments
	}
	f.Message = cmp.Or(x.Info.Name, x.Template)
	if x.Matcher != "" {
		f.Message += " (" + x.Matcher + ")"
	}
	if f.Resource != "" {
		f.Message += " at " + f.Resource
	}
	c.add(f, "report", "nuclei", x.Template, x.Matcher, f.Location.Path, f.Resource)
}
