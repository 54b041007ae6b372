package doctor

import (
	"context"
	"os"
	"path/filepath"
	"testing"
)

func TestCheckComparesVersions(t *testing.T) {
	dir := t.TempDir()
	program(t, dir, "git", "git version 2.39.5")
	program(t, dir, "go", "go version go1.20.3 linux/amd64")
	program(t, dir, "terraform", "Terraform v1.9.2")
	program(t, dir, "special", "whatever")
	t.Setenv("PATH", dir)
	got := map[string]Tool{}
	for _, tool := range Check(context.Background(), map[string]string{"go": "go.mod", "special": "build.run", "absent": "tests.e2e.run"}) {
		got[tool.Name] = tool
	}
	for _, c := range []struct {
		name, found  string
		ok, required bool
	}{
		{"git", "2.39.5", true, false},
		{"go", "1.20.3", false, true},
		{"terraform or tofu", "1.9.2", true, false},
		{"kubectl", "", false, false},
		{"special", "unknown", true, true},
		{"absent", "", false, true},
	} {
		tool := got[c.name]
		if tool.Found != c.found || tool.OK != c.ok || tool.Required != c.required {
			t.Errorf("%s: found %q ok %v required %v, want %q %v %v", c.name, tool.Found, tool.OK, tool.Required, c.found, c.ok, c.required)
		}
	}
}

func program(t *testing.T, dir, name, says string) {
	t.Helper()
	script := "#!/bin/sh\necho '" + says + "'\n"
	if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o755); err != nil { //nolint:gosec // a program
		t.Fatal(err)
	}
}

func TestAtLeast(t *testing.T) {
	for _, c := range []struct {
		found, wanted string
		ok            bool
	}{{"2.39.5", "2.30", true}, {"2.9", "2.30", false}, {"18", "18", true}, {"20.1", "18", true}, {"1.26.8", "1.26.9", false}, {"3", "3.0", true}} {
		if atLeast(c.found, c.wanted) != c.ok {
			t.Errorf("atLeast(%q, %q) is not %v", c.found, c.wanted, c.ok)
		}
	}
}
