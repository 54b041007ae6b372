package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// Every family has its first analysis among the recordings that a test of the
// program replays, and it is what -replays writes today.
func TestEveryFamilyIsRecorded(t *testing.T) {
	kept, fresh := filepath.Join("..", "..", "judge", "testdata", "replay"), t.TempDir()
	if err := record(fresh); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range families() {
		name := f.name + ".jsonl"
		names = append(names, name)
		want, err := os.ReadFile(filepath.Join(fresh, name))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(filepath.Join(kept, name)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what the family draws (%v)", name, err)
		}
	}
	files, err := filepath.Glob(filepath.Join(kept, "*.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if !slices.Contains(names, filepath.Base(file)) {
			t.Errorf("%s is of no family", file)
		}
	}
}
