package archtest

import (
	"go/ast"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"fairlead.dev"
)

func TestEveryFolderIsOnTheMap(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range sources(t, true) {
		if seen[f.folder] {
			continue
		}
		seen[f.folder] = true
		if _, ok := roomOf(f.folder); !ok {
			t.Errorf("%s is not on the map: give it a row in rooms_test.go", f.folder)
		}
		if slices.Contains(badNames, path.Base(f.folder)) {
			t.Errorf("%s: name the folder by what it provides", f.folder)
		}
	}
}

func TestImportsGoDown(t *testing.T) {
	for _, f := range sources(t, false) {
		r, ok := roomOf(f.folder)
		if !ok {
			continue // said by TestEveryFolderIsOnTheMap
		}
		for _, i := range f.imports(t) {
			folder, own := ownRoom(i.path)
			switch {
			case own && !r.mayImport(folder):
				t.Errorf("%s: %s must not import %s", f.at(i.node), f.folder, folder)
			case !own && i.path == "testing" && !r.tests:
				t.Errorf("%s: %s must not import testing outside its tests", f.at(i.node), f.folder)
			case !own && !standard(i.path) && !r.mayUse(i.path):
				t.Errorf("%s: %s must not import %s", f.at(i.node), f.folder, i.path)
			}
		}
	}
}

// TestLibrariesHaveOneFolder holds that a library can be replaced in one place.
func TestLibrariesHaveOneFolder(t *testing.T) {
	folders := map[string][]string{}
	for _, r := range house {
		for _, lib := range r.libs {
			folders[lib] = append(folders[lib], r.path)
		}
	}
	for lib, in := range folders {
		if len(in) > 1 && shared[lib] == "" {
			t.Errorf("%s may be imported in %v: choose one folder, or give a reason in shared", lib, in)
		}
	}
	for lib := range shared {
		if len(folders[lib]) < 2 {
			t.Errorf("%s is listed as shared, but %v is all that may import it", lib, folders[lib])
		}
	}
}

// impure are the standard packages that make an answer depend on more than the
// question. What lies below net is impure too, except for the words of URLs.
var impure = []string{"os", "net", "database", "math/rand", "crypto/rand", "log", "syscall", "plugin", "runtime"}

// clock are the functions of package time that look at the clock or wait.
var clock = []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"}

func TestPureRoomsStayPure(t *testing.T) {
	for _, f := range sources(t, false) {
		r, ok := roomOf(f.folder)
		if !ok || r.purity == worldly {
			continue
		}
		for _, i := range f.imports(t) {
			forbidden := slices.ContainsFunc(impure, func(pkg string) bool { return within(i.path, pkg) })
			if forbidden && i.path != "net/url" {
				t.Errorf("%s: %s is pure and must not import %s", f.at(i.node), f.folder, i.path)
			}
		}
		for _, d := range f.ast.Decls {
			checkPurity(t, f, r, d)
		}
	}
}

// checkPurity looks for the clock and for goroutines in one declaration.
func checkPurity(t *testing.T, f file, r room, d ast.Decl) {
	fn, ok := d.(*ast.FuncDecl)
	excepted := ok && slices.Contains(r.clock, fn.Name.Name)
	ast.Inspect(d, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			if qualifier(n) == "time" && slices.Contains(clock, n.Sel.Name) && !excepted {
				t.Errorf("%s: %s is pure and must not call time.%s", f.at(n), f.folder, n.Sel.Name)
			}
		case *ast.GoStmt:
			if r.purity == deterministic {
				t.Errorf("%s: %s is replayed and must not start goroutines", f.at(n), f.folder)
			}
		}
		return true
	})
}

// TestOnlyWiringOpensAdapters holds that rooms are given their parts. Import
// rules keep most adapters out of other rooms; engine and store are imported
// for their types too, but opened in one place.
func TestOnlyWiringOpensAdapters(t *testing.T) {
	for _, f := range sources(t, false) {
		r, _ := roomOf(f.folder)
		if strings.HasPrefix(f.folder, "cmd/") || r.tests {
			continue
		}
		opened := map[string]bool{}
		for _, i := range f.imports(t) {
			folder, own := ownRoom(i.path)
			opened[folder] = own && (folder == "engine" || folder == "store")
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok && s.Sel.Name == "Open" && opened[qualifier(s)] {
				t.Errorf("%s: only cmd/fairlead opens the %s", f.at(n), qualifier(s))
			}
			return true
		})
	}
}

// TestHostIsTheModule holds the identifiers' host and the module path together.
func TestHostIsTheModule(t *testing.T) {
	mod, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(mod), "\n")
	if first != "module "+fairlead.Host {
		t.Errorf("go.mod says %q, fairlead.Host is %q", first, fairlead.Host)
	}
}
