// Package cyclonedx writes software bills of materials as CycloneDX 1.6 JSON
// and reads them as CycloneDX 1.2 to 1.7, JSON or XML. Equal documents have
// equal bytes.
package cyclonedx

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// MediaType is the media type of an encoded document.
const MediaType = "application/vnd.cyclonedx+json; version=1.6"

// ErrDocument is in the chain of every error about a malformed document.
var ErrDocument = errors.New("not a CycloneDX document")

// The scopes of a component.
const (
	ScopeRequired = "required" // part of what runs
	ScopeOptional = "optional"
	ScopeExcluded = "excluded" // needed to build or test only
)

// The lifecycle phases that a document may be made in.
const (
	PhasePreBuild   = "pre-build"  // from source and lock files
	PhasePostBuild  = "post-build" // from what was built
	PhaseOperations = "operations"
)

// Aggregate says how much is known of what something depends on.
type Aggregate string

// The aggregates that are written here. Others are read as they are.
const (
	Complete   Aggregate = "complete"
	Incomplete Aggregate = "incomplete"
	Unknown    Aggregate = "unknown"
)

// Document says what a piece of software is made of.
type Document struct {
	SpecVersion  string // "1.4"; set by Decode, always 1.6 when written
	SerialNumber string // "urn:uuid:…", see SerialNumber
	Time         time.Time
	Tool         Tool
	Authors      []string // people or organisations that answer for the document
	Supplier     string   // who supplies what the document is about
	Phase        string   // lifecycle phase it was made in; "" is not said
	Root         Component
	Components   []Component
	// Known says for a Ref whether all that it depends on directly is listed.
	Known map[string]Aggregate
	// Vulnerabilities are what the document says its components have; set by
	// Decode, not written.
	Vulnerabilities []Vulnerability
	Signed          bool // carries a signature, which nobody verified; set by Decode
}

// Tool is what made the document.
type Tool struct {
	Name, Version string
}

// SerialNumber makes a serial number from what the document is about, so that
// the same subject always has the same one.
func SerialNumber(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	b := h.Sum(nil)[:16]
	b[6] = b[6]&0x0f | 0x80 // version 8: made from what the maker likes
	b[8] = b[8]&0x3f | 0x80 // the variant of RFC 9562
	x := hex.EncodeToString(b)
	return "urn:uuid:" + x[:8] + "-" + x[8:12] + "-" + x[12:16] + "-" + x[16:20] + "-" + x[20:]
}

// Encode writes the document, sorted, with a line feed at the end. Two
// components with one Ref are an ErrDocument.
func Encode(d Document) ([]byte, error) {
	parts := slices.Clone(d.Components)
	slices.SortFunc(parts, func(a, b Component) int { return cmp.Compare(a.Identity(), b.Identity()) })
	components := make([]cdx.Component, 0, len(parts))
	refs := make([]string, 0, len(parts))
	dependencies := []cdx.Dependency{{}}
	for i, c := range parts {
		if c.Identity() == d.Root.Identity() || (i > 0 && c.Identity() == parts[i-1].Identity()) {
			return nil, fmt.Errorf("%w: two components are %q", ErrDocument, c.Identity())
		}
		refs = append(refs, c.Identity())
		components = append(components, c.standard())
		dependencies = append(dependencies, dependency(c.Identity(), c.DependsOn))
	}
	if d.Root.DependsOn != nil {
		refs = d.Root.DependsOn
	}
	dependencies[0] = dependency(d.Root.Identity(), refs)
	bom := cdx.NewBOM()
	bom.SerialNumber = d.SerialNumber
	bom.Metadata = d.metadata()
	bom.Components, bom.Dependencies, bom.Compositions = &components, &dependencies, d.compositions()
	var b bytes.Buffer
	if err := cdx.NewBOMEncoder(&b, cdx.BOMFileFormatJSON).SetPretty(true).EncodeVersion(bom, cdx.SpecVersion1_6); err != nil {
		return nil, fmt.Errorf("encode CycloneDX: %w", err)
	}
	return b.Bytes(), nil
}

func (d Document) metadata() *cdx.Metadata {
	root := d.Root.standard()
	m := &cdx.Metadata{Component: &root}
	if d.Tool != (Tool{}) {
		m.Tools = &cdx.ToolsChoice{Components: &[]cdx.Component{{
			Type: cdx.ComponentTypeApplication, Name: d.Tool.Name, Version: d.Tool.Version,
		}}}
	}
	if !d.Time.IsZero() {
		m.Timestamp = d.Time.UTC().Format(time.RFC3339)
	}
	if d.Phase != "" {
		m.Lifecycles = &[]cdx.Lifecycle{{Phase: cdx.LifecyclePhase(d.Phase)}}
	}
	if len(d.Authors) > 0 {
		var authors []cdx.OrganizationalContact
		for _, a := range d.Authors {
			authors = append(authors, cdx.OrganizationalContact{Name: a})
		}
		m.Authors = &authors
	}
	if d.Supplier != "" {
		m.Supplier = &cdx.OrganizationalEntity{Name: d.Supplier}
	}
	return m
}

// compositions says what is known of the dependencies, one composition for
// each aggregate.
func (d Document) compositions() *[]cdx.Composition {
	byAggregate := map[Aggregate][]cdx.BOMReference{}
	for _, ref := range slices.Sorted(maps.Keys(d.Known)) {
		a := d.Known[ref]
		byAggregate[a] = append(byAggregate[a], cdx.BOMReference(ref))
	}
	if len(byAggregate) == 0 {
		return nil
	}
	var out []cdx.Composition
	for _, a := range slices.Sorted(maps.Keys(byAggregate)) {
		refs := byAggregate[a]
		out = append(out, cdx.Composition{Aggregate: cdx.CompositionAggregate(a), Dependencies: &refs})
	}
	return &out
}

func dependency(ref string, on []string) cdx.Dependency {
	d := cdx.Dependency{Ref: ref}
	if len(on) > 0 {
		sorted := slices.Compact(slices.Sorted(slices.Values(on)))
		d.Dependencies = &sorted
	}
	return d
}

// value gives the slice behind a pointer, nil when there is none.
func value[T any](p *[]T) []T {
	if p == nil {
		return nil
	}
	return *p
}
