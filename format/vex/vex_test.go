package vex_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fairlead.dev/format/vex"
)

const (
	asOpenVEX = `{"@context":"https://openvex.dev/ns/v0.2.0","@id":"https://example.org/vex/1","author":"a","timestamp":"2026-10-01T00:00:00Z","version":1,
"statements":[{"vulnerability":{"name":"CVE-2026-1"},"products":[{"@id":"pkg:oci/shop","subcomponents":[{"@id":"pkg:golang/example.org/a@1.0.0"}]}],
"status":"not_affected","justification":"vulnerable_code_not_in_execute_path"}]}`
	asCycloneDX = `{"bomFormat":"CycloneDX","specVersion":"1.6","serialNumber":"https://example.org/vex/1","metadata":{"timestamp":"2026-10-01T00:00:00Z","component":{"bom-ref":"shop","purl":"pkg:oci/shop"}},
"components":[{"bom-ref":"a","purl":"pkg:golang/example.org/a@1.0.0"}],
"vulnerabilities":[{"id":"CVE-2026-1","analysis":{"state":"not_affected","justification":"code_not_reachable"},"affects":[{"ref":"a"}]}]}`
	asCSAF = `{"document":{"csaf_version":"2.0","tracking":{"id":"https://example.org/vex/1","current_release_date":"2026-10-01T00:00:00Z"}},
"product_tree":{"branches":[{"product":{"product_id":"shop","product_identification_helper":{"purl":"pkg:oci/shop"}}},
{"branches":[{"product":{"product_id":"a","product_identification_helper":{"purl":"pkg:golang/example.org/a@1.0.0"}}}]}],
"relationships":[{"product_reference":"a","relates_to_product_reference":"shop","full_product_name":{"product_id":"a-in-shop"}}]},
"vulnerabilities":[{"cve":"CVE-2026-1","product_status":{"known_not_affected":["a-in-shop"]},
"flags":[{"label":"vulnerable_code_not_in_execute_path","product_ids":["a-in-shop"]}]}]}`
)

// TestThreeFormatsSayTheSame holds that the same statement reads the same.
func TestThreeFormatsSayTheSame(t *testing.T) {
	at := time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)
	want := []vex.Statement{{
		Vulnerability: "CVE-2026-1", Product: "pkg:oci/shop", Component: "pkg:golang/example.org/a@1.0.0",
		Status: vex.NotAffected, Justification: "vulnerable_code_not_in_execute_path", Time: at,
	}}
	for format, content := range map[vex.Format]string{vex.OpenVEX: asOpenVEX, vex.CycloneDX: asCycloneDX, vex.CSAF: asCSAF} {
		t.Run(string(format), func(t *testing.T) {
			got, err := vex.Decode([]byte(content))
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(vex.Document{Format: format, ID: "https://example.org/vex/1", Time: at, Statements: want}, got); d != "" {
				t.Error(d)
			}
		})
	}
}

// A CycloneDX document is about its own product, and never about all that have a
// component, even where the product has no purl.
func TestProductOfCycloneDX(t *testing.T) {
	for name, c := range map[string]struct{ component, ref, want string }{
		"a part of a product":              {`{"bom-ref":"shop","purl":"pkg:oci/shop"}`, "a", "pkg:oci/shop > pkg:golang/example.org/a@1.0.0"},
		"a part of a product with no purl": {`{"bom-ref":"shop","name":"shop"}`, "a", "shop > pkg:golang/example.org/a@1.0.0"},
		"a product":                        {`{"bom-ref":"shop","purl":"pkg:oci/shop"}`, "shop", "pkg:oci/shop > "},
		"a product with no purl":           {`{"bom-ref":"x","name":"shop"}`, "x", "shop > "},
		"nothing but a component":          {`{}`, "a", "pkg:golang/example.org/a@1.0.0 > "},
		"a link to another document":       {`{}`, "urn:cdx:1/1#pkg:npm/a@1", "pkg:npm/a@1 > "},
	} {
		d, err := vex.Decode([]byte(`{"bomFormat":"CycloneDX","metadata":{"component":` + c.component + `},"components":[{"bom-ref":"a","purl":"pkg:golang/example.org/a@1.0.0"}],
			"vulnerabilities":[{"id":"CVE-2026-1","analysis":{"state":"resolved"},"affects":[{"ref":"` + c.ref + `"}]}]}`))
		if err != nil || len(d.Statements) != 1 {
			t.Errorf("%s: %+v, %v", name, d, err)
			continue
		}
		if got := d.Statements[0].Product + " > " + d.Statements[0].Component; got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestMalformed(t *testing.T) {
	deep := `{"document":{"csaf_version":"2.0"},"product_tree":{"branches":` + strings.Repeat(`[{"branches":`, 100) + "[]" + strings.Repeat("}]", 100) + "}}"
	for name, s := range map[string]string{
		"nothing":               "",
		"another document":      `{"a":1}`,
		"cut":                   asCSAF[:len(asCSAF)-10],
		"not UTF-8":             "\xff" + asOpenVEX,
		"no reason":             strings.Replace(asOpenVEX, `,"justification":"vulnerable_code_not_in_execute_path"`, "", 1),
		"no reason in a flag":   strings.Replace(asCSAF, `"label":"vulnerable_code_not_in_execute_path"`, `"label":""`, 1),
		"an unknown status":     strings.Replace(asOpenVEX, "not_affected", "harmless", 1),
		"a product of no tree":  strings.Replace(asCSAF, `["a-in-shop"]},`, `["b"]},`, 1),
		"a relation to nothing": strings.Replace(asCSAF, `"relates_to_product_reference":"shop"`, `"relates_to_product_reference":"b"`, 1),
		"a tree too deep":       deep,
		"of no vulnerability":   strings.Replace(asCycloneDX, `"id":"CVE-2026-1"`, `"id":""`, 1),
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := vex.Decode([]byte(s)); !errors.Is(err, vex.ErrDocument) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(asOpenVEX))
	f.Add([]byte(asCycloneDX))
	f.Add([]byte(asCSAF))
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := vex.Decode(b)
		if err != nil && !errors.Is(err, vex.ErrDocument) {
			t.Errorf("an error of another kind: %v", err)
		}
		for _, s := range d.Statements {
			if s.Vulnerability == "" || s.Product == "" {
				t.Errorf("taken: %+v", s)
			}
		}
	})
}
