package vulndb

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path"
	"strings"

	"fairlead.dev"
)

// Kind is what a source consists of.
type Kind string

// The kinds of source.
const (
	KindOSV       Kind = "osv"
	KindKEV       Kind = "kev"
	KindEPSS      Kind = "epss"
	KindOpenVEX   Kind = "openvex"
	KindCycloneDX Kind = "cyclonedx"
	KindCSAF      Kind = "csaf"
)

// Limits of one input. What is larger is refused.
const (
	maxRecord  = 16 << 20 // bytes of one OSV record
	maxRecords = 2_000_000
	maxTotal   = 16 << 30 // bytes of all records together
	maxRatio   = 200      // times that an archive of more than freely bytes may be compressed
	freely     = 64 << 20
)

// read reads one input, of whatever kind it is.
func (b *builder) read(ctx context.Context, in Input) error {
	info, err := os.Stat(in.Path)
	if err != nil {
		kind := fairlead.KindUnavailable
		if errors.Is(err, fs.ErrNotExist) {
			kind = fairlead.KindInvalid
		}
		return importProblem(kind, "name a file, an archive or a directory", err)
	}
	switch {
	case info.IsDir():
		return b.readDir(ctx, in)
	case !info.Mode().IsRegular(): // it would be read twice
		return importProblem(fairlead.KindInvalid, "name a file, an archive or a directory", fmt.Errorf("%s is not a regular file", in.Path))
	case isZip(in.Path):
		return b.readZip(ctx, in, info.Size())
	}
	return b.readFile(ctx, in)
}

func isZip(name string) bool {
	f, err := os.Open(name)
	if err != nil {
		return false
	}
	defer f.Close()
	var magic [4]byte
	_, err = io.ReadFull(f, magic[:])
	return err == nil && (string(magic[:]) == "PK\x03\x04" || string(magic[:]) == "PK\x05\x06")
}

// isRecordName tells whether a file may hold a record, by its name.
func isRecordName(p string) bool {
	switch path.Ext(p) {
	case ".json", ".yaml", ".yml":
		return true
	}
	return false
}

// readZip reads an archive of records, one to a file, as osv.dev publishes it.
func (b *builder) readZip(ctx context.Context, in Input, size int64) error {
	z, err := zip.OpenReader(in.Path)
	if err != nil {
		return invalid(in, err)
	}
	defer z.Close()
	s := newSnapshot(in)
	bomb := func(bytes int64) error {
		if bytes > freely && bytes/max(size, 1) > maxRatio {
			return fmt.Errorf("it is compressed more than %d times, as no honest archive is: a decompression bomb", maxRatio)
		}
		return nil
	}
	var said uint64 // by its own words
	for _, f := range z.File {
		said += f.UncompressedSize64
	}
	if err := bomb(int64(min(said, math.MaxInt64))); err != nil {
		return invalid(in, err)
	}
	for _, f := range z.File {
		if !isRecordName(f.Name) || f.FileInfo().IsDir() {
			continue
		}
		r, err := f.Open()
		if err != nil {
			return invalid(in, fmt.Errorf("%s: %w", f.Name, err))
		}
		err = b.take(ctx, s, f.Name, r)
		if err := errors.Join(err, bomb(s.bytes), r.Close(), ctx.Err()); err != nil {
			return invalid(in, err)
		}
	}
	return b.store(ctx, s, true)
}

// readDir reads a directory or a checkout of records, and of VEX documents.
func (b *builder) readDir(ctx context.Context, in Input) error {
	root, err := os.OpenRoot(in.Path)
	if err != nil {
		return importProblem(fairlead.KindUnavailable, "", err)
	}
	defer root.Close()
	s := newSnapshot(in)
	err = fs.WalkDir(root.FS(), ".", func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil || ctx.Err() != nil:
			return errors.Join(err, ctx.Err())
		case d.IsDir() && p != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata"):
			return fs.SkipDir // what is no content of the database that a repository holds
		case !d.Type().IsRegular():
			return nil
		case !isRecordName(p):
			s.passed++
			return nil
		}
		f, err := root.Open(p)
		if err != nil {
			return err
		}
		return errors.Join(b.take(ctx, s, p, f), f.Close())
	})
	if err != nil {
		return invalid(in, err)
	}
	return b.store(ctx, s, true)
}
