package cyclonedx

import (
	"bytes"
	"cmp"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// xmlSpace begins the name space of a document in XML; the version follows.
const xmlSpace = "http://cyclonedx.org/schema/bom/"

// versions are those that documents may have.
var versions = []string{"1.2", "1.3", "1.4", "1.5", "1.6", "1.7"}

// Decode reads a document of version 1.2 to 1.7, in JSON or XML. What the
// Document has no place for is dropped; components inside others are listed
// beside them. Anything malformed is an ErrDocument.
func Decode(b []byte) (Document, error) {
	var bom cdx.BOM
	var err error
	if bytes.HasPrefix(bytes.TrimLeft(b, "\xef\xbb\xbf \t\r\n"), []byte("<")) {
		err = decodeXML(b, &bom)
	} else {
		err = decodeJSON(b, &bom)
	}
	if err != nil {
		return Document{}, fmt.Errorf("%w: %w", ErrDocument, err)
	}
	out := Document{SpecVersion: bom.SpecVersion.String(), SerialNumber: bom.SerialNumber, Signed: bom.Signature != nil}
	if err := out.readMetadata(bom.Metadata); err != nil {
		return Document{}, fmt.Errorf("%w: %w", ErrDocument, err)
	}
	edges := map[string][]string{}
	for _, e := range value(bom.Dependencies) {
		edges[e.Ref] = append(edges[e.Ref], value(e.Dependencies)...)
	}
	out.readComponents(value(bom.Components), edges)
	out.Root.DependsOn = edges[out.Root.Identity()]
	out.Vulnerabilities = readVulnerabilities(value(bom.Vulnerabilities))
	for _, c := range value(bom.Compositions) {
		for _, ref := range value(c.Dependencies) {
			if out.Known == nil {
				out.Known = map[string]Aggregate{}
			}
			out.Known[string(ref)] = Aggregate(c.Aggregate)
		}
	}
	return out, nil
}

func decodeJSON(b []byte, bom *cdx.BOM) error {
	d := json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))))
	if err := d.Decode(bom); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows it")
	}
	if bom.BOMFormat != cdx.BOMFormat {
		return fmt.Errorf("bomFormat is %q", bom.BOMFormat)
	}
	return supported(bom.SpecVersion.String())
}

func decodeXML(b []byte, bom *cdx.BOM) error {
	d := xml.NewDecoder(bytes.NewReader(b))
	if err := d.Decode(bom); err != nil {
		return err
	}
	version, ok := strings.CutPrefix(bom.XMLNS, xmlSpace)
	if !ok {
		return fmt.Errorf("the name space is %q", bom.XMLNS)
	}
	if err := supported(version); err != nil {
		return err
	}
	bom.SpecVersion = cdx.SpecVersion1_0 + cdx.SpecVersion(slices.Index(versions, version)) + 2
	return nil
}

func supported(version string) error {
	if !slices.Contains(versions, version) {
		return fmt.Errorf("version %q is none of %s to %s", version, versions[0], versions[len(versions)-1])
	}
	return nil
}

func (d *Document) readMetadata(m *cdx.Metadata) error {
	if m == nil {
		return nil
	}
	if m.Timestamp != "" {
		t, err := time.Parse(time.RFC3339, m.Timestamp)
		if err != nil {
			return err
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
		for _, t := range value(m.Tools.Tools) {
			d.Tool = Tool{Name: t.Name, Version: t.Version}
		}
	}
	for _, a := range value(m.Authors) {
		d.Authors = append(d.Authors, cmp.Or(a.Name, a.Email))
	}
	for _, by := range []*cdx.OrganizationalEntity{m.Supplier, m.Manufacturer, m.Manufacture} {
		if d.Supplier == "" && by != nil {
			d.Supplier = by.Name
		}
	}
	for _, l := range value(m.Lifecycles) {
		d.Phase = cmp.Or(d.Phase, string(l.Phase), l.Name)
	}
	return nil
}

// readComponents lists components, and those inside them. Two with one
// reference are told apart by a number: neither may be lost.
func (d *Document) readComponents(all []cdx.Component, edges map[string][]string) {
	seen := map[string]int{d.Root.Identity(): 1}
	var read func(all []cdx.Component)
	read = func(all []cdx.Component) {
		for _, c := range all {
			part := fromStandard(c)
			part.DependsOn = edges[part.Identity()]
			base := part.Identity()
			for seen[part.Identity()] > 0 {
				seen[base]++
				part.Ref = base + "#" + strconv.Itoa(seen[base])
			}
			seen[part.Identity()] = 1
			d.Components = append(d.Components, part)
			read(value(c.Components))
		}
	}
	read(all)
}

func fromStandard(c cdx.Component) Component {
	out := Component{
		Ref: c.BOMRef, Type: string(c.Type), Group: c.Group, Name: c.Name, Version: c.Version,
		PURL: c.PackageURL, CPE: c.CPE, Scope: string(c.Scope), Supplier: c.Publisher,
	}
	for _, by := range []*cdx.OrganizationalEntity{c.Manufacturer, c.Supplier} {
		if by != nil && by.Name != "" {
			out.Supplier = by.Name
		}
	}
	for _, h := range value(c.Hashes) {
		out.Hashes = append(out.Hashes, Hash{Algorithm: string(h.Algorithm), Hex: strings.ToLower(h.Value)})
	}
	if c.Licenses != nil {
		for _, l := range *c.Licenses {
			out.Licenses = append(out.Licenses, fromChoice(l)...)
		}
	}
	for _, p := range value(c.Properties) {
		out.Properties = append(out.Properties, Property{Name: p.Name, Value: p.Value})
	}
	if c.Evidence != nil {
		for _, o := range value(c.Evidence.Occurrences) {
			at := Occurrence{Path: o.Location}
			if o.Line != nil && *o.Line > 0 {
				at.Line = *o.Line
			}
			if layer, ok := strings.CutPrefix(o.AdditionalContext, inLayer); ok {
				at.Layer = layer
			}
			out.Found = append(out.Found, at)
		}
	}
	return out
}

func fromChoice(l cdx.LicenseChoice) []License {
	switch {
	case l.License != nil && l.License.ID != "":
		return []License{{ID: l.License.ID, Concluded: l.License.Acknowledgement == cdx.LicenseAcknowledgementConcluded}}
	case l.License != nil && l.License.Name != "":
		return []License{{Name: l.License.Name, Concluded: l.License.Acknowledgement == cdx.LicenseAcknowledgementConcluded}}
	case l.Expression != "":
		return []License{{
			Expression: l.Expression, Concluded: l.Acknowledgement != nil && *l.Acknowledgement == cdx.LicenseAcknowledgementConcluded,
		}}
	}
	return nil
}
