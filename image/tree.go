package image

import (
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"fairlead.dev"
)

// mostLinks is how many links a path may lead through.
const mostLinks = 40

// Tree is what was wanted of an image's files, as its processes see them. It is
// a file system; links stay inside it. It is not safe for use by several
// goroutines.
type Tree struct {
	root    *node
	kept    *os.File
	end     int64
	refused []Refused
	more    int // that were refused, and are not told
}

// node is a file, link or directory of the tree.
type node struct {
	mode     fs.FileMode
	size     int64
	at       int64  // offset of the content, -1 when it is not kept
	link     string // of a symbolic link
	layer    int
	past     *node            // what lower layers had under the same name
	children map[string]*node // of a directory
}

func newTree(kept *os.File) *Tree {
	return &Tree{root: newDir(), kept: kept}
}

func newDir() *node { return &node{mode: fs.ModeDir | 0o755, at: -1, children: map[string]*node{}} }

// Close lets go of what was kept.
func (t *Tree) Close() error {
	return errors.Join(t.kept.Close(), os.Remove(t.kept.Name()))
}

// Refused are the entries that were not taken in, at most 100, and how many
// more there were.
func (t *Tree) Refused() (told []Refused, more int) { return t.refused, t.more }

func (t *Tree) refuse(r Refused) {
	if len(t.refused) == mostRefused {
		t.more++
		return
	}
	t.refused = append(t.refused, r)
}

// store keeps a content and gives its place.
func (t *Tree) store(r io.Reader) (at, size int64, err error) {
	n, err := io.Copy(io.NewOffsetWriter(t.kept, t.end), r)
	if err != nil {
		if errors.As(err, new(*os.PathError)) {
			err = problem(fairlead.KindUnavailable, "is the disk full?", err)
		}
		return 0, 0, err
	}
	at = t.end
	t.end += n
	return at, n, nil
}

// place follows the links in a path's directories and gives where its last
// element really is.
func (t *Tree) place(name string) (string, bool) {
	dir, base := path.Split(name)
	hops := 0
	real, ok := t.follow(strings.Trim(dir, "/"), &hops)
	return path.Join(real, base), ok
}

// follow resolves all links in a path; what is not there resolves to itself.
func (t *Tree) follow(name string, hops *int) (string, bool) {
	at, rest := ".", name
	for rest != "" {
		var part string
		part, rest, _ = strings.Cut(rest, "/")
		switch part {
		case "", ".":
			continue
		case "..":
			at = path.Dir(at)
			continue
		}
		next := path.Join(at, part)
		n := t.find(next, false)
		if n == nil || n.mode&fs.ModeSymlink == 0 {
			at = next
			continue
		}
		if *hops++; *hops > mostLinks || len(rest)+len(n.link) > mostPath {
			return name, false
		}
		if strings.HasPrefix(n.link, "/") {
			at = "."
		}
		rest = n.link + "/" + rest
	}
	return at, true
}

// find gives the node at a path, nil when there is none. Links in its
// directories are not followed; a link at its end is when asked.
func (t *Tree) find(name string, follow bool) *node {
	if follow {
		hops := 0
		real, ok := t.follow(name, &hops)
		if !ok {
			return nil
		}
		name = real
	}
	n := t.root
	if name == "." {
		return n
	}
	for part := range strings.SplitSeq(name, "/") {
		if n = n.children[part]; n == nil {
			return nil
		}
	}
	return n
}

// directory makes a directory, and those above it; what is in the way goes.
func (t *Tree) directory(name string) *node {
	n := t.root
	if name == "." {
		return n
	}
	for part := range strings.SplitSeq(name, "/") {
		next := n.children[part]
		if next == nil || !next.mode.IsDir() {
			next = newDir()
			n.children[part] = next
		}
		n = next
	}
	return n
}

// open makes way for a directory. It is made when something is put into it.
func (t *Tree) open(name string) {
	if n := t.find(name, false); n != nil && !n.mode.IsDir() {
		t.directory(name)
	}
}

// put takes a file or link in, over what lower layers had there.
func (t *Tree) put(name string, n *node) {
	dir, base := t.directory(path.Dir(name)), path.Base(name)
	if old := dir.children[base]; old != nil && old.mode.IsRegular() && n.mode.IsRegular() {
		n.past = old
		if old.layer == n.layer {
			n.past = old.past
		}
	}
	dir.children[base] = n
}

func (t *Tree) remove(name string) {
	if dir := t.find(path.Dir(name), false); dir != nil {
		delete(dir.children, path.Base(name))
	}
}

// clear removes from a directory what layers below the given one put there.
func (t *Tree) clear(name string, layer int) {
	var prune func(n *node)
	prune = func(n *node) {
		for base, child := range n.children {
			switch {
			case child.mode.IsDir():
				if prune(child); len(child.children) == 0 {
					delete(n.children, base)
				}
			case child.layer < layer:
				delete(n.children, base)
			default:
				child.past = nil
			}
		}
	}
	if n := t.find(name, false); n != nil {
		prune(n)
	}
}

// Files lists the regular files, sorted by path.
func (t *Tree) Files() []File {
	var out []File
	var list func(at string, n *node)
	list = func(at string, n *node) {
		for _, base := range slices.Sorted(maps.Keys(n.children)) {
			child := n.children[base]
			name := path.Join(at, base)
			switch {
			case child.mode.IsDir():
				list(name, child)
			case child.mode.IsRegular():
				out = append(out, File{Path: name, Mode: child.mode, Size: child.size, Layer: child.layer})
			}
		}
	}
	list(".", t.root)
	return out
}

// Versions are the contents of a file, from the newest layer that has it down
// to the lowest without a gap.
func (t *Tree) Versions(name string) []Version {
	var out []Version
	for n := t.find(name, false); n != nil && n.at >= 0; n = n.past {
		out = append(out, Version{Layer: n.layer, node: n, tree: t, name: name})
	}
	return out
}

// Open opens the content.
func (v Version) Open() (fs.File, fs.FileInfo) {
	f := &file{SectionReader: io.NewSectionReader(v.tree.kept, v.node.at, v.node.size), info: v.node.info(v.name)}
	return f, f.info
}

func (n *node) info(name string) info { return info{name: name, mode: n.mode, size: n.size} }

// Open opens a file or directory; links are followed.
func (t *Tree) Open(name string) (fs.File, error) {
	n, err := t.look("open", name)
	if err != nil {
		return nil, err
	}
	if n.mode.IsDir() {
		return &directory{info: n.info(name), entries: n.entries()}, nil
	}
	if n.at < 0 {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return &file{SectionReader: io.NewSectionReader(t.kept, n.at, n.size), info: n.info(name)}, nil
}

// Stat tells of a file or directory; links are followed.
func (t *Tree) Stat(name string) (fs.FileInfo, error) {
	n, err := t.look("stat", name)
	if err != nil {
		return nil, err
	}
	return n.info(name), nil
}

// ReadDir lists a directory by name.
func (t *Tree) ReadDir(name string) ([]fs.DirEntry, error) {
	n, err := t.look("readdir", name)
	if err == nil && !n.mode.IsDir() {
		err = &fs.PathError{Op: "readdir", Path: name, Err: fs.ErrInvalid}
	}
	if err != nil {
		return nil, err
	}
	return n.entries(), nil
}

func (t *Tree) look(op, name string) (*node, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	n := t.find(name, true)
	if n == nil || n.mode&fs.ModeSymlink != 0 {
		return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
	}
	return n, nil
}

func (n *node) entries() []fs.DirEntry {
	var out []fs.DirEntry
	for _, base := range slices.Sorted(maps.Keys(n.children)) {
		out = append(out, fs.FileInfoToDirEntry(n.children[base].info(base)))
	}
	return out
}
