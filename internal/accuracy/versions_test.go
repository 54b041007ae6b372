package main

import (
	"encoding/json"
	"slices"
	"testing"
)

// What the page holds answers against gives what the schema explains of ranges.
func TestAffects(t *testing.T) {
	var a osvAffected
	if err := json.Unmarshal([]byte(`{"ranges":[{"type":"GIT","events":[{"introduced":"0"}]},{"type":"SEMVER","events":[
		{"introduced":"3.0.0"},{"last_affected":"3.1.0"},{"fixed":"1.0.2"},{"introduced":"1.0.0-rc.1"}]}]}`), &a); err != nil {
		t.Fatal(err)
	}
	for version, want := range map[string]bool{
		"0.9.0": false, "1.0.0-alpha": false, "1.0.0-rc.1": true, "1.0.0": true, "1.0.1": true, "1.0.2-rc.1": true, "1.0.2": false,
		"2.0.0": false, "3.0.0": true, "3.1.0": true, "3.1.1": false,
	} {
		if got := affects(a, version); got != want {
			t.Errorf("%s: %v", version, got)
		}
	}
	asked := around(a)
	for _, v := range []string{"3.0.0", "3.0.1", "3.0.0-rc.1", "1.0.1", "1.0.3", "1.0.0-rc.1"} {
		if !slices.Contains(asked, v) {
			t.Errorf("%s is not asked about: %v", v, asked)
		}
	}
}

func TestMarksOfFixtures(t *testing.T) {
	bad, good := archive([]byte("words\n-- fail/a.yaml --\na: 1 # here\n# here\nb: 2\n-- fail/b.json --\n{}\n-- pass/a.yaml --\na: 2\n"))
	if len(bad) != 2 || len(good) != 1 || string(good[0].Content) != "a: 2\n\n" && string(good[0].Content) != "a: 2\n" {
		t.Fatalf("%q %q", bad, good)
	}
	marks := iacMarks(bad)
	if len(marks) != 3 || !marks["a.yaml:1"] || !marks["a.yaml:3"] || !marks["b.json:0"] {
		t.Errorf("%v", marks)
	}
}
