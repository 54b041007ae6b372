package triage

import (
	"cmp"
	"maps"
	"reflect"
	"slices"

	"fairlead.dev"
	"fairlead.dev/purl"
)

// Sighting is one thing that a scan saw: what its tools say together, and each
// on its own.
type Sighting struct {
	Finding fairlead.Finding   // of all tools together
	Seen    []fairlead.Finding // what each tool said, in the order of [order]
	Group   string             // sightings of one group are likely to have one cause
}

// Merge makes one sighting of all findings that are the same thing: those with
// one fingerprint, and those of different tools that agree on what it is and
// where. Neither the order of the findings matters nor whether one is there twice.
func Merge(findings []fairlead.Finding) []Sighting {
	all := slices.Clone(findings)
	for i := range all {
		all[i] = complete(all[i])
	}
	slices.SortFunc(all, order)
	ids := aliasClosure(all)
	sets := newSets(len(all))
	sets.joinEqual(all)
	sets.joinAcross(all, ids)
	members := map[int][]fairlead.Finding{}
	for i, f := range all {
		root := sets.find(i)
		members[root] = append(members[root], f)
	}
	out := make([]Sighting, 0, len(members))
	for _, root := range slices.Sorted(maps.Keys(members)) {
		seen := distinct(members[root])
		out = append(out, Sighting{Finding: join(seen), Seen: seen, Group: groupOf(seen, ids)})
	}
	return out
}

// complete gives a finding without a fingerprint one of what identifies it best.
func complete(f fairlead.Finding) fairlead.Finding {
	if f.Fingerprint == "" {
		f.Fingerprint = fairlead.Fingerprint(f.Category, f.Rule, f.Location.Path, f.Resource, purl.WithoutVersion(f.Component.PURL), f.Vulnerability.ID)
	}
	return f
}

// order is a total order of findings by what they are, so that no result
// depends on which tool was first.
func order(a, b fairlead.Finding) int {
	if c := cmp.Or(
		cmp.Compare(a.Category, b.Category), cmp.Compare(a.Fingerprint, b.Fingerprint), cmp.Compare(a.Tool, b.Tool),
		cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Location.Path, b.Location.Path), cmp.Compare(a.Location.Line, b.Location.Line),
		cmp.Compare(a.Location.Column, b.Location.Column), cmp.Compare(a.Component.PURL, b.Component.PURL),
	); c != 0 {
		return c
	}
	if reflect.DeepEqual(a, b) {
		return 0
	}
	return cmp.Compare(fairlead.DigestJSON(a), fairlead.DigestJSON(b))
}

// distinct leaves one of equal neighbours.
func distinct(fs []fairlead.Finding) []fairlead.Finding {
	return slices.CompactFunc(fs, func(a, b fairlead.Finding) bool { return order(a, b) == 0 })
}

// join says as one finding what several tools say about the same thing: the
// words of whoever knows most, the heaviest severity, the nearest reachability,
// and everything that only some of them know.
func join(seen []fairlead.Finding) fairlead.Finding {
	first := best(seen)
	out := seen[first]
	out.Further, out.CWE, out.FixedIn = slices.Clone(out.Further), slices.Clone(out.CWE), slices.Clone(out.FixedIn)
	out.Vulnerability.Aliases = slices.Clone(out.Vulnerability.Aliases)
	for i, f := range seen {
		if i == first {
			continue
		}
		if Heavier(f.Severity, out.Severity) {
			out.Severity, out.SeveritySource = f.Severity, f.SeveritySource
		}
		if reach(f.Reachability) < reach(out.Reachability) {
			out.Reachability = f.Reachability
		}
		if len(out.FixedIn) == 0 {
			out.FixedIn = slices.Clone(f.FixedIn)
		}
		out.Fix, out.Resource = cmp.Or(out.Fix, f.Fix), cmp.Or(out.Resource, f.Resource)
		out.ClearedBy = cmp.Or(out.ClearedBy, f.ClearedBy)
		out.CWE = append(out.CWE, f.CWE...)
		out.Further = append(append(out.Further, f.Location), f.Further...)
		out.Component = joinComponents(out.Component, f.Component)
		out.Vulnerability = joinVulnerabilities(out.Vulnerability, f.Vulnerability)
	}
	out.CWE = sorted(out.CWE)
	out.Vulnerability.Aliases = slices.DeleteFunc(sorted(out.Vulnerability.Aliases), func(id string) bool { return id == out.Vulnerability.ID })
	out.Further = places(out.Further, out.Location)
	return out
}

// best is the finding whose words are kept: the first that knows a version that
// clears its component, else the first that knows how near it is, else the first.
func best(seen []fairlead.Finding) int {
	if i := slices.IndexFunc(seen, func(f fairlead.Finding) bool { return f.ClearedBy != "" }); i >= 0 {
		return i
	}
	near := func(f fairlead.Finding) bool {
		return f.Reachability != "" && f.Reachability != fairlead.ReachableUnknown
	}
	return max(0, slices.IndexFunc(seen, near))
}

func joinComponents(a, b fairlead.Component) fairlead.Component {
	if a.PURL == "" && a.Name == "" {
		return b
	}
	a.Direct = a.Direct || b.Direct
	a.Dev = a.Dev && (b.Dev || b.PURL == "")
	a.Layer, a.Base = cmp.Or(a.Layer, b.Layer), a.Base || b.Base
	return a
}

func joinVulnerabilities(a, b fairlead.Vulnerability) fairlead.Vulnerability {
	a.Aliases = append(append(a.Aliases, b.Aliases...), without(b.ID)...)
	a.ID = cmp.Or(a.ID, b.ID)
	a.EPSS = max(a.EPSS, b.EPSS)
	if a.KEV.IsZero() || !b.KEV.IsZero() && b.KEV.Before(a.KEV) {
		a.KEV = b.KEV
	}
	a.VEX = joinVEX(a.VEX, b.VEX)
	return a
}

// joinVEX takes the more cautious of two statements.
func joinVEX(a, b string) string {
	caution := []string{"affected", "under_investigation", "fixed", "not_affected"}
	switch i, j := slices.Index(caution, a), slices.Index(caution, b); {
	case i < 0:
		return b
	case j < 0 || i <= j:
		return a
	default:
		return b
	}
}

func without(id string) []string {
	if id == "" {
		return nil
	}
	return []string{id}
}

// places are the distinct places of all but the main one, sorted. A file of
// which somebody knows the line is no further place.
func places(all []fairlead.Location, main fairlead.Location) []fairlead.Location {
	lines := map[string]bool{main.Path: main.Line > 0}
	for _, l := range all {
		lines[l.Path] = lines[l.Path] || l.Line > 0
	}
	all = slices.DeleteFunc(all, func(l fairlead.Location) bool {
		return l == main || l == fairlead.Location{} || l.Line == 0 && lines[l.Path]
	})
	slices.SortFunc(all, func(a, b fairlead.Location) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	if all = slices.Compact(all); len(all) == 0 {
		return nil
	}
	return all
}

func sorted(s []string) []string {
	slices.Sort(s)
	if s = slices.Compact(s); len(s) == 0 {
		return nil
	}
	return s
}

// reach ranks a reachability from the nearest; one that is not known says
// nothing against one that is.
func reach(r fairlead.Reachability) int {
	all := []fairlead.Reachability{
		fairlead.ReachableCalled, fairlead.ReachableImported, fairlead.ReachableRequired, fairlead.ReachableUnused, fairlead.ReachableUnknown,
	}
	if i := slices.Index(all, r); i >= 0 {
		return i
	}
	return len(all)
}
