// Package correlate makes findings of what the database of vulnerabilities says
// about the components of a bill of materials. A scan of a source and a look at
// what runs use it alike, so that what both see is one finding.
package correlate

import (
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"path"
	"slices"
	"strings"

	"fairlead.dev"
	"fairlead.dev/format/cyclonedx"
	"fairlead.dev/purl"
	"fairlead.dev/remedy"
	"fairlead.dev/vulndb"
)

// Tool is the tool of the findings: the step type scan.sca.
const Tool = "scan.sca"

// Version is that of the rules in here and in scan.sca: raise it when they find
// something else.
const Version = "3"

// Part is a component of a bill of materials, and where the source names it.
type Part struct {
	Component fairlead.Component
	Places    []fairlead.Location // sorted, one for each file
}

// Products gives the names by which a VEX statement may be about a service as a
// whole: its package URL, and the name alone. Where the commit is not known a
// statement about one of its versions is not about it.
func Products(service, commit string) []string {
	return []string{service, strings.TrimSuffix("pkg:generic/"+url.PathEscape(service)+"@"+commit, "@")}
}

// Parts gives the components of a document that have a purl, by purl.
func Parts(d cyclonedx.Document) map[string]Part {
	direct := map[string]bool{}
	for _, ref := range d.Root.DependsOn {
		direct[ref] = true
	}
	parts := map[string]Part{}
	for _, c := range d.Components {
		if c.PURL == "" {
			continue
		}
		p := Part{Component: fairlead.Component{
			PURL: c.PURL, Name: c.Name, Version: c.Version, Dev: c.Scope == cyclonedx.ScopeExcluded, Direct: direct[c.Identity()],
			Layer: c.Property(cyclonedx.PropertyLayer), Base: c.Property(cyclonedx.PropertyBase) == "true",
		}}
		if c.Group != "" { // of a document that others made
			p.Component.Name = purl.Component(c.PURL).Name
		}
		lines := map[string]int{}
		for _, o := range c.Found {
			lines[o.Path] = o.Line
		}
		for _, file := range slices.Sorted(maps.Keys(lines)) {
			p.Places = append(p.Places, fairlead.Location{Path: file, Line: lines[file]})
		}
		parts[c.PURL] = p
	}
	return parts
}

// Mention gives what an inventory keeps of a part.
func (p Part) Mention() fairlead.Mention {
	c := p.Component
	return fairlead.Mention{Places: p.Places, Direct: c.Direct, Dev: c.Dev, Layer: c.Layer, Base: c.Base}
}

// Mentioned gives the part that an inventory has kept.
func Mentioned(named string, m fairlead.Mention) Part {
	c := purl.Component(named)
	c.Direct, c.Dev, c.Layer, c.Base = m.Direct, m.Dev, m.Layer, m.Base
	return Part{Component: c, Places: m.Places}
}

// Findings makes findings of a match of a part: one for each folder that names
// it, because the same vulnerability in two modules is two findings. How near
// the vulnerable code is to being called is unknown in them.
func Findings(m vulndb.Match, p Part) []fairlead.Finding {
	if len(p.Places) == 0 {
		return []fairlead.Finding{finding(m, p.Component, "", nil)}
	}
	byDir := map[string][]fairlead.Location{}
	for _, at := range p.Places {
		byDir[path.Dir(at.Path)] = append(byDir[path.Dir(at.Path)], at)
	}
	var out []fairlead.Finding
	for _, dir := range slices.Sorted(maps.Keys(byDir)) {
		out = append(out, finding(m, p.Component, dir, byDir[dir]))
	}
	return out
}

func finding(m vulndb.Match, c fairlead.Component, dir string, places []fairlead.Location) fairlead.Finding {
	f := fairlead.Finding{
		Fingerprint: fairlead.Fingerprint(fairlead.CategorySCA, m.Package.Ecosystem, m.Package.Name, m.Canonical, dir),
		Category:    fairlead.CategorySCA, Rule: m.Vulnerability.ID, Tool: Tool, ToolVersion: "fairlead " + Version,
		Severity: m.Severity, SeveritySource: m.SeveritySource, CWE: m.CWE,
		Component: c, Vulnerability: m.Vulnerability, FixedIn: m.FixedIn, ClearedBy: m.ClearedBy,
		Reachability: fairlead.ReachableUnknown,
		Message:      fmt.Sprintf("%s %s: %s", c.Name, c.Version, cmp.Or(m.Summary, m.Canonical)),
		Fix:          fix(m, c),
	}
	if len(places) > 0 {
		f.Location, f.Further = places[0], places[1:]
	}
	if len(f.Further) == 0 {
		f.Further = nil
	}
	return f
}

// fix says what to do: the smallest version without any known vulnerability,
// else the smallest without this one, and the command that brings it.
func fix(m vulndb.Match, c fairlead.Component) string {
	to, what := m.ClearedBy, "clears everything known about it"
	if to == "" && len(m.FixedIn) > 0 {
		to, what = m.FixedIn[0], "fixes this; no version is known to be free of everything"
	}
	if to == "" {
		return "no version fixes it: replace the component, or record with a reason why it does not matter here"
	}
	said := fmt.Sprintf("%s %s", to, what)
	if command := remedy.Command(m.Package.Ecosystem, cmp.Or(c.Name, m.Package.Name), to, c.Direct); command != "" {
		said += ": " + command
	}
	return said
}
