package inventory

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/tools/txtar"

	"fairlead.dev/format/cyclonedx"
)

var update = flag.Bool("update", false, "write what is found into testdata")

// describe writes an inventory for people, a line for each component.
func describe(v Inventory) string {
	var b strings.Builder
	fmt.Fprintf(&b, "files %d, roots %t, unreadable %d\n", v.Files, v.Roots, len(v.Unreadable))
	for _, c := range v.Components {
		fmt.Fprint(&b, c.Ref)
		if slices.Contains(v.Direct, c.Ref) {
			fmt.Fprint(&b, " direct")
		}
		if c.Scope == cyclonedx.ScopeExcluded {
			fmt.Fprint(&b, " dev")
		}
		fmt.Fprintf(&b, " %s", v.Known[c.Ref])
		for _, l := range c.Licenses {
			fmt.Fprintf(&b, " [%s]", l.Text())
		}
		for _, o := range c.Found {
			fmt.Fprintf(&b, " %s:%d", o.Path, o.Line)
		}
		for _, to := range c.DependsOn {
			fmt.Fprintf(&b, "\n    -> %s", to)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// What the library lists and what is read beside it are about the same
// packages, for every kind of lock file.
func TestRelationsMeetTheComponents(t *testing.T) {
	all, err := filepath.Glob("lock/testdata/*.txtar")
	if err != nil || len(all) < 15 {
		t.Fatal(all, err)
	}
	var got strings.Builder
	for _, name := range all {
		a, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files := fstest.MapFS{}
		for _, f := range a.Files {
			if f.Name != "want" {
				files[f.Name] = &fstest.MapFile{Data: f.Data}
			}
		}
		v, err := Tree(t.Context(), files, Options{})
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&got, "== %s: %s", filepath.Base(name), describe(v))
	}
	golden(t, "testdata/relations.txt", got.String())
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil || got != string(want) {
		t.Errorf("found\n%s\nwant\n%s%v", got, want, err)
	}
}

// FuzzTree: whatever a manifest of any kind holds, the readers end, it is read or
// told, and the same bytes give the same answer.
func FuzzTree(f *testing.F) {
	names := []string{
		"go.mod", "package-lock.json", "yarn.lock", "pnpm-lock.yaml", "requirements.txt", "poetry.lock", "uv.lock", "Pipfile.lock", "pom.xml",
		"gradle.lockfile", "buildscript-gradle.lockfile", "Cargo.lock", "Gemfile.lock", "composer.lock", "packages.lock.json", "packages.config",
	}
	all, err := filepath.Glob("lock/testdata/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range all {
		a, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range a.Files {
			if i := slices.Index(names, file.Name); i >= 0 {
				f.Add(byte(i), file.Data)
			}
		}
	}
	f.Add(byte(8), []byte("<project><properties><a>1</a></properties><dependencies><dependency><groupId>g</groupId><artifactId>a</artifactId><version>${a}</version></dependency></dependencies></project>"))
	f.Add(byte(9), []byte("# x\ng:a:1=compileClasspath\nempty=\n"))
	f.Add(byte(15), []byte(`<packages><package id="A" version="1.0" /></packages>`))
	f.Fuzz(func(t *testing.T, kind byte, content []byte) {
		files := fstest.MapFS{names[int(kind)%len(names)]: &fstest.MapFile{Data: content}}
		v, err := Tree(t.Context(), files, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if again, err := Tree(t.Context(), files, Options{}); err != nil || describe(again) != describe(v) {
			t.Errorf("once\n%s\nand again\n%s%v", describe(v), describe(again), err)
		}
	})
}
