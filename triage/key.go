package triage

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"fairlead.dev"
	"fairlead.dev/purl"
)

// sets keeps findings apart that are not the same thing: a union-find over
// their positions.
type sets struct{ parent []int }

func newSets(n int) *sets {
	s := &sets{parent: make([]int, n)}
	for i := range s.parent {
		s.parent[i] = i
	}
	return s
}

// find gives the smallest member of i's set.
func (s *sets) find(i int) int {
	for s.parent[i] != i {
		s.parent[i] = s.parent[s.parent[i]]
		i = s.parent[i]
	}
	return i
}

func (s *sets) join(i, j int) {
	i, j = s.find(i), s.find(j)
	s.parent[max(i, j)] = min(i, j)
}

// joinEqual joins what has one category and one fingerprint.
func (s *sets) joinEqual(all []fairlead.Finding) {
	first := map[string]int{}
	for i, f := range all {
		key := string(f.Category) + "\x00" + f.Fingerprint
		if j, ok := first[key]; ok {
			s.join(i, j)
		} else {
			first[key] = i
		}
	}
}

// joinAcross joins what different tools identify in the same way. Two findings
// of one tool stay two, whatever they look like: it knows why it told them
// apart, and which of them another tool means cannot be told.
func (s *sets) joinAcross(all []fairlead.Finding, ids map[string]string) {
	alike := map[string][]int{} // by identity: one of each set
	for i, f := range all {
		for _, key := range identities(f, ids) {
			if root := s.find(i); !slices.Contains(alike[key], root) {
				alike[key] = append(alike[key], root)
			}
		}
	}
	for _, at := range alike {
		tools := map[string]bool{}
		for _, i := range at {
			tools[all[i].Tool+" "+toolName(all[i].ToolVersion)] = true
		}
		if len(tools) < len(at) {
			continue
		}
		for _, j := range at[1:] {
			s.join(at[0], j)
		}
	}
}

// toolName is a tool without its version: "gosec 2.30.0" is "gosec".
func toolName(version string) string {
	name, _, _ := strings.Cut(version, " ")
	return name
}

// identities are what a finding has in common with what another tool says about
// the same thing: the vulnerability, under any of its names, of one component
// in one folder; one weakness at one line of one file, whatever each tool calls
// the function or the resource there; or one weakness of one entry point of a
// running service.
func identities(f fairlead.Finding, ids map[string]string) []string {
	if f.Vulnerability.ID != "" && f.Component.PURL != "" {
		return []string{join0(string(f.Category), "component", purl.WithoutVersion(f.Component.PURL), ids[f.Vulnerability.ID], path.Dir(f.Location.Path), f.Component.Layer)}
	}
	var keys []string
	for _, cwe := range f.CWE {
		switch {
		case f.Location.Path != "" && f.Location.Line > 0:
			at := []string{string(f.Category), "weakness", cwe, f.Location.Path, fmt.Sprint(f.Location.Line)}
			keys = append(keys, join0(append(at, f.Resource)...))
			if f.Resource != "" {
				keys = append(keys, join0(append(at, "")...))
			}
		case f.Category == fairlead.CategoryDAST && f.Location.Path == "" && f.Resource != "":
			keys = append(keys, join0(string(f.Category), "entry", cwe, f.Resource))
		}
	}
	return keys
}

// groupOf names what findings with likely one cause have in common: the
// vulnerability of a component wherever it is, or a weakness of one file.
func groupOf(seen []fairlead.Finding, ids map[string]string) string {
	for _, f := range seen {
		if f.Vulnerability.ID != "" && f.Component.PURL != "" {
			return fairlead.Fingerprint(f.Category, "group", purl.WithoutVersion(f.Component.PURL), ids[f.Vulnerability.ID])
		}
	}
	group := ""
	for _, f := range seen {
		for _, cwe := range f.CWE {
			if f.Location.Path == "" {
				continue
			}
			if key := fairlead.Fingerprint(f.Category, "group", cwe, f.Location.Path); group == "" || key < group {
				group = key
			}
		}
	}
	return group
}

// aliasClosure gives one name to every vulnerability, whatever each record
// calls it: the smallest of all that are aliases of one another.
func aliasClosure(all []fairlead.Finding) map[string]string {
	parent := map[string]string{}
	var find func(id string) string
	find = func(id string) string {
		p, ok := parent[id]
		if !ok || p == id {
			return id
		}
		root := find(p)
		parent[id] = root
		return root
	}
	for _, f := range all {
		v := f.Vulnerability
		for _, alias := range v.Aliases {
			if a, b := find(v.ID), find(alias); a != b {
				parent[max(a, b)] = min(a, b)
			}
		}
	}
	ids := map[string]string{}
	for _, f := range all {
		ids[f.Vulnerability.ID] = find(f.Vulnerability.ID)
		for _, alias := range f.Vulnerability.Aliases {
			ids[alias] = find(alias)
		}
	}
	return ids
}

func versionOf(purl string) string {
	purl, _, _ = strings.Cut(purl, "#")
	purl, _, _ = strings.Cut(purl, "?")
	if i := strings.LastIndexByte(purl, '@'); i > strings.LastIndexByte(purl, '/') {
		return purl[i+1:]
	}
	return ""
}

func join0(parts ...string) string { return strings.Join(parts, "\x00") }

// Heavier tells whether a weighs more than b where something is decided: unknown
// counts as high, but a severity that is known is said rather than one that is not.
func Heavier(a, b fairlead.Severity) bool { return weight(a) > weight(b) }

func weight(s fairlead.Severity) int {
	switch s {
	case fairlead.SeverityLow:
		return 1
	case fairlead.SeverityMedium:
		return 2
	case fairlead.SeverityHigh:
		return 4
	case fairlead.SeverityCritical:
		return 5
	default:
		return 3
	}
}

// ByWeight orders findings over time for people: heaviest first, then by due date.
func ByWeight(a, b fairlead.Tracked) int {
	return cmp.Or(
		cmp.Compare(weight(b.Finding.Severity), weight(a.Finding.Severity)), a.Due.Compare(b.Due),
		cmp.Compare(a.Finding.Category, b.Finding.Category), cmp.Compare(a.Finding.Location.Path, b.Finding.Location.Path),
		cmp.Compare(a.Finding.Location.Line, b.Finding.Location.Line), cmp.Compare(a.ID, b.ID),
	)
}

// Standing gives the findings that are there, excused ones included, heaviest first.
func Standing(all []fairlead.Tracked) []fairlead.Tracked {
	var out []fairlead.Tracked
	for _, t := range all {
		if t.FixedAt.IsZero() && t.Into == "" {
			out = append(out, t)
		}
	}
	slices.SortFunc(out, ByWeight)
	return out
}
