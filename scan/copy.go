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
	"syscall"

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
// What it could not read is left out, and told.
func (s Source) copyTo(ctx context.Context, to string) (unread, error) {
	if s.Dir == "" {
		return unread{}, nil
	}
	from, err := os.OpenRoot(s.Dir)
	if err != nil {
		return unread{}, invalid("read "+s.Dir, "name a directory", err)
	}
	defer from.Close()
	if err := os.MkdirAll(to, 0o700); err != nil {
		return unread{}, unavailable("copy", err)
	}
	into, err := os.OpenRoot(to)
	if err != nil {
		return unread{}, unavailable("copy", err)
	}
	defer into.Close()
	c := &copier{from: from, into: into}
	if s.Files == nil {
		err = fs.WalkDir(from.FS(), ".", c.visit(ctx))
		return c.unread, err
	}
	for _, name := range s.Files {
		if err := ctx.Err(); err != nil {
			return c.unread, &fairlead.Problem{Op: "copy", Kind: fairlead.KindCancelled, Err: err}
		}
		if err := c.file(filepath.FromSlash(name)); err != nil {
			return c.unread, err
		}
	}
	return c.unread, nil
}

// unread is what could not be read of a tree.
type unread struct {
	first string // and why
	more  int    // further places
}

func (u *unread) add(name string, err error) {
	if u.first != "" {
		u.more++
		return
	}
	if p := new(fs.PathError); errors.As(err, &p) {
		err = p.Err
	}
	u.first = fmt.Sprintf("%s cannot be read: %v", name, err)
}

// String says what it is in words, "" for nothing.
func (u unread) String() string {
	if u.more > 0 {
		return fmt.Sprintf("%s; nor can %d more places", u.first, u.more)
	}
	return u.first
}

// copier copies below one root into another, and counts.
type copier struct {
	from, into *os.Root
	bytes      int64
	files      int
	unread     unread
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
		case err != nil:
			if !errors.Is(err, fs.ErrNotExist) { // gone meanwhile
				c.unread.add(path, err)
			}
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

// file copies one file or link. One that is gone is left out, and so is one that
// cannot be read.
func (c *copier) file(name string) error {
	info, err := c.from.Lstat(name)
	switch {
	case strings.Contains(name, "\x00"), errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return nil // listed and deleted
	case err != nil:
		c.unread.add(name, err)
		return nil
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
		c.unread.add(name, err)
		return nil
	}
	defer from.Close()
	to, err := c.into.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode|0o400)
	if err != nil {
		return unavailable("copy "+name, err)
	}
	err = c.data(from, to)
	if err = errors.Join(err, to.Close()); err != nil {
		return unavailable("copy "+name, err)
	}
	if c.bytes > mostBytes {
		return tooLarge(fmt.Errorf("there are more than %d GiB", mostBytes>>30))
	}
	return nil
}

// What to seek: the beginning of data, and of a hole, as lseek(2) has it.
const (
	seekData = 3
	seekHole = 4
)

// data copies what is written in a file, and leaves its holes: a file of a
// terabyte need not have a byte.
func (c *copier) data(from, to *os.File) error {
	info, err := from.Stat()
	if err != nil {
		return err
	}
	for at := int64(0); at < info.Size() && c.bytes <= mostBytes; {
		begin, err := from.Seek(at, seekData)
		switch {
		case errors.Is(err, syscall.ENXIO):
			return to.Truncate(info.Size()) // a hole to the end
		case err != nil: // the file system does not tell
			begin, at = at, info.Size()
		default:
			if at, err = from.Seek(begin, seekHole); err != nil {
				return err
			}
		}
		if _, err := from.Seek(begin, io.SeekStart); err != nil {
			return err
		}
		if _, err := to.Seek(begin, io.SeekStart); err != nil {
			return err
		}
		n, err := io.Copy(to, io.LimitReader(from, min(at-begin, mostBytes-c.bytes+1)))
		c.bytes += n
		if err != nil {
			return err
		}
		if n < at-begin {
			return nil // it became shorter
		}
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
