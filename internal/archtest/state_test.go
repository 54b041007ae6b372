package archtest

import (
	"go/ast"
	"go/token"
	"go/types"
	"path"
	"slices"
	"testing"
)

func TestNoInit(t *testing.T) {
	for _, f := range sources(t, false) {
		for _, d := range f.ast.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				t.Errorf("%s: no init: construct it in cmd/fairlead and hand it on", f.at(fn))
			}
		}
	}
}

// constructors are the calls whose results a package may keep for good: they
// are immutable, or guard themselves and are computed once.
var constructors = []string{
	"errors.New", "fmt.Errorf", "regexp.MustCompile", "strings.NewReplacer", "reflect.TypeFor", "reflect.TypeOf",
	"sync.OnceValue", "sync.OnceValues", "sync.OnceFunc", "template.Must", "base64.NewEncoding", "make", "new", "append",
}

// TestNoPackageState holds that package-level variables are tables: written
// down once and never changed.
func TestNoPackageState(t *testing.T) {
	for folder, files := range byFolder(sources(t, false)) {
		if r, _ := roomOf(folder); r.tests {
			continue
		}
		info := resolve(files)
		for _, f := range files {
			checkVariables(t, f)
			for _, d := range f.ast.Decls {
				fn, ok := d.(*ast.FuncDecl)
				if !ok {
					continue
				}
				for _, name := range writes(info, fn) {
					t.Errorf("%s: %s changes the package-level variable %s", f.at(name), fn.Name.Name, name.Name)
				}
			}
		}
	}
}

// checkVariables looks at what package-level variables are made from.
func checkVariables(t *testing.T, f file) {
	for _, d := range f.ast.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.VAR {
			continue
		}
		for _, spec := range g.Specs {
			value := spec.(*ast.ValueSpec)
			if s, ok := value.Type.(*ast.SelectorExpr); ok && slices.Contains([]string{"sync", "atomic"}, qualifier(s)) {
				t.Errorf("%s: %s is package-level state", f.at(value), value.Names[0].Name)
			}
			for _, v := range value.Values {
				if call, ok := v.(*ast.CallExpr); ok && value.Names[0].Name != "_" && !harmless(call) {
					t.Errorf("%s: %s is built by a call that may keep state", f.at(value), value.Names[0].Name)
				}
			}
		}
	}
}

// harmless tells whether a call gives something that a package may keep.
func harmless(call *ast.CallExpr) bool {
	switch fn := call.Fun.(type) {
	case *ast.SelectorExpr:
		return slices.Contains(constructors, qualifier(fn)+"."+fn.Sel.Name)
	case *ast.IndexExpr:
		return harmless(&ast.CallExpr{Fun: fn.X})
	case *ast.Ident:
		return slices.Contains(constructors, fn.Name)
	}
	_, conversion := call.Fun.(*ast.ArrayType)
	return conversion
}

func qualifier(s *ast.SelectorExpr) string {
	if name, ok := s.X.(*ast.Ident); ok {
		return name.Name
	}
	return ""
}

// writes lists where a function changes a package-level variable, or hands it
// out for change.
func writes(info *types.Info, fn *ast.FuncDecl) []*ast.Ident {
	var found []*ast.Ident
	note := func(e ast.Expr) {
		if name := target(e); name != nil && packageLevel(info, name) {
			found = append(found, name)
		}
	}
	ast.Inspect(fn, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for _, left := range n.Lhs {
				note(left)
			}
		case *ast.IncDecStmt:
			note(n.X)
		case *ast.UnaryExpr:
			if n.Op == token.AND {
				note(n.X)
			}
		case *ast.CallExpr:
			if name, ok := n.Fun.(*ast.Ident); ok && (name.Name == "delete" || name.Name == "clear") {
				note(n.Args[0])
			}
		}
		return true
	})
	return found
}

// target gives the variable that an expression lies in: table in table[i].field.
func target(e ast.Expr) *ast.Ident {
	switch e := e.(type) {
	case *ast.Ident:
		return e
	case *ast.IndexExpr:
		return target(e.X)
	case *ast.SelectorExpr:
		return target(e.X)
	case *ast.StarExpr:
		return target(e.X)
	case *ast.ParenExpr:
		return target(e.X)
	}
	return nil
}

// packageLevel tells whether a name stands for a variable of its package.
func packageLevel(info *types.Info, name *ast.Ident) bool {
	v, ok := info.Uses[name].(*types.Var)
	return ok && v.Pkg() != nil && v.Parent() == v.Pkg().Scope()
}

func byFolder(files []file) map[string][]file {
	folders := map[string][]file{}
	for _, f := range files {
		folders[f.folder] = append(folders[f.folder], f)
	}
	return folders
}

// resolve finds what each name in a folder's files stands for. Imports are
// taken as empty: what they hold does not matter here, and the errors that
// follow from it are expected.
func resolve(files []file) *types.Info {
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}}
	var parsed []*ast.File
	for _, f := range files {
		parsed = append(parsed, f.ast)
	}
	config := types.Config{Importer: blank{}, Error: func(error) {}}
	_, _ = config.Check(files[0].folder, files[0].fset, parsed, info) // errors are expected: see above
	return info
}

// blank imports every package as an empty one.
type blank struct{}

// Import gives an empty package of the right name.
func (blank) Import(name string) (*types.Package, error) {
	p := types.NewPackage(name, path.Base(name))
	p.MarkComplete()
	return p, nil
}
