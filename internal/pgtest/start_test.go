package pgtest_test

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"fairlead.dev/internal/pgtest"
	"github.com/jackc/pgx/v5"
)

func one(t *testing.T, url, sql string) (v string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if err := conn.QueryRow(t.Context(), sql).Scan(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestDatabasesAreFreshAndDurable(t *testing.T) {
	first := pgtest.Start(t)
	conn, err := pgx.Connect(t.Context(), first)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), "CREATE TABLE x (v text)"); err != nil {
		t.Fatal(err)
	}
	if got := one(t, pgtest.Start(t), "SELECT count(*)::text FROM pg_tables WHERE tablename = 'x'"); got != "0" {
		t.Errorf("the second database has %s tables of the first", got)
	}
	for _, setting := range []string{"fsync", "synchronous_commit"} {
		if got := one(t, first, "SHOW "+setting); got != "on" {
			t.Errorf("%s is %s", setting, got)
		}
	}
}

func TestLaunchStops(t *testing.T) {
	url, stop, err := pgtest.Launch(t.TempDir())
	if errors.Is(err, pgtest.ErrMissing) && os.Getenv(pgtest.Off) == "off" {
		t.Skip("NOT TESTED: ", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	one(t, url, "SELECT 'up'")
	stop()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if conn, err := pgx.Connect(ctx, url); err == nil {
		_ = conn.Close(ctx)
		t.Error("the server still answers after stop")
	}
}
