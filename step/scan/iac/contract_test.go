package iac_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fairlead.dev"
	"fairlead.dev/step"
	"fairlead.dev/step/scan/iac"
	"fairlead.dev/step/steptest"
)

const own = `# METADATA
# title: A service has no label
# custom: {severity: low, cwe: [CWE-1], fix: add one}
package fairlead.compose.own_label

deny contains {"at": ["doc", "services", name], "resource": name, "message": "no label"} if {
	some name, s in input.doc.services
	not s.labels
}
`

func TestContract(t *testing.T) {
	content, err := os.ReadFile("testdata/compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{"deploy/compose.yaml": string(content), "policy/own.rego": own, "main.go": "package main\n"}
	rules := func(t *testing.T, out step.Out) string {
		var names []string
		for _, f := range out.Findings {
			if f.ToolVersion == "" || f.Category != fairlead.CategoryIaC {
				t.Errorf("finding %+v", f)
			}
			names = append(names, f.Rule)
		}
		return strings.Join(names, " ")
	}
	steptest.Run(t, iac.Type(),
		steptest.Case{
			Name: "a privileged service", Files: files, Want: step.Done,
			Check: func(t *testing.T, _ step.In, out step.Out) {
				if got := rules(t, out); got != "compose-privileged" {
					t.Errorf("findings %s", got)
				}
			},
		},
		steptest.Case{
			Name: "own checks", Files: files, Config: iac.Config{Checks: []string{"policy/*.rego"}}, Want: step.Done,
			Check: func(t *testing.T, _ step.In, out step.Out) {
				if got := rules(t, out); got != "compose-own-label compose-privileged" {
					t.Errorf("findings %s", got)
				}
			},
		},
		steptest.Case{
			Name: "allowed, and a circle of links", Files: files, Config: iac.Config{Allow: []string{"deploy/**"}}, Want: step.Done,
			Prepare: func(t *testing.T, in *step.In) {
				for link, to := range map[string]string{"loop": ".", "compose.yaml": "/etc/passwd"} {
					if err := os.Symlink(to, filepath.Join(in.Workspace, link)); err != nil {
						t.Fatal(err)
					}
				}
			},
			Check: func(t *testing.T, _ step.In, out step.Out) {
				if len(out.Findings) != 0 {
					t.Errorf("findings %s", rules(t, out))
				}
			},
		},
		steptest.Case{Name: "a wrong glob", Config: iac.Config{Allow: []string{"[a"}}, Kind: fairlead.KindInvalid},
		steptest.Case{
			Name: "a check that asks the network", Config: iac.Config{Checks: []string{"*.rego"}}, Kind: fairlead.KindInvalid,
			Files: map[string]string{"x.rego": strings.Replace(own, "not s.labels", `http.send({"url": "http://127.0.0.1"})`, 1)},
		},
	)
}
