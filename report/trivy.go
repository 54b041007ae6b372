package report

import (
	"cmp"
	"strings"

	"fairlead.dev"
)

// trivyLog is what Trivy writes with --format json.
type trivyLog struct {
	Trivy   struct{ Version string } // of newer versions
	Results []trivyResult
}

type trivyResult struct {
	Target            string
	Class             string // os-pkgs, lang-pkgs, config, secret, license
	Type              string // gomod, npm, debian
	Vulnerabilities   []trivyVulnerability
	Misconfigurations []trivyMisconfiguration
	Secrets           []struct {
		RuleID, Severity, Title string
		StartLine               int
		Layer                   trivyLayer
	}
	Licenses []struct {
		Severity, Category, PkgName, FilePath, Name string
	}
	Modified []struct{} `json:"ExperimentalModifiedFindings"` // by an ignore file or VEX
}

type trivyLayer struct{ DiffID string }

type trivyVulnerability struct {
	VulnerabilityID, PkgName, PkgPath, InstalledVersion, FixedVersion string
	VendorIDs                                                         []string
	PkgIdentifier                                                     struct{ PURL string }
	Layer                                                             trivyLayer
	SeveritySource, Severity, Title                                   string
	CweIDs                                                            []string
	CVSS                                                              map[string]struct{ V2Vector, V3Vector, V40Vector string }
}

type trivyMisconfiguration struct {
	ID, AVDID, Title, Message, Resolution, Severity, Status string
	CauseMetadata                                           struct {
		Resource  string
		StartLine int
	}
}

func readTrivy(c *collector, b []byte) error {
	var log trivyLog
	if err := decode(b, &log); err != nil {
		return wrong(err)
	}
	tool := c.tool("trivy", log.Trivy.Version)
	for _, r := range log.Results {
		c.report.Excused += len(r.Modified)
		for _, v := range r.Vulnerabilities {
			c.trivyVulnerability(tool, r, v)
		}
		for _, m := range r.Misconfigurations {
			c.trivyMisconfiguration(tool, r, m)
		}
		for _, s := range r.Secrets {
			f := fairlead.Finding{Rule: s.RuleID, ToolVersion: tool, SeveritySource: "rule", Location: c.where(r.Target, s.StartLine, 0)}
			f.Component.Layer = s.Layer.DiffID
			f.Severity, _ = known(s.Severity)
			c.secret(f, s.Title)
		}
		for _, l := range r.Licenses {
			f := fairlead.Finding{
				Category: fairlead.CategoryLicence, Rule: l.Name, ToolVersion: tool, SeveritySource: "rule",
				Message: cmp.Or(l.PkgName, l.FilePath) + " is under " + l.Name + " (" + l.Category + ")", Location: c.where(cmp.Or(l.FilePath, r.Target), 0, 0),
				Component: fairlead.Component{Name: l.PkgName},
			}
			var counts bool
			if f.Severity, counts = known(l.Severity); !counts || l.Severity == "LOW" { // a licence that asks for nothing
				c.report.Notes++
				continue
			}
			c.add(f, "report", "trivy", l.Name, l.PkgName, f.Location.Path)
		}
	}
	return c.full
}

// known is severityOf for what is a finding whatever its severity: one that is
// merely informational is low.
func known(word string) (fairlead.Severity, bool) {
	s, ok := severityOf(word)
	if !ok {
		return fairlead.SeverityLow, false
	}
	return s, true
}

func (c *collector) trivyVulnerability(tool string, r trivyResult, v trivyVulnerability) {
	f := fairlead.Finding{
		Rule: v.VulnerabilityID, ToolVersion: tool, CWE: weaknesses(v.CweIDs...), FixedIn: versions(v.FixedVersion),
		Component: fairlead.Component{PURL: v.PkgIdentifier.PURL, Name: v.PkgName, Version: v.InstalledVersion, Layer: v.Layer.DiffID},
		Location:  c.where(cmp.Or(v.PkgPath, r.path()), 0, 0),
	}
	f.Severity, _ = known(v.Severity)
	of := v.CVSS[v.SeveritySource]
	f.SeveritySource = cmp.Or(of.V40Vector, of.V3Vector, of.V2Vector, strings.TrimSpace("trivy "+v.SeveritySource))
	c.vulnerable(f, vulnerable{ids: append([]string{v.VulnerabilityID}, v.VendorIDs...), summary: v.Title})
}

// path is the file that names the packages of a result.
func (r trivyResult) path() string {
	if r.Class != "os-pkgs" {
		return r.Target
	}
	switch r.Type {
	case "debian", "ubuntu":
		return "var/lib/dpkg/status"
	case "alpine", "wolfi", "chainguard":
		return "lib/apk/db/installed"
	}
	return ""
}

func (c *collector) trivyMisconfiguration(tool string, r trivyResult, m trivyMisconfiguration) {
	severity, counts := severityOf(m.Severity)
	if !counts || m.Status != "" && m.Status != "FAIL" {
		c.report.Notes++
		return
	}
	f := fairlead.Finding{
		Category: fairlead.CategoryIaC, Rule: cmp.Or(m.ID, m.AVDID), ToolVersion: tool, Severity: severity, SeveritySource: "rule",
		Message: cmp.Or(m.Message, m.Title), Fix: m.Resolution, Resource: m.CauseMetadata.Resource,
		Location: c.where(r.Target, m.CauseMetadata.StartLine, 0),
	}
	c.add(f, "report", "trivy", f.Rule, f.Location.Path, f.Resource)
}
