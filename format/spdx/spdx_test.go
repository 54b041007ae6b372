package spdx

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
		Name: "shop", Namespace: Namespace + "shop-1", Time: time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC),
		Creators:  []Creator{{"Tool", "fairlead-1"}, {"Organization", "Example"}},
		Describes: "Root",
		Packages: []Package{
			{ID: "Root", Name: "shop", Purpose: "APPLICATION"},
			{
				ID: "Left", Name: "left", Version: "1.0.0", PURL: "pkg:npm/left@1.0.0", CPE: "cpe:2.3:a:left:left:1.0.0:*:*:*:*:*:*:*",
				Supplier: "Left Inc", Declared: "MIT", Concluded: "MIT OR LicenseRef-own", SourceInfo: "package-lock.json:3",
				Hashes: []Hash{{"SHA256", strings.Repeat("ab", 32)}},
			},
			{ID: "Plain", Name: "plain"},
		},
		Relationships: []Relationship{{"Root", DependsOn, "Left"}, {"Plain", DevDependencyOf, "Root"}, {"Left", DependsOn, "Plain"}},
		Licenses:      []ExtractedLicense{{"LicenseRef-own", "our own"}},
	}
}

func schema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	b, err := os.ReadFile("testdata/spdx-2.3.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("spdx.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("spdx.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestEncodedDocumentFollowsTheSchema(t *testing.T) {
	s := schema(t)
	small := document()
	small.Packages, small.Relationships, small.Licenses = small.Packages[:1], nil, nil
	for _, d := range []Document{document(), small} {
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
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(`{"spdxVersion":"SPDX-2.3","packages":[{"name":1}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if s.Validate(v) == nil {
		t.Error("the schema passes anything: this test proves nothing")
	}
}

func TestDecodeGivesBackWhatWasEncoded(t *testing.T) {
	want := document()
	b, err := Encode(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	want.Version = "2.3"
	slices.SortFunc(want.Packages, func(a, b Package) int { return strings.Compare(a.ID, b.ID) })
	slices.SortFunc(want.Relationships, func(a, b Relationship) int { return strings.Compare(a.From, b.From) })
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	shuffled := document()
	slices.Reverse(shuffled.Packages)
	slices.Reverse(shuffled.Relationships)
	if again, err := Encode(shuffled); err != nil || !bytes.Equal(b, again) {
		t.Errorf("the order changes the bytes: %v", err)
	}
}

// The examples of the standard itself, which the library's module carries.
func TestForeignDocuments(t *testing.T) {
	dir, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/spdx/tools-golang").Output()
	if err != nil {
		t.Fatal(err)
	}
	samples := filepath.Join(strings.TrimSpace(string(dir)), "examples", "sample-docs")
	for name, version := range map[string]string{
		"json/SPDXJSONExample-v2.2.spdx.json": "2.2", "json/SPDXJSONExample-v2.3.spdx.json": "2.3",
		"tv/SPDXTagExample-v2.2.spdx": "2.2", "tv/SPDXTagExample-v2.3.spdx": "2.3", "tv/hello.spdx": "2.2",
	} {
		b, err := os.ReadFile(filepath.Join(samples, name))
		if err != nil {
			t.Fatal(err)
		}
		d, err := Decode(b)
		if err != nil || d.Version != version || len(d.Packages) == 0 || d.Describes == "" || len(d.Creators) == 0 || d.Time.IsZero() {
			t.Errorf("%s: version %q, %d packages, about %q, by %v at %s: %v", name, d.Version, len(d.Packages), d.Describes, d.Creators, d.Time, err)
		}
	}
}

func TestMalformedDocuments(t *testing.T) {
	d := document()
	d.Packages = append(d.Packages, d.Packages[0])
	if _, err := Encode(d); !errors.Is(err, ErrDocument) {
		t.Errorf("twice the same package: %v", err)
	}
	for _, text := range []string{
		"", "{}", "[]", `{"spdxVersion":"SPDX-3.0"}`, `{"spdxVersion":"SPDX-2.3","SPDXID":"SPDXRef-DOCUMENT"} x`,
		`{"spdxVersion":"SPDX-2.3","SPDXID":"SPDXRef-DOCUMENT","creationInfo":{"created":"yesterday"}}`,
		`{"spdxVersion":"SPDX-2.3","SPDXID":"SPDXRef-DOCUMENT"`, "SPDXVersion: SPDX-9", "\xff\xfe",
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
	f.Add([]byte("SPDXVersion: SPDX-2.3\nDataLicense: CC0-1.0\nSPDXID: SPDXRef-DOCUMENT\nDocumentName: a\nDocumentNamespace: https://example.org/a\nCreator: Tool: a\nCreated: 2026-01-01T00:00:00Z\n\nPackageName: a\nSPDXID: SPDXRef-a\nPackageDownloadLocation: NONE\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := Decode(b); err != nil && !errors.Is(err, ErrDocument) {
			t.Fatalf("an error of another kind: %v", err)
		}
	})
}
