//go:build linux

package command

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// place is a directory or a file by its path, free of links, and by what it is: a path
// may lead to another directory a moment later.
type place struct {
	Path string `json:"path"`
	Dev  uint64 `json:"dev"`
	Ino  uint64 `json:"ino"`
	File bool   `json:"file,omitempty"`
}

// lay puts into the order what its spec hides and protects.
func (o *order) lay(s Spec) error {
	if len(s.Hide)+len(s.ReadOnly) == 0 && !s.Sealed {
		return nil
	}
	var err error
	if o.Work, err = placeOf(s.Dir); err != nil {
		return err
	}
	if o.Hide, err = places(s.Hide); err != nil {
		return err
	}
	if o.ReadOnly, err = places(s.ReadOnly); err != nil {
		return err
	}
	if o.Writable, err = places(s.Writable); err != nil {
		return err
	}
	for _, p := range slices.Concat([]place{o.Work}, o.Hide, o.Writable) {
		if p.File {
			return invalid(fmt.Sprintf("%s is not a directory", p.Path))
		}
	}
	for _, h := range o.Hide {
		if h.Path == o.Work.Path {
			return invalid(fmt.Sprintf("working directory %s is to be hidden", s.Dir))
		}
	}
	o.Writable = slices.DeleteFunc(o.Writable, func(p place) bool { return p.Path == o.Work.Path })
	hides := func(p place) bool {
		return slices.ContainsFunc(o.Hide, func(h place) bool { return h == p })
	}
	o.ReadOnly = slices.DeleteFunc(o.ReadOnly, func(p place) bool { return hides(p) || p.Path == o.Work.Path })
	for _, w := range o.Writable {
		if hides(w) || slices.Contains(o.ReadOnly, w) {
			return invalid(fmt.Sprintf("%s cannot be writable and hidden or protected", w.Path))
		}
	}
	return nil
}

// places resolves directories.
func places(dirs []string) ([]place, error) {
	var all []place
	for _, d := range dirs {
		p, err := placeOf(d)
		switch {
		case err != nil:
			return nil, err
		case p.Path == "/":
			return nil, invalid("everything cannot be hidden or protected")
		}
		all = append(all, p)
	}
	return all, nil
}

// placeOf finds out what a directory is. A name in /proc/self/fd stands for the
// open directory, wherever it has been moved to.
func placeOf(dir string) (place, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return place{}, invalid(fmt.Sprintf("directory to protect: %v", err))
	}
	path, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return place{}, invalid(fmt.Sprintf("directory to protect: %v", err))
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !filepath.IsAbs(dir) || !info.IsDir() && !info.Mode().IsRegular() {
		return place{}, invalid(fmt.Sprintf("%q cannot be protected: not an absolute path of a directory or a file", dir))
	}
	return place{Path: path, Dev: uint64(st.Dev), Ino: st.Ino, File: !info.IsDir()}, nil //nolint:unconvert // its type differs between machines
}

// within tells whether path is dir or lies below it; both are clean.
func within(path, dir string) bool {
	return path == dir || strings.HasPrefix(path, strings.TrimSuffix(dir, "/")+"/")
}
