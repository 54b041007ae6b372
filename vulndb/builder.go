package vulndb

import (
	"bytes"
	"compress/flate"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"fairlead.dev"
	"fairlead.dev/format/osv"
	"fairlead.dev/purl"
)

// builder writes a working copy. Its transaction is open until finish.
type builder struct {
	db         *sql.DB
	tx         *sql.Tx
	now        time.Time
	statements map[string]*sql.Stmt
	deflate    *flate.Writer
	claimed    map[string]string // input by the name of its source

	change   Change
	packages map[purl.Key]bool
}

func newBuilder(ctx context.Context, handle *sql.DB, now time.Time) (*builder, error) {
	b := &builder{db: handle, now: now, statements: map[string]*sql.Stmt{}, claimed: map[string]string{}, packages: map[purl.Key]bool{}}
	var tables int
	if err := handle.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_master").Scan(&tables); err != nil {
		return nil, importProblem(fairlead.KindUnavailable, "the database is damaged: move it away and import all sources again", err)
	}
	var err error
	if b.tx, err = handle.BeginTx(ctx, nil); err != nil {
		return nil, importProblem(fairlead.KindUnavailable, "", err)
	}
	if tables == 0 {
		_, err = b.tx.ExecContext(ctx, schema+"\nINSERT INTO meta VALUES ('format', '"+format+"'), ('digest', ''), ('packages', '0')")
	} else {
		var have string
		err = b.tx.QueryRowContext(ctx, "SELECT value FROM meta WHERE key = 'format'").Scan(&have)
		if err == nil && have != format {
			err = fmt.Errorf("its layout is %q, this binary writes %q", have, format)
		}
		if err == nil {
			err = b.tx.QueryRowContext(ctx, "SELECT value FROM meta WHERE key = 'digest'").Scan(&b.change.Before)
		}
	}
	if err != nil {
		return nil, importProblem(fairlead.KindUnavailable, "move the database away and import all sources again", err)
	}
	b.deflate, err = flate.NewWriter(nil, flate.BestSpeed)
	return b, err
}

// exec does a prepared statement.
func (b *builder) exec(ctx context.Context, query string, args ...any) (sql.Result, error) {
	st, err := b.prepare(ctx, query)
	if err != nil {
		return nil, err
	}
	return st.ExecContext(ctx, args...)
}

func (b *builder) prepare(ctx context.Context, query string) (*sql.Stmt, error) {
	if st, ok := b.statements[query]; ok {
		return st, nil
	}
	st, err := b.tx.PrepareContext(ctx, query)
	if err == nil {
		b.statements[query] = st
	}
	return st, err
}

// put writes one record, whose bytes are body, unless the database has it
// already, in this form or, unless it is chosen, a newer one. It gives the
// record's number.
func (b *builder) put(ctx context.Context, r osv.Record, body, digest []byte, chosen bool) (int64, error) {
	find, err := b.prepare(ctx, "SELECT num, digest, modified FROM advisory WHERE id = ?")
	if err != nil {
		return 0, err
	}
	var num, modified int64
	var have []byte
	err = find.QueryRowContext(ctx, r.ID).Scan(&num, &have, &modified)
	is := nanos(r.Modified.Time)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		b.change.Added = append(b.change.Added, r.ID)
		return b.insert(ctx, nil, r, body, digest)
	case err != nil:
		return 0, err
	case bytes.Equal(have, digest), !chosen && is != 0 && is < modified:
		return num, nil
	}
	b.change.Changed = append(b.change.Changed, r.ID)
	if err := b.erase(ctx, num); err != nil {
		return 0, err
	}
	return b.insert(ctx, num, r, body, digest)
}

// erase removes a record. The packages it was about have changed.
func (b *builder) erase(ctx context.Context, num int64) error {
	if err := b.touch(ctx, num); err != nil {
		return err
	}
	for _, query := range []string{
		"DELETE FROM affected WHERE num = ?", "DELETE FROM document WHERE num = ?", "DELETE FROM advisory WHERE num = ?",
	} {
		if _, err := b.exec(ctx, query, num); err != nil {
			return err
		}
	}
	return nil
}

// touch notes the packages that a record is about.
func (b *builder) touch(ctx context.Context, num int64) error {
	st, err := b.prepare(ctx, "SELECT ecosystem, name FROM affected WHERE num = ?")
	if err != nil {
		return err
	}
	rows, err := st.QueryContext(ctx, num)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var k purl.Key
		if err := rows.Scan(&k.Ecosystem, &k.Name); err != nil {
			return err
		}
		b.packages[k] = true
	}
	return rows.Err()
}

// insert writes a record under its number, nil for the next one.
func (b *builder) insert(ctx context.Context, as any, r osv.Record, body, digest []byte) (int64, error) {
	own := rate(r)
	aliases, upstream := names(r)
	result, err := b.exec(ctx, `INSERT INTO advisory (num, id, modified, published, withdrawn, summary, vector, severity, cwe, aliases, upstream,
		canonical, names, worst, because, digest) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '', '', 'unknown', '', ?)`,
		as, r.ID, nanos(r.Modified.Time), nanos(r.Published.Time), nanos(r.Withdrawn.Time), summary(r), own.source, string(own.severity),
		strings.Join(weaknesses(r), " "), strings.Join(aliases, " "), strings.Join(upstream, " "), digest)
	if err != nil {
		return 0, err
	}
	num, err := result.LastInsertId()
	if err != nil {
		return 0, err
	}
	var packed bytes.Buffer
	b.deflate.Reset(&packed)
	if _, err := b.deflate.Write(body); err != nil {
		return 0, err
	}
	if err := b.deflate.Close(); err != nil {
		return 0, err
	}
	if _, err := b.exec(ctx, "INSERT INTO document (num, body) VALUES (?, ?)", num, packed.Bytes()); err != nil {
		return 0, err
	}
	for part, a := range r.Affected {
		if err := b.affected(ctx, num, part, a); err != nil {
			return 0, err
		}
	}
	return num, nil
}

// affected writes what a record says about one package. Ranges over commits
// say nothing about versions and are only in the document.
func (b *builder) affected(ctx context.Context, num int64, part int, a osv.Affected) error {
	key := keyOfRecord(a.Package)
	if key.Name == "" || key.Ecosystem == "" {
		return nil
	}
	b.packages[key] = true
	ranges, err := json.Marshal(slices.DeleteFunc(slices.Clone(a.Ranges), func(r osv.Range) bool { return r.Type == osv.RangeGit }))
	if err != nil {
		return err
	}
	imports := ""
	if list := a.Imports(); len(list) > 0 {
		text, err := json.Marshal(list)
		if err != nil {
			return err
		}
		imports = string(text)
	}
	_, err = b.exec(ctx, "INSERT INTO affected (ecosystem, name, num, part, ranges, versions, imports) VALUES (?, ?, ?, ?, ?, ?, ?)",
		key.Ecosystem, key.Name, num, part, string(ranges), strings.Join(a.Versions, "\n"), imports)
	return err
}

// summary is one line about a record.
func summary(r osv.Record) string {
	s := r.Summary
	if s == "" {
		s, _, _ = strings.Cut(strings.TrimSpace(r.Details), "\n")
	}
	const most = 300
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}

// finish joins aliases, computes the digest, and commits.
func (b *builder) finish(ctx context.Context) (Change, error) {
	for _, part := range []func(context.Context) error{b.joinAliases, b.seal} {
		if err := part(ctx); err != nil {
			return Change{}, importProblem(fairlead.KindUnavailable, "", err)
		}
	}
	if err := b.tx.Commit(); err != nil {
		return Change{}, importProblem(fairlead.KindUnavailable, "is the disk full?", err)
	}
	for k := range b.packages {
		b.change.Packages = append(b.change.Packages, k)
	}
	slices.SortFunc(b.change.Packages, func(a, b purl.Key) int { return strings.Compare(a.String(), b.String()) })
	slices.Sort(b.change.Added)
	slices.Sort(b.change.Changed)
	slices.Sort(b.change.Removed)
	return b.change, nil
}

// seal writes the digest of all content. Equal content has equal digests,
// whatever was imported in between.
func (b *builder) seal(ctx context.Context) error {
	h := sha256.New()
	rows, err := b.tx.QueryContext(ctx, "SELECT id, digest FROM advisory ORDER BY id")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		var digest sql.RawBytes
		if err := rows.Scan(&id, &digest); err != nil {
			return err
		}
		fmt.Fprintf(h, "%s %x\n", id, []byte(digest))
	}
	if err := rows.Err(); err != nil {
		return err
	}
	others, err := b.tx.QueryContext(ctx, "SELECT name, digest FROM source WHERE kind <> 'osv' ORDER BY name")
	if err != nil {
		return err
	}
	defer others.Close()
	for others.Next() {
		var name, digest string
		if err := others.Scan(&name, &digest); err != nil {
			return err
		}
		fmt.Fprintf(h, "%s %s\n", name, digest)
	}
	if err := others.Err(); err != nil {
		return err
	}
	b.change.After = fairlead.Digest("sha256:" + hex.EncodeToString(h.Sum(nil)))
	_, err = b.tx.ExecContext(ctx, `UPDATE meta SET value = CASE key WHEN 'digest' THEN ?
		WHEN 'packages' THEN (SELECT count(*) FROM (SELECT DISTINCT ecosystem, name FROM affected)) ELSE value END`, string(b.change.After))
	return err
}
