package sca_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"fairlead.dev"
	"fairlead.dev/format/cyclonedx"
	"fairlead.dev/reach"
	"fairlead.dev/step"
	"fairlead.dev/step/scan/sca"
	"fairlead.dev/step/steptest"
	"fairlead.dev/vulndb"
)

func TestMain(m *testing.M) {
	reach.Guard()
	os.Exit(m.Run())
}

// advisories makes a database of records.
func advisories(t *testing.T, records ...string) string {
	t.Helper()
	dir := t.TempDir()
	for i, r := range records {
		if err := os.WriteFile(filepath.Join(dir, string(rune('a'+i))+".json"), []byte(r), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), "vulndb.sqlite")
	at := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	if _, err := vulndb.Import(t.Context(), path, at, vulndb.Input{Path: dir, Name: "test"}); err != nil {
		t.Fatal(err)
	}
	return path
}

// record is one of the Go database, about the module example.test/lib.
func record(id, imports string) string {
	return `{"id":"` + id + `","modified":"2026-10-01T00:00:00Z","summary":"It breaks","affected":[{
		"package":{"ecosystem":"Go","name":"example.test/lib"},
		"ranges":[{"type":"SEMVER","events":[{"introduced":"0"},{"fixed":"1.2.0"}]}],
		"ecosystem_specific":{"imports":[` + imports + `]}}]}`
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

func lib(version string) cyclonedx.Component {
	return cyclonedx.Component{
		Name: "example.test/lib", Version: version, PURL: "pkg:golang/example.test/lib@v" + version,
		Scope: cyclonedx.ScopeRequired, Found: []cyclonedx.Occurrence{{Path: "go.mod"}},
	}
}

func TestContract(t *testing.T) {
	db := advisories(t, record("GO-2026-1", ""))
	with := func(_ *testing.T, in *step.In) { in.Advisories = db }
	quick := sca.Type().Config.(sca.Config)
	quick.Reachability = false
	steptest.Run(t, sca.Type(),
		steptest.Case{Name: "no database", Want: step.Skipped},
		steptest.Case{
			Name: "one vulnerability", Config: quick, Prepare: with, Want: step.Done,
			Files: map[string]string{"sbom.cdx.json": document(t, lib("1.0.0"))},
			Check: func(t *testing.T, _ step.In, out step.Out) {
				if len(out.Findings) != 1 {
					t.Fatalf("findings %+v", out.Findings)
				}
				f := out.Findings[0]
				if f.Rule != "GO-2026-1" || f.Severity != fairlead.SeverityUnknown || f.Reachability != fairlead.ReachableUnknown ||
					f.Location.Path != "go.mod" || !slices.Equal(f.FixedIn, []string{"1.2.0"}) ||
					!strings.Contains(f.Fix, "go get example.test/lib@v1.2.0") {
					t.Errorf("finding %+v", f)
				}
			},
		},
		steptest.Case{
			Name: "a fixed version", Config: quick, Prepare: with, Want: step.Done,
			Files: map[string]string{"sbom.cdx.json": document(t, lib("1.2.0"))},
			Check: func(t *testing.T, _ step.In, out step.Out) {
				if len(out.Findings) != 0 {
					t.Errorf("findings %+v", out.Findings)
				}
			},
		},
		steptest.Case{
			Name: "a statement about the service", Config: quick, Want: step.Done,
			Prepare: func(t *testing.T, in *step.In) {
				in.Service, in.Event.Commit = "shop", "abc"
				in.Advisories = advisories(t, record("GO-2026-1", ""), `{"@context":"https://openvex.dev/ns/v0.2.0","@id":"https://example.test/vex","author":"a",
					"timestamp":"2026-10-01T00:00:00Z","version":1,"statements":[{"vulnerability":{"name":"GO-2026-1"},"products":[{"@id":"pkg:generic/shop@abc"}],
					"status":"not_affected","justification":"inline_mitigations_already_exist"}]}`)
			},
			Files: map[string]string{"sbom.cdx.json": document(t, lib("1.0.0"))},
			Check: func(t *testing.T, _ step.In, out step.Out) {
				if len(out.Findings) != 1 || out.Findings[0].Vulnerability.VEX != "not_affected" {
					t.Errorf("findings %+v", out.Findings)
				}
			},
		},
		steptest.Case{Name: "no bill of materials", Prepare: with, Kind: fairlead.KindInvalid},
		steptest.Case{Name: "a cut bill of materials", Prepare: with, Files: map[string]string{"sbom.cdx.json": `{"bomFormat":`}, Kind: fairlead.KindInvalid},
	)
}

// module keeps a module version as a proxy serves it.
func module(t *testing.T, proxy, path, version string, files map[string]string) {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, content := range files {
		w, err := z.Create(path + "@" + version + "/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(proxy, filepath.FromSlash(path), "@v")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		version + ".zip": b.String(), version + ".mod": files["go.mod"], "list": version + "\n",
		version + ".info": `{"Version":"` + version + `","Time":"2026-01-01T00:00:00Z"}`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// testdata/shop calls one package of a module, imports another one without
// calling what is vulnerable, and does not import the third; a second module
// is only in its go.mod.
func TestReachability(t *testing.T) {
	proxy, cache := t.TempDir(), t.TempDir()
	module(t, proxy, "example.test/lib", "v1.0.0", map[string]string{
		"go.mod":               "module example.test/lib\n\ngo 1.26.0\n",
		"called/called.go":     "package called\n\nfunc Parse(string) { deep() }\n\nfunc deep() {}\n\nfunc Other() {}\n",
		"imported/imported.go": "package imported\n\nfunc Safe() {}\n\nfunc Broken() {}\n",
		"required/required.go": "package required\n\nfunc Broken() {}\n",
	})
	module(t, proxy, "example.test/aside", "v1.0.0", map[string]string{"go.mod": "module example.test/aside\n\ngo 1.26.0\n", "aside.go": "package aside\n"})
	in := steptest.In(t, sca.Type(), nil)
	if err := os.CopyFS(in.Workspace, os.DirFS(filepath.Join("testdata", "shop"))); err != nil {
		t.Fatal(err)
	}
	in.Env = append(in.Env, "GOMODCACHE="+cache, "GOSUMDB=off", "GOFLAGS=-modcacherw", "GOCACHE="+goCache(t))
	tidy := exec.Command("go", "mod", "download", "all")
	tidy.Dir, tidy.Env = in.Workspace, append(slices.Clone(in.Env), "GOPROXY=file://"+proxy, "GOTOOLCHAIN=local")
	if out, err := tidy.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	in.Advisories = advisories(t,
		record("GO-2026-1", `{"path":"example.test/lib/called","symbols":["deep"]}`),
		record("GO-2026-2", `{"path":"example.test/lib/imported","symbols":["Broken"]}`),
		record("GO-2026-3", `{"path":"example.test/lib/required","symbols":["Broken"]}`),
		record("GO-2026-4", ""),
		strings.ReplaceAll(record("GO-2026-5", `{"path":"example.test/aside"}`), "example.test/lib\"", "example.test/aside\""),
	)
	aside := lib("1.0.0")
	aside.Name, aside.PURL = "example.test/aside", "pkg:golang/example.test/aside@v1.0.0"
	in.Cache = t.TempDir()
	sbom := document(t, lib("1.0.0"), aside)
	if err := os.WriteFile(filepath.Join(in.Workspace, "sbom.cdx.json"), []byte(sbom), 0o600); err != nil {
		t.Fatal(err)
	}
	want := map[string]fairlead.Reachability{
		"GO-2026-1": fairlead.ReachableCalled, "GO-2026-2": fairlead.ReachableImported, "GO-2026-3": fairlead.ReachableRequired,
		"GO-2026-4": fairlead.ReachableUnknown, "GO-2026-5": fairlead.ReachableRequired,
	}
	for _, turn := range []string{"first", "from what was kept"} {
		out, err := sca.Type().Run(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]fairlead.Reachability{}
		for _, f := range out.Findings {
			got[f.Rule] = f.Reachability
			if f.Rule == "GO-2026-1" && !strings.Contains(f.Message, "called at main.go:10 by example.test/shop.serve") {
				t.Errorf("%s: the call is not named: %s", turn, f.Message)
			}
		}
		a, _ := json.Marshal(got)
		b, _ := json.Marshal(want)
		if string(a) != string(b) {
			t.Errorf("%s: %s\nwant %s", turn, a, b)
		}
		if err := os.RemoveAll(cache); err != nil { // another analysis would find no module
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(in.Workspace, "other.go"), []byte("package main\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := sca.Type().Run(t.Context(), in)
	if err != nil || len(out.Findings) == 0 {
		t.Fatal(out, err)
	}
	if !strings.Contains(out.Reason, "go.mod: what is called is not known") || !strings.Contains(out.Reason, "`go mod download`") {
		t.Errorf("reason %q does not say what is missing", out.Reason)
	}
	for _, f := range out.Findings {
		if f.Reachability != fairlead.ReachableUnknown {
			t.Errorf("%s is %s: what was kept of other sources was taken", f.Rule, f.Reachability)
		}
	}
}

// goCache is the build cache of this machine: the standard library need not be
// compiled again.
func goCache(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "env", "GOCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}
