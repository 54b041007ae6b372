package external_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fairlead.dev"
	"fairlead.dev/step"
	"fairlead.dev/step/scan/external"
	"fairlead.dev/step/steptest"
)

// config is the default with what a case changes.
func config(change func(*external.Config)) external.Config {
	c := external.Type().Config.(external.Config)
	change(&c)
	return c
}

func TestContract(t *testing.T) {
	content, err := os.ReadFile("testdata/reports/out/semgrep.sarif")
	if err != nil {
		t.Fatal(err)
	}
	sarif := string(content)
	reads := func(name, format string, roots ...string) external.Config {
		return config(func(c *external.Config) { c.Report, c.Format, c.Roots = name, format, append([]string{}, roots...) })
	}
	files := map[string]string{"cut.sarif": sarif[:200], "dir/x": ""}
	at := func(want string) func(t *testing.T, _ step.In, out step.Out) {
		return func(t *testing.T, _ step.In, out step.Out) {
			if len(out.Findings) != 1 || out.Findings[0].Location.Path != want || out.Findings[0].ToolVersion != "semgrep 1.101.0" {
				t.Errorf("findings %+v", out.Findings)
			}
			if !strings.Contains(out.Reason, "semgrep 1.101.0") {
				t.Errorf("reason %q", out.Reason)
			}
		}
	}
	failed := strings.Replace(sarif, `"results"`, `"invocations":[{"executionSuccessful":false,"exitCodeDescription":"out of memory"}],"results"`, 1)
	steptest.Run(t, external.Type(),
		steptest.Case{Name: "a report made elsewhere", Files: files, Testdata: "reports", Config: reads("out/semgrep.sarif", "auto", "/src"), Want: step.Done, Check: at("a.py")},
		steptest.Case{Name: "without its root", Files: files, Testdata: "reports", Config: reads("out/semgrep.sarif", "sarif"), Want: step.Done, Check: at("src/a.py")},
		steptest.Case{Name: "in another format", Files: files, Testdata: "reports", Config: reads("out/semgrep.sarif", "trivy"), Kind: fairlead.KindInvalid},
		steptest.Case{Name: "cut off", Files: files, Config: reads("cut.sarif", "auto"), Kind: fairlead.KindInvalid},
		steptest.Case{Name: "no report", Files: files, Config: reads("missing.sarif", "auto"), Kind: fairlead.KindInvalid},
		steptest.Case{Name: "a folder", Files: files, Config: reads("dir", "auto"), Kind: fairlead.KindInvalid},
		steptest.Case{
			Name: "a gigabyte", Config: reads("large.sarif", "auto"), Kind: fairlead.KindInvalid,
			Prepare: func(t *testing.T, in *step.In) {
				name := filepath.Join(in.Workspace, "large.sarif")
				if err := errors.Join(os.WriteFile(name, nil, 0o600), os.Truncate(name, 1<<30)); err != nil {
					t.Fatal(err)
				}
			},
		},
		steptest.Case{
			Name: "a link that leads outside", Config: reads("link.sarif", "auto"), Kind: fairlead.KindInvalid,
			Prepare: func(t *testing.T, in *step.In) {
				if err := os.Symlink("/etc/passwd", filepath.Join(in.Workspace, "link.sarif")); err != nil {
					t.Fatal(err)
				}
			},
		},
		steptest.Case{Name: "outside", Files: files, Config: reads("../x.sarif", "auto"), Kind: fairlead.KindInvalid},
		steptest.Case{Name: "nothing to do", Kind: fairlead.KindInvalid},
		steptest.Case{
			Name: "a tool that failed", Files: map[string]string{"r.sarif": failed}, Config: reads("r.sarif", "auto"), Want: step.Failed,
			Check: func(t *testing.T, _ step.In, out step.Out) {
				if !out.Partial || !strings.Contains(out.Reason, "out of memory") {
					t.Errorf("partial %v, reason %q", out.Partial, out.Reason)
				}
			},
		},
	)
}
