// Package lock reads from lock files and manifests what a list of names and
// versions leaves out: what the project asks for itself, what is for
// development only, what depends on what, digests and licences. It reads bytes
// and nothing else.
package lock

import (
	"errors"
	"fmt"
	"path"
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
	}
	return nil
}

// Knows tells whether more than names and versions can be read from a file of
// that name.
func Knows(name string) bool { return readerOf(name) != nil }

// KeyOf gives the key under which a Graph of the file holds a package.
func KeyOf(file, name, version string) Key {
	return Key{name, version}
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
