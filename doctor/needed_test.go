package doctor

import (
	"slices"
	"testing"

	"fairlead.dev"
)

func TestNeededReadsTheCommands(t *testing.T) {
	p := fairlead.Plan{Tasks: []fairlead.Task{
		{ID: "build", Config: []byte(`{"run":"CGO_ENABLED=0 go build -o bin/x . && strip bin/x"}`)},
		{ID: "e2e", Config: []byte(`{"run":"cd web; npm ci || exit 1\n./run.sh | jq ."}`)},
		{ID: "sbom", Config: []byte(`{}`)},
	}}
	got := Needed(p)
	for name, why := range map[string]string{"git": "reading commits", "go": "task build", "strip": "task build", "npm": "task e2e", "jq": "task e2e"} {
		if got[name] != why {
			t.Errorf("%s: %q, want %q", name, got[name], why)
		}
	}
	if len(got) != 5 {
		t.Errorf("needed %v", got)
	}
}

func TestProgramsOfOddScripts(t *testing.T) {
	for script, want := range map[string][]string{
		"":                          nil,
		"exec ./serve":              nil,
		"! grep x y":                nil,
		"if make -q; then true; fi": nil,
		"(cargo build)":             {"cargo"},
	} {
		if got := programs(script); !slices.Equal(got, want) {
			t.Errorf("%q: %v, want %v", script, got, want)
		}
	}
}
