package main

import (
	"encoding/json"
	"maps"
	"os"
	"slices"

	"fairlead.dev"
	"fairlead.dev/cli"
	"fairlead.dev/pipeline"
	scanlicences "fairlead.dev/step/scan/licences"
)

// configured gives what the configuration in a directory says of the engines, by
// step type: the keys of its steps, of several of one type the first by name, and
// the policy about licences in an environment. The file counts as it is now, like
// all that is scanned by hand. One that cannot be read is a problem, because what
// it says may be why something is found or not.
func configured(q cli.ScanQuery, dir, environment string) (map[string]map[string]any, error) {
	if q.Defaults {
		return nil, nil
	}
	src, err := configOf(os.DirFS(dir))
	if err != nil {
		return nil, err
	}
	c, err := pipeline.Read(src, catalog())
	if err != nil {
		return nil, err
	}
	settings := map[string]map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(c.Steps)) {
		s := c.Steps[name]
		if settings[s.Use] != nil || len(s.With.Config) == 0 {
			continue
		}
		var keys map[string]any
		if err := json.Unmarshal(s.With.Config, &keys); err != nil {
			return nil, &fairlead.Problem{Op: "scan", Kind: fairlead.KindInternal, Err: err}
		}
		settings[s.Use] = keys
	}
	if settings[scanlicences.Name] == nil {
		settings[scanlicences.Name] = map[string]any{}
	}
	maps.Copy(settings[scanlicences.Name], c.LicenceKeys(environment))
	return settings, nil
}
