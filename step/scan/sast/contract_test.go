package sast_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"fairlead.dev"
	"fairlead.dev/step"
	"fairlead.dev/step/scan/sast"
	"fairlead.dev/step/steptest"
)

// built lets the step use what Go built before on this machine. The go command
// may still write to a home when it has ended.
func built(t *testing.T, in *step.In) {
	t.Helper()
	dirs, err := exec.CommandContext(t.Context(), "go", "env", "GOCACHE", "GOMODCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	names := strings.Fields(string(dirs))
	in.Env = append(in.Env, "GOCACHE="+names[0], "GOMODCACHE="+names[1], "HOME="+os.Getenv("HOME"))
}

func rulesOf(t *testing.T, out step.Out) string {
	t.Helper()
	var names []string
	for _, f := range out.Findings {
		if f.ToolVersion == "" || f.Category != fairlead.CategorySAST || f.SeveritySource == "" {
			t.Errorf("finding %+v", f)
		}
		names = append(names, f.Rule)
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

func source(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("testdata/flawed/main.go")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestContract(t *testing.T) {
	want := func(rules string) func(*testing.T, step.In, step.Out) {
		return func(t *testing.T, _ step.In, out step.Out) {
			t.Helper()
			if got := rulesOf(t, out); got != rules {
				t.Errorf("findings %s, want %s: %+v", got, rules, out.Findings)
			}
		}
	}
	partly := func(rules string) func(*testing.T, step.In, step.Out) {
		return func(t *testing.T, in step.In, out step.Out) {
			t.Helper()
			want(rules)(t, in, out)
			if !out.Partial || len(out.Missed) == 0 || !strings.Contains(out.Reason, "; not looked at completely: ") {
				t.Errorf("partial %v, %q", out.Partial, out.Reason)
			}
		}
	}
	steptest.Run(t, sast.Type(),
		steptest.Case{Name: "no Go", Files: map[string]string{"a.py": "import os\n"}, Want: step.Done},
		steptest.Case{Name: "flaws", Testdata: "flawed", Prepare: built, Want: step.Done, Check: checkFlaws},
		steptest.Case{
			Name: "skipped and sure", Testdata: "flawed", Prepare: built, Want: step.Done,
			Config: sast.Config{Allow: []string{}, Skip: []string{"G401", "G501"}, Confidence: "high"}, Check: want("G204 G702"),
		},
		steptest.Case{
			Name: "allowed", Testdata: "flawed", Prepare: built, Want: step.Done,
			Config: sast.Config{Allow: []string{"**"}, Confidence: "low"},
		},
		steptest.Case{
			Name: "does not compile, and a file in no module", Prepare: built, Want: step.Done, Check: partly("sast-uncompiled sast-uncompiled"),
			Files: map[string]string{"m/go.mod": "module x.test/m\n\ngo 1.22\n", "m/m.go": "package m\n\nvar x int = \"a\"\n", "tool/x.go": "package x\n"},
		},
		steptest.Case{
			Name: "a module that is not there", Prepare: built, Want: step.Done, Check: partly("sast-uncompiled"),
			Files: map[string]string{"go.mod": "module x.test/m\n\ngo 1.22\n", "m.go": "package m\n\nimport _ \"absent.test/lib\"\n"},
		},
		steptest.Case{
			Name: "what can be looked at is", Prepare: built, Want: step.Done, Check: partly("G401 G501 sast-uncompiled"),
			Files: map[string]string{
				"go.mod":    "module x.test/m\n\ngo 1.22\n",
				"m.go":      "package m\n\nimport (\n\t\"crypto/md5\"\n\n\t\"x.test/m/half\"\n)\n\nvar Sum = md5.Sum([]byte(half.Name()))\n",
				"half/h.go": "package half\n\nfunc Name() string { return absent }\n",
			},
		},
		steptest.Case{
			Name: "Go that calls C: all but how values flow", Prepare: built, Want: step.Done, Check: partly("G401 G501 sast-uncompiled"),
			Files: map[string]string{
				"go.mod": "module x.test/m\n\ngo 1.22\n",
				"m.go":   "package m\n\n// #include <stdlib.h>\nimport \"C\"\n\nimport (\n\t\"crypto/md5\"\n\t\"net\"\n)\n\nvar Sum = md5.Sum(net.IPv4(1, 2, 3, byte(C.rand())))\n",
			},
		},
		steptest.Case{
			Name: "a go.mod that is none", Prepare: built, Want: step.Skipped, Check: func(t *testing.T, _ step.In, out step.Out) {
				t.Helper()
				if !strings.HasPrefix(out.Reason, "not looked at: go.mod: ") {
					t.Errorf("reason %q", out.Reason)
				}
			},
			Files: map[string]string{"go.mod": "\xff\xfe{", "m.go": "package m\n"},
		},
		steptest.Case{Name: "a wrong glob", Config: sast.Config{Allow: []string{"[a"}}, Kind: fairlead.KindInvalid},
		steptest.Case{Name: "no such rule", Config: sast.Config{Skip: []string{"X1"}}, Kind: fairlead.KindInvalid},
		steptest.Case{Name: "no such confidence", Config: sast.Config{Confidence: "sure"}, Kind: fairlead.KindInvalid},
	)
}

func checkFlaws(t *testing.T, _ step.In, out step.Out) {
	t.Helper()
	if got := rulesOf(t, out); got != "G204 G401 G501 G702" {
		t.Errorf("findings %s", got)
	}
	i := slices.IndexFunc(out.Findings, func(f fairlead.Finding) bool { return f.Rule == "G204" })
	if f := out.Findings[i]; !slices.Equal(f.CWE, []string{"CWE-78"}) || f.Location.Path != "main.go" || f.Location.Line != 12 || f.Resource != "main" {
		t.Errorf("finding %+v", f)
	}
	var claim struct {
		Suppressed []struct{ Rule, Path, Justification string } `json:"suppressed"`
	}
	if err := json.Unmarshal(out.Claims[0].Predicate, &claim); err != nil || len(claim.Suppressed) != 1 ||
		claim.Suppressed[0].Rule != "G401" || claim.Suppressed[0].Justification != "only a name of a file, not a secret" {
		t.Errorf("suppressed %+v %v", claim, err)
	}
}

// What a finding is does not depend on where its lines are.
func TestFingerprintsStayWhenLinesMove(t *testing.T) {
	prints := func(files map[string]string) []string {
		in := steptest.In(t, sast.Type(), files)
		built(t, &in)
		out, err := sast.Type().Run(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, f := range out.Findings {
			all = append(all, f.Fingerprint)
		}
		slices.Sort(all)
		return all
	}
	mod := "module example.test/flawed\n\ngo 1.22\n"
	before := prints(map[string]string{"go.mod": mod, "main.go": source(t)})
	after := prints(map[string]string{"go.mod": mod, "main.go": strings.Replace(source(t), "func main", "// moved\n\n\nfunc main", 1)})
	if len(before) == 0 || !slices.Equal(before, after) || len(slices.Compact(before)) != len(before) {
		t.Errorf("before %v, after %v", before, after)
	}
}
