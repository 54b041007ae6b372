package sbom

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"fairlead.dev/format/cyclonedx"
)

// Part is a component as a comparison names it.
type Part struct {
	Name    string `json:"name"`
	PURL    string `json:"purl,omitempty"`
	Version string `json:"version,omitempty"`
}

// Change is a component that is in both documents, and not the same.
type Change struct {
	Name   string   `json:"name"` // purl without version, or the name
	Before []string `json:"before"`
	After  []string `json:"after"`
}

// Difference is what one document has and another has not.
type Difference struct {
	Added    []Part   `json:"added"`
	Removed  []Part   `json:"removed"`
	Versions []Change `json:"versions"` // other versions of the same component
	Licenses []Change `json:"licenses"` // another licence of the same version
	Same     int      `json:"same"`
}

// Diff compares two documents by their components, whatever their formats are:
// by purl without version, else by name.
func Diff(before, after cyclonedx.Document) Difference {
	out := Difference{Added: []Part{}, Removed: []Part{}, Versions: []Change{}, Licenses: []Change{}}
	a, b := byName(before), byName(after)
	names := map[string]bool{}
	for name := range a {
		names[name] = true
	}
	for name := range b {
		names[name] = true
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		old, now := a[name], b[name]
		gone, come := without(old, now), without(now, old)
		switch {
		case len(old) == 0:
			out.Added = append(out.Added, parts(name, now)...)
		case len(now) == 0:
			out.Removed = append(out.Removed, parts(name, old)...)
		case len(gone)+len(come) > 0:
			out.Versions = append(out.Versions, Change{name, versions(old), versions(now)})
		default:
			out.Same += len(now)
		}
		for _, v := range versions(now) {
			was, ok := old[v]
			if l, m := terms(was), terms(now[v]); ok && !slices.Equal(l, m) {
				out.Licenses = append(out.Licenses, Change{name + "@" + v, l, m})
			}
		}
	}
	return out
}

// byName groups components by what they are, and then by version.
func byName(d cyclonedx.Document) map[string]map[string]cyclonedx.Component {
	out := map[string]map[string]cyclonedx.Component{}
	for _, c := range d.Components {
		name := Unversioned(c.PURL)
		if name == "" {
			name = fullName(c)
		}
		if out[name] == nil {
			out[name] = map[string]cyclonedx.Component{}
		}
		out[name][c.Version] = c
	}
	return out
}

// Unversioned gives a purl without version, qualifiers and subpath.
func Unversioned(purl string) string {
	purl, _, _ = strings.Cut(purl, "#")
	purl, _, _ = strings.Cut(purl, "?")
	if i := strings.LastIndex(purl, "@"); i > strings.LastIndex(purl, "/") {
		return purl[:i]
	}
	return purl
}

func without(a, b map[string]cyclonedx.Component) []string {
	var out []string
	for v := range a {
		if _, ok := b[v]; !ok {
			out = append(out, v)
		}
	}
	return out
}

func versions(all map[string]cyclonedx.Component) []string { return slices.Sorted(maps.Keys(all)) }

func terms(c cyclonedx.Component) []string {
	out := []string{}
	for _, l := range c.Licenses {
		out = append(out, l.Text())
	}
	return slices.Compact(slices.Sorted(slices.Values(out)))
}

func parts(name string, all map[string]cyclonedx.Component) []Part {
	var out []Part
	for _, v := range versions(all) {
		out = append(out, Part{Name: cmp.Or(fullName(all[v]), name), PURL: all[v].PURL, Version: v})
	}
	return out
}
