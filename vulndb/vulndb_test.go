package vulndb_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"fairlead.dev"
	"fairlead.dev/vulndb"
)

func now() time.Time { return time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC) }

// data gives a file of the shared data; without it the test is skipped.
func data(tb testing.TB, name string) string {
	tb.Helper()
	dir := os.Getenv("FAIRLEAD_TESTDATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "shared", "data")
	}
	p := filepath.Join(dir, name)
	if _, err := os.Stat(p); err != nil {
		tb.Skipf("%v: set FAIRLEAD_TESTDATA to a folder that has it", err)
	}
	return p
}

func TestRealDatabases(t *testing.T) {
	path := filepath.Join(t.TempDir(), "vulndb.sqlite")
	began := time.Now()
	change, err := vulndb.Import(t.Context(), path, now(), vulndb.Input{Path: data(t, "osv/Go.zip")}, vulndb.Input{Path: data(t, "osv/PyPI.zip")})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("imported %d in %s", len(change.Added), time.Since(began))
	db, err := vulndb.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	state, err := db.State(t.Context())
	if err != nil || state.Advisories != 4291+2661 || len(state.Sources) != 2 || state.Digest != change.After {
		t.Fatalf("state %+v, %v", state, err)
	}
	for range 2 {
		began = time.Now()
		got, err := db.Match(t.Context(), []fairlead.Component{
			{PURL: "pkg:golang/golang.org/x/net@v0.1.0"}, {PURL: "pkg:golang/stdlib@1.20.0"}, {PURL: "pkg:pypi/Django@3.2.1"}, {PURL: "pkg:generic/x@1"},
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Log(time.Since(began), len(got.Found), got.Unmatched)
		for _, f := range got.Found[:3] {
			t.Logf("%+v", f)
		}
	}
	began = time.Now()
	again, err := vulndb.Import(t.Context(), path, now(), vulndb.Input{Path: data(t, "osv/Go.zip")}, vulndb.Input{Path: data(t, "osv/PyPI.zip")})
	if err != nil || again.After != change.After || len(again.Added)+len(again.Changed)+len(again.Removed) > 0 {
		t.Errorf("again: %+v, %v", again, err)
	}
	t.Log(time.Since(began))
}
