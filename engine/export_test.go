package engine

import (
	"strconv"
	"testing"
)

// LimitSize makes the SQLite database of e full at the given size in bytes.
func LimitSize(t *testing.T, e *Engine, size int) {
	t.Helper()
	var page int
	if err := e.db.QueryRowContext(t.Context(), "PRAGMA page_size").Scan(&page); err != nil {
		t.Fatal(err)
	}
	var got int
	if err := e.db.QueryRowContext(t.Context(), "PRAGMA max_page_count = "+strconv.Itoa(size/page)).Scan(&got); err != nil {
		t.Fatal(err)
	}
}

// OpenSQLite opens a database file as the engine does.
var OpenSQLite = openSQLite
