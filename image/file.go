package image

import (
	"io"
	"io/fs"
	"path"
	"time"
)

// Version is the content that a file had in a layer.
type Version struct {
	Layer int
	node  *node
	tree  *Tree
	name  string
}

// info tells of a file.
type info struct {
	name string
	mode fs.FileMode
	size int64
}

// Name is the last element of the path.
func (i info) Name() string { return path.Base(i.name) }

// Size is in bytes.
func (i info) Size() int64 { return i.size }

// Mode has type and permissions.
func (i info) Mode() fs.FileMode { return i.mode }

// ModTime is never known: it would tell apart what is the same.
func (i info) ModTime() time.Time { return time.Time{} }

// IsDir tells whether it is a directory.
func (i info) IsDir() bool { return i.mode.IsDir() }

// Sys is nothing.
func (i info) Sys() any { return nil }

// file is an open file.
type file struct {
	*io.SectionReader
	info info
}

// Stat tells of the file.
func (f *file) Stat() (fs.FileInfo, error) { return f.info, nil }

// Close does nothing: the tree owns the content.
func (f *file) Close() error { return nil }

// directory is an open directory.
type directory struct {
	info    info
	entries []fs.DirEntry
}

// Stat tells of the directory.
func (d *directory) Stat() (fs.FileInfo, error) { return d.info, nil }

// Read fails: there is no content.
func (d *directory) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: d.info.name, Err: fs.ErrInvalid}
}

// Close does nothing.
func (d *directory) Close() error { return nil }

// ReadDir hands out the entries that are left.
func (d *directory) ReadDir(n int) ([]fs.DirEntry, error) {
	if n > 0 && len(d.entries) == 0 {
		return nil, io.EOF
	}
	if n <= 0 || n > len(d.entries) {
		n = len(d.entries)
	}
	out := d.entries[:n]
	d.entries = d.entries[n:]
	return out, nil
}
