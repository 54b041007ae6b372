package inventory

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
	"github.com/google/osv-scalibr/extractor/filesystem/language/golang/gobinary"
	"github.com/google/osv-scalibr/extractor/filesystem/language/java/pomxml"
	"github.com/google/osv-scalibr/extractor/filesystem/language/javascript/packagelockjson"
	"github.com/google/osv-scalibr/extractor/filesystem/language/javascript/pnpmlock"
	"github.com/google/osv-scalibr/extractor/filesystem/language/php/composerlock"
	"github.com/google/osv-scalibr/extractor/filesystem/simplefileapi"
	"github.com/google/osv-scalibr/purl"

	"fairlead.dev"
	"fairlead.dev/inventory/lock"
)

const (
	// maxManifest is the largest manifest that is read, in bytes.
	maxManifest = 64 << 20
	// fastManifest is the largest manifest whose lines are looked for, in bytes.
	fastManifest = 2 << 20
	// maxPOM is the largest pom.xml that is read, in bytes: the time for one grows
	// with its square.
	maxPOM = 1 << 20
	// maxProgram is the largest program that is asked what it was built from. It
	// is not read as a whole.
	maxProgram = 4 << 30
)

// Files is what manifests are read from. Symbolic links must not lead out of it.
type Files interface {
	fs.ReadDirFS
	fs.StatFS
}

// Options say what is listed.
type Options struct {
	Exclude []string // globs of paths that are passed over
	NoDev   bool     // leave out what only building and testing need
	// Programs is whether a tree's programs are asked what they were built from.
	Programs bool
}

func (o Options) check() error {
	for _, g := range o.Exclude {
		if !doublestar.ValidatePattern(g) {
			return problem(fairlead.KindInvalid, "globs are like testdata/**", fmt.Errorf("exclude: %q is not a glob", g))
		}
	}
	return nil
}

func (o Options) excludes(p string) bool {
	return slices.ContainsFunc(o.Exclude, func(g string) bool { return doublestar.MatchUnvalidated(g, p) })
}

// Tree lists what the source in files depends on, from its manifests and lock
// files. The same files give the same Inventory. It fails when ctx ends, when
// an option is wrong or when files cannot be walked.
func Tree(ctx context.Context, files Files, o Options) (Inventory, error) {
	if err := o.check(); err != nil {
		return Inventory{}, err
	}
	readers, err := extractors()
	if err != nil {
		return Inventory{}, problem(fairlead.KindInternal, "", err)
	}
	w := &walk{files: files, options: o, readers: readers.source, found: newCollection()}
	if o.Programs {
		w.readers = slices.Concat(readers.source, readers.binary)
	}
	err = fs.WalkDir(files, ".", w.visit(ctx))
	if err := context.Cause(ctx); err != nil {
		return Inventory{}, problem(fairlead.KindCancelled, "", err)
	}
	if err != nil {
		return Inventory{}, problem(fairlead.KindUnavailable, "", err)
	}
	return w.found.inventory(o), nil
}

// walk goes through a tree and collects components.
type walk struct {
	files   Files
	options Options
	readers []filesystem.Extractor
	found   *collection
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
		case d.IsDir() && (d.Name() == ".git" || d.Name() == "node_modules" || w.options.excludes(p)):
			return fs.SkipDir
		case !d.Type().IsRegular() || w.options.excludes(p):
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		for _, e := range w.readers {
			if !e.FileRequired(simplefileapi.New(p, info)) {
				continue
			}
			w.found.files++
			if err := extract(ctx, w.files, e, p, info, w.found); err != nil {
				w.found.unreadable = append(w.found.unreadable, Unreadable{p, err})
			}
		}
		return nil
	}
}

// extract reads one manifest. A library that panics on a hostile file has not
// read it.
func extract(ctx context.Context, files Files, e filesystem.Extractor, p string, info fs.FileInfo, into *collection) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the reader failed: %v", r)
		}
	}()
	limit := int64(maxManifest)
	switch e.Name() {
	case gobinary.Name:
		limit = maxProgram
	case pomxml.Name:
		limit = maxPOM
	}
	if info.Size() > limit {
		return fmt.Errorf("%w: %d bytes are more than %d", errLarge, info.Size(), limit)
	}
	graph, err := relations(files, p)
	if err != nil {
		return err
	}
	if typ := slow(e); typ != "" && info.Size() > fastManifest {
		into.add(path.Clean(p), listed(graph, typ, p), graph)
		return nil
	}
	f, err := files.Open(p)
	if err != nil {
		return err
	}
	defer f.Close()
	found, err := e.Extract(ctx, &filesystem.ScanInput{FS: files, Path: p, Info: info, Reader: f})
	if err != nil {
		return err
	}
	into.add(path.Clean(p), found.Packages, graph)
	return nil
}

// slow gives the type of the packages that a reader lists in time that grows
// with the square of the file, because it looks for the line of each from the
// beginning; "" for other readers.
func slow(e filesystem.Extractor) string {
	switch e.Name() {
	case packagelockjson.Name, pnpmlock.Name:
		return purl.TypeNPM
	case composerlock.Name:
		return purl.TypeComposer
	}
	return ""
}

// listed are the packages that a file's relations name, without lines.
func listed(graph lock.Graph, typ, p string) []*extractor.Package {
	var out []*extractor.Package
	for k := range graph.Packages {
		out = append(out, &extractor.Package{Name: k.Name, Version: k.Version, PURLType: typ, Location: extractor.LocationFromPath(p)})
	}
	return out
}

// relations reads what the file tells about how packages hang together.
func relations(files Files, p string) (lock.Graph, error) {
	if !lock.Knows(p) {
		return lock.Graph{}, nil
	}
	content, err := readFile(files, p)
	if err != nil {
		return lock.Graph{}, err
	}
	return lock.Read(p, content, func(name string) []byte {
		content, err := readFile(files, path.Join(path.Dir(p), name))
		if err != nil {
			return nil
		}
		return content
	})
}

// readFile reads a regular file inside the limit.
func readFile(files Files, p string) ([]byte, error) {
	f, err := files.Open(p)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file: %w", p, err)
	}
	content, err := io.ReadAll(io.LimitReader(f, maxManifest+1))
	if err == nil && len(content) > maxManifest {
		err = errLarge
	}
	return content, err
}
