// Package lock reads from lock files and manifests what a list of names and
// versions leaves out: what the project asks for itself, what is for
// development only, what depends on what, digests and licences. It reads bytes
// and nothing else.
package lock

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
)

// ErrFile is in the chain of every error about a file that cannot be read.
var ErrFile = errors.New("not a readable lock file")

// Key names a package in the words of its ecosystem.
type Key struct{ Name, Version string }

// Package is what a lock file tells about one package.
type Package struct {
	Direct  bool  // the project names it itself
	Dev     bool  // needed for building and testing only
	Needs   []Key // packages it depends on, as far as they were found
	Hashes  []Hash
	License string // as the file states it
}

// Hash is a digest in the words of CycloneDX: "SHA-512" and lower-case hex.
type Hash struct{ Algorithm, Hex string }

// Graph is what a lock file tells.
type Graph struct {
	Packages map[Key]Package
	// Roots is whether Direct says for every package what it says: false means
	// that the file does not tell, and Direct is false everywhere.
	Roots bool
	// Every is whether the file lists only what the project names itself; then
	// Packages may lack some.
	Every bool
	// Dev is whether all that the file lists is for development, as its name says.
	Dev bool
	// Edges is whether Needs lists all that a package depends on.
	Edges bool
}

// Sibling gives the content of a file in the same folder, nil when there is none.
type Sibling func(name string) []byte

// reader reads one kind of file.
type reader func(content []byte, sibling Sibling) (Graph, error)

// readerOf gives the reader for a file name, nil when there is none.
func readerOf(name string) reader {
	switch base := path.Base(name); {
	case base == "go.mod":
		return goMod
	case base == "package-lock.json", base == "npm-shrinkwrap.json":
		return npmLock
	case base == "yarn.lock":
		return yarnLock
	case base == "pnpm-lock.yaml":
		return pnpmLock
	case base == "poetry.lock":
		return poetryLock
	case base == "uv.lock":
		return uvLock
	case base == "Pipfile.lock":
		return pipfileLock
	case base == "Cargo.lock":
		return cargoLock
	case base == "Gemfile.lock":
		return gemfileLock
	case base == "composer.lock":
		return composerLock
	case base == "packages.lock.json":
		return nugetLock
	case base == "pom.xml", base == "packages.config":
		return manifest
	case strings.Contains(base, "requirements") && strings.HasSuffix(base, ".txt"):
		return func(content []byte, _ Sibling) (Graph, error) { return requirements(base, content) }
	}
	return nil
}

// Knows tells whether more than names and versions can be read from a file of
// that name.
func Knows(name string) bool { return readerOf(name) != nil }

// KeyOf gives the key under which a Graph of the file holds a package.
func KeyOf(file, name, version string) Key {
	switch base := path.Base(file); {
	case base == "poetry.lock", base == "uv.lock", base == "Pipfile.lock", strings.HasSuffix(base, ".txt"):
		return Key{pythonName(name), version}
	case base == "packages.lock.json", base == "composer.lock":
		return Key{strings.ToLower(name), version}
	}
	return Key{name, version}
}

// Of gives what the graph tells about a package.
func (g Graph) Of(k Key) (Package, bool) {
	p, ok := g.Packages[k]
	p.Direct = p.Direct || g.Every
	p.Dev = p.Dev || g.Dev
	return p, ok
}

// Read reads the file of that name. A kind of file that nothing more is known
// of gives an empty Graph; a malformed one is an ErrFile. Cycles are kept.
func Read(name string, content []byte, sibling Sibling) (g Graph, err error) {
	read := readerOf(name)
	if read == nil {
		return Graph{}, nil
	}
	defer func() {
		if r := recover(); r != nil { // a parser that a hostile file brings down has not read it
			g, err = Graph{}, fmt.Errorf("%w: %v", ErrFile, r)
		}
	}()
	g, err = read(content, sibling)
	if err != nil {
		return Graph{}, fmt.Errorf("%w: %w", ErrFile, err)
	}
	return g, nil
}

// builder collects packages and edges by key.
type builder struct {
	packages map[Key]Package
	listed   map[Key]bool
}

func newBuilder() *builder {
	return &builder{packages: map[Key]Package{}, listed: map[Key]bool{}}
}

// edit changes the package of that key, which comes to be when it is new.
func (b *builder) edit(k Key, change func(*Package)) {
	p := b.packages[k]
	change(&p)
	b.packages[k] = p
}

// list says that the file lists a package, once for each place. It is for
// development when all places say so.
func (b *builder) list(k Key, dev bool, change func(*Package)) {
	b.edit(k, func(p *Package) {
		p.Dev = dev && (p.Dev || !b.listed[k])
		change(p)
	})
	b.listed[k] = true
}

func (b *builder) graph(roots, edges bool) Graph {
	return Graph{Packages: b.packages, Roots: roots, Edges: edges}
}

// ask says what the project names itself: for what runs, and for development.
// What only the latter lead to is for development, unless there are parts of
// the project that nobody looked at.
func (b *builder) ask(run, develop []Key, whole bool) {
	for _, k := range append(slices.Clone(run), develop...) {
		if _, ok := b.packages[k]; ok {
			b.edit(k, func(p *Package) { p.Direct = true })
		}
	}
	if !whole {
		return
	}
	runs, develops := b.reach(run), b.reach(develop)
	for k := range b.packages {
		if develops[k] && !runs[k] {
			b.edit(k, func(p *Package) { p.Dev = true })
		}
	}
}

// reach gives all that the keys lead to.
func (b *builder) reach(from []Key) map[Key]bool {
	seen := map[Key]bool{}
	for queue := slices.Clone(from); len(queue) > 0; {
		k := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		if seen[k] {
			continue
		}
		seen[k] = true
		queue = append(queue, b.packages[k].Needs...)
	}
	return seen
}

// manifest is a file that lists what the project names itself, and nothing else.
func manifest([]byte, Sibling) (Graph, error) {
	return Graph{Roots: true, Every: true}, nil
}

// named gives the keys of all packages of those names.
func (b *builder) named(names map[string]bool) []Key {
	var out []Key
	for k := range b.packages {
		if names[k.Name] {
			out = append(out, k)
		}
	}
	slices.SortFunc(out, func(a, b Key) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Version, b.Version))
	})
	return out
}
