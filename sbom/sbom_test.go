package sbom_test

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"fairlead.dev"
	"fairlead.dev/format/cyclonedx"
	"fairlead.dev/format/spdx"
	"fairlead.dev/sbom"
)

// module is the directory of a module whose own samples are read here.
func module(t testing.TB, name string) string {
	t.Helper()
	dir, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(dir))
}

// schema compiles a JSON schema from files by the names they have for one another.
func schema(t *testing.T, files map[string]string, name string) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	for url, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
		if err == nil {
			err = c.AddResource(url, doc)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	s, err := c.Compile(name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func schemas(t *testing.T) map[string]*jsonschema.Schema {
	dir := filepath.Join(module(t, "github.com/CycloneDX/cyclonedx-go"), "schema")
	const at = "http://cyclonedx.org/schema/"
	return map[string]*jsonschema.Schema{
		"CycloneDX": schema(t, map[string]string{
			at + "bom-1.6.schema.json": filepath.Join(dir, "bom-1.6.schema.json"), at + "spdx.schema.json": filepath.Join(dir, "spdx.schema.json"),
			at + "jsf-0.82.schema.json": filepath.Join(dir, "jsf-0.82.schemax.json"),
		}, at+"bom-1.6.schema.json"),
		"SPDX": schema(t, map[string]string{"spdx.json": filepath.Join("..", "format", "spdx", "testdata", "spdx-2.3.schema.json")}, "spdx.json"),
	}
}

func valid(t *testing.T, s *jsonschema.Schema, b []byte) {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err == nil {
		err = s.Validate(v)
	}
	if err != nil {
		t.Errorf("%v", err)
	}
}

// TestForeignDocuments: the samples of both standards, of every version and
// form, are read, and what is written of them follows the schemas.
func TestForeignDocuments(t *testing.T) {
	var files []string
	for _, pattern := range []string{"testdata/valid-*.json", "testdata/valid-*.xml", "testdata/snapshots/*valid-bom*"} {
		found, err := filepath.Glob(filepath.Join(module(t, "github.com/CycloneDX/cyclonedx-go"), pattern))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	samples := filepath.Join(module(t, "github.com/spdx/tools-golang"), "examples", "sample-docs")
	for _, name := range []string{"json/SPDXJSONExample-v2.2.spdx.json", "json/SPDXJSONExample-v2.3.spdx.json", "tv/SPDXTagExample-v2.2.spdx", "tv/SPDXTagExample-v2.3.spdx", "tv/hello.spdx"} {
		files = append(files, filepath.Join(samples, name))
	}
	if len(files) < 80 {
		t.Fatalf("there are only %d samples", len(files))
	}
	all, formats := schemas(t), map[string]int{}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			d, format, err := sbom.Read(b)
			if err != nil {
				t.Fatal(err)
			}
			formats[format]++
			out, err := cyclonedx.Encode(d)
			if err != nil {
				t.Fatal(err)
			}
			valid(t, all["CycloneDX"], out)
			out, err = spdx.Encode(sbom.SPDX(d))
			if err != nil {
				t.Fatal(err)
			}
			valid(t, all["SPDX"], out)
			if s := sbom.Rate(d, format, spdx.IsExpression); s.Score < 0 || s.Score > 10 || math.IsNaN(s.Score) {
				t.Errorf("score %v", s.Score)
			}
		})
	}
	t.Log(formats)
}

// TestEveryVersion: one small document in every version that is promised.
func TestEveryVersion(t *testing.T) {
	for _, v := range []string{"1.2", "1.3", "1.4", "1.5", "1.6", "1.7"} {
		for _, doc := range []string{
			fmt.Sprintf(`{"bomFormat":"CycloneDX","specVersion":%q,"version":1,"components":[{"type":"library","name":"left-pad","version":"1.0.0","purl":"pkg:npm/left-pad@1.0.0"}]}`, v),
			fmt.Sprintf(`<?xml version="1.0"?><bom xmlns="http://cyclonedx.org/schema/bom/%s" version="1"><components><component type="library"><name>left-pad</name><version>1.0.0</version><purl>pkg:npm/left-pad@1.0.0</purl></component></components></bom>`, v),
		} {
			d, format, err := sbom.Read([]byte(doc))
			if err != nil || format != "CycloneDX "+v || len(d.Components) != 1 || d.Components[0].PURL != "pkg:npm/left-pad@1.0.0" {
				t.Errorf("%s: %q, %+v, %v", v, format, d.Components, err)
			}
		}
	}
	for _, v := range []string{"2.1", "2.2", "2.3"} {
		doc := "SPDXVersion: SPDX-" + v + "\nDataLicense: CC0-1.0\nSPDXID: SPDXRef-DOCUMENT\nDocumentName: shop\nDocumentNamespace: https://shop.example/1\n" +
			"Creator: Tool: x-1\nCreated: 2026-11-02T08:00:00Z\n\nPackageName: left-pad\nSPDXID: SPDXRef-left\nPackageVersion: 1.0.0\n" +
			"PackageDownloadLocation: NOASSERTION\nFilesAnalyzed: false\nExternalRef: PACKAGE-MANAGER purl pkg:npm/left-pad@1.0.0\n"
		d, format, err := sbom.Read([]byte(doc))
		if err != nil || format != "SPDX "+v || len(d.Components) != 1 || d.Components[0].PURL != "pkg:npm/left-pad@1.0.0" {
			t.Errorf("%s: %q, %+v, %v", v, format, d.Components, err)
		}
	}
}

func TestMalformed(t *testing.T) {
	for _, doc := range []string{
		"", "{", "[]", "null", "\xff\xfe\x00", `{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{`, `{"bomFormat":"CycloneDX","specVersion":"9.9"}`,
		`<bom xmlns="http://cyclonedx.org/schema/bom/1.1"></bom>`, `{"spdxVersion":"SPDX-3.0"}`, `{"spdxVersion":"SPDX-2.3","packages":[`,
		"SPDXVersion: SPDX-9", `{"@context":"https://spdx.org/rdf/3.0.1/spdx-context.jsonld"}`,
	} {
		if _, _, err := sbom.Read([]byte(doc)); fairlead.KindOf(err) != fairlead.KindInvalid || fairlead.HintOf(err) == "" {
			t.Errorf("%q: %v", doc, err)
		}
	}
}

// TestCycle: dependencies in circles are data like any other.
func TestCycle(t *testing.T) {
	d := cyclonedx.Document{Root: cyclonedx.Component{Ref: "root", Name: "shop", DependsOn: []string{"a"}}, Components: []cyclonedx.Component{
		{Ref: "a", Name: "a", Version: "1", DependsOn: []string{"b", "a"}}, {Ref: "b", Name: "b", Version: "1", DependsOn: []string{"a", "root"}},
	}}
	b, err := cyclonedx.Encode(d)
	if err != nil {
		t.Fatal(err)
	}
	read, _, err := sbom.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	if s := sbom.Rate(read, "CycloneDX 1.6", spdx.IsExpression); s.Components != 2 {
		t.Errorf("%+v", s)
	}
	if out, err := spdx.Encode(sbom.SPDX(read)); err != nil || !bytes.Contains(out, []byte("DEPENDS_ON")) {
		t.Errorf("%v", err)
	}
}

func library(name, version string, licenses ...string) cyclonedx.Component {
	c := cyclonedx.Component{Ref: name + version, Name: name, Version: version, PURL: "pkg:npm/" + name + "@" + version}
	for _, l := range licenses {
		c.Licenses = append(c.Licenses, cyclonedx.License{ID: l})
	}
	return c
}

func TestDiff(t *testing.T) {
	before := cyclonedx.Document{Components: []cyclonedx.Component{
		library("same", "1"), library("gone", "1"), library("up", "1.0.0", "MIT"), library("twice", "1"), library("twice", "2"), library("relicensed", "1", "MIT"),
		{Ref: "plain", Name: "plain", Version: "1"},
	}}
	after := cyclonedx.Document{Components: []cyclonedx.Component{
		library("same", "1"), library("come", "1"), library("up", "1.0.1", "MIT"), library("twice", "2"), library("relicensed", "1", "BUSL-1.1"),
		{Ref: "other", Name: "plain", Version: "1"},
	}}
	want := sbom.Difference{
		Added:   []sbom.Part{{Name: "come", PURL: "pkg:npm/come@1", Version: "1"}},
		Removed: []sbom.Part{{Name: "gone", PURL: "pkg:npm/gone@1", Version: "1"}},
		Versions: []sbom.Change{
			{Name: "pkg:npm/twice", Before: []string{"1", "2"}, After: []string{"2"}}, {Name: "pkg:npm/up", Before: []string{"1.0.0"}, After: []string{"1.0.1"}},
		},
		Licenses: []sbom.Change{{Name: "pkg:npm/relicensed@1", Before: []string{"MIT"}, After: []string{"BUSL-1.1"}}},
		Same:     3,
	}
	if d := cmp.Diff(want, sbom.Diff(before, after)); d != "" {
		t.Error(d)
	}
	if d := sbom.Diff(before, before); len(d.Added)+len(d.Removed)+len(d.Versions)+len(d.Licenses) > 0 {
		t.Errorf("a document differs from itself: %+v", d)
	}
}

// TestScore follows the published formula by hand.
func TestScore(t *testing.T) {
	full := library("full", "1", "MIT")
	full.Supplier, full.Hashes = "Acme", []cyclonedx.Hash{{Algorithm: "SHA-256", Hex: strings.Repeat("ab", 32)}}
	d := cyclonedx.Document{
		Tool: cyclonedx.Tool{Name: "x"}, Time: time.Unix(1, 0), Phase: "build", Signed: true,
		Root: cyclonedx.Component{Ref: "root", DependsOn: []string{full.Ref}}, Components: []cyclonedx.Component{full},
	}
	if s := sbom.Rate(d, "CycloneDX 1.6", spdx.IsExpression); s.Score != 10 || !s.NTIA {
		t.Errorf("everything is there: %+v", s)
	}
	d.Components = append(d.Components, cyclonedx.Component{Ref: "bare", Name: "bare"})
	s := sbom.Rate(d, "CycloneDX 1.6", spdx.IsExpression)
	// Of weights that sum up to 11.5, half is missing of supplier, version, identifier, purl, licence and graph (1 each) and hash (0.5).
	if want := math.Round(100*(11.5-3.25)/11.5) / 10; s.Score != want || s.NTIA {
		t.Errorf("score %v, want %v: %+v", s.Score, want, s.Checks)
	}
	if s := sbom.Rate(cyclonedx.Document{}, "CycloneDX 1.2", spdx.IsExpression); s.Score != 0 || s.NTIA {
		t.Errorf("nothing is there: %+v", s)
	}
}

// TestThroughSPDX: what one format says survives the other.
func TestThroughSPDX(t *testing.T) {
	c := library("left", "1", "MIT")
	c.Supplier, c.Hashes = "Acme", []cyclonedx.Hash{{Algorithm: "SHA-256", Hex: strings.Repeat("ab", 32)}}
	dev := library("dev", "1")
	dev.Scope = cyclonedx.ScopeExcluded
	named := library("named", "1")
	named.Licenses = []cyclonedx.License{{Name: "our own words"}}
	d := cyclonedx.Document{
		Time: time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC), Root: cyclonedx.Component{Ref: "root", Name: "shop", DependsOn: []string{c.Ref}},
		Components: []cyclonedx.Component{c, dev, named},
	}
	b, err := spdx.Encode(sbom.SPDX(d))
	if err != nil {
		t.Fatal(err)
	}
	back, format, err := sbom.Read(b)
	if err != nil || format != "SPDX 2.3" || back.Root.Name != "shop" || len(back.Root.DependsOn) != 1 {
		t.Fatalf("%q, %+v, %v", format, back.Root, err)
	}
	if diff := sbom.Diff(d, back); diff.Same != 3 || len(diff.Licenses) > 0 {
		t.Errorf("%+v", diff)
	}
	i := slices.IndexFunc(back.Components, func(c cyclonedx.Component) bool { return c.Name == "dev" })
	j := slices.IndexFunc(back.Components, func(c cyclonedx.Component) bool { return c.Name == "left" })
	if back.Components[i].Scope != cyclonedx.ScopeExcluded || back.Components[j].Supplier != "Acme" || len(back.Components[j].Hashes) != 1 {
		t.Errorf("%+v", back.Components)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{"type":"library","name":"a","bom-ref":"a"}],"dependencies":[{"ref":"a","dependsOn":["a"]}]}`))
	f.Add([]byte(`<bom xmlns="http://cyclonedx.org/schema/bom/1.4"><components><component type="library"><name>a</name></component></components></bom>`))
	f.Add([]byte(`{"spdxVersion":"SPDX-2.3","SPDXID":"SPDXRef-DOCUMENT","packages":[{"SPDXID":"SPDXRef-a","name":"a"}]}`))
	f.Add([]byte("SPDXVersion: SPDX-2.3\nPackageName: a\nSPDXID: SPDXRef-a\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		d, format, err := sbom.Read(b)
		if err != nil {
			if fairlead.KindOf(err) != fairlead.KindInvalid {
				t.Fatal(err)
			}
			return
		}
		sbom.Diff(d, d)
		sbom.Rate(d, format, spdx.IsExpression)
		first, err := spdx.Encode(sbom.SPDX(d))
		if err != nil {
			return
		}
		if again, _ := spdx.Encode(sbom.SPDX(d)); !bytes.Equal(first, again) {
			t.Error("the same document gives other bytes")
		}
	})
}
