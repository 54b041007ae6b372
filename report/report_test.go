package report_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fairlead.dev"
	"fairlead.dev/report"
)

// read reads a file below testdata.
func read(t *testing.T, name string, o report.Options) report.Report {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	r, err := report.Read(b, o)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return r
}

// lines are findings in short, one on each line.
func lines(r report.Report) string {
	var b strings.Builder
	for _, f := range r.Findings {
		fmt.Fprintf(&b, "%s|%s|%s|%s|%s|%s:%d|%s\n", f.ToolVersion, f.Category, f.Rule, f.Severity, strings.Join(f.CWE, ","), f.Location.Path, f.Location.Line,
			strings.Join(append([]string{f.Resource, f.Component.PURL, f.Vulnerability.ID}, f.FixedIn...), " "))
	}
	return b.String()
}

func same(t *testing.T, r report.Report, want string) {
	t.Helper()
	if got := lines(r); strings.TrimSpace(got) != strings.TrimSpace(want) {
		t.Errorf("findings\n%s\nwant\n%s", got, strings.TrimSpace(want))
	}
	prints := map[string]bool{}
	for _, f := range r.Findings {
		if f.Fingerprint == "" || f.SeveritySource == "" || f.Message == "" || prints[f.Fingerprint] {
			t.Errorf("finding is not complete: %+v", f)
		}
		prints[f.Fingerprint] = true
	}
}

func TestSARIF(t *testing.T) {
	r := read(t, "semgrep.sarif", report.Options{})
	same(t, r, `
semgrep 1.101.0|sast|python.sqlalchemy.raw-query|high|CWE-89|shop/orders.py:41|  
semgrep 1.101.0|sast|python.sqlalchemy.raw-query|high|CWE-89|shop/orders.py:77|  
semgrep 1.101.0|secret|generic.password-in-code|medium|CWE-798|shop/settings.py:3|`)
	if r.Format != report.SARIF || r.Excused != 1 || strings.Join(r.Tools, " ") != "semgrep 1.101.0" {
		t.Errorf("report %+v", r)
	}
	for _, f := range r.Findings {
		if strings.Contains(fmt.Sprintf("%+v", f), "tr0ub4dor") {
			t.Errorf("a finding tells the secret: %+v", f)
		}
	}
	if f := r.Findings[0]; f.Fix != "Bind the values as parameters." {
		t.Errorf("fix %q", f.Fix)
	}

	same(t, read(t, "codeql.sarif", report.Options{Roots: []string{"/src"}}), `
codeql 2.19.3|sast|go/path-injection|high|CWE-22,CWE-23|api/files.go:28|  
codeql 2.19.3|sast|go/useless-assignment|medium||api/store.go:12|`)

	same(t, read(t, "trivy.sarif", report.Options{Roots: []string{"/work/shop"}}), `
trivy 0.58.1|sca|CVE-2021-23337|high||web/package-lock.json:812|  CVE-2021-23337 4.17.21
trivy 0.58.1|iac|DS002|high||Dockerfile:1|  
trivy 0.58.1|secret|aws-access-key-id|critical|CWE-798|deploy.env:2|`)
}

// The identity of a result is that of its code, not of the line it is on.
func TestSARIFFingerprintsSurviveMoves(t *testing.T) {
	for name, change := range map[string][]string{
		"semgrep.sarif": {`"startLine": 41`, `"startLine": 45`, `"startLine": 77`, `"startLine": 99`, `"1.101.0"`, `"1.102.0"`},
		"codeql.sarif":  {`"startLine": 28`, `"startLine": 30`, "user-provided value", "value from a user"},
		"trivy.sarif":   {`"startLine": 812`, `"startLine": 1`, "4.17.20", "4.17.19"},
	} {
		b, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		moved := strings.NewReplacer(change...).Replace(string(b))
		if moved == string(b) {
			t.Fatalf("%s is the same", name)
		}
		one, err := report.Read(b, report.Options{})
		if err != nil {
			t.Fatal(err)
		}
		two, err := report.Read([]byte(moved), report.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for i := range one.Findings {
			if one.Findings[i].Fingerprint != two.Findings[i].Fingerprint {
				t.Errorf("%s: finding %d has another identity", name, i)
			}
		}
	}
}

func TestReadRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		content string
		format  report.Format
	}{
		"nothing":          {content: ""},
		"no report":        {content: "oops"},
		"unknown":          {content: `{"a":1}`},
		"cut off":          {content: `{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"x"}},"results":[`, format: report.SARIF},
		"deep":             {content: strings.Repeat(`{"runs":[`, 20_000)},
		"not UTF-8":        {content: "\xff\xfe{\x00"},
		"no such format":   {content: `{}`, format: "papyrus"},
		"of another kind":  {content: `{"a":1}`, format: report.SARIF},
		"too many results": {content: `{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"x"}},"results":[` + strings.TrimSuffix(strings.Repeat(`{"message":{"text":"m"}},`, report.MaxFindings+1), ",") + `]}]}`},
	} {
		_, err := report.Read([]byte(c.content), report.Options{Format: c.format})
		var p *fairlead.Problem
		if !errors.As(err, &p) || p.Kind != fairlead.KindInvalid || p.Op == "" || p.Err == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
