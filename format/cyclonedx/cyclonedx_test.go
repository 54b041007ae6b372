package cyclonedx

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

func document() Document {
	return Document{
		SerialNumber: SerialNumber("shop", "abc"),
		Time:         time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC),
		Tool:         Tool{Name: "fairlead", Version: "1"},
		Root:         Component{Ref: "root", Type: "application", Name: "shop", Version: "abc"},
		Components: []Component{
			{Name: "zlib", Version: "1.3", PURL: "pkg:generic/zlib@1.3", Found: []Occurrence{{Path: "b.lock", Line: 0}, {Path: "a.lock", Line: 3}, {Path: "a.lock", Line: 3}}},
			{
				Name: "left", Version: "1.0.0", PURL: "pkg:npm/left@1.0.0", Scope: ScopeExcluded, Licenses: []License{{ID: "MIT"}, {Name: "Apache-2.0"}},
				Hashes: []Hash{{"SHA-256", strings.Repeat("ab", 32)}}, DependsOn: []string{"pkg:generic/zlib@1.3"},
			},
			{Name: "plain", Version: "2"},
		},
	}
}

// schema compiles the standard's own schema, which the library's module
// carries (Apache-2.0).
func schema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	dir, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/CycloneDX/cyclonedx-go").Output()
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(strings.TrimSpace(string(dir)), "schema")
	c := jsonschema.NewCompiler()
	for name, file := range map[string]string{
		"bom-1.6.schema.json": "bom-1.6.schema.json", "spdx.schema.json": "spdx.schema.json", "jsf-0.82.schema.json": "jsf-0.82.schemax.json",
	} {
		b, err := os.ReadFile(filepath.Join(folder, file))
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		if err := c.AddResource("http://cyclonedx.org/schema/"+name, doc); err != nil {
			t.Fatal(err)
		}
	}
	s, err := c.Compile("http://cyclonedx.org/schema/bom-1.6.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestEncodedDocumentFollowsTheSchema(t *testing.T) {
	s := schema(t)
	empty := document()
	empty.Components = nil
	for _, d := range []Document{document(), empty} {
		b, err := Encode(d)
		if err != nil {
			t.Fatal(err)
		}
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Validate(v); err != nil {
			t.Errorf("%v\n%s", err, b)
		}
	}
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(`{"bomFormat":"CycloneDX","specVersion":"1.6","serialNumber":"nonsense"}`))
	if err != nil {
		t.Fatal(err)
	}
	if s.Validate(v) == nil {
		t.Error("the schema passes anything: this test proves nothing")
	}
}

func TestOrderDoesNotMatter(t *testing.T) {
	d := document()
	a, err := Encode(d)
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(d.Components)
	b, err := Encode(d)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a, b) {
		t.Error("the order of the components changes the bytes")
	}
	d.Components[0].Version = "3"
	if c, _ := Encode(d); bytes.Equal(a, c) {
		t.Error("a version does not change the bytes")
	}
}

func TestDecodeGivesBackWhatWasEncoded(t *testing.T) {
	b, err := Encode(document())
	if err != nil {
		t.Fatal(err)
	}
	got, err := Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Encode(got)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(b), string(again)); diff != "" {
		t.Error(diff)
	}
	if got.Root.Name != "shop" || !got.Time.Equal(document().Time) || got.Tool != document().Tool {
		t.Errorf("root %+v, time %s, tool %+v", got.Root, got.Time, got.Tool)
	}
	if !slices.Equal(got.Root.DependsOn, []string{"pkg:generic/zlib@1.3", "pkg:npm/left@1.0.0", "plain@2"}) {
		t.Errorf("the root depends on %v", got.Root.DependsOn)
	}
}

func TestSerialNumbersTellSubjectsApart(t *testing.T) {
	seen := map[string][]string{}
	for _, parts := range [][]string{{"ab", "c"}, {"a", "bc"}, {"abc"}, {"abc", ""}} {
		n := SerialNumber(parts...)
		if other, ok := seen[n]; ok {
			t.Errorf("%q and %q share %s", other, parts, n)
		}
		seen[n] = parts
		if n != SerialNumber(parts...) || len(n) != len("urn:uuid:")+36 {
			t.Errorf("%q: %s", parts, n)
		}
	}
}

func TestMalformedDocuments(t *testing.T) {
	d := document()
	d.Components = append(d.Components, d.Components[0])
	if _, err := Encode(d); !errors.Is(err, ErrDocument) {
		t.Errorf("twice the same component: %v", err)
	}
	for _, text := range []string{
		"", "{}", "[]", `{"bomFormat":"SPDX"}`, `{"bomFormat":"CycloneDX","specVersion":"1.6"} x`,
		`{"bomFormat":"CycloneDX","specVersion":"1.6","metadata":{"timestamp":"yesterday"}}`,
	} {
		if _, err := Decode([]byte(text)); !errors.Is(err, ErrDocument) {
			t.Errorf("%q gives %v", text, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	b, err := Encode(document())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte(`{"bomFormat":"CycloneDX","specVersion":"1.4","components":[{"type":"library","name":"a","licenses":[{"expression":"MIT"}]}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := Decode(b)
		if err != nil {
			if !errors.Is(err, ErrDocument) {
				t.Fatalf("an error of another kind: %v", err)
			}
			return
		}
		encoded, err := Encode(d)
		if err != nil {
			return // two components with one reference
		}
		if _, err := Decode(encoded); err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
	})
}
