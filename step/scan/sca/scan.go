package sca

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"fairlead.dev"
	"fairlead.dev/format/cyclonedx"
	"fairlead.dev/remedy"
	"fairlead.dev/step"
	"fairlead.dev/vulndb"
)

// scan is one look-up on its way.
type scan struct {
	in     step.In
	config Config
	root   *os.Root
	db     *vulndb.DB
	state  vulndb.State

	parts     map[string]part // by purl
	matches   vulndb.Matches
	findings  []fairlead.Finding
	reachable int // vulnerabilities of Go code that were analysed
}

// part is a component and where the source names it.
type part struct {
	component fairlead.Component
	foundIn   []string // paths, sorted
	lines     map[string]int
}

// list takes the components of a document.
func (s *scan) list(d cyclonedx.Document) {
	s.parts = map[string]part{}
	direct := map[string]bool{}
	for _, ref := range d.Root.DependsOn {
		direct[ref] = true
	}
	for _, c := range d.Components {
		if c.PURL == "" {
			continue
		}
		p := part{component: fairlead.Component{
			PURL: c.PURL, Name: c.Name, Version: c.Version, Dev: c.Scope == cyclonedx.ScopeExcluded, Direct: direct[c.Identity()],
			Layer: c.Property(cyclonedx.PropertyLayer), Base: c.Property(cyclonedx.PropertyBase) == "true",
		}, lines: map[string]int{}}
		if c.Group != "" { // of a document that others made
			p.component.Name = vulndb.Component(c.PURL).Name
		}
		for _, o := range c.Found {
			p.foundIn, p.lines[o.Path] = append(p.foundIn, o.Path), o.Line
		}
		p.foundIn = slices.Compact(slices.Sorted(slices.Values(p.foundIn)))
		s.parts[c.PURL] = p
	}
}

// match looks the components up and makes findings of what is found.
func (s *scan) match(ctx context.Context, d cyclonedx.Document) error {
	var components []fairlead.Component
	for _, purl := range slices.Sorted(maps.Keys(s.parts)) {
		components = append(components, s.parts[purl].component)
	}
	var err error
	if s.matches, err = s.db.Match(ctx, components, d.Root.PURL, "pkg:generic/"+s.in.Service); err != nil {
		return err
	}
	near := s.nearness(ctx)
	byPrint := map[string]int{}
	for _, m := range s.matches.Found {
		for _, places := range s.byRoot(m.Component.PURL) {
			f := s.finding(m, places)
			f.Reachability, f.Message = near.of(m, places, f.Message)
			if i, ok := byPrint[f.Fingerprint]; ok {
				s.findings[i] = merge(s.findings[i], f)
				continue
			}
			byPrint[f.Fingerprint] = len(s.findings)
			s.findings = append(s.findings, f)
		}
	}
	slices.SortStableFunc(s.findings, func(a, b fairlead.Finding) int {
		return cmp.Or(cmp.Compare(a.Location.Path, b.Location.Path), cmp.Compare(a.Component.Name, b.Component.Name), cmp.Compare(a.Rule, b.Rule))
	})
	return nil
}

// byRoot gives the files that name a component, by the directory they are in:
// the same vulnerability in two modules is two findings.
func (s *scan) byRoot(purl string) [][]string {
	found := s.parts[purl].foundIn
	if len(found) == 0 {
		return [][]string{nil}
	}
	byDir := map[string][]string{}
	for _, p := range found {
		byDir[path.Dir(p)] = append(byDir[path.Dir(p)], p)
	}
	var out [][]string
	for _, dir := range slices.Sorted(maps.Keys(byDir)) {
		out = append(out, byDir[dir])
	}
	return out
}

func (s *scan) finding(m vulndb.Match, places []string) fairlead.Finding {
	c := s.parts[m.Component.PURL].component
	root := ""
	if len(places) > 0 {
		root = path.Dir(places[0])
	}
	f := fairlead.Finding{
		Fingerprint: fairlead.Fingerprint(fairlead.CategorySCA, m.Package.Ecosystem, m.Package.Name, m.Canonical, root),
		Category:    fairlead.CategorySCA, Rule: m.Vulnerability.ID, Tool: Name, ToolVersion: "fairlead " + version,
		Severity: m.Severity, SeveritySource: m.SeveritySource, CWE: m.CWE,
		Component: c, Vulnerability: m.Vulnerability, FixedIn: m.FixedIn, ClearedBy: m.ClearedBy,
		Message: fmt.Sprintf("%s %s: %s", c.Name, c.Version, cmp.Or(m.Summary, m.Canonical)),
		Fix:     fix(m, c),
	}
	for i, p := range places {
		at := fairlead.Location{Path: p, Line: s.parts[m.Component.PURL].lines[p]}
		if i == 0 {
			f.Location = at
		} else {
			f.Further = append(f.Further, at)
		}
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

// merge makes one finding of two versions of a component in one place: what is
// nearer counts, and both are named.
func merge(a, b fairlead.Finding) fairlead.Finding {
	if nearness(b.Reachability) < nearness(a.Reachability) {
		a.Reachability = b.Reachability
	}
	if !strings.Contains(a.Message, b.Component.Version) {
		a.Message += "; also in " + b.Component.Version
	}
	if a.ClearedBy != b.ClearedBy {
		a.ClearedBy = "" // one for each of the versions
	}
	a.Component.Dev = a.Component.Dev && b.Component.Dev
	a.Component.Direct = a.Component.Direct || b.Component.Direct
	a.FixedIn = slices.DeleteFunc(a.FixedIn, func(v string) bool { return !slices.Contains(b.FixedIn, v) })
	for _, l := range append([]fairlead.Location{b.Location}, b.Further...) {
		if l != a.Location && !slices.Contains(a.Further, l) {
			a.Further = append(a.Further, l)
		}
	}
	return a
}

// predicate is what the scan claims.
type predicate struct {
	Tool       string           `json:"tool"`
	Version    string           `json:"version"`
	Database   fairlead.Digest  `json:"database"`
	Snapshot   string           `json:"database_snapshot"`
	Components int              `json:"components"`
	Unmatched  int              `json:"components_unmatched"`
	Findings   []findingSummary `json:"findings"`
}

type findingSummary struct {
	Rule         string                `json:"rule"`
	PURL         string                `json:"purl"`
	Severity     fairlead.Severity     `json:"severity"`
	Reachability fairlead.Reachability `json:"reachability"`
	VEX          string                `json:"vex,omitempty"`
	Fingerprint  string                `json:"fingerprint"`
}

// out reports what was found. Findings do not fail the step: the gate decides
// what they mean.
func (s *scan) out() step.Out {
	p := predicate{
		Tool: "fairlead", Version: version, Database: s.state.Digest, Snapshot: s.state.Snapshot.Format("2006-01-02T15:04:05Z"),
		Components: len(s.parts), Unmatched: len(s.matches.Unmatched), Findings: []findingSummary{},
	}
	for _, f := range s.findings {
		p.Findings = append(p.Findings, findingSummary{f.Rule, f.Component.PURL, f.Severity, f.Reachability, f.Vulnerability.VEX, f.Fingerprint})
		fmt.Fprintf(s.in.Output, "%s: %s (%s, %s): %s\n", cmp.Or(f.Location.Path, f.Component.PURL), f.Rule, f.Severity, f.Reachability, f.Message)
	}
	for _, u := range s.matches.Unmatched {
		fmt.Fprintf(s.in.Output, "%s: not looked up: %s\n", u.Component.PURL, u.Reason)
	}
	fmt.Fprintf(s.in.Output, "%d components, %d not looked up, %d findings; database %s of %s\n",
		len(s.parts), len(s.matches.Unmatched), len(s.findings), s.state.Digest.Short(), s.state.Snapshot.Format("2006-01-02"))
	return step.Out{
		Outcome: step.Done, Findings: s.findings,
		Advisories: &fairlead.Advisories{Digest: s.state.Digest, Time: s.state.Snapshot, Records: s.state.Advisories},
		Claims:     []fairlead.Claim{{PredicateType: fairlead.PredicateScan, Predicate: step.Predicate(p)}},
		Measurements: []fairlead.Measurement{
			{Name: "components", Value: float64(len(s.parts)), Unit: "1"},
			{Name: "components_unmatched", Value: float64(len(s.matches.Unmatched)), Unit: "1"},
			{Name: "advisories", Value: float64(s.state.Advisories), Unit: "1"},
			{Name: "vulnerabilities_analysed", Value: float64(s.reachable), Unit: "1"},
		},
	}
}
