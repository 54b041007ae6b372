package scan

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"fairlead.dev"
)

// mostBytes and mostFiles bound what is copied of a tree.
const (
	mostBytes = 8 << 30
	mostFiles = 1_000_000
)

// Source is where files are taken from.
type Source struct {
	Dir   string   // absolute; "": the files are in place already, in the directory src of [Runner]'s
	Files []string // slash-separated paths below Dir; nil: all, but what belongs to git and to Fairlead
}

// copyTo makes a copy of the source that engines can be shown: regular files and
// links, no more of the directory than its files, and no special file. Links are
// copied as links, so one that leads out or around in circles leads nowhere.
func (s Source) copyTo(ctx context.Context, to string) error {
	if s.Dir == "" {
		return nil
	}
	from, err := os.OpenRoot(s.Dir)
	if err != nil {
		return invalid("read "+s.Dir, "name a directory", err)
	}
	defer from.Close()
	if err := os.MkdirAll(to, 0o700); err != nil {
		return unavailable("copy", err)
	}
	into, err := os.OpenRoot(to)
	if err != nil {
		return unavailable("copy", err)
	}
	defer into.Close()
	c := &copier{from: from, into: into}
	if s.Files == nil {
		return fs.WalkDir(from.FS(), ".", c.visit(ctx))
	}
	for _, name := range s.Files {
		if err := ctx.Err(); err != nil {
			return &fairlead.Problem{Op: "copy", Kind: fairlead.KindCancelled, Err: err}
		}
		if err := c.file(filepath.FromSlash(name)); err != nil {
			return err
		}
	}
	return nil
}

// copier copies below one root into another, and counts.
type copier struct {
	from, into *os.Root
	bytes      int64
	files      int
}

// skipped are directories that hold no source.
func skipped(name string) bool { return slices.Contains([]string{".git", ".fairlead"}, name) }

func (c *copier) visit(ctx context.Context) fs.WalkDirFunc {
	return func(path string, d fs.DirEntry, err error) error {
		switch {
		case ctx.Err() != nil:
			return &fairlead.Problem{Op: "copy", Kind: fairlead.KindCancelled, Err: ctx.Err()}
		case err != nil && path == ".":
			return invalid("read", "name a directory that you may read", err)
		case err != nil: // not ours to read: an engine would not see it either
			if d != nil && d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case d.IsDir():
			if skipped(d.Name()) {
				return fs.SkipDir
			}
			return nil
		}
		return c.file(filepath.FromSlash(path))
	}
}

// file copies one file or link. One that is gone or cannot be read is left out.
func (c *copier) file(name string) error {
	info, err := c.from.Lstat(name)
	if err != nil || strings.Contains(name, "\x00") {
		return nil //nolint:nilerr // listed and deleted, or out of reach
	}
	if c.files++; c.files > mostFiles {
		return tooLarge(fmt.Errorf("there are more than %d files", mostFiles))
	}
	if dir := filepath.Dir(name); dir != "." {
		if err := c.into.MkdirAll(dir, 0o700); err != nil {
			return unavailable("copy "+name, err)
		}
	}
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		to, err := c.from.Readlink(name)
		if err != nil {
			return nil //nolint:nilerr // gone meanwhile
		}
		return orUnavailable(name, c.into.Symlink(to, name))
	case info.Mode().IsRegular():
		return c.regular(name, info.Mode().Perm())
	}
	return nil
}

func (c *copier) regular(name string, mode fs.FileMode) error {
	from, err := c.from.Open(name)
	if err != nil {
		return nil //nolint:nilerr // may not be read
	}
	defer from.Close()
	to, err := c.into.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode|0o400)
	if err != nil {
		return unavailable("copy "+name, err)
	}
	n, err := io.Copy(to, io.LimitReader(from, mostBytes-c.bytes+1))
	c.bytes += n
	if err = errors.Join(err, to.Close()); err != nil {
		return unavailable("copy "+name, err)
	}
	if c.bytes > mostBytes {
		return tooLarge(fmt.Errorf("there are more than %d GiB", mostBytes>>30))
	}
	return nil
}

func tooLarge(err error) error {
	return invalid("copy", "scan one directory of it at a time", err)
}

func orUnavailable(name string, err error) error {
	if err == nil {
		return nil
	}
	return unavailable("copy "+name, err)
}

// shelf keeps what engines leave, in files named by digest.
type shelf struct{ dir string }

// Put keeps all of r.
func (s *shelf) Put(ctx context.Context, r io.Reader) (fairlead.Digest, int64, error) {
	if err := ctx.Err(); err != nil {
		return "", 0, &fairlead.Problem{Op: "keep", Kind: fairlead.KindCancelled, Err: err}
	}
	f, err := os.CreateTemp(s.dir, "new-")
	if err != nil {
		return "", 0, unavailable("keep", err)
	}
	defer os.Remove(f.Name())
	digest, size, err := fairlead.DigestReader(io.TeeReader(r, f))
	if err = errors.Join(err, f.Close()); err != nil {
		return "", 0, unavailable("keep", err)
	}
	return digest, size, orUnavailable("content", os.Rename(f.Name(), s.path(digest)))
}

func (s *shelf) path(d fairlead.Digest) string { return filepath.Join(s.dir, d.Hex()) }

// place puts artifacts where the engines that follow look for them.
func (s *shelf) place(workspace string, artifacts []fairlead.Artifact) error {
	root, err := os.OpenRoot(workspace)
	if err != nil {
		return unavailable("place", err)
	}
	defer root.Close()
	for _, a := range artifacts {
		content, err := os.ReadFile(s.path(a.Digest))
		if err != nil {
			return unavailable("place "+a.Name, err)
		}
		_ = root.Remove(a.Name) // the tree's own file of that name
		if err := root.WriteFile(a.Name, content, 0o600); err != nil {
			return unavailable("place "+a.Name, err)
		}
	}
	return nil
}
