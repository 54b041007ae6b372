package lock

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "write what is read into testdata")

// describe writes a graph for people, a line for each package.
func describe(g Graph) string {
	var b strings.Builder
	fmt.Fprintf(&b, "roots %t, every %t, dev %t, edges %t\n", g.Roots, g.Every, g.Dev, g.Edges)
	text := func(k Key) string { return k.Name + "@" + k.Version }
	keys := slices.SortedFunc(maps.Keys(g.Packages), func(a, b Key) int { return strings.Compare(text(a), text(b)) })
	for _, k := range keys {
		p, _ := g.Of(k)
		fmt.Fprintf(&b, "%s direct=%t dev=%t", text(k), p.Direct, p.Dev)
		if p.License != "" {
			fmt.Fprintf(&b, " license=%q", p.License)
		}
		for _, h := range p.Hashes {
			fmt.Fprintf(&b, " %s:%.8s", h.Algorithm, h.Hex)
		}
		var needs []string
		for _, n := range p.Needs {
			needs = append(needs, text(n))
		}
		if slices.Sort(needs); len(needs) > 0 {
			fmt.Fprintf(&b, " -> %s", strings.Join(needs, " "))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func siblings(files []txtar.File) Sibling {
	return func(name string) []byte {
		for _, f := range files {
			if f.Name == name {
				return f.Data
			}
		}
		return nil
	}
}

func TestEveryKindOfFile(t *testing.T) {
	all, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(all) < 15 {
		t.Fatal(all, err)
	}
	for _, name := range all {
		t.Run(filepath.Base(name), func(t *testing.T) {
			a, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			g, err := Read(a.Files[0].Name, a.Files[0].Data, siblings(a.Files))
			if err != nil {
				t.Fatal(err)
			}
			want := &a.Files[len(a.Files)-1]
			got := describe(g)
			if *update {
				want.Data = []byte(got)
				if err := os.WriteFile(name, txtar.Format(a), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if got != string(want.Data) {
				t.Errorf("read\n%swant\n%s", got, want.Data)
			}
		})
	}
}

// Without the file that says what is asked for, nothing is called direct and
// nothing is called for development.
func TestWhatNothingTellsIsNotSaid(t *testing.T) {
	for _, name := range []string{"npm1", "yarn1", "poetry", "pipfile", "composer"} {
		a, err := txtar.ParseFile("testdata/" + name + ".txtar")
		if err != nil {
			t.Fatal(err)
		}
		g, err := Read(a.Files[0].Name, a.Files[0].Data, siblings(nil))
		if err != nil || g.Roots {
			t.Errorf("%s: roots %t, %v", name, g.Roots, err)
		}
		for k, p := range g.Packages {
			if p.Direct {
				t.Errorf("%s: %v is called direct", name, k)
			}
		}
	}
}

func TestMalformedFiles(t *testing.T) {
	for name, content := range map[string]string{
		"go.mod": "module", "package-lock.json": "{", "pnpm-lock.yaml": "a: [", "poetry.lock": "[[", "uv.lock": "[[",
		"Pipfile.lock": "{", "Cargo.lock": "[[", "composer.lock": "{", "packages.lock.json": "[]",
	} {
		if _, err := Read(name, []byte(content), siblings(nil)); !errors.Is(err, ErrFile) {
			t.Errorf("%s: %v", name, err)
		}
		if !Knows("a/" + name) {
			t.Errorf("%s is not known", name)
		}
	}
	if g, err := Read("README.md", nil, nil); err != nil || g.Packages != nil || Knows("README.md") {
		t.Errorf("%v, %v", g, err)
	}
}

func FuzzRead(f *testing.F) {
	all, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range all {
		a, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(a.Files[0].Name, a.Files[0].Data, a.Files[1].Data)
	}
	f.Fuzz(func(t *testing.T, name string, content, beside []byte) {
		g, err := Read(name, content, func(string) []byte { return beside })
		if err != nil && !errors.Is(err, ErrFile) {
			t.Fatalf("an error of another kind: %v", err)
		}
		if again, _ := Read(name, content, func(string) []byte { return beside }); describe(g) != describe(again) {
			t.Fatalf("the same bytes give\n%sand\n%s", describe(g), describe(again))
		}
	})
}
