package secrets

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/zricethezav/gitleaks/v8/detect"

	"fairlead.dev"
)

// scan walks files and collects what it finds, once for each fingerprint.
type scan struct {
	root     *os.Root
	output   io.Writer
	detector *detect.Detector
	allow    []string
	known    map[string]bool
	limit    int64 // bytes

	found     map[string]*sighting
	scanned   int
	skipped   int
	knownSeen int
	bytes     int64
}

// sighting is a finding and how often it was seen in its file.
type sighting struct {
	finding fairlead.Finding
	times   int
}

func newScan(c Config) (*scan, error) {
	for _, g := range c.Allow {
		if !doublestar.ValidatePattern(g) {
			return nil, problem(fairlead.KindInvalid, "globs are like docs/**/*.md", fmt.Errorf("allow: %q is not a glob", g))
		}
	}
	d, err := newDetector(c.InlineAllow)
	if err != nil {
		return nil, problem(fairlead.KindInternal, "", err)
	}
	s := &scan{detector: d, allow: c.Allow, known: map[string]bool{}, limit: int64(c.MaxMiB) * mebibyte, found: map[string]*sighting{}}
	for _, f := range c.Known {
		s.known[f] = true
	}
	return s, nil
}

// paths scans the files of a change. A path that is gone was deleted.
func (s *scan) paths(ctx context.Context, paths []string) error {
	for _, p := range paths {
		info, err := s.root.Lstat(p)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if info.IsDir() { // a submodule: its content has its own deliveries
			continue
		}
		if err := s.file(ctx, path.Clean(p), info); err != nil {
			return err
		}
	}
	return nil
}

// visit scans one entry of the tree. Git's own files are not source.
func (s *scan) visit(ctx context.Context) fs.WalkDirFunc {
	return func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && d.Name() == ".git":
			return fs.SkipDir
		case d.IsDir():
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		return s.file(ctx, p, info)
	}
}

// file scans one file. Symlinks and other special files are passed over: what
// a link points to is scanned under its own name.
func (s *scan) file(ctx context.Context, p string, info fs.FileInfo) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	if !info.Mode().IsRegular() || s.allowed(p) {
		return nil
	}
	if info.Size() > s.limit {
		s.skipped++
		fmt.Fprintf(s.output, "%s: not scanned: %d MiB, the limit is %d\n", p, info.Size()/mebibyte, s.limit/mebibyte)
		return nil
	}
	content, err := s.read(p)
	if err != nil {
		return err
	}
	if binary(content) {
		s.skipped++
		content = nil // rules about names alone still apply
	} else {
		s.scanned++
		s.bytes += int64(len(content))
	}
	for _, hit := range detectIn(ctx, s.detector, p, string(content)) {
		s.add(hit)
	}
	return nil
}

func (s *scan) read(p string) ([]byte, error) {
	f, err := s.root.Open(p)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, s.limit))
}

func (s *scan) allowed(p string) bool {
	return slices.ContainsFunc(s.allow, func(g string) bool { return doublestar.MatchUnvalidated(g, p) })
}

func (s *scan) add(f fairlead.Finding) {
	if s.known[f.Fingerprint] {
		s.knownSeen++
		return
	}
	if seen, ok := s.found[f.Fingerprint]; ok {
		seen.times++
		return
	}
	s.found[f.Fingerprint] = &sighting{finding: f, times: 1}
}

// sorted gives the findings by place.
func (s *scan) sorted() []fairlead.Finding {
	out := make([]fairlead.Finding, 0, len(s.found))
	for _, seen := range s.found {
		f := seen.finding
		if seen.times > 1 {
			f.Message += fmt.Sprintf(" (%d times in this file)", seen.times)
		}
		out = append(out, f)
	}
	slices.SortFunc(out, func(a, b fairlead.Finding) int {
		return cmp.Or(
			cmp.Compare(a.Location.Path, b.Location.Path), cmp.Compare(a.Location.Line, b.Location.Line),
			cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Fingerprint, b.Fingerprint),
		)
	})
	return out
}

// binary tells by a zero byte near the beginning, as git does.
func binary(content []byte) bool {
	return bytes.IndexByte(content[:min(len(content), 8000)], 0) >= 0
}
