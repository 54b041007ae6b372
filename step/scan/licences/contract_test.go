package licences_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"fairlead.dev"
	"fairlead.dev/format/cyclonedx"
	"fairlead.dev/step"
	"fairlead.dev/step/scan/licences"
	"fairlead.dev/step/steptest"
)

// mit is a licence text; anything above it is a notice of copyright.
const mit = `Copyright (c) 2020 Somebody

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation
files (the "Software"), to deal in the Software without restriction, including without limitation the rights to use, copy,
modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the
Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES
OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE
LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN
CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
`

func component(purl, path string, said ...string) cyclonedx.Component {
	name, version, _ := strings.Cut(purl[strings.Index(purl, "/")+1:], "@")
	c := cyclonedx.Component{Name: name, Version: version, PURL: purl, Scope: cyclonedx.ScopeRequired, Found: []cyclonedx.Occurrence{{Path: path}}}
	for _, s := range said {
		c.Licenses = append(c.Licenses, cyclonedx.License{Expression: s})
	}
	return c
}

// document is a bill of materials.
func document(t *testing.T, components ...cyclonedx.Component) string {
	t.Helper()
	b, err := cyclonedx.Encode(cyclonedx.Document{
		SerialNumber: cyclonedx.SerialNumber("test"), Time: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC),
		Root: cyclonedx.Component{Ref: "root", Type: "application", Name: "shop"}, Components: components,
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func config(edit func(*licences.Config)) licences.Config {
	c := licences.Type().Config.(licences.Config)
	edit(&c)
	return c
}

// told checks rule and component of each finding.
func told(want ...string) func(*testing.T, step.In, step.Out) {
	return func(t *testing.T, _ step.In, out step.Out) {
		t.Helper()
		var got []string
		for _, f := range out.Findings {
			if f.Category != fairlead.CategoryLicence || f.ToolVersion == "" || f.SeveritySource == "" || f.Fix == "" {
				t.Errorf("finding %+v", f)
			}
			if (f.Rule == "licence-denied") != (f.Severity == fairlead.SeverityHigh) {
				t.Errorf("%s is of %s severity", f.Rule, f.Severity)
			}
			got = append(got, strings.TrimPrefix(f.Rule, "licence-")+" "+f.Component.Name)
		}
		if !slices.Equal(got, want) {
			t.Errorf("findings %q, want %q", got, want)
		}
	}
}

func TestContract(t *testing.T) {
	bill := document(t, component("pkg:npm/free@1.0.0", "package-lock.json", "MIT"), component("pkg:npm/choice@1.0.0", "package-lock.json", "GPL-3.0-only OR ISC"),
		component("pkg:npm/strong@1.0.0", "package-lock.json", "GPL-3.0-only"), component("pkg:npm/strong@2.0.0", "web/package-lock.json", "GPL-3.0-only"),
		component("pkg:npm/words@1.0.0", "package-lock.json", "SEE LICENSE IN x"), component("pkg:pypi/silent@1.0.0", "requirements.txt"))
	files := map[string]string{"sbom.cdx.json": bill}
	steptest.Run(t, licences.Type(),
		steptest.Case{
			Name: "the usual policy", Files: files, Want: step.Done,
			Check: func(t *testing.T, in step.In, out step.Out) {
				told("unknown silent", "ask strong", "unknown words")(t, in, out)
				if f := out.Findings[1]; !strings.Contains(f.Message, "1.0.0") || !strings.Contains(f.Message, "2.0.0") || len(f.Further) != 1 {
					t.Errorf("two versions are one finding: %+v", f)
				}
				if len(out.Artifacts) != 1 || out.Artifacts[0].Name != licences.NoticesName {
					t.Errorf("artifacts %+v", out.Artifacts)
				}
			},
		},
		steptest.Case{
			Name: "a policy that denies", Files: files, Want: step.Done,
			Config: config(func(c *licences.Config) {
				c.Deny, c.Allow, c.Notices = []string{"strong-copyleft"}, []string{"permissive", "unknown"}, false
			}),
			Check: func(t *testing.T, in step.In, out step.Out) {
				told("denied strong")(t, in, out)
				if len(out.Artifacts) != 0 {
					t.Errorf("artifacts %+v", out.Artifacts)
				}
			},
		},
		steptest.Case{
			Name: "the organisation only tightens", Files: files, Want: step.Done,
			Config: config(func(c *licences.Config) {
				c.Allow = []string{"*", "unknown"}
				c.Organisation = licences.Rules{Ask: []string{"unknown"}, Deny: []string{"GPL-*"}}
			}),
			Check: told("unknown silent", "denied strong", "unknown words"),
		},
		steptest.Case{
			Name: "code that was copied in", Want: step.Done,
			Files: map[string]string{
				"sbom.cdx.json": document(t), "LICENSE": "ours", "sub/go.mod": "module sub\n", "sub/LICENSE": "ours too", "third/mit/LICENSE": mit,
				"third/odd/COPYING": "you may do as you like on Sundays", "out/COPYING": "x", "testdata/COPYING": "x", "node_modules/a/LICENSE": "x",
			},
			Config: config(func(c *licences.Config) { c.Exclude = []string{"out"} }),
			Check: func(t *testing.T, in step.In, out step.Out) {
				told("unknown third/odd/")(t, in, out)
				if out.Findings[0].Location.Path != "third/odd/COPYING" {
					t.Errorf("finding %+v", out.Findings[0])
				}
			},
		},
		steptest.Case{Name: "a foreign bill of materials", Testdata: ".", Want: step.Done, Check: told("ask two")},
		steptest.Case{Name: "no bill of materials", Kind: fairlead.KindInvalid},
		steptest.Case{Name: "a cut bill of materials", Files: map[string]string{"sbom.cdx.json": `{"bomFormat":`}, Kind: fairlead.KindInvalid},
		steptest.Case{
			Name: "a licence that is none", Files: files, Kind: fairlead.KindInvalid,
			Config: config(func(c *licences.Config) { c.Deny = []string{"GLP-3.0"} }),
		},
		steptest.Case{Name: "a wrong glob", Files: files, Kind: fairlead.KindInvalid, Config: config(func(c *licences.Config) { c.Exclude = []string{"[a"} })},
	)
}

// TestTexts: a module's text is read from vendor, from the module cache and from
// its archive there; a module that is in none is unknown, and it is said.
func TestTexts(t *testing.T) {
	modules := t.TempDir()
	put := func(dir, name, content string) {
		t.Helper()
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put(modules, "example.test/!un!packed@v1.0.0/LICENSE", mit)
	put(modules, "example.test/bare@v1.0.0/main.go", "package bare")
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.Create("example.test/packed@v1.0.0/LICENSE.txt")
	if err == nil {
		_, err = w.Write([]byte(mit))
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	put(modules, "cache/download/example.test/packed/@v/v1.0.0.zip", b.String())
	put(modules, "cache/download/example.test/broken/@v/v1.0.0.zip", "PK")
	of := func(name string) cyclonedx.Component {
		return component("pkg:golang/example.test/"+name+"@v1.0.0", "go.mod")
	}
	in := steptest.In(t, licences.Type(), map[string]string{
		"vendor/example.test/vendored/LICENSE": mit,
		"sbom.cdx.json":                        document(t, of("UnPacked"), of("packed"), of("vendored"), of("absent"), of("bare"), of("broken")),
	})
	if err := os.Symlink("/etc", filepath.Join(modules, "example.test", "linked@v1.0.0")); err != nil {
		t.Fatal(err)
	}
	in.Env = append(in.Env, "GOMODCACHE="+modules)
	out, err := licences.Type().Run(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	told("unknown example.test/absent", "unknown example.test/bare", "unknown example.test/broken")(t, in, out)
	for i, why := range []string{"not in the Go module cache", "has no licence file", "cannot be read"} {
		if !strings.Contains(out.Findings[i].Message, why) {
			t.Errorf("%q does not say %q", out.Findings[i].Message, why)
		}
	}
	var said struct{ Licences map[string]int }
	if err := json.Unmarshal(out.Claims[0].Predicate, &said); err != nil || said.Licences["MIT"] != 3 {
		t.Errorf("the claim says %+v, %v", said, err)
	}
}

// TestIdentity: a finding stays the same whatever version and place the component
// has, and is another when its licence is.
func TestIdentity(t *testing.T) {
	print := func(purl, path, said string) string {
		in := steptest.In(t, licences.Type(), map[string]string{"sbom.cdx.json": document(t, component(purl, path, said))})
		out, err := licences.Type().Run(t.Context(), in)
		if err != nil || len(out.Findings) != 1 {
			t.Fatal(out, err)
		}
		return out.Findings[0].Fingerprint
	}
	first := print("pkg:npm/a@1.0.0", "package-lock.json", "GPL-3.0-only")
	if print("pkg:npm/a@2.0.0", "web/package-lock.json", "GPL-3.0-only") != first {
		t.Error("another version is another finding")
	}
	if print("pkg:npm/a@1.0.0", "package-lock.json", "AGPL-3.0-only") == first {
		t.Error("another licence is the same finding")
	}
}
