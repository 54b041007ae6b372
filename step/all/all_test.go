package all

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fairlead.dev/step"
)

// folders are the step types' folders, below step/ and relative to here.
func folders(t *testing.T) []string {
	t.Helper()
	docs, err := filepath.Glob(filepath.Join("..", "*", "*", "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, d := range docs {
		if dir := filepath.Dir(d); !slices.Contains(out, dir) {
			out = append(out, dir)
		}
	}
	return out
}

func TestEveryFolderHasItsLine(t *testing.T) {
	names := map[string]step.Type{}
	for _, typ := range Types() {
		if _, twice := names[typ.Name]; twice {
			t.Errorf("%s is listed twice", typ.Name)
		}
		names[typ.Name] = typ
	}
	found := folders(t)
	if len(found) != len(names) {
		t.Errorf("%d folders %v and %d types", len(found), found, len(names))
	}
	for _, dir := range found {
		name := strings.ReplaceAll(strings.TrimPrefix(filepath.ToSlash(dir), "../"), "/", ".")
		if _, ok := names[name]; !ok {
			t.Errorf("step/%s has no line in all.go", strings.TrimPrefix(dir, "../"))
		}
	}
}

func TestEveryTypeIsComplete(t *testing.T) {
	for _, typ := range Types() {
		t.Run(typ.Name, func(t *testing.T) {
			dir := filepath.Join("..", filepath.FromSlash(strings.ReplaceAll(typ.Name, ".", "/")))
			if typ.Title == "" || typ.Run == nil || len(typ.Produces) == 0 {
				t.Error("title, run or produces is missing")
			}
			if md, err := filepath.Glob(filepath.Join(dir, "*.md")); err != nil || len(md) != 1 {
				t.Errorf("one .md beside the code is wanted, there are %v", md)
			} else if b, err := os.ReadFile(md[0]); err != nil || string(b) != typ.Doc {
				t.Error("the doc is not the .md beside the code")
			}
			if data, err := os.ReadDir(filepath.Join(dir, "testdata")); err != nil || len(data) == 0 {
				t.Error("there is no testdata")
			}
			raw, err := json.Marshal(typ.Config)
			if err != nil {
				t.Fatal(err)
			}
			back, err := step.Decode(typ, raw)
			if err != nil {
				t.Fatalf("its own defaults are refused: %v", err)
			}
			again, err := json.Marshal(back)
			if err != nil || string(again) != string(raw) {
				t.Errorf("the config does not survive a round trip: %s, then %s", raw, again)
			}
			if _, err := step.Decode(typ, []byte(`{"surely-not-a-key":1}`)); err == nil {
				t.Error("an unknown key is taken")
			}
		})
	}
}
