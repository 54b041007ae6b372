package source

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/google/osv-scalibr/extractor"
	"github.com/google/osv-scalibr/extractor/filesystem"
	"github.com/google/osv-scalibr/extractor/filesystem/simplefileapi"

	"fairlead.dev"
	"fairlead.dev/format/cyclonedx"
)

// maxManifest is the largest manifest that is read, in bytes.
const maxManifest = 64 << 20

// tree is what the extractors read files from.
type tree interface {
	fs.ReadDirFS
	fs.StatFS
}

// walk goes through a tree and collects components by their reference.
type walk struct {
	files      tree
	output     io.Writer
	exclude    []string
	dev        bool
	extractors []filesystem.Extractor

	parts     map[string]cyclonedx.Component
	findings  []fairlead.Finding
	manifests int
}

func newWalk(c Config) (*walk, error) {
	for _, g := range c.Exclude {
		if !doublestar.ValidatePattern(g) {
			return nil, problem(fairlead.KindInvalid, "globs are like testdata/**", fmt.Errorf("exclude: %q is not a glob", g))
		}
	}
	all, err := extractors()
	if err != nil {
		return nil, problem(fairlead.KindInternal, "", err)
	}
	return &walk{exclude: c.Exclude, dev: c.Dev, extractors: all, parts: map[string]cyclonedx.Component{}}, nil
}

// visit reads one entry of the tree. What a package manager installed is not
// source: its own manifests say nothing about what this software needs.
func (w *walk) visit(ctx context.Context) fs.WalkDirFunc {
	return func(p string, d fs.DirEntry, err error) error {
		if err == nil {
			err = context.Cause(ctx)
		}
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == ".git" || d.Name() == "node_modules" || w.excluded(p)):
			return fs.SkipDir
		case !d.Type().IsRegular() || w.excluded(p):
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		for _, e := range w.extractors {
			if !e.FileRequired(simplefileapi.New(p, info)) {
				continue
			}
			w.manifests++
			if err := w.extract(ctx, e, p, info); err != nil {
				w.unreadable(p, err)
			}
		}
		return nil
	}
}

func (w *walk) excluded(p string) bool {
	return slices.ContainsFunc(w.exclude, func(g string) bool { return doublestar.MatchUnvalidated(g, p) })
}

// extract reads one manifest. A library that panics on a hostile file has not
// read it.
func (w *walk) extract(ctx context.Context, e filesystem.Extractor, p string, info fs.FileInfo) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the reader failed: %v", r)
		}
	}()
	if info.Size() > maxManifest {
		return fmt.Errorf("%d bytes are more than %d", info.Size(), maxManifest)
	}
	f, err := w.files.Open(p)
	if err != nil {
		return err
	}
	defer f.Close()
	found, err := e.Extract(ctx, &filesystem.ScanInput{FS: w.files, Path: p, Info: info, Reader: f})
	if err != nil {
		return err
	}
	for _, pkg := range found.Packages {
		w.add(pkg, p)
	}
	return nil
}

// unreadable makes a finding: a manifest that cannot be read means that the
// document is incomplete, and nobody should learn that too late.
func (w *walk) unreadable(p string, err error) {
	fmt.Fprintf(w.output, "%s: not read: %v\n", p, err)
	w.findings = append(w.findings, fairlead.Finding{
		Fingerprint: fairlead.DigestBytes([]byte("unreadable-manifest\x00" + p)).Hex(),
		Rule:        "unreadable-manifest",
		Tool:        Name,
		Severity:    fairlead.SeverityMedium,
		Message:     "the file cannot be read, so what it names is not in the bill of materials",
		Location:    fairlead.Location{Path: p},
		Fix:         "let its package manager write the file again, or name it under exclude:",
	})
}

// add merges a package into the component with the same reference. It is
// excluded from what runs only when everything that names it says so.
func (w *walk) add(pkg *extractor.Package, p string) {
	if pkg == nil || pkg.Name == "" {
		return
	}
	c := component(pkg, path.Clean(p))
	if !w.dev && c.Scope == cyclonedx.ScopeExcluded {
		return
	}
	if old, ok := w.parts[c.Ref]; ok {
		if old.Scope == cyclonedx.ScopeRequired {
			c.Scope = cyclonedx.ScopeRequired
		}
		c.FoundIn = append(old.FoundIn, c.FoundIn...)
		c.Licenses = append(old.Licenses, c.Licenses...)
	}
	w.parts[c.Ref] = c
}

func (w *walk) components() []cyclonedx.Component {
	out := make([]cyclonedx.Component, 0, len(w.parts))
	for _, c := range w.parts {
		out = append(out, c)
	}
	return out
}
