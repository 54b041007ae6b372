package inventory

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/google/osv-scalibr/extractor"
	"github.com/google/osv-scalibr/extractor/filesystem"
	"github.com/google/osv-scalibr/extractor/filesystem/simplefileapi"

	"fairlead.dev"
	"fairlead.dev/format/cyclonedx"
	"fairlead.dev/image"
	"fairlead.dev/inventory/lock"
)

// release is where an image says which operating system it is.
func release() []string { return []string{"etc/os-release", "usr/lib/os-release"} }

// Wanted tells whether [Image] reads a file of an image.
func Wanted() (func(path string, info fs.FileInfo) bool, error) {
	r, err := extractors()
	if err != nil {
		return nil, problem(fairlead.KindInternal, "", err)
	}
	all := slices.Concat(r.installed, r.binary)
	return func(p string, info fs.FileInfo) bool {
		if slices.Contains(release(), p) {
			return true
		}
		return slices.ContainsFunc(all, func(e filesystem.Extractor) bool { return e.FileRequired(simplefileapi.New(p, info)) })
	}, nil
}

// Image lists what is installed in an image whose files were read by what
// [Wanted] chose: packages of the operating system, of languages, and what
// programs were built from. A component belongs to the lowest layer from which
// on a file has named it without a gap.
func Image(ctx context.Context, of *image.Image, tree *image.Tree, o Options) (Inventory, error) {
	if err := o.check(); err != nil {
		return Inventory{}, err
	}
	r, err := extractors()
	if err != nil {
		return Inventory{}, problem(fairlead.KindInternal, "", err)
	}
	found := newCollection()
	found.incomplete = true // what depends on what is not told by what is installed
	found.layers = map[string]int{}
	for i := len(of.Layers) - 1; i >= 0; i-- {
		found.layers[string(of.Layers[i].Digest)] = i
	}
	w := &layers{of: of, tree: tree, readers: slices.Concat(r.installed, r.binary), found: found}
	for _, f := range tree.Files() {
		if err := context.Cause(ctx); err != nil {
			return Inventory{}, problem(fairlead.KindCancelled, "", err)
		}
		if !o.excludes(f.Path) {
			w.file(ctx, f.Path)
		}
	}
	told, more := tree.Refused()
	for _, r := range told {
		found.unreadable = append(found.unreadable, Unreadable{r.Path, fmt.Errorf("%w: %s", image.ErrImage, r.Reason)})
	}
	if more > 0 {
		found.unreadable = append(found.unreadable, Unreadable{"", fmt.Errorf("%w: %d further entries", image.ErrImage, more)})
	}
	out := found.inventory(o)
	out.attribute(of, found.layers)
	return out, nil
}

// layers reads files of an image, version by version.
type layers struct {
	of      *image.Image
	tree    *image.Tree
	readers []filesystem.Extractor
	found   *collection
}

// file reads the packages that a file names now, and finds for each the layer
// since which it does.
func (w *layers) file(ctx context.Context, p string) {
	versions := w.tree.Versions(p)
	if len(versions) == 0 {
		return
	}
	for _, e := range w.readers {
		f, info := versions[0].Open()
		if !e.FileRequired(simplefileapi.New(p, info)) {
			continue
		}
		w.found.files++
		now, err := w.extract(ctx, e, p, f, info)
		if err != nil {
			w.found.unreadable = append(w.found.unreadable, Unreadable{p, err})
		}
		since := w.since(ctx, e, p, now, versions)
		for _, layer := range slices.Sorted(maps.Keys(since)) {
			w.found.addLayer(p, since[layer], string(w.of.Layers[layer].Digest))
		}
	}
}

// since groups packages by the layer that brought them.
func (w *layers) since(ctx context.Context, e filesystem.Extractor, p string, now []*extractor.Package, versions []image.Version) map[int][]*extractor.Package {
	out := map[int][]*extractor.Package{}
	left, layer := now, versions[0].Layer
	for _, v := range versions[1:] {
		if len(left) == 0 {
			break
		}
		f, info := v.Open()
		before, err := w.extract(ctx, e, p, f, info)
		if err != nil {
			break
		}
		had := map[lock.Key]bool{}
		for _, pkg := range before {
			had[lock.KeyOf(p, pkg.Name, pkg.Version)] = true
		}
		var older []*extractor.Package
		for _, pkg := range left {
			if had[lock.KeyOf(p, pkg.Name, pkg.Version)] {
				older = append(older, pkg)
			} else {
				out[layer] = append(out[layer], pkg)
			}
		}
		left, layer = older, v.Layer
	}
	if len(left) > 0 {
		out[layer] = append(out[layer], left...)
	}
	return out
}

// extract reads one version of a file.
func (w *layers) extract(ctx context.Context, e filesystem.Extractor, p string, f fs.File, info fs.FileInfo) (found []*extractor.Package, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the reader failed: %v", r)
		}
	}()
	all, err := e.Extract(ctx, &filesystem.ScanInput{FS: w.tree, Path: p, Info: info, Reader: f})
	return slices.DeleteFunc(all.Packages, func(pkg *extractor.Package) bool {
		return pkg == nil || pkg.Name == "" || pkg.Name == "unknown" && pkg.Version == "unknown" // an archive that says nothing of itself
	}), err
}

// addLayer takes packages in that a layer brought.
func (c *collection) addLayer(p string, packages []*extractor.Package, layer string) {
	for _, pkg := range packages {
		part := component(pkg, p, lock.Package{})
		part.Found[0].Layer = layer
		c.merge(part)
		c.know(part.Ref, cyclonedx.Unknown)
	}
}

// attribute says of each component which layer brought it first, and whether
// that is one of the base image.
func (v *Inventory) attribute(of *image.Image, order map[string]int) {
	for i := range v.Components {
		c := &v.Components[i]
		first := -1
		for _, o := range c.Found {
			if n, ok := order[o.Layer]; ok && (first < 0 || n < first) {
				first = n
			}
		}
		if first < 0 {
			continue
		}
		l := of.Layers[first]
		c.Properties = append(c.Properties, cyclonedx.Property{Name: cyclonedx.PropertyLayer, Value: string(l.Digest)})
		if l.Origin != image.OriginUnknown {
			c.Properties = append(c.Properties, cyclonedx.Property{Name: cyclonedx.PropertyBase, Value: fmt.Sprint(l.Origin == image.OriginBase)})
		}
	}
}

// System gives the operating system of an image as a component; false when it
// does not say.
func System(tree *image.Tree) (cyclonedx.Component, bool) {
	for _, name := range release() {
		content, err := readFile(tree, name)
		if err != nil {
			continue
		}
		said := map[string]string{}
		for line := range strings.Lines(string(content)) {
			if k, v, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
				said[k] = strings.Trim(strings.ToValidUTF8(v, ""), `"'`)
			}
		}
		if said["ID"] != "" {
			return cyclonedx.Component{
				Ref: "os:" + said["ID"] + "@" + said["VERSION_ID"], Type: "operating-system", Name: said["ID"], Version: said["VERSION_ID"],
				Found: []cyclonedx.Occurrence{{Path: name}}, Scope: cyclonedx.ScopeRequired,
			}, true
		}
	}
	return cyclonedx.Component{}, false
}
