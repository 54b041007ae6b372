package sca_test

import (
	"cmp"
	"io"
	"testing"

	"fairlead.dev"
	"fairlead.dev/format/cyclonedx"
	"fairlead.dev/step"
	"fairlead.dev/step/scan/sca"
	"fairlead.dev/step/steptest"
)

// TestUnreferenced holds when a package of npm counts as out of reach: the
// project names it as a dependency, no source names it, and nothing else needs
// it, as far as that is known.
func TestUnreferenced(t *testing.T) {
	db := advisories(t, `{"id":"GHSA-1","modified":"2026-10-01T00:00:00Z","summary":"It breaks","affected":[{
		"package":{"ecosystem":"npm","name":"leftpad"},"ranges":[{"type":"SEMVER","events":[{"introduced":"0"},{"fixed":"2.0.0"}]}]}]}`)
	manifest := `{"dependencies": {"leftpad": "^1.0.0", "framework": "^1.0.0"}}`
	const leftpad, framework = "pkg:npm/leftpad@1.0.0", "pkg:npm/framework@1.0.0"
	for name, c := range map[string]struct {
		files  map[string]string
		direct []string
		needs  []string // of the framework
		known  cyclonedx.Aggregate
		want   fairlead.Reachability
		scope  string // of the package; "" = it runs
	}{
		"nothing names it":     {map[string]string{"index.js": "require('framework')"}, []string{leftpad, framework}, nil, cyclonedx.Complete, fairlead.ReachableUnused, ""},
		"the source names it":  {map[string]string{"index.js": "require('leftpad')"}, []string{leftpad, framework}, nil, cyclonedx.Complete, fairlead.ReachableUnknown, ""},
		"a setting names it":   {map[string]string{"package.json": `{"dependencies": {"leftpad": "^1.0.0"}, "scripts": {"pad": "leftpad"}}`}, []string{leftpad}, nil, cyclonedx.Complete, fairlead.ReachableUnknown, ""},
		"another one needs it": {nil, []string{leftpad, framework}, []string{leftpad}, cyclonedx.Complete, fairlead.ReachableUnknown, ""},
		"who needs is unknown": {nil, []string{leftpad, framework}, nil, cyclonedx.Incomplete, fairlead.ReachableUnknown, ""},
		"it came with another": {nil, []string{framework}, []string{leftpad}, cyclonedx.Complete, fairlead.ReachableUnknown, ""},
		"only for development": {map[string]string{"index.js": "require('leftpad')"}, []string{leftpad, framework}, nil, cyclonedx.Complete, fairlead.ReachableUnused, cyclonedx.ScopeExcluded},
	} {
		t.Run(name, func(t *testing.T) {
			d := cyclonedx.Document{
				Root: cyclonedx.Component{Ref: "root", Type: "application", Name: "shop", DependsOn: c.direct},
				Components: []cyclonedx.Component{
					{Ref: framework, Name: "framework", Version: "1.0.0", PURL: framework, Scope: cyclonedx.ScopeRequired, DependsOn: c.needs},
					{Ref: leftpad, Name: "leftpad", Version: "1.0.0", PURL: leftpad, Scope: cmp.Or(c.scope, cyclonedx.ScopeRequired)},
				},
				Known: map[string]cyclonedx.Aggregate{framework: c.known, leftpad: cyclonedx.Complete},
			}
			b, err := cyclonedx.Encode(d)
			if err != nil {
				t.Fatal(err)
			}
			files := map[string]string{"package.json": manifest, "sbom.cdx.json": string(b)}
			for p, text := range c.files {
				files[p] = text
			}
			steptest.Run(t, sca.Type(), steptest.Case{
				Name: "scan", Files: files, Want: step.Done,
				Prepare: func(_ *testing.T, in *step.In) { in.Advisories, in.Output = db, io.Discard },
				Check: func(t *testing.T, _ step.In, out step.Out) {
					if len(out.Findings) != 1 || out.Findings[0].Reachability != c.want {
						t.Errorf("findings %+v, want one that is %s", out.Findings, c.want)
					}
				},
			})
		})
	}
}
