package engine

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"fairlead.dev"
	_ "github.com/dbos-inc/dbos-transact-golang/dbos/driver/sqlite" // SQLite for DBOS
	sqlite "modernc.org/sqlite"
)

const sqliteScheme = "sqlite:"

func isSQLite(u string) bool { return strings.HasPrefix(u, sqliteScheme) }

func sqlitePath(u string) (string, error) {
	path := strings.TrimPrefix(strings.TrimPrefix(u, sqliteScheme), "//")
	if !filepath.IsAbs(path) {
		return "", &fairlead.Problem{
			Op: "open engine", Kind: fairlead.KindInvalid,
			Hint: `use "sqlite:/path/to/file.db"`, Err: fmt.Errorf("the database path %q is not absolute", path),
		}
	}
	return path, nil
}

// openSQLite opens the database file, and makes it and its directory when
// they are missing. Every commit is on disk when it returns
// (synchronous=FULL), so a recorded step survives a loss of power.
//
// There is one connection: SQLite admits one writer at a time, and waiting for
// it in Go's queue is fair and costs microseconds, whereas connections that
// compete for the file's lock sleep between tries and may starve: eight flows
// record four times as many steps as with two connections. The lock is
// taken when a transaction begins, because a transaction that turns from
// reader to writer fails when another process wrote in between.
func openSQLite(ctx context.Context, path string) (*sql.DB, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, sqliteProblem(path, err)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, sqliteProblem(path, err)
	}
	_ = f.Close()
	settings := url.Values{"_txlock": {"immediate"}, "_pragma": {
		"busy_timeout(30000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(ON)",
	}}
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Path: path, RawQuery: settings.Encode()}).String())
	if err != nil {
		return nil, sqliteProblem(path, err)
	}
	db.SetMaxOpenConns(1)
	db.SetConnMaxLifetime(0)
	if _, err := db.ExecContext(ctx, "SELECT count(*) FROM sqlite_master"); err != nil {
		_ = db.Close()
		return nil, sqliteProblem(path, err)
	}
	return db, nil
}

// Primary result codes of SQLite that have their own remedy.
const (
	sqliteCorrupt = 11
	sqliteFull    = 13
	sqliteNotADB  = 26
)

func sqliteProblem(path string, err error) error {
	p := &fairlead.Problem{
		Op: "open the state file " + strings.TrimPrefix(path, sqliteScheme), Kind: fairlead.KindUnavailable, Err: err,
		Hint: "check that the directory is writable and the disk has free space",
	}
	var se *sqlite.Error
	code := 0
	if errors.As(err, &se) {
		code = se.Code() & 0xff
	}
	text := err.Error()
	switch {
	case code == sqliteCorrupt, code == sqliteNotADB,
		strings.Contains(text, "malformed"), strings.Contains(text, "not a database"):
		p.Hint = "the file is damaged: restore it from a backup, or move it away to start anew (unfinished runs in it are lost)"
	case code == sqliteFull:
		p.Hint = "free some disk space; nothing recorded so far is lost"
	}
	return p
}
