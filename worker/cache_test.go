package worker

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// A cache that has grown beyond its bound loses what was not used for longest,
// and nothing that may be in use.
func TestCacheIsBounded(t *testing.T) {
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	left := func(most, rest int64, ages ...time.Duration) []string {
		t.Helper()
		dir := t.TempDir()
		for i, age := range ages {
			path := filepath.Join(dir, "go-build", string(rune('a'+i)))
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, make([]byte, 10), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chtimes(path, now.Add(-age), now.Add(-age)); err != nil {
				t.Fatal(err)
			}
		}
		boundCache(dir, most, rest, now)
		entries, err := os.ReadDir(filepath.Join(dir, "go-build"))
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, e := range entries {
			names = append(names, e.Name())
		}
		return names
	}
	const hour = time.Hour
	for name, c := range map[string]struct{ got, want []string }{
		"within its bound":  {left(40, 20, 9*hour, 8*hour, 7*hour, 6*hour), []string{"a", "b", "c", "d"}},
		"beyond its bound":  {left(39, 20, 9*hour, 6*hour, 7*hour, 8*hour), []string{"b", "c"}},
		"most of it in use": {left(39, 20, 9*hour, hour, hour, hour), []string{"b", "c", "d"}},
	} {
		if !slices.Equal(c.got, c.want) {
			t.Errorf("%s: %v is left, want %v", name, c.got, c.want)
		}
	}
}
