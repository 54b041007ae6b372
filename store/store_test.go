package store_test

import (
	"path/filepath"
	"testing"

	"fairlead.dev/internal/pgtest"
	"fairlead.dev/store/storetest"
)

func TestSQLite(t *testing.T) {
	storetest.Run(t, sqliteURL)
}

func TestPostgres(t *testing.T) {
	storetest.Run(t, func(t *testing.T) string { return pgtest.Start(t) })
}

// sqliteURL names a new file whose path needs escaping.
func sqliteURL(t *testing.T) string {
	return "sqlite:" + filepath.Join(t.TempDir(), "a dir? with %20 #signs", "state.db")
}
