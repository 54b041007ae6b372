package main

import (
	"path/filepath"
	"testing"

	"fairlead.dev"
)

// Where a report cannot be written is known before the scan.
func TestPlaceable(t *testing.T) {
	dir := t.TempDir()
	for path, want := range map[string]fairlead.Kind{
		"": "", filepath.Join(dir, "a.sarif"): "", "/dev/null": "", dir: fairlead.KindInvalid, filepath.Join(dir, "none", "a.sarif"): fairlead.KindInvalid,
	} {
		if err := placeable(path); (err == nil) != (want == "") || err != nil && fairlead.KindOf(err) != want {
			t.Errorf("%q: %v", path, err)
		}
	}
}
