package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"fairlead.dev"
	"fairlead.dev/format/cyclonedx"
)

// readCycloneDX reads the vulnerabilities of a CycloneDX document, JSON or XML.
func readCycloneDX(c *collector, b []byte) error {
	d, err := cyclonedx.Decode(b)
	if err != nil {
		return err
	}
	tool := c.tool(d.Tool.Name, d.Tool.Version)
	r := bomReader{collector: c, tool: tool, parts: map[string]cyclonedx.Component{d.Root.Identity(): d.Root}, namedBy: namedBy(d)}
	for _, part := range d.Components {
		r.parts[part.Identity()] = part
	}
	for _, v := range d.Vulnerabilities {
		r.vulnerability(v)
	}
	return c.full
}

// bomReader is one document on its way.
type bomReader struct {
	*collector
	tool    string
	parts   map[string]cyclonedx.Component // by reference
	namedBy map[string]string              // file that brings a component in, by reference
}

func (r bomReader) vulnerability(v cyclonedx.Vulnerability) {
	switch v.State {
	case "not_affected", "false_positive", "resolved", "resolved_with_pedigree":
		r.report.Excused++
		return
	}
	for _, a := range v.Affects {
		part := r.parts[a.Ref]
		if part.PURL == "" && part.Name == "" {
			part = cyclonedx.Component{Name: a.Ref}
			if strings.HasPrefix(a.Ref, "pkg:") {
				part = cyclonedx.Component{PURL: a.Ref}
			}
		}
		f := fairlead.Finding{
			Rule: v.ID, ToolVersion: r.tool, FixedIn: versions(a.Fixed...), Fix: v.Recommendation,
			Component: fairlead.Component{
				PURL: part.PURL, Name: part.Name, Version: part.Version, Dev: part.Scope == cyclonedx.ScopeExcluded,
				Layer: cmp.Or(part.Property(cyclonedx.PropertyLayer), part.Property("aquasecurity:trivy:LayerDiffID"), part.Property("syft:location:0:layerID")),
			},
		}
		f.Severity, f.SeveritySource = rated(v)
		for _, id := range v.CWE {
			f.CWE = append(f.CWE, fmt.Sprintf("CWE-%d", id))
		}
		r.placesOf(&f, a.Ref, part)
		if v.State == "exploitable" {
			f.Vulnerability.VEX = "affected"
		}
		r.vulnerable(f, vulnerable{ids: append([]string{v.ID}, v.Aliases...), summary: v.Summary})
	}
}

// placesOf enters where a component was found, as the document or the tool says.
func (r bomReader) placesOf(f *fairlead.Finding, ref string, part cyclonedx.Component) {
	for _, o := range part.Found {
		r.further(f, r.where(o.Path, o.Line, 0))
	}
	if f.Location.Path == "" {
		f.Location = r.where(cmp.Or(part.Property("aquasecurity:trivy:FilePath"), part.Property("syft:location:0:path"), r.namedBy[ref]), 0, 0)
	}
}

// namedBy tells by which lock file a component is brought in, where a document
// has lock files as applications that depend on what they list.
func namedBy(d cyclonedx.Document) map[string]string {
	parts := map[string]cyclonedx.Component{}
	for _, c := range d.Components {
		parts[c.Identity()] = c
	}
	by := map[string]string{}
	for _, c := range d.Components {
		if c.Type != "application" || c.PURL != "" || c.Property("aquasecurity:trivy:Class") != "lang-pkgs" {
			continue
		}
		queue := slices.Clone(c.DependsOn)
		for len(queue) > 0 {
			ref := queue[0]
			queue = queue[1:]
			if _, known := by[ref]; known {
				continue
			}
			by[ref] = c.Name
			queue = append(queue, parts[ref].DependsOn...)
		}
	}
	return by
}

// rated is the rating of the database that the vulnerability is of, else the
// heaviest; unknown without any.
func rated(v cyclonedx.Vulnerability) (fairlead.Severity, string) {
	best, source := fairlead.SeverityUnknown, ""
	for _, r := range v.Ratings {
		s, _ := known(r.Severity)
		if r.Severity == "" || r.Severity == "unknown" {
			s = scored(r.Score)
		}
		if s == fairlead.SeverityUnknown {
			continue
		}
		said := cmp.Or(r.Vector, r.Source, r.Method, "rating")
		if r.Source != "" && r.Source == v.Source {
			return s, said
		}
		if source == "" || rank(s) < rank(best) {
			best, source = s, said
		}
	}
	return best, cmp.Or(source, "no rating")
}
