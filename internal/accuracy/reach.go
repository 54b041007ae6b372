package main

import (
	"archive/zip"
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"fairlead.dev"
	"fairlead.dev/format/cyclonedx"
	"fairlead.dev/step"
	"fairlead.dev/step/scan/sca"
	"fairlead.dev/vulndb"
)

//go:embed reach.md
var aboutReach string

// reachCase is one vulnerability in a package of its own, and what the module
// under test does with it.
type reachCase struct {
	name    string // of the package
	about   string
	lib     string // the package's source behind its clause
	symbols string // what the record lists, as JSON; "" for none
	use     string // statements in main; "": the package is not imported
	blank   bool   // it is imported for its effects
	decl    string // declarations beside main
	want    fairlead.Reachability
}

func reachCases() []reachCase {
	const f, m = "func Safe() {}\n\nfunc Broken() {}\n", "type T struct{}\n\nfunc (T) Broken() {}\n\nfunc (T) Safe() {}\n"
	called, imported, required, unknown := fairlead.ReachableCalled, fairlead.ReachableImported, fairlead.ReachableRequired, fairlead.ReachableUnknown
	return []reachCase{
		{name: "direct", about: "a function that is called", lib: f, symbols: `["Broken"]`, use: "direct.Broken()", want: called},
		{name: "deeper", about: "a function that what is called calls", lib: "func Safe() { middle() }\n\nfunc middle() { broken() }\n\nfunc broken() {}\n", symbols: `["broken"]`, use: "deeper.Safe()", want: called},
		{name: "method", about: "a method of a value", lib: m, symbols: `["T.Broken"]`, use: "method.T{}.Broken()", want: called},
		{name: "iface", about: "a method behind an interface", lib: m, symbols: `["T.Broken"]`, use: "var b interface{ Broken() } = iface.T{}\n\tb.Broken()", want: called},
		{name: "methodvalue", about: "a method taken as a value", lib: m, symbols: `["T.Broken"]`, use: "b := methodvalue.T{}.Broken\n\tb()", want: called},
		{name: "table", about: "a function out of a table", lib: f, symbols: `["Broken"]`, use: `map[string]func(){"x": table.Broken}["x"]()`, want: called},
		{name: "closure", about: "a call within a closure in a goroutine", lib: f, symbols: `["Broken"]`, use: "go func() { closure.Broken() }()", want: called},
		{name: "deferred", about: "a deferred call", lib: f, symbols: `["Broken"]`, use: "defer deferred.Broken()", want: called},
		{name: "generic", about: "a generic function", lib: "func Broken[T any](T) {}\n", symbols: `["Broken"]`, use: "generic.Broken(1)", want: called},
		{name: "embedded", about: "a method of an embedded type", lib: m, symbols: `["T.Broken"]`, use: "struct{ embedded.T }{}.Broken()", want: called},
		{name: "initial", about: "what a package does when it is loaded", lib: "func init() { broken() }\n\nfunc broken() {}\n", symbols: `["broken"]`, blank: true, want: called},
		{name: "other", about: "another function of the package", lib: f, symbols: `["Broken"]`, use: "other.Safe()", want: imported},
		{name: "othermethod", about: "another method of the type", lib: m, symbols: `["T.Broken"]`, use: "othermethod.T{}.Safe()", want: imported},
		{name: "dead", about: "a function called by one that nobody calls", lib: f, symbols: `["Broken"]`, use: "dead.Safe()", decl: "func nobody() { dead.Broken() }", want: imported},
		{name: "effects", about: "a package imported for its effects alone", lib: f, symbols: `["Broken"]`, blank: true, want: imported},
		{name: "absent", about: "a package that is not imported", lib: f, symbols: `["Broken"]`, want: required},
		{name: "absentall", about: "a package that is not imported, without symbols", lib: f, want: required},
		{name: "unlisted", about: "an imported package, without symbols, called", lib: f, use: "unlisted.Safe()", want: called},
		{name: "unlistedeffects", about: "an imported package, without symbols, not called", lib: f, blank: true, want: unknown},
	}
}

const reachLib = "example.test/lib"

// reachSection runs scan.sca over the module and compares.
func reachSection(ctx context.Context, w io.Writer) error {
	dir, err := os.MkdirTemp("", "accuracy-reach-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	found, err := reachFound(ctx, dir)
	if err != nil {
		return err
	}
	right := 0
	fmt.Fprintf(w, "\n| what is vulnerable | is | found to be |\n|---|---|---|\n")
	for _, c := range reachCases() {
		got := found[recordOf(c)]
		if got == c.want {
			right++
		}
		fmt.Fprintf(w, "| %s | %s | %s |\n", c.about, c.want, got)
	}
	fmt.Fprintf(w, "\n%d of %d right.\n", right, len(reachCases()))
	return nil
}

func recordOf(c reachCase) string { return "GO-TEST-" + c.name }

// reachFound gives what scan.sca says of every record.
func reachFound(ctx context.Context, dir string) (map[string]fairlead.Reachability, error) {
	env, err := goEnv(ctx)
	if err != nil {
		return nil, err
	}
	env = append(env, "GOMODCACHE="+filepath.Join(dir, "mod"), "GOSUMDB=off", "GOFLAGS=-modcacherw")
	source, scratch, records := filepath.Join(dir, "src"), filepath.Join(dir, "scratch"), filepath.Join(dir, "records")
	if err := writeReach(ctx, dir, source, records, env); err != nil {
		return nil, err
	}
	at := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	db := filepath.Join(dir, "vulndb.sqlite")
	if _, err := vulndb.Import(ctx, db, at, vulndb.Input{Path: records, Name: "cases"}); err != nil {
		return nil, err
	}
	bill, err := cyclonedx.Encode(cyclonedx.Document{
		SerialNumber: cyclonedx.SerialNumber("accuracy"), Time: at, Root: cyclonedx.Component{Ref: "root", Type: "application", Name: "app"},
		Components: []cyclonedx.Component{{
			Name: reachLib, Version: "1.0.0", PURL: "pkg:golang/" + reachLib + "@v1.0.0", Scope: cyclonedx.ScopeRequired, Found: []cyclonedx.Occurrence{{Path: "go.mod"}},
		}},
	})
	if err == nil {
		err = writeFile(source, "sbom.cdx.json", string(bill))
	}
	if err == nil {
		err = os.MkdirAll(scratch, 0o700)
	}
	if err != nil {
		return nil, err
	}
	t := sca.Type()
	config, err := step.Decode(t, nil)
	if err != nil {
		return nil, err
	}
	out, err := t.Run(ctx, step.In{Key: "accuracy", Attempt: 1, Config: config, Workspace: source, Scratch: scratch, Env: env, Output: io.Discard, Advisories: db})
	if err != nil {
		return nil, err
	}
	found := map[string]fairlead.Reachability{}
	for _, f := range out.Findings {
		found[f.Rule] = f.Reachability
	}
	return found, nil
}

// writeReach writes the module, the one it needs as a proxy serves it and as it is
// downloaded from there, and the records.
func writeReach(ctx context.Context, dir, source, records string, env []string) error {
	lib := map[string]string{"go.mod": "module " + reachLib + "\n\ngo 1.26.0\n"}
	var imports, uses, decls []string
	for _, c := range reachCases() {
		lib[c.name+"/x.go"] = "package " + c.name + "\n\n" + c.lib
		switch path := fmt.Sprintf("%q", reachLib+"/"+c.name); {
		case c.blank:
			imports = append(imports, "_ "+path)
		case c.use != "":
			imports, uses = append(imports, path), append(uses, "{\n\t\t"+c.use+"\n\t}")
		}
		decls = append(decls, c.decl)
		symbols := ""
		if c.symbols != "" {
			symbols = `,"symbols":` + c.symbols
		}
		err := writeFile(records, recordOf(c)+".json", `{"id":"`+recordOf(c)+`","modified":"2026-10-01T00:00:00Z","summary":"It breaks","affected":[{
			"package":{"ecosystem":"Go","name":"`+reachLib+`"},"ranges":[{"type":"SEMVER","events":[{"introduced":"0"},{"fixed":"1.2.0"}]}],
			"ecosystem_specific":{"imports":[{"path":"`+reachLib+"/"+c.name+`"`+symbols+`}]}}]}`)
		if err != nil {
			return err
		}
	}
	main := "package main\n\nimport (\n\t" + strings.Join(imports, "\n\t") + "\n)\n\nfunc main() {\n\t" + strings.Join(uses, "\n\t") + "\n}\n\n" + strings.Join(decls, "\n")
	if err := writeFile(source, "main.go", main); err != nil {
		return err
	}
	if err := writeFile(source, "go.mod", "module example.test/app\n\ngo 1.26.0\n\nrequire "+reachLib+" v1.0.0\n"); err != nil {
		return err
	}
	proxy := filepath.Join(dir, "proxy")
	if err := writeModule(proxy, lib); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "go", "mod", "tidy")
	cmd.Dir, cmd.Env = source, append(slices.Clone(env), "GOPROXY=file://"+proxy, "GOFLAGS=-modcacherw -mod=mod")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// writeModule keeps version 1.0.0 of the library as a proxy serves it.
func writeModule(proxy string, files map[string]string) error {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, content := range files {
		w, err := z.Create(reachLib + "@v1.0.0/" + name)
		if err != nil {
			return err
		}
		if _, err := io.WriteString(w, content); err != nil {
			return err
		}
	}
	if err := z.Close(); err != nil {
		return err
	}
	info, err := json.Marshal(map[string]string{"Version": "v1.0.0", "Time": "2026-01-01T00:00:00Z"})
	if err != nil {
		return err
	}
	for name, content := range map[string]string{"v1.0.0.zip": b.String(), "v1.0.0.mod": files["go.mod"], "list": "v1.0.0\n", "v1.0.0.info": string(info)} {
		if err := writeFile(proxy, reachLib+"/@v/"+name, content); err != nil {
			return err
		}
	}
	return nil
}
