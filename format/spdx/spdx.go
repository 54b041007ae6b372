// Package spdx writes software bills of materials as SPDX 2.3 JSON and reads
// them as SPDX 2.1 to 2.3, JSON or tag-value. Equal documents have equal bytes.
package spdx

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	spdxjson "github.com/spdx/tools-golang/json"
	"github.com/spdx/tools-golang/spdx/v2/common"
	"github.com/spdx/tools-golang/spdx/v2/v2_3"
)

// MediaType is the media type of an encoded document.
const MediaType = "application/spdx+json"

// Namespace begins the name space of documents made here.
const Namespace = "https://fairlead.dev/spdxdocs/"

// ErrDocument is in the chain of every error about a malformed document.
var ErrDocument = errors.New("not an SPDX 2 document")

// The relationships between packages that are written and read. From and To
// are as the standard says: A depends on B, A is a dependency of B.
const (
	DependsOn       = common.TypeRelationshipDependsOn
	DevDependencyOf = common.TypeRelationshipDevDependencyOf
)

// Document says what packages there are and how they relate.
type Document struct {
	Version       string // "2.3"; set by Decode, always 2.3 when written
	Name          string
	Namespace     string // unique URI
	Time          time.Time
	Creators      []Creator
	Describes     string // ID of the package that the document is about
	Packages      []Package
	Relationships []Relationship
	Licenses      []ExtractedLicense // that no list has
}

// Creator made the document: Kind is Person, Organization or Tool.
type Creator struct{ Kind, Name string }

// Package is one part. ID is unique in the document and has letters, digits,
// dots and hyphens only.
type Package struct {
	ID         string
	Name       string
	Version    string
	Supplier   string // an organisation
	PURL       string
	CPE        string
	Purpose    string // APPLICATION, LIBRARY, CONTAINER, ...; "" is not said
	Declared   string // SPDX expression; "" is not known
	Concluded  string // SPDX expression; "" is not known
	SourceInfo string // where it was found, in words
	Hashes     []Hash
}

// Hash is a digest: "SHA256" and lower-case hex.
type Hash struct{ Algorithm, Hex string }

// Relationship relates two packages by their IDs.
type Relationship struct{ From, Type, To string }

// ExtractedLicense is a licence that is named "LicenseRef-…" in expressions.
type ExtractedLicense struct{ ID, Name string }

const noAssertion = "NOASSERTION"

// Encode writes the document, sorted, with a line feed at the end. Two
// packages with one ID are an ErrDocument.
func Encode(d Document) ([]byte, error) {
	out := v2_3.Document{
		SPDXVersion: v2_3.Version, DataLicense: v2_3.DataLicense, SPDXIdentifier: "DOCUMENT",
		DocumentName: d.Name, DocumentNamespace: d.Namespace,
		CreationInfo: &v2_3.CreationInfo{Created: d.Time.UTC().Format(time.RFC3339)},
	}
	for _, c := range d.Creators {
		out.CreationInfo.Creators = append(out.CreationInfo.Creators, common.Creator{CreatorType: c.Kind, Creator: c.Name})
	}
	packages := slices.SortedFunc(slices.Values(d.Packages), func(a, b Package) int { return cmp.Compare(a.ID, b.ID) })
	for i, p := range packages {
		if i > 0 && p.ID == packages[i-1].ID {
			return nil, fmt.Errorf("%w: two packages are %q", ErrDocument, p.ID)
		}
		out.Packages = append(out.Packages, p.standard())
	}
	for _, l := range slices.Compact(slices.SortedFunc(slices.Values(d.Licenses), func(a, b ExtractedLicense) int { return cmp.Compare(a.ID, b.ID) })) {
		out.OtherLicenses = append(out.OtherLicenses, &v2_3.OtherLicense{LicenseIdentifier: l.ID, LicenseName: l.Name, ExtractedText: l.Name})
	}
	relationships := slices.SortedFunc(slices.Values(d.Relationships), func(a, b Relationship) int {
		return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.Type, b.Type), cmp.Compare(a.To, b.To))
	})
	if d.Describes != "" {
		relationships = slices.Insert(relationships, 0, Relationship{"DOCUMENT", common.TypeRelationshipDescribe, d.Describes})
	}
	for _, r := range slices.Compact(relationships) {
		out.Relationships = append(out.Relationships, &v2_3.Relationship{RefA: element(r.From), Relationship: r.Type, RefB: element(r.To)})
	}
	var b bytes.Buffer
	if err := spdxjson.Write(&out, &b, spdxjson.Indent("  "), spdxjson.EscapeHTML(false)); err != nil {
		return nil, fmt.Errorf("encode SPDX: %w", err)
	}
	return b.Bytes(), nil
}

func element(id string) common.DocElementID {
	return common.DocElementID{ElementRefID: common.ElementID(id)}
}

func (p Package) standard() *v2_3.Package {
	out := &v2_3.Package{
		PackageName: p.Name, PackageSPDXIdentifier: common.ElementID(p.ID), PackageVersion: p.Version,
		PackageDownloadLocation: noAssertion, PrimaryPackagePurpose: p.Purpose, PackageSourceInfo: p.SourceInfo,
		PackageLicenseDeclared:  cmp.Or(p.Declared, noAssertion),
		PackageLicenseConcluded: cmp.Or(p.Concluded, noAssertion),
		PackageCopyrightText:    noAssertion,
		PackageSupplier:         &common.Supplier{Supplier: noAssertion},
	}
	if p.Supplier != "" {
		out.PackageSupplier = &common.Supplier{SupplierType: "Organization", Supplier: p.Supplier}
	}
	for _, h := range p.Hashes {
		out.PackageChecksums = append(out.PackageChecksums, common.Checksum{Algorithm: common.ChecksumAlgorithm(h.Algorithm), Value: h.Hex})
	}
	if p.PURL != "" {
		out.PackageExternalReferences = append(out.PackageExternalReferences, &v2_3.PackageExternalReference{
			Category: common.CategoryPackageManager, RefType: common.TypePackageManagerPURL, Locator: p.PURL,
		})
	}
	if p.CPE != "" {
		out.PackageExternalReferences = append(out.PackageExternalReferences, &v2_3.PackageExternalReference{
			Category: common.CategorySecurity, RefType: cpeType(p.CPE), Locator: p.CPE,
		})
	}
	return out
}

func cpeType(cpe string) string {
	if strings.HasPrefix(cpe, "cpe:2.3:") {
		return common.TypeSecurityCPE23Type
	}
	return common.TypeSecurityCPE22Type
}
