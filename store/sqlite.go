package store

import (
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"fairlead.dev"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// pragmas hold for every connection. FULL makes each commit survive the loss
// of power, which the write-ahead log's default does not.
var pragmas = []string{
	"busy_timeout(10000)", // ms to wait for another process
	"journal_mode(wal)",
	"synchronous(full)",
	"temp_store(memory)",
	"journal_size_limit(67108864)", // bytes the log keeps after a checkpoint
}

// openSQLite opens a file with one connection that writes and a few that read.
func (s *Store) openSQLite(path string) error {
	if !filepath.IsAbs(path) {
		return &fairlead.Problem{
			Op: "open store", Kind: fairlead.KindInvalid, Err: fmt.Errorf("path %q is not absolute", path),
			Hint: "write sqlite:/absolute/file.db",
		}
	}
	s.dialect = dialect{
		name:     "sqlite",
		types:    strings.NewReplacer("{int}", "INTEGER", "{text}", "TEXT", "{blob}", "BLOB"),
		classify: func(err error) (cause, bool) { return sqliteCause(path, err) },
	}
	if err := prepareFile(path); err != nil {
		return &fairlead.Problem{
			Op: "open store", Kind: fairlead.KindUnavailable, Err: err,
			Hint: "the state must be a file in a directory that you may write to; check owner and permissions",
		}
	}
	writer, err := sql.Open("sqlite", dsn(path, "immediate"))
	if err != nil {
		return s.problem("open store", err)
	}
	writer.SetMaxOpenConns(1)
	reader, err := sql.Open("sqlite", dsn(path, "deferred", "query_only(true)"))
	if err != nil {
		return s.problem("open store", errors.Join(err, writer.Close()))
	}
	reader.SetMaxOpenConns(4)
	reader.SetMaxIdleConns(4)
	s.writes, s.reads = newPool(writer, asWritten), newPool(reader, asWritten)
	return nil
}

func dsn(path, lock string, more ...string) string {
	q := url.Values{"_txlock": {lock}, "_pragma": append(more, pragmas...)}
	u := url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: q.Encode()}
	return u.String()
}

// prepareFile makes the file and its directory, for their owner alone.
func prepareFile(path string) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	switch {
	case err != nil:
	case !info.Mode().IsRegular():
		err = fmt.Errorf("%s is not a regular file", path)
	case info.Mode().Perm()&0o077 != 0:
		err = f.Chmod(0o600)
	}
	err = errors.Join(err, f.Close())
	if err == nil && info.Size() == 0 {
		err = syncDir(dir)
	}
	return err
}

// syncDir makes a new name in a directory survive the loss of power.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func sqliteCause(path string, err error) (cause, bool) {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return closedCause(err)
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return cause{fairlead.KindUnavailable, fmt.Sprintf(
			"the state file %s is damaged: move it away with its -wal and -shm files, then restore a copy or start anew", path)}, true
	case sqlite3.SQLITE_FULL:
		return cause{fairlead.KindUnavailable, "free some space on the disk that holds " + path}, true
	case sqlite3.SQLITE_IOERR:
		return cause{fairlead.KindUnavailable, "the disk that holds " + path + " refuses: check its space, its quota and its health"}, true
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH:
		return cause{fairlead.KindUnavailable, "check owner and permissions of " + path + " and its directory"}, true
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return cause{fairlead.KindTransient, "another process holds " + path + "; try again"}, true
	case sqlite3.SQLITE_CONSTRAINT:
		return cause{kind: fairlead.KindConflict}, true
	case sqlite3.SQLITE_TOOBIG:
		return cause{kind: fairlead.KindInvalid}, true
	}
	return cause{}, false
}

// closedCause knows the error of a store that was closed under the caller.
func closedCause(err error) (cause, bool) {
	if errors.Is(err, sql.ErrConnDone) || strings.Contains(err.Error(), "database is closed") {
		return cause{kind: fairlead.KindUnavailable}, true
	}
	return cause{}, false
}
