package vex

import (
	"encoding/json"
	"strings"
	"time"
)

// bom is what a CycloneDX document says about vulnerabilities.
type bom struct {
	Serial   string `json:"serialNumber"`
	Metadata struct {
		Timestamp time.Time `json:"timestamp"`
		Component part      `json:"component"`
	} `json:"metadata"`
	Components      []part `json:"components"`
	Vulnerabilities []struct {
		ID       string `json:"id"`
		Analysis *struct {
			State         string    `json:"state"`
			Justification string    `json:"justification"`
			Detail        string    `json:"detail"`
			LastUpdated   time.Time `json:"lastUpdated"`
		} `json:"analysis"`
		Affects []struct {
			Ref string `json:"ref"`
		} `json:"affects"`
	} `json:"vulnerabilities"`
}

type part struct {
	Ref        string `json:"bom-ref"`
	Name       string `json:"name"`
	PURL       string `json:"purl"`
	Components []part `json:"components"`
}

// cycloneDX reads the analyses of a document. A reference that leads to no purl
// of the document, such as a BOM-Link, is the product by itself.
func (d *Document) cycloneDX(b []byte) error {
	var doc bom
	if err := json.Unmarshal(b, &doc); err != nil {
		return err
	}
	d.ID, d.Time = doc.Serial, doc.Metadata.Timestamp
	purls := map[string]string{}
	refer(purls, append(doc.Components, doc.Metadata.Component))
	product := doc.Metadata.Component.PURL
	if product == "" {
		product = doc.Metadata.Component.Name // it is about this one all the same, and about no other
	}
	for _, v := range doc.Vulnerabilities {
		if v.Analysis == nil || v.Analysis.State == "" {
			continue
		}
		status, why := state(v.Analysis.State, v.Analysis.Justification)
		for _, a := range v.Affects {
			s := Statement{
				Vulnerability: v.ID, Product: product, Component: purls[a.Ref], Status: status, Justification: why,
				Statement: v.Analysis.Detail, Time: v.Analysis.LastUpdated,
			}
			if s.Component == "" {
				s.Component = a.Ref[strings.LastIndexByte(a.Ref, '#')+1:]
			}
			switch {
			case product != "" && a.Ref != "" && a.Ref == doc.Metadata.Component.Ref:
				s.Component = ""
			case product == "" || product == s.Component:
				s.Product, s.Component = s.Component, ""
			}
			if s.Time.IsZero() {
				s.Time = d.Time
			}
			if s.Status == NotAffected && s.Justification == "" && s.Statement == "" {
				s.Statement = "state " + v.Analysis.State
			}
			d.Statements = append(d.Statements, s)
		}
	}
	return nil
}

func refer(purls map[string]string, parts []part) {
	for _, p := range parts {
		if p.Ref != "" && p.PURL != "" {
			purls[p.Ref] = p.PURL
		}
		refer(purls, p.Components)
	}
}

// state gives CycloneDX's words in OpenVEX's.
func state(state, justification string) (status, why string) {
	why = map[string]string{
		"code_not_present": "vulnerable_code_not_present", "code_not_reachable": "vulnerable_code_not_in_execute_path",
		"requires_configuration":          "vulnerable_code_cannot_be_controlled_by_adversary",
		"requires_dependency":             "vulnerable_code_cannot_be_controlled_by_adversary",
		"requires_environment":            "vulnerable_code_cannot_be_controlled_by_adversary",
		"protected_by_compiler":           "inline_mitigations_already_exist",
		"protected_at_runtime":            "inline_mitigations_already_exist",
		"protected_at_perimeter":          "inline_mitigations_already_exist",
		"protected_by_mitigating_control": "inline_mitigations_already_exist",
	}[justification]
	switch state {
	case "resolved", "resolved_with_pedigree":
		return Fixed, ""
	case "exploitable":
		return Affected, ""
	case "not_affected", "false_positive":
		return NotAffected, why
	}
	return UnderInvestigation, ""
}
