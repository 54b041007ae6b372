package store

import (
	"strings"
	"testing"
)

func TestNumbered(t *testing.T) {
	for in, want := range map[string]string{"": "", "a": "a", "? ?": "$1 $2", "x = ? AND y IN (?, ?)": "x = $1 AND y IN ($2, $3)"} {
		if got := numbered(in); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
}

// Both databases have the same migrations, with no type left unspoken.
func TestMigrations(t *testing.T) {
	for _, name := range []string{"sqlite", "postgres"} {
		d := dialect{name: name, types: strings.NewReplacer("{int}", "I", "{text}", "T", "{blob}", "B")}
		steps, err := d.migrations()
		if err != nil || len(steps) == 0 {
			t.Fatalf("%s: %d migrations, error %v", name, len(steps), err)
		}
		for i, step := range steps {
			body := step.script[strings.Index(step.script, "CREATE"):]
			if step.version != int64(i+1) || strings.ContainsAny(body, "{}") || step.version == 1 && !strings.Contains(body, "append-only") {
				t.Errorf("%s: migration %d is not complete", name, step.version)
			}
		}
	}
}
