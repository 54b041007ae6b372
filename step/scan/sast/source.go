package sast

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"runtime"
	"slices"

	"golang.org/x/tools/go/packages"
)

// metadata is what the go command is asked for: which files packages have and
// what they import. It compiles nothing for that.
const metadata = packages.NeedName | packages.NeedFiles | packages.NeedImports | packages.NeedDeps | packages.NeedModule |
	packages.NeedEmbedFiles | packages.NeedEmbedPatterns

// sources checks the types of packages by their source. Of what a package
// imports only declarations are checked, each package once: compiling all of it
// for its types, as the go command does, costs a hundred times as much.
type sources struct {
	fset     *token.FileSet
	imported map[string]*types.Package // by Package.ID
}

func newSources() *sources {
	return &sources{fset: token.NewFileSet(), imported: map[string]*types.Package{}}
}

// complete gives a package its syntax and types. What does not compile is in its
// errors, and the rest is there all the same.
func (s *sources) complete(ctx context.Context, p *packages.Package) {
	var files []*ast.File
	for _, name := range p.GoFiles {
		f, err := parser.ParseFile(s.fset, name, nil, parser.AllErrors|parser.ParseComments)
		if err != nil {
			p.Errors = append(p.Errors, packages.Error{Msg: err.Error(), Kind: packages.ParseError})
		}
		if f != nil {
			files = append(files, f)
		}
	}
	info := &types.Info{
		Types: map[ast.Expr]types.TypeAndValue{}, Defs: map[*ast.Ident]types.Object{}, Uses: map[*ast.Ident]types.Object{},
		Implicits: map[ast.Node]types.Object{}, Instances: map[*ast.Ident]types.Instance{}, Scopes: map[ast.Node]*types.Scope{},
		Selections: map[*ast.SelectorExpr]*types.Selection{}, FileVersions: map[*ast.File]string{},
	}
	c := s.config(ctx, p)
	c.Error = func(err error) {
		p.IllTyped = true
		p.Errors = append(p.Errors, packages.Error{Msg: err.Error(), Kind: packages.TypeError})
	}
	p.Fset, p.Syntax, p.TypesInfo, p.TypesSizes = s.fset, files, info, c.Sizes
	p.CompiledGoFiles = slices.Clone(p.GoFiles)
	p.Types = types.NewPackage(p.PkgPath, p.Name)
	_ = types.NewChecker(c, s.fset, p.Types, info).Files(files) // its errors went to c.Error
}

// declared gives what a package declares.
func (s *sources) declared(ctx context.Context, p *packages.Package) (*types.Package, error) {
	if t, ok := s.imported[p.ID]; ok {
		return t, nil
	}
	if len(p.GoFiles) == 0 {
		if len(p.Errors) > 0 {
			return nil, p.Errors[0]
		}
		return nil, errors.New("it has no Go files here")
	}
	t := types.NewPackage(p.PkgPath, p.Name)
	s.imported[p.ID] = t
	var files []*ast.File
	for _, name := range p.GoFiles {
		f, _ := parser.ParseFile(s.fset, name, nil, parser.SkipObjectResolution)
		if f == nil {
			continue
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok {
				fn.Body = nil // nearly all of what a file takes in memory
			}
		}
		files = append(files, f)
	}
	c := s.config(ctx, p)
	c.IgnoreFuncBodies = true
	c.Error = func(error) {} // what is missing by it is an error where it is used
	_ = types.NewChecker(c, s.fset, t, nil).Files(files)
	return t, nil
}

func (s *sources) config(ctx context.Context, p *packages.Package) *types.Config {
	c := &types.Config{Importer: importer{ctx: ctx, of: p, from: s}, Sizes: types.SizesFor("gc", runtime.GOARCH)}
	c.FakeImportC = true // what C declares is known to a C compiler alone: rules that need no flow of values look at the Go around it
	if p.Module != nil && p.Module.GoVersion != "" {
		c.GoVersion = "go" + p.Module.GoVersion
	}
	return c
}

// importer finds what one package imports.
type importer struct {
	ctx  context.Context
	of   *packages.Package
	from *sources
}

func (i importer) Import(path string) (*types.Package, error) {
	if path == "unsafe" {
		return types.Unsafe, nil
	}
	if i.ctx.Err() != nil {
		return nil, context.Cause(i.ctx)
	}
	p, ok := i.of.Imports[path]
	if !ok {
		return nil, fmt.Errorf("the go command knows no package %q", path)
	}
	return i.from.declared(i.ctx, p)
}
