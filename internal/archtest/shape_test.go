package archtest

import (
	"go/ast"
	"go/token"
	"slices"
	"testing"
)

// Hard limits in lines. Half of them is where one starts to think.
const (
	maxFile     = 500
	maxFunction = 80
)

func TestSizes(t *testing.T) {
	for _, f := range sources(t, true) {
		if n := f.fset.File(f.ast.Pos()).LineCount(); n > maxFile {
			t.Errorf("%s has %d lines, at most %d are allowed", f.name, n, maxFile)
		}
		if f.test {
			continue // a table is as long as its cases
		}
		for _, d := range f.ast.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && f.lines(fn) > maxFunction {
				t.Errorf("%s: %s has %d lines, at most %d are allowed", f.at(fn), fn.Name.Name, f.lines(fn), maxFunction)
			}
		}
	}
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	documented := map[string]bool{}
	for _, f := range sources(t, false) {
		documented[f.folder] = documented[f.folder] || f.ast.Doc.Text() != ""
	}
	for folder, ok := range documented {
		if !ok {
			t.Errorf("%s has no package comment", folder)
		}
	}
}

// wellKnown are methods whose name says what they do in any Go program.
var wellKnown = []string{"String", "Error", "Unwrap", "Write", "Read", "Close", "ServeHTTP", "Len", "Less", "Swap"}

func TestEveryExportedIdentifierIsDocumented(t *testing.T) {
	for _, f := range sources(t, false) {
		for _, d := range f.ast.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Name.IsExported() && d.Doc.Text() == "" && !excused(d) {
					t.Errorf("%s: %s has no doc comment", f.at(d), d.Name.Name)
				}
			case *ast.GenDecl:
				for _, name := range undocumented(d) {
					t.Errorf("%s: %s has no doc comment", f.at(name), name.Name)
				}
			}
		}
	}
}

// excused tells whether a method needs no comment: it is well known, or its
// type is not exported.
func excused(fn *ast.FuncDecl) bool {
	if fn.Recv == nil {
		return false
	}
	return slices.Contains(wellKnown, fn.Name.Name) || !ast.IsExported(receiver(fn.Recv.List[0].Type))
}

// receiver gives the name of a receiver's type.
func receiver(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.IndexListExpr:
		return receiver(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}

// undocumented lists the exported names of a declaration that neither the
// group's comment nor their own explains.
func undocumented(d *ast.GenDecl) []*ast.Ident {
	if d.Tok == token.IMPORT || d.Doc.Text() != "" {
		return nil
	}
	var missing []*ast.Ident
	for _, spec := range d.Specs {
		var names []*ast.Ident
		switch s := spec.(type) {
		case *ast.TypeSpec:
			if s.Doc.Text() == "" && s.Comment.Text() == "" {
				names = []*ast.Ident{s.Name}
			}
		case *ast.ValueSpec:
			if s.Doc.Text() == "" && s.Comment.Text() == "" {
				names = s.Names
			}
		}
		for _, name := range names {
			if name.IsExported() {
				missing = append(missing, name)
			}
		}
	}
	return missing
}
