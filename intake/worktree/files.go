package worktree

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"
)

// Files gives the files of a commit as a read-only file system, which also
// implements fs.ReadDirFS, fs.StatFS, fs.ReadFileFS and fs.ReadLinkFS. Content
// is read when it is asked for, by one git process that lives until ctx ends.
// A symbolic link is followed inside the tree; one that leads outside does not
// exist. A submodule is an empty directory. Times are zero.
func (r *Repo) Files(ctx context.Context, commit string) (fs.FS, error) {
	t, err := r.tree(ctx, commit)
	if err != nil {
		return nil, err
	}
	f := &files{nodes: map[string]*node{".": {name: ".", mode: fs.ModeDir | 0o755}}, blobs: &blobs{ctx: ctx, dir: r.root}}
	for _, e := range t.entries {
		f.add(e)
	}
	f.sort()
	return f, nil
}

type files struct {
	nodes map[string]*node
	blobs *blobs
}

// node is a file or directory. It is its own fs.FileInfo and fs.DirEntry.
type node struct {
	name     string // last element
	id       string // of the content
	size     int64
	mode     fs.FileMode
	children []fs.DirEntry // of a directory
}

func (n *node) Name() string               { return n.name }
func (n *node) Size() int64                { return n.size }
func (n *node) Mode() fs.FileMode          { return n.mode }
func (n *node) Type() fs.FileMode          { return n.mode.Type() }
func (n *node) ModTime() time.Time         { return time.Time{} }
func (n *node) IsDir() bool                { return n.mode.IsDir() }
func (n *node) Sys() any                   { return nil }
func (n *node) Info() (fs.FileInfo, error) { return n, nil }

func (f *files) add(e entry) {
	n := &node{name: path.Base(e.path), id: e.id, size: e.size, mode: 0o644}
	switch e.mode {
	case "100755":
		n.mode = 0o755
	case "120000":
		n.mode = fs.ModeSymlink | 0o777
	case "160000":
		n.mode = fs.ModeDir | 0o755
	}
	f.nodes[e.path] = n
	f.directory(path.Dir(e.path)).put(n)
}

// directory gives the node of a directory, making it and those above it.
func (f *files) directory(name string) *node {
	if n, ok := f.nodes[name]; ok {
		return n
	}
	n := &node{name: path.Base(name), mode: fs.ModeDir | 0o755}
	f.nodes[name] = n
	f.directory(path.Dir(name)).put(n)
	return n
}

// sort orders the entries of every directory.
func (f *files) sort() {
	for _, n := range f.nodes {
		slices.SortFunc(n.children, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	}
}

func (n *node) put(child *node) { n.children = append(n.children, child) }

// find gives the node at a path, following links. The path itself is not
// followed when follow is false.
func (f *files) find(op, name string, follow bool) (*node, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	rest, at := name, "."
	const most = 40 // links, as in Linux
	for links := 0; links <= most; {
		n := f.nodes[at]
		if n.mode&fs.ModeSymlink != 0 && (rest != "" || follow) {
			to, err := f.blobs.read(n.id)
			if err != nil {
				return nil, &fs.PathError{Op: op, Path: name, Err: err}
			}
			links++
			rest = path.Join(path.Dir(at), string(to), rest)
			if strings.HasPrefix(string(to), "/") || !fs.ValidPath(rest) {
				break
			}
			at = "."
			continue
		}
		if rest == "" || rest == "." {
			return n, nil
		}
		var element string
		element, rest, _ = strings.Cut(rest, "/")
		at = path.Join(at, element)
		if f.nodes[at] == nil {
			break
		}
	}
	return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
}

// Open opens a file or directory.
func (f *files) Open(name string) (fs.File, error) {
	n, err := f.find("open", name, true)
	if err != nil {
		return nil, err
	}
	return &file{node: n, blobs: f.blobs}, nil
}

// Stat describes a file, following links.
func (f *files) Stat(name string) (fs.FileInfo, error) { return f.info("stat", name, true) }

// Lstat describes a file or the link itself.
func (f *files) Lstat(name string) (fs.FileInfo, error) { return f.info("lstat", name, false) }

func (f *files) info(op, name string, follow bool) (fs.FileInfo, error) {
	n, err := f.find(op, name, follow)
	if err != nil {
		return nil, err
	}
	return n, nil
}

// ReadLink gives where a link leads.
func (f *files) ReadLink(name string) (string, error) {
	n, err := f.find("readlink", name, false)
	if err != nil {
		return "", err
	}
	if n.mode&fs.ModeSymlink == 0 {
		return "", &fs.PathError{Op: "readlink", Path: name, Err: fs.ErrInvalid}
	}
	to, err := f.blobs.read(n.id)
	return string(to), err
}

// ReadDir lists a directory, sorted by name.
func (f *files) ReadDir(name string) ([]fs.DirEntry, error) {
	n, err := f.find("readdir", name, true)
	if err != nil {
		return nil, err
	}
	if !n.IsDir() {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: errors.New("not a directory")}
	}
	return slices.Clone(n.children), nil
}

// ReadFile gives a file's content.
func (f *files) ReadFile(name string) ([]byte, error) {
	n, err := f.find("read", name, true)
	if err != nil {
		return nil, err
	}
	if n.IsDir() {
		return nil, &fs.PathError{Op: "read", Path: name, Err: errors.New("is a directory")}
	}
	b, err := f.blobs.read(n.id)
	if err != nil {
		return nil, &fs.PathError{Op: "read", Path: name, Err: err}
	}
	return b, nil
}

// file is an open file; its content is fetched by the first read.
type file struct {
	node   *node
	blobs  *blobs
	data   *bytes.Reader
	listed int
}

func (f *file) Stat() (fs.FileInfo, error) { return f.node, nil }
func (f *file) Close() error               { return nil }

// Read reads from the content.
func (f *file) Read(p []byte) (int, error) {
	if f.node.IsDir() {
		return 0, &fs.PathError{Op: "read", Path: f.node.name, Err: errors.New("is a directory")}
	}
	if f.data == nil {
		b, err := f.blobs.read(f.node.id)
		if err != nil {
			return 0, err
		}
		f.data = bytes.NewReader(b)
	}
	return f.data.Read(p)
}

// ReadDir gives the next n entries of a directory, all when n is not positive.
func (f *file) ReadDir(n int) ([]fs.DirEntry, error) {
	if !f.node.IsDir() {
		return nil, &fs.PathError{Op: "readdir", Path: f.node.name, Err: errors.New("not a directory")}
	}
	left := f.node.children[f.listed:]
	if n > 0 && len(left) == 0 {
		return nil, io.EOF
	}
	if n > 0 {
		left = left[:min(n, len(left))]
	}
	f.listed += len(left)
	return slices.Clone(left), nil
}
