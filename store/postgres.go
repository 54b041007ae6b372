package store

import (
	"errors"
	"net"
	"strings"
	"time"

	"fairlead.dev"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// postgresLock makes the writers of all processes take turns, as SQLite does:
// so the order of records is the order of commits, and what a transaction read
// is still true when it commits. The lock ends with the transaction. The
// number is Fairlead's own; advisory locks are per database.
const postgresLock = "SELECT pg_advisory_xact_lock(7142536711)"

// openPostgres connects to a database; our tables live in their own schema.
func (s *Store) openPostgres(url string) error {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return &fairlead.Problem{
			Op: "open store", Kind: fairlead.KindInvalid, Err: err,
			Hint: "write postgres://user:password@host:5432/database",
		}
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = 10 * time.Second
	}
	for name, value := range map[string]string{
		"application_name":                    "fairlead",
		"search_path":                         "fairlead",
		"synchronous_commit":                  "on",
		"lock_timeout":                        "20s",
		"idle_in_transaction_session_timeout": "30s", // a writer that hangs lets go of the lock
	} {
		config.RuntimeParams[name] = value
	}
	s.dialect = dialect{
		name:     "postgres",
		types:    strings.NewReplacer("{int}", "BIGINT", "{text}", `TEXT COLLATE "C"`, "{blob}", "BYTEA"),
		lock:     postgresLock,
		limit:    30 * time.Second,
		classify: postgresCause,
	}
	db := stdlib.OpenDB(*config)
	db.SetMaxOpenConns(8)
	db.SetMaxIdleConns(8)
	db.SetConnMaxIdleTime(5 * time.Minute)
	s.reads = newPool(db, numbered)
	s.reads.clock = `SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint`
	s.writes = s.reads
	return nil
}

func postgresCause(err error) (cause, bool) {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return sqlStateCause(e.Code)
	}
	var refused *pgconn.ConnectError
	var network net.Error
	if errors.As(err, &refused) || errors.As(err, &network) || pgconn.Timeout(err) {
		return cause{fairlead.KindUnavailable, "check that PostgreSQL runs and that the URL's host, port and user are right"}, true
	}
	if strings.Contains(err.Error(), "conn closed") || errors.Is(err, net.ErrClosed) || strings.Contains(err.Error(), "unexpected EOF") {
		return cause{fairlead.KindTransient, "the connection to PostgreSQL was lost; try again"}, true
	}
	return closedCause(err)
}

// sqlStateCause reads PostgreSQL's five-character error codes, the particular
// ones before their classes.
func sqlStateCause(code string) (cause, bool) {
	switch code {
	case "3D000":
		return cause{fairlead.KindUnavailable, "create the database that the URL names"}, true
	case "42501":
		return cause{fairlead.KindUnavailable, "the database user must be allowed to create the schema fairlead and its tables"}, true
	case "53100":
		return cause{fairlead.KindUnavailable, "free some space on the disk that holds the database"}, true
	case "55P03", "57014", "40001", "40P01":
		return cause{fairlead.KindTransient, "the database is busy; try again"}, true
	}
	switch code[:min(len(code), 2)] {
	case "08", "53", "57", "58":
		return cause{fairlead.KindUnavailable, "see PostgreSQL's own log"}, true
	case "XX":
		return cause{fairlead.KindUnavailable, "the database is damaged: see PostgreSQL's own log"}, true
	case "28":
		return cause{fairlead.KindUnavailable, "check the user and password of the database URL"}, true
	case "23":
		return cause{kind: fairlead.KindConflict}, true
	case "22":
		return cause{kind: fairlead.KindInvalid}, true
	case "25":
		return cause{fairlead.KindUnavailable, "the database takes no writes: is it a standby?"}, true
	}
	return cause{}, false
}
