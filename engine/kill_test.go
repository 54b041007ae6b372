package engine_test

import (
	"path/filepath"
	"strings"
	"testing"
)

// A flow whose process is killed at any point finishes in the next process;
// what was recorded happens exactly once, what was not at most twice.
func TestKilledAnywhereTheFlowFinishes(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		dir := t.TempDir()
		mustFinish(t, child(t, url, "journey", "", dir))
		effects := lines(t, filepath.Join(dir, "effects"))
		points := lines(t, filepath.Join(dir, "points"))
		// 8 effects, the clock, the sleep and the wait for the child, at three points each.
		if len(effects) != 8 || len(points) != 33 {
			t.Fatalf("%d effects, %d points:\n%s", len(effects), len(points), strings.Join(points, "\n"))
		}
		for _, point := range points {
			t.Run(strings.ReplaceAll(point, "/", "."), func(t *testing.T) {
				t.Parallel()
				killAt(t, freshLike(t, url), point, effects)
			})
		}
	})
}

func killAt(t *testing.T, url, point string, effects []string) {
	dir := t.TempDir()
	if out, err := child(t, url, "journey", point, dir).CombinedOutput(); !killed(err) {
		t.Fatalf("the executor was not killed at its point: %v\n%s", err, out)
	}
	recorded := lines(t, filepath.Join(dir, "points"))
	mustFinish(t, child(t, url, "journey", "", dir))
	got := lines(t, filepath.Join(dir, "effects"))
	for _, name := range effects {
		most := 1
		// Steps beside the one at the point may have been anywhere on their way.
		if begun, kept := reached(recorded, "before", name), reached(recorded, "after", name); begun && !kept {
			most = 2
		}
		if n := count(got, name); n < 1 || n > most {
			t.Errorf("%s happened %d times, want 1 to %d", name, n, most)
		}
	}
}

func reached(points []string, when, step string) bool {
	for _, p := range points {
		if strings.HasPrefix(p, when+" ") && strings.HasSuffix(p, "/"+step) {
			return true
		}
	}
	return false
}
