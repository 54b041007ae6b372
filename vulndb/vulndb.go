// Package vulndb is the database of known vulnerabilities: one SQLite file
// made from OSV records, the catalogue of known exploited vulnerabilities,
// EPSS scores and VEX statements. Files and archives come in by [Import]; what
// goes out is which components are affected, by [DB.Match].
//
// A published file never changes. An import writes a new one beside it and
// puts it in its place at once, so that whoever has the old one open goes on
// reading it, and a death at any moment leaves the old one whole.
package vulndb

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"fairlead.dev"
	_ "modernc.org/sqlite" // the driver "sqlite"
)

//go:embed schema.sql
var schema string

// format names the layout of the file. Another layout is another name.
const format = "2"

// single is the source of records that were imported one by one.
const single = "single"

// DB is a database that is open for reading. It is safe for concurrent use.
type DB struct {
	path string
	sql  *sql.DB
}

// Source is one origin of what the database knows.
type Source struct {
	Name     string          `json:"name"`
	Kind     Kind            `json:"kind"`
	Origin   string          `json:"origin"`   // file or address it was read from
	Snapshot time.Time       `json:"snapshot"` // of its newest content
	Imported time.Time       `json:"imported"`
	Records  int             `json:"records"`
	Digest   fairlead.Digest `json:"digest"` // of its content
	Licence  string          `json:"licence,omitempty"`
}

// Ages tells whether the source is one that goes on without us: single records and
// VEX are as they were meant, however old.
func (s Source) Ages() bool {
	return s.Kind == KindOSV && s.Name != single || s.Kind == KindKEV || s.Kind == KindEPSS
}

// State says what the database holds.
type State struct {
	Path       string          `json:"path"`
	Digest     fairlead.Digest `json:"digest"` // equal content has equal digests
	Snapshot   time.Time       `json:"snapshot"`
	Advisories int             `json:"advisories"`
	Packages   int             `json:"packages"`
	Sources    []Source        `json:"sources"`
}

// Age is how old the oldest of the sources of vulnerabilities is at a time; single
// records have no say beside others. Without any source it is as old as can be.
func (s State) Age(now time.Time) time.Duration { return now.Sub(s.Snapshot) }

// Open opens a database file. One that is not there is KindNotFound, one that
// is none, or of another version, KindUnavailable.
func Open(ctx context.Context, path string) (*DB, error) {
	const op = "open vulnerability database"
	if _, err := os.Stat(path); err != nil {
		p := &fairlead.Problem{Op: op, Kind: fairlead.KindUnavailable, Err: err, Hint: "check owner and permissions of the file"}
		if errors.Is(err, fs.ErrNotExist) {
			p.Kind, p.Hint = fairlead.KindNotFound, "`fairlead vulndb import FILE` makes it from OSV archives"
		}
		return nil, p
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, &fairlead.Problem{Op: op, Kind: fairlead.KindInternal, Err: err}
	}
	// The file never changes, so nothing has to be locked to read it.
	u := url.URL{Scheme: "file", OmitHost: true, Path: abs, RawQuery: url.Values{
		"mode": {"ro"}, "immutable": {"1"}, "_pragma": {"query_only(true)", "mmap_size(1073741824)", "temp_store(memory)"},
	}.Encode()}
	handle, err := sql.Open("sqlite", u.String())
	if err != nil {
		return nil, &fairlead.Problem{Op: op, Kind: fairlead.KindInternal, Err: err}
	}
	// One connection, kept: another one would open what lies at the path by then.
	handle.SetMaxOpenConns(1)
	db := &DB{path: abs, sql: handle}
	var have string
	err = handle.QueryRowContext(ctx, "SELECT value FROM meta WHERE key = 'format'").Scan(&have)
	if err == nil && have != format {
		err = fmt.Errorf("its layout is %q, this binary reads %q", have, format)
	}
	if err != nil {
		return nil, errors.Join(&fairlead.Problem{
			Op: op, Kind: fairlead.KindUnavailable, Err: fmt.Errorf("%s: %w", path, err),
			Hint: "move the file away and import the sources again",
		}, handle.Close())
	}
	return db, nil
}

// Close closes the database.
func (d *DB) Close() error { return d.sql.Close() }

// State gives what the database holds.
func (d *DB) State(ctx context.Context) (State, error) {
	s, err := stateOf(ctx, d.sql)
	s.Path = d.path
	return s, readProblem(err)
}

func stateOf(ctx context.Context, q querier) (State, error) {
	var s State
	for query, to := range map[string]any{
		"SELECT value FROM meta WHERE key = 'digest'":                    &s.Digest,
		"SELECT count(*) FROM advisory":                                  &s.Advisories,
		"SELECT cast(value AS INTEGER) FROM meta WHERE key = 'packages'": &s.Packages,
	} {
		if err := q.QueryRowContext(ctx, query).Scan(to); err != nil {
			return s, err
		}
	}
	var alone time.Time
	rows, err := q.QueryContext(ctx, "SELECT name, kind, origin, snapshot, imported, records, digest, licence FROM source ORDER BY name")
	if err != nil {
		return s, err
	}
	defer rows.Close()
	for rows.Next() {
		var v Source
		var snapshot, imported int64
		if err := rows.Scan(&v.Name, &v.Kind, &v.Origin, &snapshot, &imported, &v.Records, &v.Digest, &v.Licence); err != nil {
			return s, err
		}
		v.Snapshot, v.Imported = fromNanos(snapshot), fromNanos(imported)
		switch {
		case v.Kind != KindOSV:
		case v.Name == single: // a record from long ago says nothing about the rest
			alone = v.Snapshot
		case s.Snapshot.IsZero() || v.Snapshot.Before(s.Snapshot):
			s.Snapshot = v.Snapshot
		}
		s.Sources = append(s.Sources, v)
	}
	if s.Snapshot.IsZero() {
		s.Snapshot = alone
	}
	return s, rows.Err()
}

// querier is what reads: the database, or a transaction that makes it.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func readProblem(err error) error {
	if err == nil {
		return nil
	}
	p := &fairlead.Problem{
		Op: "read vulnerability database", Kind: fairlead.KindUnavailable, Err: err,
		Hint: "if the file is damaged, move it away and import the sources again",
	}
	if errors.Is(err, context.Canceled) || strings.Contains(err.Error(), "interrupted") {
		p.Kind, p.Hint = fairlead.KindCancelled, ""
	}
	return p
}

func nanos(t time.Time) int64 {
	if t.IsZero() || t.Year() < 1970 {
		return 0
	}
	return t.UnixNano()
}

func fromNanos(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}
