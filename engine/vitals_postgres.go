package engine

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"fairlead.dev"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

func isPostgres(u string) bool {
	return strings.HasPrefix(u, "postgres://") || strings.HasPrefix(u, "postgresql://")
}

// postgresVitals are session advisory locks: PostgreSQL unlocks them when the
// connection that took them ends. They need a direct connection or a pooler in
// session mode.
type postgresVitals struct {
	pool *pgxpool.Pool // to look at others: one connection for Alone, one for Alive
	turn chan struct{} // full while Alone has its connection
	cfg  *pgx.ConnConfig
	lost chan error
	stop context.CancelFunc // ends the watch over the held connection
	done chan struct{}      // closed when that watch has ended
}

const (
	pulse    = time.Second     // how often an idle held connection is tried
	patience = 5 * time.Second // how long it may take to answer
)

// needDatabase makes the database when the server has none of that name, and
// tells quickly and clearly when there is no server.
func needDatabase(ctx context.Context, u string) error {
	pool, err := pgxpool.ParseConfig(u)
	if err != nil {
		return &fairlead.Problem{
			Op: "open engine", Kind: fairlead.KindInvalid,
			Hint: `use "postgres://user@host/database"`, Err: errors.New("the database URL is malformed"),
		}
	}
	cfg := pool.ConnConfig
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if hasCode(err, "3D000") { // no such database
		name := cfg.Database
		cfg.Database = "postgres"
		if conn, err = pgx.ConnectConfig(ctx, cfg); err == nil {
			_, err = conn.Exec(ctx, "CREATE DATABASE "+pgx.Identifier{name}.Sanitize())
			if hasCode(err, "42P04", "23505") { // another process was faster
				err = nil
			}
		}
	}
	if conn != nil {
		_ = conn.Close(ctx)
	}
	if err != nil {
		return &fairlead.Problem{
			Op: "connect to the database", Kind: fairlead.KindUnavailable, Err: err,
			Hint: "check that PostgreSQL runs and that host, port, user, password and database are right",
		}
	}
	return nil
}

func hasCode(err error, codes ...string) bool {
	var pe *pgconn.PgError
	return errors.As(err, &pe) && slices.Contains(codes, pe.Code)
}

func newPostgresVitals(ctx context.Context, u string) (*postgresVitals, error) {
	cfg, err := pgxpool.ParseConfig(u)
	if err != nil {
		return nil, err
	}
	cfg.MaxConns, cfg.MinConns = 2, 0
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, err
	}
	return &postgresVitals{pool: pool, cfg: cfg.ConnConfig.Copy(), turn: make(chan struct{}, 1), lost: make(chan error, 1)}, nil
}

func (v *postgresVitals) Hold(ctx context.Context, executor string) error {
	conn, err := pgx.ConnectConfig(ctx, v.cfg)
	if err != nil {
		return err
	}
	// A machine that vanishes without a word is noticed by the server in about ten seconds.
	for _, q := range []string{
		"SET idle_session_timeout = 0", "SET tcp_keepalives_idle = 4",
		"SET tcp_keepalives_interval = 2", "SET tcp_keepalives_count = 3",
	} {
		if _, err := conn.Exec(ctx, q); err != nil && !strings.Contains(err.Error(), "unrecognized") {
			_ = conn.Close(ctx)
			return err
		}
	}
	var got bool
	if err := conn.QueryRow(ctx, "SELECT pg_try_advisory_lock($1)", lockKey(executor)).Scan(&got); err != nil || !got {
		_ = conn.Close(ctx)
		return errors.Join(err, fmt.Errorf("executor %s is already alive", executor))
	}
	watch, stop := context.WithCancel(context.WithoutCancel(ctx))
	v.stop, v.done = stop, make(chan struct{})
	go v.guard(watch, conn)
	return nil
}

// guard notices at once when the held connection breaks, and within a pulse
// and a patience when it hangs.
func (v *postgresVitals) guard(ctx context.Context, conn *pgx.Conn) {
	defer close(v.done)
	for {
		wait, cancel := context.WithTimeout(ctx, pulse)
		_, err := conn.WaitForNotification(wait)
		timedOut := wait.Err() != nil
		cancel()
		if err != nil && timedOut && ctx.Err() == nil {
			ping, cancel := context.WithTimeout(ctx, patience)
			err = conn.Ping(ping)
			cancel()
		}
		if ctx.Err() != nil {
			letGo(conn)
			return
		}
		if err != nil {
			_ = conn.Close(ctx)
			v.lost <- err
			return
		}
	}
}

// letGo unlocks before it closes: the server ends a session some time after
// the client has gone, and others may want to take over at once.
func letGo(conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, _ = conn.Exec(ctx, "SELECT pg_advisory_unlock_all()") // the session's end does it otherwise
	_ = conn.Close(ctx)
}

func (v *postgresVitals) Lost() <-chan error { return v.lost }

func (v *postgresVitals) Alive(ctx context.Context, executors []string) (map[string]bool, error) {
	rows, err := v.pool.Query(ctx, `SELECT (classid::bigint << 32) | objid::bigint FROM pg_locks
		WHERE locktype = 'advisory' AND objsubid = 1 AND granted
		AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`)
	if err != nil {
		return nil, err
	}
	keys, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return nil, err
	}
	held := make(map[int64]bool, len(keys))
	for _, k := range keys {
		held[k] = true
	}
	alive := make(map[string]bool, len(executors))
	for _, id := range executors {
		alive[id] = held[lockKey(id)]
	}
	return alive, nil
}

// Alone tries again and again instead of waiting in the server: a migration
// that builds an index waits for every statement that runs, so that one
// waiting for the migration's end would never come to its own.
func (v *postgresVitals) Alone(ctx context.Context) (func(), error) {
	select {
	case v.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	conn, err := v.pool.Acquire(ctx)
	if err != nil {
		<-v.turn
		return nil, err
	}
	key := lockKey("\x00takeover")
	done := func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
		defer cancel()
		if _, err := conn.Exec(ctx, "SELECT pg_advisory_unlock($1)", key); err != nil {
			_ = conn.Conn().Close(ctx) // the lock ends with the session
		}
		conn.Release()
		<-v.turn
	}
	for got := false; !got; {
		if err = conn.QueryRow(ctx, "SELECT pg_try_advisory_lock($1)", key).Scan(&got); err == nil && !got {
			err = pause(ctx, 10*time.Millisecond)
		}
		if err != nil {
			done()
			return nil, err
		}
	}
	return done, nil
}

// Bury does nothing: a dead session leaves nothing behind.
func (v *postgresVitals) Bury(string) {}

func (v *postgresVitals) Release() {
	if v.stop != nil {
		v.stop()
		<-v.done
	}
	v.pool.Close()
}

// lockKey spreads names over the 64 bits of an advisory lock.
func lockKey(executor string) int64 {
	sum := sha256.Sum256([]byte("fairlead executor " + executor))
	return int64(binary.BigEndian.Uint64(sum[:8]))
}
