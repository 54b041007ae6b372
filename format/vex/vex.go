// Package vex reads statements about whether a vulnerability matters to a
// product: OpenVEX, CycloneDX VEX and CSAF become the same statements, in
// OpenVEX's words.
package vex

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	openvex "github.com/openvex/go-vex/pkg/vex"
)

// ErrDocument is in the chain of every error about a malformed document.
var ErrDocument = errors.New("not a VEX document")

// Format names what a document is written in.
type Format string

// The formats.
const (
	OpenVEX   Format = "openvex"
	CycloneDX Format = "cyclonedx"
	CSAF      Format = "csaf"
)

// The statuses of a statement, in OpenVEX's words.
const (
	NotAffected        = string(openvex.StatusNotAffected)
	Affected           = string(openvex.StatusAffected)
	Fixed              = string(openvex.StatusFixed)
	UnderInvestigation = string(openvex.StatusUnderInvestigation)
)

// Document is a list of statements.
type Document struct {
	Format     Format
	ID         string    // that its author gave it; "" when it has none
	Time       time.Time // zero when it does not say
	Statements []Statement
}

// Statement is about one vulnerability of one product, or of one component of it.
type Statement struct {
	Vulnerability string
	Product       string // purl or another identifier
	Component     string // purl of a part of the product; "" is the product itself
	Status        string
	Justification string // why it is not affected, in OpenVEX's words
	Statement     string // in words
	Time          time.Time
}

// Sniff tells the format of a JSON document, "" when it is none of VEX.
func Sniff(b []byte) Format {
	var d struct {
		Context  any    `json:"@context"`
		BOM      string `json:"bomFormat"`
		Document *struct {
			CSAF string `json:"csaf_version"`
		} `json:"document"`
	}
	if json.Unmarshal(b, &d) != nil {
		return ""
	}
	switch context, _ := d.Context.(string); {
	case bytes.HasPrefix([]byte(context), []byte("https://openvex.dev/ns")):
		return OpenVEX
	case d.BOM == "CycloneDX":
		return CycloneDX
	case d.Document != nil && d.Document.CSAF != "":
		return CSAF
	}
	return ""
}

// Decode reads a document of any of the formats. What is malformed, or says of
// a product that it is not affected without saying why, is an ErrDocument.
func Decode(b []byte) (Document, error) {
	if !utf8.Valid(b) {
		return Document{}, fmt.Errorf("%w: it is not UTF-8", ErrDocument)
	}
	var d Document
	var err error
	switch d.Format = Sniff(b); d.Format {
	case OpenVEX:
		err = d.openVEX(b)
	case CycloneDX:
		err = d.cycloneDX(b)
	case CSAF:
		err = d.csaf(b)
	default:
		err = errors.New("it is neither OpenVEX nor CycloneDX nor CSAF")
	}
	if err == nil {
		err = d.check()
	}
	if err != nil {
		return Document{}, fmt.Errorf("%w: %w", ErrDocument, err)
	}
	return d, nil
}

func (d *Document) check() error {
	for _, s := range d.Statements {
		switch {
		case s.Vulnerability == "" || s.Product == "":
			return errors.New("a statement names no vulnerability or no product")
		case s.Status == NotAffected && s.Justification == "" && s.Statement == "":
			return fmt.Errorf("%s is said not to affect %s, without a reason", s.Vulnerability, s.Product)
		}
	}
	return nil
}

func (d *Document) openVEX(b []byte) (err error) {
	defer func() {
		if r := recover(); r != nil { // the library follows pointers that a hostile document leaves out
			err = fmt.Errorf("its reader failed: %v", r)
		}
	}()
	doc, err := openvex.Parse(b)
	if err != nil {
		return err
	}
	d.ID = doc.ID
	if doc.Timestamp != nil {
		d.Time = doc.Timestamp.UTC()
	}
	for _, s := range doc.Statements {
		if err := s.Validate(); err != nil {
			return err
		}
		base := Statement{Status: string(s.Status), Justification: string(s.Justification), Statement: s.ImpactStatement, Time: d.Time}
		if s.Timestamp != nil {
			base.Time = s.Timestamp.UTC()
		}
		names := []string{string(s.Vulnerability.Name)}
		for _, a := range s.Vulnerability.Aliases {
			names = append(names, string(a))
		}
		for _, p := range s.Products {
			for _, product := range identifiers(p.Component) {
				d.about(base, names, product, p.Subcomponents)
			}
		}
	}
	return nil
}

// about adds a statement for every name of the vulnerability and every part.
func (d *Document) about(base Statement, names []string, product string, parts []openvex.Subcomponent) {
	base.Product = product
	components := []string{}
	for _, s := range parts {
		components = append(components, identifiers(s.Component)...)
	}
	if len(parts) == 0 {
		components = []string{""}
	}
	for _, name := range names {
		for _, c := range components {
			base.Vulnerability, base.Component = name, c
			d.Statements = append(d.Statements, base)
		}
	}
}

// identifiers gives the names of a component, its purl first.
func identifiers(c openvex.Component) []string {
	if p := c.Identifiers[openvex.PURL]; p != "" {
		return []string{p}
	}
	if c.ID != "" {
		return []string{c.ID}
	}
	return nil
}
