package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A configuration that is there and would not be read is never taken for none.
func TestMisplacedConfig(t *testing.T) {
	for name, make := range map[string]func(t *testing.T) string{
		"is not a regular file": func(t *testing.T) string {
			dir := t.TempDir()
			write(t, filepath.Join(dir, "real.yaml"), checked)
			if err := os.Symlink("real.yaml", filepath.Join(dir, configName)); err != nil {
				t.Fatal(err)
			}
			return commitAll(t, dir)
		},
		"never read from fairlead.yml": func(t *testing.T) string { return checkout(t, map[string]string{"fairlead.yml": checked}) },
		"never read from .fairlead.yaml": func(t *testing.T) string {
			return checkout(t, map[string]string{".fairlead.yaml": checked})
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := make(t)
			for _, args := range [][]string{{"plan"}, {"run"}, {"config", "lint"}} {
				code, out, errs := say(t, append([]string{"-C", dir}, args...)...)
				if code != 2 || !strings.Contains(errs, name) || !strings.Contains(errs, "hint: ") {
					t.Errorf("%v: exit %d, want 2 and %q\n%s%s", args, code, name, out, errs)
				}
			}
		})
	}
}
