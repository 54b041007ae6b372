package cyclonedx

import (
	"cmp"
	"slices"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// ref is the component's identifier in the document.
func (c Component) ref() string {
	return cmp.Or(c.Ref, c.PURL, c.Name+"@"+c.Version)
}

func (c Component) standard() cdx.Component {
	out := cdx.Component{
		BOMRef:     c.ref(),
		Type:       cdx.ComponentType(cmp.Or(c.Type, string(cdx.ComponentTypeLibrary))),
		Name:       c.Name,
		Version:    c.Version,
		PackageURL: c.PURL,
		Scope:      cdx.Scope(c.Scope),
	}
	if len(c.Hashes) > 0 {
		var hashes []cdx.Hash
		for _, h := range c.Hashes {
			hashes = append(hashes, cdx.Hash{Algorithm: cdx.HashAlgorithm(h.Algorithm), Value: h.Hex})
		}
		slices.SortFunc(hashes, func(a, b cdx.Hash) int {
			return cmp.Or(cmp.Compare(a.Algorithm, b.Algorithm), cmp.Compare(a.Value, b.Value))
		})
		out.Hashes = &hashes
	}
	if len(c.Licenses) > 0 {
		var licenses cdx.Licenses
		for _, l := range slices.Compact(slices.Sorted(slices.Values(c.Licenses))) {
			licenses = append(licenses, cdx.LicenseChoice{License: &cdx.License{Name: l}})
		}
		out.Licenses = &licenses
	}
	if len(c.FoundIn) > 0 {
		var found []cdx.EvidenceOccurrence
		for _, p := range slices.Compact(slices.Sorted(slices.Values(c.FoundIn))) {
			found = append(found, cdx.EvidenceOccurrence{Location: p})
		}
		out.Evidence = &cdx.Evidence{Occurrences: &found}
	}
	return out
}

func fromStandard(c cdx.Component) Component {
	out := Component{
		Ref: c.BOMRef, Type: string(c.Type), Name: c.Name, Version: c.Version, PURL: c.PackageURL, Scope: string(c.Scope),
	}
	for _, h := range value(c.Hashes) {
		out.Hashes = append(out.Hashes, Hash{Algorithm: string(h.Algorithm), Hex: h.Value})
	}
	if c.Licenses != nil {
		for _, l := range *c.Licenses {
			switch {
			case l.License != nil:
				out.Licenses = append(out.Licenses, cmp.Or(l.License.ID, l.License.Name))
			case l.Expression != "":
				out.Licenses = append(out.Licenses, l.Expression)
			}
		}
	}
	if c.Evidence != nil {
		for _, o := range value(c.Evidence.Occurrences) {
			out.FoundIn = append(out.FoundIn, o.Location)
		}
	}
	return out
}
