package spdx

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	spdxjson "github.com/spdx/tools-golang/json"
	"github.com/spdx/tools-golang/spdx/v2/common"
	"github.com/spdx/tools-golang/spdx/v2/v2_3"
	"github.com/spdx/tools-golang/tagvalue"
)

// Decode reads a document of version 2.1 to 2.3, in JSON or as tags and
// values. What the Document has no place for is dropped; files and snippets
// are no packages. Anything malformed is an ErrDocument.
func Decode(b []byte) (d Document, err error) {
	defer func() {
		if r := recover(); r != nil { // the library trusts what it reads more than we do
			d, err = Document{}, fmt.Errorf("%w: %v", ErrDocument, r)
		}
	}()
	b = bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))
	var doc v2_3.Document
	version, err := read(b, &doc)
	if err != nil {
		return Document{}, fmt.Errorf("%w: %w", ErrDocument, err)
	}
	d = Document{Version: version, Name: doc.DocumentName, Namespace: doc.DocumentNamespace}
	if c := doc.CreationInfo; c != nil {
		if c.Created != "" {
			t, err := time.Parse(time.RFC3339, c.Created)
			if err != nil {
				return Document{}, fmt.Errorf("%w: %w", ErrDocument, err)
			}
			d.Time = t.UTC()
		}
		for _, by := range c.Creators {
			d.Creators = append(d.Creators, Creator{strings.TrimSpace(by.CreatorType), strings.TrimSpace(by.Creator)})
		}
	}
	for _, p := range doc.Packages {
		if p != nil {
			d.Packages = append(d.Packages, fromStandard(p))
		}
	}
	for _, l := range doc.OtherLicenses {
		if l != nil {
			d.Licenses = append(d.Licenses, ExtractedLicense{l.LicenseIdentifier, l.LicenseName})
		}
	}
	d.relate(doc.Relationships)
	return d, nil
}

// read gives the version that the document was written in; the library
// converts all of them to the newest.
func read(b []byte, doc *v2_3.Document) (string, error) {
	if !bytes.HasPrefix(bytes.TrimSpace(b), []byte("{")) {
		_, rest, _ := strings.Cut(string(b), "SPDXVersion:")
		version, _, _ := strings.Cut(rest, "\n")
		return strings.TrimPrefix(strings.TrimSpace(version), "SPDX-"), tagvalue.ReadInto(strings.NewReader(withoutSnippets(string(b))), doc)
	}
	var head struct {
		Version string `json:"spdxVersion"`
	}
	d := json.NewDecoder(bytes.NewReader(b))
	if err := d.Decode(&head); err != nil {
		return "", err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return "", errors.New("something follows it")
	}
	return strings.TrimPrefix(head.Version, "SPDX-"), spdxjson.ReadInto(bytes.NewReader(b), doc)
}

// withoutSnippets drops what is about snippets, which the library reads only
// where it expects them.
func withoutSnippets(text string) string {
	var b strings.Builder
	inside := false
	for line := range strings.Lines(text) {
		snippet := strings.HasPrefix(line, "Snippet") || strings.HasPrefix(line, "LicenseInfoInSnippet")
		if !inside && !snippet {
			b.WriteString(line)
			continue
		}
		inside = (inside || strings.Contains(line, "<text>")) && !strings.Contains(line, "</text>")
	}
	return b.String()
}

// relate keeps the relationships between packages of this document, turned so
// that DEPENDENCY_OF and CONTAINED_BY need not be known.
func (d *Document) relate(all []*v2_3.Relationship) {
	for _, r := range all {
		if r == nil || r.RefA.DocumentRefID != "" || r.RefB.DocumentRefID != "" || r.RefB.ElementRefID == "" {
			continue
		}
		from, to := string(r.RefA.ElementRefID), string(r.RefB.ElementRefID)
		switch typ := strings.ToUpper(r.Relationship); typ {
		case common.TypeRelationshipDescribe:
			d.describe(from, to)
		case common.TypeRelationshipDescribeBy:
			d.describe(to, from)
		case common.TypeRelationshipDependsOn, common.TypeRelationshipContains:
			d.Relationships = append(d.Relationships, Relationship{from, DependsOn, to})
		case common.TypeRelationshipDependencyOf, common.TypeRelationshipContainedBy,
			common.TypeRelationshipRuntimeDependencyOf, common.TypeRelationshipOptionalDependencyOf:
			d.Relationships = append(d.Relationships, Relationship{to, DependsOn, from})
		case common.TypeRelationshipDevDependencyOf, common.TypeRelationshipTestDependencyOf, common.TypeRelationshipBuildDependencyOf,
			common.TypeRelationshipDevToolOf, common.TypeRelationshipTestToolOf, common.TypeRelationshipBuildToolOf:
			d.Relationships = append(d.Relationships, Relationship{from, DevDependencyOf, to})
		}
	}
}

// describe keeps the first package that the document says it is about.
func (d *Document) describe(from, to string) {
	if d.Describes == "" && from == "DOCUMENT" {
		d.Describes = to
	}
}

func fromStandard(p *v2_3.Package) Package {
	out := Package{
		ID: string(p.PackageSPDXIdentifier), Name: p.PackageName, Version: p.PackageVersion, Purpose: p.PrimaryPackagePurpose,
		Declared: said(p.PackageLicenseDeclared), Concluded: said(p.PackageLicenseConcluded), SourceInfo: p.PackageSourceInfo,
	}
	if p.PackageOriginator != nil {
		out.Supplier = said(p.PackageOriginator.Originator)
	}
	if p.PackageSupplier != nil && said(p.PackageSupplier.Supplier) != "" {
		out.Supplier = p.PackageSupplier.Supplier
	}
	for _, h := range p.PackageChecksums {
		out.Hashes = append(out.Hashes, Hash{string(h.Algorithm), strings.ToLower(h.Value)})
	}
	for _, r := range p.PackageExternalReferences {
		switch {
		case r == nil:
		case r.RefType == common.TypePackageManagerPURL && out.PURL == "":
			out.PURL = r.Locator
		case (r.RefType == common.TypeSecurityCPE23Type || r.RefType == common.TypeSecurityCPE22Type) && out.CPE == "":
			out.CPE = r.Locator
		}
	}
	return out
}

// said is the empty string for what says nothing.
func said(text string) string {
	if text == noAssertion || text == "NONE" {
		return ""
	}
	return text
}
