package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"fairlead.dev"
)

// file is one Go file of the module.
type file struct {
	name   string // slash-separated, relative to the module's root
	folder string // "." for the root
	test   bool
	fset   *token.FileSet
	ast    *ast.File
}

// read parses every Go file of the module, once. Modules of their own, such as
// the examples and the tools, are not part of the house.
var read = sync.OnceValues(func() ([]file, error) {
	root := filepath.Join("..", "..")
	fset := token.NewFileSet()
	var files []file
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir():
			return enter(root, name)
		case !strings.HasSuffix(name, ".go"):
			return nil
		}
		parsed, err := parser.ParseFile(fset, name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		relative = filepath.ToSlash(relative)
		files = append(files, file{
			name: relative, folder: path.Dir(relative), fset: fset, ast: parsed,
			test: strings.HasSuffix(name, "_test.go"),
		})
		return nil
	})
	return files, err
})

// enter decides whether the walk goes into a folder.
func enter(root, name string) error {
	base := filepath.Base(name)
	if name == root {
		return nil
	}
	if base == "testdata" || strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") {
		return fs.SkipDir
	}
	if _, err := os.Stat(filepath.Join(name, "go.mod")); err == nil {
		return fs.SkipDir
	}
	return nil
}

// sources gives the module's files, without tests when only the product is asked for.
func sources(t *testing.T, tests bool) []file {
	t.Helper()
	all, err := read()
	if err != nil {
		t.Fatal(err)
	}
	var files []file
	for _, f := range all {
		if tests || !f.test {
			files = append(files, f)
		}
	}
	if len(files) == 0 {
		t.Fatal("no Go files found")
	}
	return files
}

// at gives "name:line" of a node.
func (f file) at(n ast.Node) string {
	return f.name + ":" + strconv.Itoa(f.fset.Position(n.Pos()).Line)
}

// lines gives how many lines a node takes.
func (f file) lines(n ast.Node) int {
	return f.fset.Position(n.End()).Line - f.fset.Position(n.Pos()).Line + 1
}

// imported is one import of a file.
type imported struct {
	path string
	node ast.Node
}

func (f file) imports(t *testing.T) []imported {
	t.Helper()
	var all []imported
	for _, spec := range f.ast.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, imported{p, spec})
	}
	return all
}

// ownRoom gives the folder of an own package; ok is false for any other.
func ownRoom(pkg string) (folder string, ok bool) {
	if pkg == fairlead.Host {
		return ".", true
	}
	return strings.CutPrefix(pkg, fairlead.Host+"/")
}

// standard tells whether a package is the standard library's: those have no
// dot in their first element.
func standard(pkg string) bool {
	first, _, _ := strings.Cut(pkg, "/")
	return !strings.Contains(first, ".")
}
