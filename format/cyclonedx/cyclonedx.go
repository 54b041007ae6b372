// Package cyclonedx writes and reads software bills of materials as CycloneDX
// 1.6 JSON. Equal documents have equal bytes.
package cyclonedx

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// MediaType is the media type of an encoded document.
const MediaType = "application/vnd.cyclonedx+json; version=1.6"

// ErrDocument is in the chain of every error about a malformed document.
var ErrDocument = errors.New("not a CycloneDX JSON document")

// The scopes of a component.
const (
	ScopeRequired = "required" // part of what runs
	ScopeExcluded = "excluded" // needed to build or test only
)

// Document says what a piece of software is made of.
type Document struct {
	SerialNumber string // "urn:uuid:…", see SerialNumber
	Time         time.Time
	Tool         Tool
	Root         Component // what the document is about
	Components   []Component
}

// Tool is what made the document.
type Tool struct {
	Name, Version string
}

// Component is one part. Ref is unique in the document; when it is empty the
// purl or else name and version take its place.
type Component struct {
	Ref       string
	Type      string // application, library, file, ...; library when empty
	Name      string
	Version   string
	PURL      string
	Scope     string
	Hashes    []Hash
	Licenses  []string // as the package states them, SPDX expressions as a rule
	FoundIn   []string // paths of the files that name it
	DependsOn []string // Refs; for the root nil means every component
}

// Hash is a digest of the component: "SHA-256" and lower-case hex.
type Hash struct {
	Algorithm, Hex string
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
	slices.SortFunc(parts, func(a, b Component) int { return cmp.Compare(a.ref(), b.ref()) })
	components := make([]cdx.Component, 0, len(parts))
	refs := make([]string, 0, len(parts))
	dependencies := []cdx.Dependency{{}}
	for i, c := range parts {
		if c.ref() == d.Root.ref() || (i > 0 && c.ref() == parts[i-1].ref()) {
			return nil, fmt.Errorf("%w: two components are %q", ErrDocument, c.ref())
		}
		refs = append(refs, c.ref())
		components = append(components, c.standard())
		dependencies = append(dependencies, dependency(c.ref(), c.DependsOn))
	}
	if d.Root.DependsOn != nil {
		refs = d.Root.DependsOn
	}
	dependencies[0] = dependency(d.Root.ref(), refs)
	root := d.Root.standard()
	tools := []cdx.Component{{Type: cdx.ComponentTypeApplication, Name: d.Tool.Name, Version: d.Tool.Version}}
	bom := cdx.NewBOM()
	bom.SerialNumber = d.SerialNumber
	bom.Metadata = &cdx.Metadata{
		Timestamp: d.Time.UTC().Format(time.RFC3339),
		Tools:     &cdx.ToolsChoice{Components: &tools},
		Component: &root,
	}
	bom.Components, bom.Dependencies = &components, &dependencies
	var b bytes.Buffer
	if err := cdx.NewBOMEncoder(&b, cdx.BOMFileFormatJSON).SetPretty(true).EncodeVersion(bom, cdx.SpecVersion1_6); err != nil {
		return nil, fmt.Errorf("encode CycloneDX: %w", err)
	}
	return b.Bytes(), nil
}

// Decode reads a document of any version that CycloneDX JSON has. What the
// Document has no place for is dropped. Anything malformed is an ErrDocument.
func Decode(b []byte) (Document, error) {
	var bom cdx.BOM
	d := json.NewDecoder(bytes.NewReader(b))
	if err := d.Decode(&bom); err != nil {
		return Document{}, fmt.Errorf("%w: %w", ErrDocument, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return Document{}, fmt.Errorf("%w: something follows it", ErrDocument)
	}
	if bom.BOMFormat != cdx.BOMFormat {
		return Document{}, fmt.Errorf("%w: bomFormat is %q", ErrDocument, bom.BOMFormat)
	}
	out := Document{SerialNumber: bom.SerialNumber}
	if err := out.readMetadata(bom.Metadata); err != nil {
		return Document{}, err
	}
	edges := map[string][]string{}
	for _, e := range value(bom.Dependencies) {
		edges[e.Ref] = value(e.Dependencies)
	}
	for _, c := range value(bom.Components) {
		part := fromStandard(c)
		part.DependsOn = edges[part.ref()]
		out.Components = append(out.Components, part)
	}
	out.Root.DependsOn = edges[out.Root.ref()]
	return out, nil
}

func (d *Document) readMetadata(m *cdx.Metadata) error {
	if m == nil {
		return nil
	}
	if m.Timestamp != "" {
		t, err := time.Parse(time.RFC3339, m.Timestamp)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrDocument, err)
		}
		d.Time = t.UTC()
	}
	if m.Component != nil {
		d.Root = fromStandard(*m.Component)
	}
	if m.Tools != nil {
		for _, c := range value(m.Tools.Components) {
			d.Tool = Tool{Name: c.Name, Version: c.Version}
		}
	}
	return nil
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
