package triage

import (
	"cmp"
	"maps"
	"slices"

	"fairlead.dev"
	"fairlead.dev/purl"
)

// enter takes sightings into account: first those that are known by their
// fingerprint, so that what is left of the findings may have moved to where the
// others are. A file that is renamed, and a vulnerability that gets another name,
// win no time by it.
func (b *book) enter(all []Sighting) {
	var fresh []Sighting
	for _, s := range all {
		if slices.ContainsFunc(s.Seen, func(f fairlead.Finding) bool { return b.known[known(f.Category, f.Fingerprint)] != "" }) {
			b.see(s)
		} else {
			fresh = append(fresh, s)
		}
	}
	leaving := b.leaving(fresh)
	for _, s := range fresh {
		if key := b.likeness(s.Finding); key != "" && len(leaving[key]) > 0 {
			t := leaving[key][0]
			b.known[known(s.Finding.Category, s.Seen[0].Fingerprint)] = t.ID
			leaving[key] = leaving[key][1:]
			if s.Finding.Vulnerability.ID == "" { // of a component it is the same, wherever it is named
				t.MovedAt = b.scan.Time
			}
		}
		b.see(s)
	}
}

// leaving gives the findings that nobody sees any more, by what they are apart
// from where; the first ones first. fresh is what is seen and not known.
func (b *book) leaving(fresh []Sighting) map[string][]*fairlead.Tracked {
	if len(fresh) == 0 || b.going == nil {
		return nil
	}
	var named []fairlead.Finding
	for _, s := range fresh {
		named = append(named, s.Seen...)
	}
	for _, id := range slices.Sorted(maps.Keys(b.all)) {
		named = append(named, b.all[id].Finding)
	}
	b.names = aliasClosure(named)
	out := map[string][]*fairlead.Tracked{}
	for _, id := range slices.Sorted(maps.Keys(b.all)) {
		t := b.all[id]
		stays := func(o fairlead.Observation) bool { return o.Gone.IsZero() && !b.going(t, o) }
		if key := b.likeness(t.Finding); key != "" && t.FixedAt.IsZero() && t.Into == "" && b.seen[id] == nil && !slices.ContainsFunc(t.Observations, stays) {
			out[key] = append(out[key], t)
		}
	}
	for _, same := range out {
		slices.SortStableFunc(same, func(x, y *fairlead.Tracked) int {
			return cmp.Or(x.FirstSeen.Compare(y.FirstSeen), cmp.Compare(x.Finding.Location.Path, y.Finding.Location.Path), cmp.Compare(x.Finding.Location.Line, y.Finding.Location.Line))
		})
	}
	return out
}

// likeness is what a finding is apart from where it is; "" when that says too
// little.
func (b *book) likeness(f fairlead.Finding) string {
	switch {
	case f.Vulnerability.ID != "" && f.Component.PURL != "":
		return join0(string(f.Category), f.Tool, "component", purl.WithoutVersion(f.Component.PURL), b.names[f.Vulnerability.ID], f.Component.Layer)
	case f.Location.Path != "" && f.Category != fairlead.CategorySecret: // a secret is known by what it is, wherever it is
		return join0(string(f.Category), f.Tool, "place", f.Rule, f.Resource, f.Message)
	}
	return ""
}
