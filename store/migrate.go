package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"fairlead.dev"
)

// schemas holds the migrations: NNNN_name.sql for both databases, followed by
// NNNN_name.sqlite.sql or NNNN_name.postgres.sql. A migration that was ever
// released is never edited.
//
//go:embed schema/*.sql
var schemas embed.FS

// migration is one step of the schema.
type migration struct {
	version int64
	script  string
}

// migrations gives the steps in order; versions count from 1 without a gap.
func (d dialect) migrations() ([]migration, error) {
	names, err := fs.Glob(schemas, "schema/*.sql") // sorted: "0001_first.sql" follows "0001_first.sqlite.sql"
	if err != nil {
		return nil, err
	}
	var steps []migration
	for _, name := range names {
		base, isOwn := strings.CutSuffix(strings.TrimSuffix(name, ".sql"), "."+d.name)
		if isOwn || strings.Contains(base, ".") {
			continue
		}
		number, _, _ := strings.Cut(strings.TrimPrefix(base, "schema/"), "_")
		version, err := strconv.ParseInt(number, 10, 64)
		if err != nil || version != int64(len(steps)+1) {
			return nil, fmt.Errorf("migration %s does not follow version %d", name, len(steps))
		}
		script, err := schemas.ReadFile(name)
		if err != nil {
			return nil, err
		}
		own, err := schemas.ReadFile(base + "." + d.name + ".sql")
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		steps = append(steps, migration{version, d.types.Replace(string(script) + "\n" + string(own))})
	}
	return steps, nil
}

// migrate brings the schema up to date, in one transaction.
func (s *Store) migrate(ctx context.Context) error {
	const op = "open store"
	steps, err := s.dialect.migrations()
	if err != nil {
		return &fairlead.Problem{Op: op, Kind: fairlead.KindInternal, Err: err}
	}
	want := int64(len(steps))
	// The common case first: nothing to do, and nothing locked.
	if have, err := version(ctx, s.reads.db); err == nil && have == want {
		return nil
	}
	tx, err := s.writes.db.BeginTx(ctx, nil)
	if err != nil {
		return s.problem(op, err)
	}
	defer tx.Rollback() //nolint:errcheck // after a commit there is nothing to roll back
	have, err := s.prepareVersions(ctx, tx)
	if err != nil {
		return s.problem(op, err)
	}
	if have > want {
		return &fairlead.Problem{
			Op: op, Kind: fairlead.KindConflict,
			Err:  fmt.Errorf("its schema is version %d, this binary knows up to %d", have, want),
			Hint: "a newer version of fairlead has used this store: use that version or a later one",
		}
	}
	for _, step := range steps[have:] {
		if _, err := tx.ExecContext(ctx, step.script); err != nil {
			return s.problem(op, fmt.Errorf("migration %d: %w", step.version, err))
		}
		if _, err := tx.ExecContext(ctx, s.writes.bind("INSERT INTO schema_version (version, applied) VALUES (?, ?)"),
			step.version, time.Now().UnixNano()); err != nil {
			return s.problem(op, fmt.Errorf("migration %d: %w", step.version, err))
		}
	}
	return s.problem(op, tx.Commit())
}

// prepareVersions makes the table of versions, alone in the database until the
// transaction ends, and gives the version in force.
func (s *Store) prepareVersions(ctx context.Context, tx *sql.Tx) (int64, error) {
	create := s.dialect.types.Replace("CREATE TABLE IF NOT EXISTS schema_version (version {int} PRIMARY KEY, applied {int} NOT NULL)")
	statements := []string{create}
	if s.dialect.lock != "" {
		statements = []string{s.dialect.lock, "CREATE SCHEMA IF NOT EXISTS fairlead", create}
	}
	for _, statement := range statements {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return 0, err
		}
	}
	return version(ctx, tx)
}

// version reads the version in force.
func version(ctx context.Context, q interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
},
) (int64, error) {
	var v int64
	err := q.QueryRowContext(ctx, "SELECT coalesce(max(version), 0) FROM schema_version").Scan(&v)
	return v, err
}
