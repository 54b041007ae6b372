package source_test

import (
	"testing"

	"fairlead.dev"
	"fairlead.dev/step"
	"fairlead.dev/step/sbom/source"
	"fairlead.dev/step/steptest"
)

func TestContract(t *testing.T) {
	steptest.Run(t, source.Type(),
		steptest.Case{
			Name:  "a module",
			Files: map[string]string{"go.mod": "module example.org/a\n\ngo 1.26.3\n\nrequire github.com/google/uuid v1.6.0\n"},
			Want:  step.Done,
			Check: func(t *testing.T, _ step.In, out step.Out) {
				if len(out.Artifacts) != 1 || out.Artifacts[0].Name != source.ArtifactName {
					t.Errorf("artifacts %+v", out.Artifacts)
				}
			},
		},
		steptest.Case{Name: "an unreadable manifest", Files: map[string]string{"package-lock.json": "{"}, Want: step.Done},
		steptest.Case{Name: "a wrong glob", Config: source.Config{Exclude: []string{"[a"}}, Kind: fairlead.KindInvalid},
	)
}
