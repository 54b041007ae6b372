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
	startupTimeout = time.Minute
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

// connect opens the database and migrates it, one process at a time: DBOS's
// migrations fail when two run at once.
func (e *Engine) connect(ctx context.Context, url string) error {
	var cfg dbos.Config
	var err error
	if isSQLite(url) {
		cfg, err = e.sqlite(ctx, url)
	} else {
		cfg, err = e.postgres(ctx, url)
	}
	if err != nil {
		return err
	}
	done, err := e.vitals.Alone(ctx)
	if err == nil {
		err = e.start(ctx, cfg)
		done()
	}
	if err == nil {
		return nil
	}
	if e.db != nil {
		err = sqliteProblem(url, err)
		_ = e.db.Close()
	}
	e.vitals.Release()
	return unavailable("open engine", err)
}

func (e *Engine) sqlite(ctx context.Context, url string) (dbos.Config, error) {
	path, err := sqlitePath(url)
	if err != nil {
		return dbos.Config{}, err
	}
	if e.db, err = openSQLite(ctx, path); err != nil {
		return dbos.Config{}, err
	}
	v, err := newFileVitals(path)
	if err != nil {
		_ = e.db.Close()
		return dbos.Config{}, unavailable("open engine", err)
	}
	e.vitals = v
	return dbos.Config{SQLiteSystemDB: e.db}, nil
}

func (e *Engine) postgres(ctx context.Context, url string) (dbos.Config, error) {
	if err := needDatabase(ctx, url); err != nil {
		return dbos.Config{}, err
	}
	v, err := newPostgresVitals(ctx, url)
	if err != nil {
		return dbos.Config{}, unavailable("open engine", err)
	}
	e.vitals = v
	return dbos.Config{DatabaseURL: url}, nil
}

// start makes the DBOS context. Its parent must never be cancelled: DBOS takes
// a cancelled parent for the wish to cancel every flow for good.
func (e *Engine) start(ctx context.Context, cfg dbos.Config) error {
	cfg.AppName = application
	cfg.ApplicationVersion = e.version
	cfg.ExecutorID = e.executor
	cfg.Logger = quiet(e.log, e.stopping)
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
	return &fairlead.Problem{
		Op: op, Kind: fairlead.KindUnavailable, Err: err,
		Hint: "check that the database is reachable, writable and has free space",
	}
}
