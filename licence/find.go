package licence

import (
	"archive/zip"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/package-url/packageurl-go"
	"golang.org/x/mod/module"

	"fairlead.dev/format/cyclonedx"
	"fairlead.dev/format/spdx"
)

// Places are where texts of components may lie; nil for none.
type Places struct {
	Tree    fs.FS // the source
	Modules fs.FS // the Go module cache of this machine
	Go      fs.FS // the Go that builds, for its standard library
}

// Found is what is known about one component's licence.
type Found struct {
	Expression spdx.Expression
	Known      bool
	From       string // "declared", or where its text lies
	Why        string // when it is not known
	Texts      []Text
	Own        bool // it is a part of the source, and says nothing of its own
}

// Finder finds licences out. It keeps what it recognised, and is for one
// goroutine.
type Finder struct {
	places Places
	known  map[[sha256.Size]byte]recognised
}

type recognised struct {
	expression spdx.Expression
	percent    float64
	ok         bool
}

// some tells whether a part of the text at least is a known licence.
func (r recognised) some() bool { return r.expression.License != "" || len(r.expression.Terms) > 0 }

// NewFinder gives a finder over the places.
func NewFinder(p Places) *Finder {
	return &Finder{places: p, known: map[[sha256.Size]byte]recognised{}}
}

// Find tells the licence of a component: what its metadata says where that is a
// licence, else what its texts are.
func (f *Finder) Find(c cyclonedx.Component) Found {
	e, said, known := ofComponent(c)
	if !known && said == "" && strings.HasPrefix(c.PURL, "pkg:golang/"+standardLibrary+"@") {
		e, known = spdx.Expression{License: "BSD-3-Clause"}, true // Go's own, since ever
	}
	if strings.HasPrefix(c.Name, "./") || strings.HasPrefix(c.Name, "../") { // a module that is replaced by a directory
		dir, texts := f.inTree(c, "", c.Name)
		out := f.Judge(texts, dir, "")
		out.Own = len(texts) == 0
		return out
	}
	texts, from, why := f.texts(c)
	if known {
		return Found{Expression: e, Known: true, From: "declared", Texts: texts}
	}
	out := f.Judge(texts, from, why)
	if said != "" && !out.Known {
		out.Why = fmt.Sprintf("it declares %q, which is no licence of SPDX's list; %s", said, out.Why)
	}
	return out
}

// Judge makes of texts what they say together. What is said of a part holds as
// well as far as it is recognised; that alone does not make the whole known.
func (f *Finder) Judge(texts []Text, from, why string) Found {
	out := Found{Texts: texts, From: from, Why: why}
	var terms, parts []spdx.Expression
	for _, t := range texts {
		if t.Notice {
			continue
		}
		r := f.recognise(t.Content)
		if t.Part {
			out.Why = "only of a part of it the licence is there, in " + path.Join(from, t.Path)
			if r.some() {
				parts = append(parts, r.expression)
			}
			continue
		}
		if !r.ok {
			out.Why = fmt.Sprintf("the text of %s is not that of a known licence (%.0f %% of it are)", path.Join(from, t.Path), r.percent)
			return out
		}
		terms = append(terms, r.expression)
	}
	if len(terms) == 0 {
		return out
	}
	out.Expression, out.Known, out.Why = together(append(terms, parts...)), true, ""
	return out
}

func (f *Finder) recognise(text string) recognised {
	key := sha256.Sum256([]byte(text))
	r, ok := f.known[key]
	if !ok {
		r.expression, r.percent, r.ok = Recognise([]byte(text))
		f.known[key] = r
	}
	return r
}

// texts finds a component's texts, and says why there are none.
func (f *Finder) texts(c cyclonedx.Component) (texts []Text, from, why string) {
	purl, err := packageurl.FromString(c.PURL)
	if err != nil {
		return nil, "", "it has no package URL"
	}
	name := strings.TrimPrefix(path.Join(purl.Namespace, purl.Name), "/")
	if full := path.Join(c.Group, c.Name); strings.EqualFold(full, name) {
		name = full // a purl has lost its capitals
	} else if strings.EqualFold(c.Name, name) {
		name = c.Name
	}
	switch purl.Type {
	case packageurl.TypeGolang:
		return f.module(c, name, purl.Version)
	case packageurl.TypeNPM:
		if dir, texts := f.inTree(c, "node_modules", name); len(texts) > 0 {
			return texts, dir, ""
		}
		return nil, "", "it declares none, and its files are not in the tree"
	}
	return nil, "", "it declares none"
}

// inTree looks for texts below a directory beside what names the component.
func (f *Finder) inTree(c cyclonedx.Component, below, name string) (string, []Text) {
	if f.places.Tree == nil {
		return "", nil
	}
	for _, o := range c.Found {
		base := path.Join(path.Dir(o.Path), below)
		dir := path.Join(base, name)
		if !fs.ValidPath(dir) || below != "" && !strings.HasPrefix(dir, base+"/") {
			continue
		}
		if texts := TextsIn(f.places.Tree, dir); len(texts) > 0 {
			return dir, texts
		}
	}
	return "", nil
}

// standardLibrary is the component that Go itself is.
const standardLibrary = "stdlib"

// module looks for the texts of a Go module: vendored, then unpacked in the
// module cache, then packed there.
func (f *Finder) module(c cyclonedx.Component, name, version string) ([]Text, string, string) {
	if name == standardLibrary {
		if f.places.Go != nil {
			if texts := slices.DeleteFunc(TextsIn(f.places.Go, "."), func(t Text) bool { return t.Path != "LICENSE" }); len(texts) > 0 {
				return texts, "Go", ""
			}
		}
		return nil, "", "there is no Go on this machine to read its licence from"
	}
	if dir, texts := f.inTree(c, "vendor", name); len(texts) > 0 {
		return texts, dir, ""
	}
	escaped, err := module.EscapePath(name)
	if err != nil {
		return nil, "", "its name is none of a module"
	}
	if version != "" && !strings.HasPrefix(version, "v") {
		version = "v" + version
	}
	at, err := module.EscapeVersion(version)
	if err != nil || version == "" {
		return nil, "", "its version is not known"
	}
	if f.places.Modules == nil {
		return nil, "", "there is no Go module cache on this machine"
	}
	from := name + "@" + version
	if _, err := fs.Stat(f.places.Modules, escaped+"@"+at); err == nil {
		return TextsIn(f.places.Modules, escaped+"@"+at), from, "the module has no licence file"
	}
	texts, err := f.packed(path.Join("cache", "download", escaped, "@v", at+".zip"), from+"/")
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, "", "the module is not in the Go module cache of this machine: `go mod download` puts it there"
	case err != nil:
		return nil, "", "the module in the Go module cache cannot be read"
	}
	return texts, from, "the module has no licence file"
}

// packed reads the texts at the top of a module's archive.
func (f *Finder) packed(name, prefix string) ([]Text, error) {
	file, err := f.places.Modules.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	at, ok := file.(io.ReaderAt)
	info, err := file.Stat()
	if err != nil || !ok {
		return nil, errors.Join(err, errors.New("it cannot be read at will"))
	}
	z, err := zip.NewReader(at, info.Size())
	if err != nil {
		return nil, err
	}
	var out []Text
	for _, e := range z.File {
		base, ok := strings.CutPrefix(e.Name, prefix)
		if !ok || strings.Contains(base, "/") || !IsTextName(base) || e.UncompressedSize64 > maxText {
			continue
		}
		r, err := e.Open()
		if err != nil {
			return nil, err
		}
		t, ok := readText(r, base)
		r.Close()
		if ok {
			out = append(out, t)
		}
	}
	slices.SortFunc(out, func(a, b Text) int { return strings.Compare(a.Path, b.Path) })
	return out, nil
}
