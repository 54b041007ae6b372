// Package sbom works on bills of materials, whoever made them: it reads every
// format, writes one as another, tells two apart and scores them. It touches
// bytes and nothing else.
package sbom

import (
	"cmp"
	"slices"

	"fairlead.dev"
	"fairlead.dev/format/cyclonedx"
)

// The properties in which a component says what CycloneDX has no place for.
const (
	PropertyLayer = "fairlead:layer" // "sha256:...": of the image's layer that brought it, uncompressed
	PropertyBase  = "fairlead:base"  // "true" when the layer belongs to the base image, "false" when not; absent when unknown
)

// Components gives the document's components, sorted by purl, name and
// version. A component is direct when what the document is about depends on it
// by itself, and for development when its scope is excluded.
func Components(d cyclonedx.Document) []fairlead.Component {
	direct := map[string]bool{}
	for _, ref := range d.Root.DependsOn {
		direct[ref] = true
	}
	out := make([]fairlead.Component, 0, len(d.Components))
	for _, c := range d.Components {
		out = append(out, fairlead.Component{
			PURL: c.PURL, Name: c.Name, Version: c.Version,
			Direct: direct[c.Identity()],
			Dev:    c.Scope == cyclonedx.ScopeExcluded,
			Layer:  c.Property(PropertyLayer),
			Base:   c.Property(PropertyBase) == "true",
		})
	}
	slices.SortFunc(out, func(a, b fairlead.Component) int {
		return cmp.Or(cmp.Compare(a.PURL, b.PURL), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Version, b.Version))
	})
	return out
}
