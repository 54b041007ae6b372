package scan_test

import (
	"os"
	"path/filepath"
	"testing"

	"fairlead.dev"
	"fairlead.dev/internal/dasttest"
	"fairlead.dev/scan"
	"fairlead.dev/step/scan/dast"
)

// A running service is looked at by dast alone, and what it finds is no failure of the engine.
func TestService(t *testing.T) {
	s, err := dasttest.Start(2, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	r := runner(t)
	if err := os.Mkdir(filepath.Join(r.Dir, "src"), 0o700); err != nil {
		t.Fatal(err)
	}
	results, err := r.Run(t.Context(), scan.Job{Endpoint: s.URL, Only: []string{"dast"}})
	if err != nil || len(results) != 1 || results[0].Result != fairlead.ResultSuccess || results[0].Findings == 0 {
		t.Errorf("%+v: %v", results, err)
	}
	// What a configuration says of the engine counts, but not what a scan by hand is about.
	r.Dir = t.TempDir()
	if err := os.Mkdir(filepath.Join(r.Dir, "src"), 0o700); err != nil {
		t.Fatal(err)
	}
	settings := map[string]map[string]any{dast.Name: {"requests": 20, "fail-on": "low"}}
	results, err = r.Run(t.Context(), scan.Job{Endpoint: s.URL, Settings: settings})
	if err != nil || len(results) != 1 || results[0].Result != fairlead.ResultSuccess || !results[0].Partial {
		t.Errorf("with 20 requests at most: %+v: %v", results, err)
	}
	if _, err := r.Run(t.Context(), scan.Job{Endpoint: s.URL, Only: []string{"sca"}}); fairlead.KindOf(err) != fairlead.KindInvalid {
		t.Errorf("sca looks at a service: %v", err)
	}
}
