package iac_test

import (
	"context"
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"fairlead.dev/iac"
)

// Every check has a fixture that it finds something in, in exactly the lines
// marked "# here", and one that it finds nothing in. A line that holds nothing
// else marks the next one.
func TestChecks(t *testing.T) {
	c := checker(t)
	rules := c.Rules()
	if len(rules) < 60 {
		t.Errorf("there are %d checks, want at least 60", len(rules))
	}
	for _, rule := range rules {
		t.Run(rule.ID, func(t *testing.T) {
			name := strings.ReplaceAll(strings.TrimPrefix(rule.ID, string(rule.Kind)+"-"), "-", "_")
			a, err := txtar.ParseFile(filepath.Join("testdata", string(rule.Kind), name+".txtar"))
			if err != nil {
				t.Fatal(err)
			}
			fail, pass := fixture(a, "fail/"), fixture(a, "pass/")
			if len(fail) == 0 || len(pass) == 0 {
				t.Fatal("there is no failing or no passing file")
			}
			if diff := cmp.Diff(marks(fail), places(t, c, fail, rule.ID)); diff != "" {
				t.Errorf("in what fails (- marked, + found):\n%s", diff)
			}
			if found := places(t, c, pass, rule.ID); len(found) > 0 {
				t.Errorf("in what passes: %v", found)
			}
			if len(rule.CWE) == 0 && len(rule.References) == 0 {
				t.Error("the check refers to neither CWE nor CIS")
			}
		})
	}
}

// No fixture is for a check that is not there.
func TestNoFixtureIsLeft(t *testing.T) {
	known := map[string]bool{}
	for _, r := range checker(t).Rules() {
		known[r.ID] = true
	}
	files, err := filepath.Glob("testdata/*/*.txtar")
	if err != nil || len(files) != len(known) {
		t.Errorf("%d fixtures for %d checks: %v", len(files), len(known), err)
	}
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".txtar")
		if id := filepath.Base(filepath.Dir(f)) + "-" + strings.ReplaceAll(name, "_", "-"); !known[id] {
			t.Errorf("%s is for no check", f)
		}
	}
}

func checker(t testing.TB) *iac.Checker {
	t.Helper()
	c, err := iac.New(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func fixture(a *txtar.Archive, prefix string) []iac.File {
	var out []iac.File
	for _, f := range a.Files {
		if name, ok := strings.CutPrefix(f.Name, prefix); ok {
			out = append(out, iac.File{Path: name, Content: f.Data})
		}
	}
	return out
}

func marks(files []iac.File) []string {
	seen := map[string]bool{}
	for _, f := range files {
		for i, line := range strings.Split(string(f.Content), "\n") {
			if strings.TrimSpace(line) == "# here" {
				seen[fmt.Sprintf("%s:%d", f.Path, i+2)] = true
			} else if strings.HasSuffix(line, "# here") {
				seen[fmt.Sprintf("%s:%d", f.Path, i+1)] = true
			}
		}
		if path.Ext(f.Path) == ".json" {
			seen[f.Path+":0"] = true
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

func places(t *testing.T, c *iac.Checker, files []iac.File, rule string) []string {
	t.Helper()
	report, err := c.Check(t.Context(), files)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, f := range report.Findings {
		if f.Rule == iac.Unreadable {
			t.Errorf("%s: %s", f.Location.Path, f.Message)
		}
		if f.Rule != rule {
			continue
		}
		if f.Fingerprint == "" || f.Message == "" || f.Fix == "" || f.Severity == "" {
			t.Errorf("finding %+v", f)
		}
		for _, l := range append(f.Further, f.Location) {
			seen[fmt.Sprintf("%s:%d", l.Path, l.Line)] = true
		}
	}
	return slices.Sorted(maps.Keys(seen))
}
