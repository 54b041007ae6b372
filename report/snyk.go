package report

import (
	"cmp"
	"path"
	"strings"

	"fairlead.dev"
)

// snykLog is what `snyk test --json` and `snyk iac test --json` write: one of
// these, or a list with one for each project.
type snykLog struct {
	Failure    string              `json:"error"`
	Manager    string              `json:"packageManager"`
	File       string              `json:"displayTargetFile"`
	TargetFile string              `json:"targetFile"`
	Vulns      []snykVulnerability `json:"vulnerabilities"`
	Issues     []snykIssue         `json:"infrastructureAsCodeIssues"`
	Filtered   struct {
		Ignore []struct{} `json:"ignore"`
	} `json:"filtered"`
}

type snykVulnerability struct {
	ID          string   `json:"id"`
	Title       string   `json:"title"`
	Type        string   `json:"type"` // license for a licence
	Severity    string   `json:"severity"`
	Vector      string   `json:"CVSSv3"`
	Package     string   `json:"packageName"`
	Module      string   `json:"moduleName"`
	Version     string   `json:"version"`
	Manager     string   `json:"packageManager"`
	From        []string `json:"from"`
	FixedIn     list     `json:"fixedIn"`
	Identifiers struct {
		CVE, CWE, GHSA list
	} `json:"identifiers"`
	EPSS object[struct {
		Probability word `json:"probability"`
	}] `json:"epssDetails"`
}

type snykIssue struct {
	ID       string `json:"id"`
	Title    string `json:"title"`
	Severity string `json:"severity"`
	Ignored  bool   `json:"isIgnored"`
	Line     int    `json:"lineNumber"`
	Path     list   `json:"path"`
	Resolve  string `json:"resolve"`
	Meaning  object[struct {
		Resolve string `json:"resolve"`
	}] `json:"iacDescription"`
}

func readSnyk(c *collector, b []byte) error {
	logs, err := each[snykLog](b)
	if err != nil {
		return err
	}
	tool := c.tool("snyk", "")
	for _, log := range logs {
		c.report.Failed = cmp.Or(c.report.Failed, clean(log.Failure, maxText))
		c.report.Excused += len(log.Filtered.Ignore)
		file := cmp.Or(log.File, log.TargetFile)
		for _, v := range log.Vulns {
			c.snykVulnerability(tool, file, cmp.Or(v.Manager, log.Manager), v)
		}
		for _, i := range log.Issues {
			c.snykIssue(tool, cmp.Or(log.TargetFile, file), i)
		}
	}
	return c.full
}

func (c *collector) snykVulnerability(tool, file, manager string, v snykVulnerability) {
	f := fairlead.Finding{
		Rule: v.ID, ToolVersion: tool, SeveritySource: cmp.Or(v.Vector, "snyk"), CWE: weaknesses(v.Identifiers.CWE...), FixedIn: versions(v.FixedIn...),
		Component: fairlead.Component{Name: cmp.Or(v.Package, v.Module), Version: v.Version, Direct: len(v.From) == 2},
		Location:  c.where(file, 0, 0),
	}
	f.Severity, _ = known(v.Severity)
	if s, ok := probability(string(v.EPSS.value.Probability)); ok {
		f.Vulnerability.EPSS = s
	}
	if v.Type == "license" || strings.HasPrefix(v.ID, "snyk:lic:") {
		f.Category, f.SeveritySource = fairlead.CategoryLicence, "policy"
		f.Message = f.Component.Name + ": " + v.Title
		c.add(f, "report", "snyk", v.ID, f.Component.Name, path.Dir(f.Location.Path))
		return
	}
	ids := append(append(append([]string{}, v.Identifiers.CVE...), v.Identifiers.GHSA...), v.ID)
	c.vulnerable(f, vulnerable{ids: ids, ecosystem: snykEcosystem(manager), summary: v.Title})
}

// snykEcosystem is OSV's word for the packages of a package manager, "" where
// the name alone does not tell which package it is.
func snykEcosystem(manager string) string {
	switch manager {
	case "npm", "yarn", "pnpm":
		return "npm"
	case "pip", "pipenv", "poetry":
		return "PyPI"
	case "gomodules", "golangdep", "govendor":
		return "Go"
	case "maven", "gradle", "sbt":
		return "Maven"
	case "rubygems":
		return "RubyGems"
	case "nuget", "paket":
		return "NuGet"
	case "composer":
		return "Packagist"
	case "cargo":
		return "crates.io"
	case "hex":
		return "Hex"
	}
	return ""
}

func (c *collector) snykIssue(tool, file string, i snykIssue) {
	severity, counts := severityOf(i.Severity)
	switch {
	case i.Ignored:
		c.report.Excused++
		return
	case !counts:
		c.report.Notes++
		return
	}
	f := fairlead.Finding{
		Category: fairlead.CategoryIaC, Rule: i.ID, ToolVersion: tool, Severity: severity, SeveritySource: "rule",
		Message: i.Title, Fix: cmp.Or(i.Meaning.value.Resolve, i.Resolve), Resource: strings.Join(i.Path, "."), Location: c.where(file, i.Line, 0),
	}
	c.add(f, "report", "snyk", f.Rule, f.Location.Path, f.Resource)
}
