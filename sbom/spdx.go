package sbom

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"fairlead.dev/format/cyclonedx"
	"fairlead.dev/format/spdx"
)

// SPDX gives the document in SPDX's words. Where a component was found, and in
// which layer, becomes its source information.
func SPDX(d cyclonedx.Document) spdx.Document {
	out := spdx.Document{
		Name: cmp.Or(d.Root.Name, "unknown"), Time: d.Time,
		Namespace: spdx.Namespace + identifier(cmp.Or(d.Root.Name, "unknown")) + "-" + strings.TrimPrefix(d.SerialNumber, "urn:uuid:"),
		Describes: "Root",
	}
	if d.Tool != (cyclonedx.Tool{}) {
		out.Creators = append(out.Creators, spdx.Creator{Kind: "Tool", Name: d.Tool.Name + "-" + cmp.Or(d.Tool.Version, "unknown")})
	}
	for _, a := range d.Authors {
		out.Creators = append(out.Creators, spdx.Creator{Kind: "Organization", Name: a})
	}
	if len(out.Creators) == 0 {
		out.Creators = []spdx.Creator{{Kind: "Tool", Name: "unknown"}}
	}
	ids := map[string]string{d.Root.Identity(): "Root"}
	for _, c := range d.Components {
		ids[c.Identity()] = elementID(c)
	}
	licenses := map[string]string{}
	root := d.Root
	root.Supplier = cmp.Or(root.Supplier, d.Supplier)
	for _, c := range append([]cyclonedx.Component{root}, d.Components...) {
		id := ids[c.Identity()]
		out.Packages = append(out.Packages, pack(c, id, licenses))
		for _, to := range c.DependsOn {
			if ids[to] != "" {
				out.Relationships = append(out.Relationships, spdx.Relationship{From: id, Type: spdx.DependsOn, To: ids[to]})
			}
		}
		if c.Scope == cyclonedx.ScopeExcluded {
			out.Relationships = append(out.Relationships, spdx.Relationship{From: id, Type: spdx.DevDependencyOf, To: "Root"})
		}
	}
	for _, id := range slices.Sorted(maps.Keys(licenses)) {
		out.Licenses = append(out.Licenses, spdx.ExtractedLicense{ID: id, Name: licenses[id]})
	}
	return out
}

// pack gives one package. Names of licences that no list has become references,
// which licenses collects.
func pack(c cyclonedx.Component, id string, licenses map[string]string) spdx.Package {
	out := spdx.Package{
		ID: id, Name: fullName(c), Version: c.Version, Supplier: c.Supplier, PURL: c.PURL, CPE: c.CPE, Purpose: purpose(c.Type),
	}
	for _, h := range c.Hashes {
		out.Hashes = append(out.Hashes, spdx.Hash{Algorithm: strings.Replace(h.Algorithm, "SHA-", "SHA", 1), Hex: h.Hex})
	}
	var declared, concluded []string
	for _, l := range c.Licenses {
		text := cmp.Or(l.Expression, l.ID)
		if text == "" {
			text = "LicenseRef-" + cmp.Or(identifier(l.Name), "unnamed")
			licenses[text] = l.Name
		}
		if l.Concluded {
			concluded = append(concluded, text)
		} else {
			declared = append(declared, text)
		}
	}
	out.Declared, out.Concluded = conjunction(declared), conjunction(concluded)
	var found []string
	for _, o := range c.Found {
		at := o.Path
		if o.Line > 0 {
			at += fmt.Sprintf(":%d", o.Line)
		}
		found = append(found, at)
	}
	if len(found) > 0 {
		out.SourceInfo = "found in " + strings.Join(found, ", ")
	}
	if layer := c.Property(cyclonedx.PropertyLayer); layer != "" {
		origin := map[string]string{"true": " of the base image", "false": " of its own"}[c.Property(cyclonedx.PropertyBase)]
		out.SourceInfo = strings.TrimPrefix(out.SourceInfo+"; layer "+layer+origin, "; ")
	}
	return out
}

// conjunction joins expressions by AND, in order and each once.
func conjunction(all []string) string {
	all = slices.Compact(slices.Sorted(slices.Values(all)))
	if len(all) > 1 {
		for i, e := range all {
			if strings.Contains(e, " ") {
				all[i] = "(" + e + ")"
			}
		}
	}
	return strings.Join(all, " AND ")
}

func fullName(c cyclonedx.Component) string {
	name := cmp.Or(c.Name, "unknown")
	if c.Group != "" {
		return c.Group + "/" + name
	}
	return name
}

// purpose translates the type of a component.
func purpose(typ string) string {
	switch typ {
	case "", "library":
		return "LIBRARY"
	case "application", "framework", "container", "file", "firmware", "device", "operating-system":
		return strings.ToUpper(strings.ReplaceAll(typ, "-", "_")) // as the JSON schema has it
	}
	return "OTHER"
}

// elementID makes an identifier for people, and unique by a hash.
func elementID(c cyclonedx.Component) string {
	sum := sha256.Sum256([]byte(c.Identity()))
	return "Package-" + identifier(c.Name+"-"+c.Version) + "-" + hex.EncodeToString(sum[:8])
}

// identifier replaces what an identifier may not have.
func identifier(text string) string {
	return strings.Trim(strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '-' {
			return r
		}
		return '-'
	}, text), "-")
}

// FromSPDX gives an SPDX document in CycloneDX's words.
func FromSPDX(d spdx.Document) cyclonedx.Document {
	out := cyclonedx.Document{
		SpecVersion: d.Version, SerialNumber: cyclonedx.SerialNumber(d.Namespace), Time: d.Time,
		Root: cyclonedx.Component{Ref: "Root", Type: "application", Name: d.Name},
	}
	for _, c := range d.Creators {
		if c.Kind == "Tool" {
			out.Tool = cyclonedx.Tool{Name: c.Name}
			continue
		}
		out.Authors = append(out.Authors, c.Name)
	}
	edges, excluded := map[string][]string{}, map[string]bool{}
	for _, r := range d.Relationships {
		if r.Type == spdx.DevDependencyOf {
			excluded[r.From] = true
		} else {
			edges[r.From] = append(edges[r.From], r.To)
		}
	}
	names := map[string]string{}
	for _, l := range d.Licenses {
		names[l.ID] = cmp.Or(l.Name, l.ID)
	}
	seen := map[string]bool{}
	for i, p := range d.Packages {
		c := unpack(p, names)
		c.DependsOn = edges[p.ID]
		if p.ID == d.Describes {
			c.Type = cmp.Or(c.Type, "application")
			out.Root, out.Supplier = c, p.Supplier
			seen[c.Ref] = true
			continue
		}
		if excluded[p.ID] {
			c.Scope = cyclonedx.ScopeExcluded
		}
		if c.Ref == "" || seen[c.Ref] {
			c.Ref = fmt.Sprintf("%s#%d", c.Ref, i)
		}
		seen[c.Ref] = true
		out.Components = append(out.Components, c)
	}
	return out
}

func unpack(p spdx.Package, names map[string]string) cyclonedx.Component {
	out := cyclonedx.Component{
		Ref: p.ID, Type: strings.ReplaceAll(strings.ToLower(p.Purpose), "_", "-"), Name: p.Name, Version: p.Version, PURL: p.PURL, CPE: p.CPE, Supplier: p.Supplier,
	}
	if p.Purpose == "SOURCE" || p.Purpose == "ARCHIVE" || p.Purpose == "INSTALL" || p.Purpose == "OTHER" || p.Purpose == "" {
		out.Type = ""
	}
	for _, h := range p.Hashes {
		algorithm := h.Algorithm
		if rest, ok := strings.CutPrefix(algorithm, "SHA"); ok && !strings.HasPrefix(algorithm, "SHA3") {
			algorithm = "SHA-" + rest
		}
		if knownHash(algorithm) {
			out.Hashes = append(out.Hashes, cyclonedx.Hash{Algorithm: algorithm, Hex: h.Hex})
		}
	}
	for _, l := range []cyclonedx.License{{Expression: p.Declared}, {Expression: p.Concluded, Concluded: true}} {
		if name, ok := names[l.Expression]; ok {
			l.Expression, l.Name = "", name
		}
		if l.Text() != "" {
			out.Licenses = append(out.Licenses, l)
		}
	}
	return out
}

// knownHash tells whether CycloneDX has the algorithm, too.
func knownHash(algorithm string) bool {
	return slices.Contains([]string{
		"MD5", "SHA-1", "SHA-256", "SHA-384", "SHA-512", "SHA3-256", "SHA3-384", "SHA3-512", "BLAKE2b-256", "BLAKE2b-384", "BLAKE2b-512", "BLAKE3",
	}, algorithm)
}
