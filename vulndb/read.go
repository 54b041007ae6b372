package vulndb

import (
	"archive/zip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"fairlead.dev"
	"fairlead.dev/format/osv"
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
	case isZip(in.Path):
		return b.readZip(ctx, in)
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

// snapshot collects the records of one source.
type snapshot struct {
	in         Input
	name       string
	seen       map[string][]byte // digests by id
	newest     time.Time
	bytes      int64
	ecosystems map[string]bool
	pending    []pending
}

type pending struct {
	record osv.Record
	body   []byte
}

func newSnapshot(in Input) *snapshot {
	return &snapshot{in: in, name: in.Name, seen: map[string][]byte{}, ecosystems: map[string]bool{}}
}

// readZip reads an archive of records, one to a file, as osv.dev publishes it.
func (b *builder) readZip(ctx context.Context, in Input) error {
	z, err := zip.OpenReader(in.Path)
	if err != nil {
		return invalid(in, err)
	}
	defer z.Close()
	s := newSnapshot(in)
	for _, f := range z.File {
		if !strings.HasSuffix(f.Name, ".json") || f.FileInfo().IsDir() {
			continue
		}
		r, err := f.Open()
		if err != nil {
			return invalid(in, fmt.Errorf("%s: %w", f.Name, err))
		}
		err = s.add(f.Name, r)
		if err := errors.Join(err, r.Close(), ctx.Err()); err != nil {
			return invalid(in, err)
		}
	}
	return b.store(ctx, s, true)
}

// readDir reads a directory or a checkout of records.
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
		case d.IsDir() && d.Name() == ".git":
			return fs.SkipDir
		case !d.Type().IsRegular() || path.Ext(p) != ".json":
			return nil
		}
		f, err := root.Open(p)
		if err != nil {
			return err
		}
		return errors.Join(s.add(p, f), f.Close())
	})
	if err != nil {
		return invalid(in, err)
	}
	return b.store(ctx, s, true)
}

// add reads one record.
func (s *snapshot) add(name string, r io.Reader) error {
	body, err := io.ReadAll(io.LimitReader(r, maxRecord+1))
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	s.bytes += int64(len(body))
	switch {
	case len(body) > maxRecord:
		return fmt.Errorf("%s: the record has more than %d bytes", name, maxRecord)
	case s.bytes > maxTotal || len(s.pending) >= maxRecords:
		return fmt.Errorf("more than %d records or %d bytes", maxRecords, int64(maxTotal))
	}
	rec, err := osv.Decode(body)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if s.seen[rec.ID] != nil {
		return fmt.Errorf("%s: another file has the record %s as well", name, rec.ID)
	}
	sum := sha256.Sum256(body)
	s.seen[rec.ID] = sum[:]
	for _, a := range rec.Affected {
		base, _, _ := strings.Cut(a.Package.Ecosystem, ":")
		if base != "" {
			s.ecosystems[base] = true
		}
	}
	if rec.Modified.After(s.newest) {
		s.newest = rec.Modified.Time
	}
	s.pending = append(s.pending, pending{rec, body})
	return nil
}

// store writes the records of a source. When they are all it has, what else the
// database has of it is removed.
func (b *builder) store(ctx context.Context, s *snapshot, whole bool) error {
	if len(s.pending) == 0 {
		return invalid(s.in, errors.New("it holds no OSV record"))
	}
	if s.name == "" {
		s.name = s.defaultName(whole)
	}
	for _, p := range s.pending {
		if err := b.put(ctx, s.name, p.record, p.body); err != nil {
			return importProblem(fairlead.KindUnavailable, "", fmt.Errorf("%s: %w", p.record.ID, err))
		}
	}
	if whole {
		if err := b.removeOthers(ctx, s); err != nil {
			return importProblem(fairlead.KindUnavailable, "", err)
		}
	}
	return importProblemOrNil(b.note(ctx, s))
}

func importProblemOrNil(err error) error {
	if err == nil {
		return nil
	}
	return importProblem(fairlead.KindUnavailable, "", err)
}

// defaultName names a source by its only ecosystem, else by its file.
func (s *snapshot) defaultName(whole bool) string {
	if !whole {
		return "single"
	}
	if len(s.ecosystems) == 1 {
		for e := range s.ecosystems {
			return e
		}
	}
	base := filepath.Base(s.in.Path)
	return strings.TrimSuffix(base, filepath.Ext(base))
}

func (b *builder) removeOthers(ctx context.Context, s *snapshot) error {
	rows, err := b.tx.QueryContext(ctx, "SELECT num, id FROM advisory WHERE source = ?", s.name)
	if err != nil {
		return err
	}
	gone := map[int64]string{}
	for rows.Next() {
		var num int64
		var id string
		if err := rows.Scan(&num, &id); err != nil {
			return errors.Join(err, rows.Close())
		}
		if s.seen[id] == nil {
			gone[num] = id
		}
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return err
	}
	for num, id := range gone {
		b.change.Removed = append(b.change.Removed, id)
		if err := b.drop(ctx, num); err != nil {
			return err
		}
	}
	return nil
}

// note writes down the source.
func (b *builder) note(ctx context.Context, s *snapshot) error {
	h := sha256.New()
	for _, id := range slices.Sorted(keysOf(s.seen)) {
		fmt.Fprintf(h, "%s %x\n", id, s.seen[id])
	}
	v := Source{
		Name: s.name, Kind: KindOSV, Origin: s.in.Origin, Snapshot: s.newest, Imported: b.now,
		Digest: fairlead.Digest("sha256:" + hex.EncodeToString(h.Sum(nil))), Licence: s.in.Licence,
	}
	if v.Origin == "" {
		v.Origin = s.in.Path
	}
	if v.Snapshot.IsZero() || v.Snapshot.After(b.now) {
		v.Snapshot = b.now
	}
	if err := b.tx.QueryRowContext(ctx, "SELECT count(*) FROM advisory WHERE source = ?", v.Name).Scan(&v.Records); err != nil {
		return err
	}
	return b.noteSource(ctx, v)
}

func (b *builder) noteSource(ctx context.Context, v Source) error {
	b.change.Sources = append(b.change.Sources, v)
	_, err := b.exec(ctx, `INSERT INTO source (name, kind, origin, snapshot, imported, records, digest, licence) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (name) DO UPDATE SET kind = excluded.kind, origin = excluded.origin, snapshot = excluded.snapshot,
		imported = excluded.imported, records = excluded.records, digest = excluded.digest, licence = excluded.licence`,
		v.Name, string(v.Kind), v.Origin, nanos(v.Snapshot), nanos(v.Imported), v.Records, string(v.Digest), v.Licence)
	return err
}
