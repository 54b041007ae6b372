package engine

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"fairlead.dev"
	"github.com/dbos-inc/dbos-transact-golang/dbos"
)

const (
	application    = "fairlead"
	startupTimeout = 20 * time.Second
)

func check(cfg Config) error {
	invalid := func(hint string, format string, args ...any) error {
		return &fairlead.Problem{Op: "open engine", Kind: fairlead.KindInvalid, Hint: hint, Err: fmt.Errorf(format, args...)}
	}
	if cfg.Version == "" {
		return invalid("", "the version of the flows is missing")
	}
	// DBOS lets its environment variables override identity and version, which
	// would make this process run, or lose, the wrong flows.
	for _, kv := range os.Environ() {
		if name, value, _ := strings.Cut(kv, "="); strings.HasPrefix(name, "DBOS__") && value != "" {
			return invalid("unset "+name, "the environment variable %s would change who executes which flow", name)
		}
	}
	if !isSQLite(cfg.URL) && !isPostgres(cfg.URL) {
		return invalid(`use "sqlite:/path/to/file.db" or "postgres://user@host/database"`, "unknown kind of database")
	}
	return nil
}

// executorID makes the identity of one process: never the same twice, so that
// what a process left behind is never mistaken for what its successor does.
func executorID(name string) string {
	if name == "" {
		name = "executor"
	}
	var random [8]byte
	_, _ = rand.Read(random[:]) // never fails: see crypto/rand
	return name + "-" + hex.EncodeToString(random[:])
}

func (e *Engine) connect(ctx context.Context, url string) error {
	if isSQLite(url) {
		return e.connectSQLite(ctx, url)
	}
	return e.connectPostgres(ctx, url)
}

func (e *Engine) connectSQLite(ctx context.Context, url string) error {
	path, err := sqlitePath(url)
	if err != nil {
		return err
	}
	db, err := openSQLite(ctx, path)
	if err != nil {
		return err
	}
	v, err := newFileVitals(path)
	if err != nil {
		_ = db.Close()
		return unavailable("open engine", err)
	}
	if err := e.start(ctx, dbos.Config{SQLiteSystemDB: db}); err != nil {
		_ = db.Close()
		v.Release()
		return sqliteProblem(path, err)
	}
	e.db, e.vitals = db, v
	return nil
}

func (e *Engine) connectPostgres(ctx context.Context, url string) error {
	if err := pingPostgres(ctx, url); err != nil {
		return err
	}
	if err := e.start(ctx, dbos.Config{DatabaseURL: url}); err != nil {
		return unavailable("open engine", err)
	}
	v, err := newPostgresVitals(ctx, url)
	if err != nil {
		_ = dbos.Shutdown(e.dbos, time.Second)
		return unavailable("open engine", err)
	}
	e.vitals = v
	return nil
}

// start makes the DBOS context. Its parent must never be cancelled: DBOS takes
// a cancelled parent for the wish to cancel every flow for good.
func (e *Engine) start(ctx context.Context, cfg dbos.Config) error {
	cfg.AppName = application
	cfg.ApplicationVersion = e.version
	cfg.ExecutorID = e.executor
	cfg.Logger = quiet(e.log)
	cfg.SystemDBStartupTimeout = startupTimeout
	d, err := dbos.NewContext(context.WithoutCancel(ctx), cfg)
	if err != nil {
		return err
	}
	e.dbos = d
	return nil
}

func unavailable(op string, err error) error {
	var p *fairlead.Problem
	if errors.As(err, &p) {
		return err
	}
	return &fairlead.Problem{Op: op, Kind: fairlead.KindUnavailable, Err: err,
		Hint: "check that the database is reachable, writable and has free space"}
}
