package cyclonedx

import (
	"cmp"
	"slices"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// Component is one part. Ref is unique in the document; when it is empty the
// purl or else name and version take its place.
type Component struct {
	Ref        string
	Type       string // application, library, file, ...; library when empty
	Group      string
	Name       string
	Version    string
	PURL       string
	CPE        string
	Supplier   string // who distributes it
	Scope      string
	Hashes     []Hash
	Licenses   []License
	Found      []Occurrence
	Properties []Property
	DependsOn  []string // Refs; for the root nil means every component
}

// Hash is a digest of the component: "SHA-256" and lower-case hex.
type Hash struct {
	Algorithm, Hex string
}

// License is what a component is licensed under: an identifier of SPDX's list,
// an SPDX expression or, when it is neither, a name. One of the three is set.
type License struct {
	ID, Expression, Name string
	Concluded            bool // by reading its text; otherwise the component declares it
}

// Text is the license as one word or expression.
func (l License) Text() string { return cmp.Or(l.Expression, l.ID, l.Name) }

// Occurrence is a place where a component was found.
type Occurrence struct {
	Path  string
	Line  int    // from 1; 0 is unknown
	Layer string // of an image: "sha256:..." of the uncompressed layer; "" elsewhere
}

// inLayer begins what an occurrence says about its layer.
const inLayer = "layer "

// Property is what the standard has no place for.
type Property struct {
	Name, Value string
}

// The properties in which a component says what the standard has no place for.
const (
	PropertyLayer = "fairlead:layer" // "sha256:...": of the image's layer that brought it, uncompressed
	PropertyBase  = "fairlead:base"  // "true" when the layer belongs to the base image, "false" when not; absent when unknown
)

// Property gives the value of the first property of that name, "" when there
// is none.
func (c Component) Property(name string) string {
	for _, p := range c.Properties {
		if p.Name == name {
			return p.Value
		}
	}
	return ""
}

// Identity is the reference under which the document names the component: Ref,
// or what takes its place.
func (c Component) Identity() string {
	return cmp.Or(c.Ref, c.PURL, c.Name+"@"+c.Version)
}

func (c Component) standard() cdx.Component {
	out := cdx.Component{
		BOMRef:     c.Identity(),
		Type:       cdx.ComponentType(cmp.Or(c.Type, string(cdx.ComponentTypeLibrary))),
		Group:      c.Group,
		Name:       c.Name,
		Version:    c.Version,
		PackageURL: c.PURL,
		CPE:        c.CPE,
		Scope:      cdx.Scope(c.Scope),
		Hashes:     hashes(c.Hashes),
		Licenses:   licenses(c.Licenses),
	}
	if c.Supplier != "" {
		out.Supplier = &cdx.OrganizationalEntity{Name: c.Supplier}
	}
	if len(c.Found) > 0 {
		var found []cdx.EvidenceOccurrence
		sorted := slices.SortedFunc(slices.Values(c.Found), func(a, b Occurrence) int {
			return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Layer, b.Layer))
		})
		for _, o := range slices.Compact(sorted) {
			e := cdx.EvidenceOccurrence{Location: o.Path}
			if o.Layer != "" {
				e.AdditionalContext = inLayer + o.Layer
			}
			if o.Line > 0 {
				e.Line = &o.Line
			}
			found = append(found, e)
		}
		out.Evidence = &cdx.Evidence{Occurrences: &found}
	}
	if len(c.Properties) > 0 {
		sorted := slices.SortedFunc(slices.Values(c.Properties), func(a, b Property) int {
			return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Value, b.Value))
		})
		var properties []cdx.Property
		for _, p := range slices.Compact(sorted) {
			properties = append(properties, cdx.Property{Name: p.Name, Value: p.Value})
		}
		out.Properties = &properties
	}
	return out
}

func hashes(all []Hash) *[]cdx.Hash {
	if len(all) == 0 {
		return nil
	}
	sorted := slices.SortedFunc(slices.Values(all), func(a, b Hash) int {
		return cmp.Or(cmp.Compare(a.Algorithm, b.Algorithm), cmp.Compare(a.Hex, b.Hex))
	})
	var out []cdx.Hash
	for _, h := range slices.Compact(sorted) {
		out = append(out, cdx.Hash{Algorithm: cdx.HashAlgorithm(h.Algorithm), Value: h.Hex})
	}
	return &out
}

// licenses writes one expression, or a list of identifiers and names: the
// standard allows no mixture, so an expression among others becomes a name.
func licenses(all []License) *cdx.Licenses {
	if len(all) == 0 {
		return nil
	}
	sorted := slices.Compact(slices.SortedFunc(slices.Values(all), func(a, b License) int {
		return cmp.Or(cmp.Compare(a.Text(), b.Text()), cmp.Compare(acknowledgement(a), acknowledgement(b)))
	}))
	var out cdx.Licenses
	for _, l := range sorted {
		how := acknowledgement(l)
		switch {
		case l.Expression != "" && len(sorted) == 1:
			out = append(out, cdx.LicenseChoice{Expression: l.Expression, Acknowledgement: &how})
		case l.ID != "":
			out = append(out, cdx.LicenseChoice{License: &cdx.License{ID: l.ID, Acknowledgement: how}})
		default:
			out = append(out, cdx.LicenseChoice{License: &cdx.License{Name: l.Text(), Acknowledgement: how}})
		}
	}
	return &out
}

func acknowledgement(l License) cdx.LicenseAcknowledgement {
	if l.Concluded {
		return cdx.LicenseAcknowledgementConcluded
	}
	return cdx.LicenseAcknowledgementDeclared
}
