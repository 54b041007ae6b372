package vulndb

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"fairlead.dev"
	"fairlead.dev/format/osv"
	"fairlead.dev/format/vex"
)

// snapshot is one source while it is read. Its records are written as they
// come: only what tells them apart is kept.
type snapshot struct {
	in         Input
	seen       map[string][sha256.Size]byte // digests by id
	nums       []int64                      // of the records
	newest     time.Time
	bytes      int64
	ecosystems map[string]int // how many records are about each
	alone      bool           // it is one record, which somebody chose
	passed     int            // files that are something else
	statements int            // VEX documents beside the records
}

func newSnapshot(in Input) *snapshot {
	return &snapshot{in: in, seen: map[string][sha256.Size]byte{}, ecosystems: map[string]int{}}
}

// take reads a file of an archive or a directory, and writes the record that it
// is. What is well-formed and no record is passed over: archives have indexes,
// and repositories other files. What is cut, or a record that is malformed, is
// an error.
func (b *builder) take(ctx context.Context, s *snapshot, name string, r io.Reader) error {
	body, err := io.ReadAll(io.LimitReader(r, maxRecord+1))
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	s.bytes += int64(len(body))
	switch {
	case len(body) > maxRecord:
		return fmt.Errorf("%s: the record has more than %d bytes", name, maxRecord)
	case s.bytes > maxTotal || len(s.nums) >= maxRecords:
		return fmt.Errorf("more than %d records or %d bytes", maxRecords, int64(maxTotal))
	}
	if filepath.Ext(name) != ".json" {
		if body, err = osv.FromYAML(body); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	if is, err := osv.Is(body); !is || err != nil {
		switch {
		case err != nil:
			return fmt.Errorf("%s: %w", name, err)
		case vex.Sniff(body) != "":
			s.statements++
			return b.readVEX(ctx, Input{Path: filepath.Join(s.in.Path, name), Licence: s.in.Licence}, body)
		}
		s.passed++
		return nil
	}
	return b.add(ctx, s, name, body)
}

// add writes one record.
func (b *builder) add(ctx context.Context, s *snapshot, name string, body []byte) error {
	rec, err := osv.Decode(body)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	sum := sha256.Sum256(body)
	if have, ok := s.seen[rec.ID]; ok {
		if have == sum {
			return nil
		}
		return fmt.Errorf("%s: another file has the record %s as well, and says something else", name, rec.ID)
	}
	s.seen[rec.ID] = sum
	about := map[string]bool{}
	for _, a := range rec.Affected {
		if base, _, _ := strings.Cut(a.Package.Ecosystem, ":"); base != "" && !about[base] {
			about[base] = true
			s.ecosystems[base]++
		}
	}
	if rec.Modified.After(s.newest) {
		s.newest = rec.Modified.Time
	}
	num, err := b.put(ctx, rec, body, sum[:], s.alone)
	if err != nil {
		return importProblem(fairlead.KindUnavailable, "is the disk full?", fmt.Errorf("%s: %w", rec.ID, err))
	}
	s.nums = append(s.nums, num)
	return nil
}

// store writes down whose the records are that were read. When they are all that
// the source has, what else the database has of it is removed.
func (b *builder) store(ctx context.Context, s *snapshot, whole bool) error {
	if s.passed > 0 {
		b.change.Passed = append(b.change.Passed, Passed{Path: s.in.Path, Files: s.passed})
	}
	if len(s.nums) == 0 {
		if s.statements > 0 {
			return nil
		}
		return invalid(s.in, errors.New("it holds no OSV record"))
	}
	name := s.name(whole)
	if err := b.claim(ctx, name, s.in, []Kind{KindOSV}, whole); err != nil {
		return err
	}
	if whole {
		if err := b.removeOthers(ctx, s, name); err != nil {
			return importProblem(fairlead.KindUnavailable, "", err)
		}
	}
	for _, num := range s.nums {
		if _, err := b.exec(ctx, "INSERT INTO holds (source, num) VALUES (?, ?) ON CONFLICT DO NOTHING", name, num); err != nil {
			return importProblem(fairlead.KindUnavailable, "", err)
		}
	}
	return importProblemOrNil(b.note(ctx, s, name))
}

// claim refuses a name that a source of another kind has, and a second input for
// one source, of which only one can be all that the source has.
func (b *builder) claim(ctx context.Context, name string, in Input, kinds []Kind, whole bool) error {
	const hint = "nothing was imported; import it by itself, with a `--name`"
	var kind Kind
	err := b.tx.QueryRowContext(ctx, "SELECT kind FROM source WHERE name = ?", name).Scan(&kind)
	switch other, ok := b.claimed[name]; {
	case err == nil && !slices.Contains(kinds, kind):
		return importProblem(fairlead.KindConflict, hint, fmt.Errorf("%s: the source %q is there, of kind %s", in.Path, name, kind))
	case err != nil && !errors.Is(err, sql.ErrNoRows):
		return importProblem(fairlead.KindUnavailable, "", err)
	case ok && whole && other != in.Path:
		return importProblem(fairlead.KindConflict, hint, fmt.Errorf("%s and %s are both all of the source %q", other, in.Path, name))
	}
	b.claimed[name] = in.Path
	return nil
}

func importProblemOrNil(err error) error {
	if err == nil {
		return nil
	}
	return importProblem(fairlead.KindUnavailable, "", err)
}

// name names a source: as it is said, by the ecosystem that most of its records
// are about, or by where it comes from. A single record belongs to none.
func (s *snapshot) name(whole bool) string {
	switch {
	case s.in.Name != "":
		return s.in.Name
	case !whole:
		return single
	}
	for _, e := range slices.Sorted(maps.Keys(s.ecosystems)) {
		if 2*s.ecosystems[e] > len(s.seen) {
			return e
		}
	}
	from := s.in.Path
	if u, err := url.Parse(s.in.Origin); err == nil && u.Host != "" {
		from = u.Path
	} else if abs, err := filepath.Abs(from); err == nil {
		from = abs
	}
	base := strings.TrimSuffix(filepath.Base(from), filepath.Ext(from))
	if base == "all" { // as osv.dev has them, one folder to an ecosystem
		base = filepath.Base(filepath.Dir(from))
	}
	return base
}

// few is how many records a source may lose without anybody asking.
const few = 20

// removeOthers removes what the database has of a source, and the source no
// longer. That a source loses a quarter of its records is nothing that happens:
// it is cut, or another one, and has to be said to be meant.
func (b *builder) removeOthers(ctx context.Context, s *snapshot, name string) error {
	rows, err := b.tx.QueryContext(ctx, `SELECT a.num, a.id, (SELECT count(*) FROM holds o WHERE o.num = a.num) FROM holds h JOIN advisory a ON a.num = h.num
		WHERE h.source = ? ORDER BY a.id`, name)
	if err != nil {
		return err
	}
	type gone struct {
		num     int64
		id      string
		holders int
	}
	var all []gone
	had := 0
	for ; rows.Next(); had++ {
		var g gone
		if err := rows.Scan(&g.num, &g.id, &g.holders); err != nil {
			return errors.Join(err, rows.Close())
		}
		if _, ok := s.seen[g.id]; !ok {
			all = append(all, g)
		}
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return err
	}
	if len(all) > few && 4*len(all) > had && !s.in.Shrink {
		return importProblem(fairlead.KindConflict,
			"nothing was imported; `--name` makes it a source of its own beside the other, `--shrink` lets the source lose them",
			fmt.Errorf("%s: it would take %d of %d records from the source %q", s.in.Path, len(all), had, name))
	}
	for _, g := range all {
		if _, err := b.exec(ctx, "DELETE FROM holds WHERE source = ? AND num = ?", name, g.num); err != nil {
			return err
		}
		if g.holders > 1 {
			continue
		}
		b.change.Removed = append(b.change.Removed, g.id)
		if err := b.erase(ctx, g.num); err != nil {
			return err
		}
	}
	return nil
}

// note writes down the source.
func (b *builder) note(ctx context.Context, s *snapshot, name string) error {
	h := sha256.New()
	for _, id := range slices.Sorted(maps.Keys(s.seen)) {
		fmt.Fprintf(h, "%s %x\n", id, s.seen[id])
	}
	v := s.in.source(KindOSV, name, s.newest)
	v.Name, v.Imported = name, b.now
	v.Digest = fairlead.Digest("sha256:" + hex.EncodeToString(h.Sum(nil)))
	if v.Snapshot.IsZero() || v.Snapshot.After(b.now) {
		v.Snapshot = b.now
	}
	if err := b.tx.QueryRowContext(ctx, "SELECT count(*) FROM holds WHERE source = ?", v.Name).Scan(&v.Records); err != nil {
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

// one writes the record that a file holds. It is added to what its source has.
func (b *builder) one(ctx context.Context, in Input, body []byte) error {
	if bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("{")) || !isYAMLName(in.Path) {
		body = bytes.TrimPrefix(body, []byte("\ufeff"))
	} else {
		var err error
		if body, err = osv.FromYAML(body); err != nil {
			return invalid(in, err)
		}
	}
	s := newSnapshot(in)
	s.alone = true
	if len(body) > maxRecord {
		return invalid(in, fmt.Errorf("the record has more than %d bytes", maxRecord))
	}
	if err := b.add(ctx, s, filepath.Base(in.Path), body); err != nil {
		return invalid(in, err)
	}
	return b.store(ctx, s, false)
}

func isYAMLName(p string) bool { return isRecordName(p) && filepath.Ext(p) != ".json" }
