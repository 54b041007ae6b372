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
	var many strings.Builder
	for i := range report.MaxFindings + 1 {
		fmt.Fprintf(&many, `{"template-id":"%d"}`+"\n", i)
	}
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
		"of another tool":  {content: `{"version":"2.1.0","runs":[]}`, format: report.Trivy},
		"nothing of SARIF": {content: "", format: report.SARIF},
		"half of a stream": {content: `{"template-id":"a","info":{"severity":"low"}}` + "\n" + `{"template-id":"b","info":{"sev`},
		"two documents":    {content: `{"SchemaVersion":2,"Results":[]} {"SchemaVersion":2,"Results":[]}`},
		"too many results": {content: many.String()},
	} {
		_, err := report.Read([]byte(c.content), report.Options{Format: c.format})
		var p *fairlead.Problem
		if !errors.As(err, &p) || p.Kind != fairlead.KindInvalid || p.Op == "" || p.Err == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFormats(t *testing.T) {
	for _, c := range []struct {
		name, tool     string
		format         report.Format
		excused, notes int
		partial        bool
		want           string
	}{
		{name: "trivy.json", format: report.Trivy, tool: "trivy 0.68.1", notes: 2, want: `
trivy 0.68.1|sca|CVE-2023-45288|medium|CWE-770|go.mod:0| pkg:golang/golang.org/x/net@v0.17.0 CVE-2023-45288 0.23.0
trivy 0.68.1|sca|CVE-2021-44906|critical|CWE-1321|web/package-lock.json:0| pkg:npm/minimist@1.2.5 CVE-2021-44906 0.2.4 1.2.6
trivy 0.68.1|sca|GHSA-0000-2222-3333|unknown||web/package-lock.json:0| pkg:npm/left-pad@1.0.0 GHSA-0000-2222-3333
trivy 0.68.1|iac|DS002|high||Dockerfile:0|  
trivy 0.68.1|iac|AVD-AWS-0086|high||infra/main.tf:12|aws_s3_bucket.logs  
trivy 0.68.1|secret|aws-secret-access-key|critical|CWE-798|deploy.env:2|  
trivy 0.68.1|licence|GPL-3.0-only|high||vendor/x/COPYING:0|`},
		{name: "trivy-image.json", format: report.Trivy, tool: "trivy", want: `
trivy|sca|CVE-2023-5363|high||lib/apk/db/installed:0| pkg:apk/alpine/libcrypto3@3.1.3-r0?arch=x86_64&distro=3.18.4 CVE-2023-5363 3.1.4-r0
trivy|sca|CVE-2021-44906|critical||app/node_modules/minimist/package.json:0| pkg:npm/minimist@1.2.5 CVE-2021-44906 1.2.6`},
		{name: "grype.json", format: report.Grype, tool: "grype 0.94.0", excused: 1, want: `
grype 0.94.0|sca|GHSA-4v7x-pqxf-cx7m|medium|CWE-770|go.mod:0| pkg:golang/golang.org/x/net@v0.17.0 GHSA-4v7x-pqxf-cx7m 0.23.0
grype 0.94.0|sca|CVE-2021-44228|critical||app/lib/log4j-core-2.14.1.jar:0| pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1 CVE-2021-44228 2.15.0
grype 0.94.0|sca|CVE-2005-2541|low||var/lib/dpkg/status:0| pkg:deb/debian/tar@1.34%2Bdfsg-1.2?arch=amd64&distro=debian-12 CVE-2005-2541`},
		{name: "osv-scanner.json", format: report.OSVScanner, tool: "osv-scanner", want: `
osv-scanner|sca|GHSA-4v7x-pqxf-cx7m|medium|CWE-770|go.mod:0| pkg:golang/golang.org/x/net@v0.17.0 GHSA-4v7x-pqxf-cx7m 0.23.0
osv-scanner|sca|MAL-2026-1|unknown||web/package-lock.json:0| pkg:npm/%40acme/tool@2.0.0 MAL-2026-1`},
		{name: "cyclonedx.json", format: report.CycloneDX, tool: "trivy 0.58.1", excused: 1, want: `
trivy 0.58.1|sca|CVE-2021-44906|high|CWE-1321|web/package-lock.json:0| pkg:npm/minimist@1.2.5 CVE-2021-44906 1.2.6
trivy 0.58.1|sca|CVE-2021-44228|critical||app/lib/log4j-core-2.14.1.jar:0| pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1 CVE-2021-44228
trivy 0.58.1|sca|CVE-2026-9999|unknown||:0| pkg:pypi/elsewhere@1.0 CVE-2026-9999`},
		{name: "checkov.json", format: report.Checkov, tool: "checkov 3.2.334", excused: 1, notes: 2, partial: true, want: `
checkov 3.2.334|iac|CKV_AWS_21|unknown||infra/main.tf:12|aws_s3_bucket.logs  
checkov 3.2.334|iac|CKV_AWS_260|low||infra/net.tf:3|aws_security_group.web  
checkov 3.2.334|secret|CKV_SECRET_2|high|CWE-798|deploy.env:2|`},
		{name: "checkov-none.json", format: report.Checkov, tool: "checkov 3.2.334"},
		{name: "kics.json", format: report.KICS, tool: "kics 2.1.3", notes: 1, want: `
kics 2.1.3|secret|487f4be7-3fd9-4506-a07a-eae252180c08|high|CWE-798|deploy/values.yaml:9|  
kics 2.1.3|secret|487f4be7-3fd9-4506-a07a-eae252180c08|high|CWE-798|deploy/values.yaml:9|  
kics 2.1.3|iac|dd29336b-fe57-445b-a26e-e6aa867ae609|high|CWE-269|deploy/app.yaml:21|Deployment.shop  
kics 2.1.3|iac|02323c00-cdc3-4fdc-a310-4f2b3e7a1660|medium||deploy/app.yaml:15|metadata.name={{shop}}`},
		{name: "zap.json", format: report.ZAP, tool: "zap 2.15.0", excused: 1, notes: 1, want: `
zap 2.15.0|dast|40018|high|CWE-89|:0|GET /items?id  
zap 2.15.0|dast|40018|high|CWE-89|:0|POST /login?user  
zap 2.15.0|dast|10038-1|medium|CWE-693|:0|GET /, GET /items`},
		{name: "nuclei.jsonl", format: report.Nuclei, tool: "nuclei", notes: 1, want: `
nuclei|dast|CVE-2021-41773|high|CWE-22|:0|GET /icons/.%2e/.%2e/etc/passwd  CVE-2021-41773
nuclei|dast|exposed-env|critical|CWE-200|:0|/.env  
nuclei|dast|weak-cipher-suites|low|CWE-327|:0|ssl :8443`},
		{name: "snyk.json", format: report.Snyk, tool: "snyk", excused: 1, want: `
snyk|sca|SNYK-JS-MINIMIST-2429795|critical|CWE-1321|web/package-lock.json:0| pkg:npm/minimist@1.2.5 CVE-2021-44906 0.2.4 1.2.6
snyk|licence|snyk:lic:npm:copyleft-pad:AGPL-3.0|high||web/package-lock.json:0|`},
		{name: "snyk-iac.json", format: report.Snyk, tool: "snyk", excused: 1, want: `
snyk|iac|SNYK-CC-K8S-1|high||deploy/app.yaml:21|[DocId: 0].input.spec.template.spec.containers[app].securityContext.privileged`},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := read(t, c.name, report.Options{Roots: []string{"/work/shop", "/path"}})
			same(t, r, c.want)
			if r.Format != c.format || strings.Join(r.Tools, ", ") != c.tool || r.Excused != c.excused || r.Notes != c.notes || r.Partial != c.partial || r.Failed != "" {
				t.Errorf("report of %s by %v, excused %d, notes %d, partial %v, failed %q", r.Format, r.Tools, r.Excused, r.Notes, r.Partial, r.Failed)
			}
			if again := read(t, c.name, report.Options{Roots: []string{"/work/shop", "/path"}, Format: c.format}); lines(again) != lines(r) {
				t.Error("with its format said it is another report")
			}
		})
	}
}

// However a tool names a vulnerability of a component, it has the identity that
// our own look-up gives it.
func TestOneVulnerabilityOneIdentity(t *testing.T) {
	for want, of := range map[string]map[string]int{
		fairlead.Fingerprint(fairlead.CategorySCA, "Go", "golang.org/x/net", "CVE-2023-45288", "."): {"trivy.json": 0, "grype.json": 0, "osv-scanner.json": 0},
		fairlead.Fingerprint(fairlead.CategorySCA, "npm", "minimist", "CVE-2021-44906", "web"):      {"trivy.json": 1, "cyclonedx.json": 0, "snyk.json": 0},
	} {
		for name, i := range of {
			if f := read(t, name, report.Options{Roots: []string{"/work/shop"}}).Findings[i]; f.Fingerprint != want {
				t.Errorf("%s: %+v has another identity", name, f)
			}
		}
	}
}

func TestWhatIsKnownOfAVulnerability(t *testing.T) {
	grype := read(t, "grype.json", report.Options{}).Findings
	if v := grype[0].Vulnerability; v.EPSS != 0.66645 || strings.Join(v.Aliases, " ") != "CVE-2023-45288" || grype[0].SeveritySource != "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:L" {
		t.Errorf("finding %+v", grype[0])
	}
	if v := grype[1]; v.Vulnerability.KEV.Format("2006-01-02") != "2021-12-10" || !strings.HasPrefix(v.Component.Layer, "sha256:5216") {
		t.Errorf("finding %+v", v)
	}
	osv := read(t, "osv-scanner.json", report.Options{}).Findings
	if osv[0].Reachability != fairlead.ReachableCalled || osv[1].Reachability != fairlead.ReachableUnknown || !osv[1].Component.Dev {
		t.Errorf("findings %+v", osv)
	}
	snyk := read(t, "snyk.json", report.Options{}).Findings
	if !snyk[0].Component.Direct || snyk[0].Vulnerability.EPSS != 0.0129 {
		t.Errorf("finding %+v", snyk[0])
	}
	// What a report says does not apply is no finding, and excuses nothing.
	for _, f := range read(t, "cyclonedx.json", report.Options{}).Findings {
		if f.Vulnerability.VEX == "not_affected" || f.Vulnerability.VEX == "fixed" {
			t.Errorf("finding %+v", f)
		}
	}
}

// Nothing that a tool quotes of a secret or of an answer is kept.
func TestNothingQuotedIsKept(t *testing.T) {
	for name, quoted := range map[string][]string{
		"nuclei.jsonl": {"s3cr3t", "hunter2", "root:x"}, "zap.json": {"'1'='1", "SQLSTATE"}, "trivy.json": {"****"}, "checkov.json": {"25910f98", "AKIA"},
	} {
		said := fmt.Sprintf("%+v", read(t, name, report.Options{}).Findings)
		for _, q := range quoted {
			if strings.Contains(said, q) {
				t.Errorf("%s: the findings hold %q", name, q)
			}
		}
	}
}

func TestVersionsOfTools(t *testing.T) {
	o := report.Options{Tool: "nuclei", Version: "3.3.7"}
	if r := read(t, "nuclei.jsonl", o); r.Tools[0] != "nuclei 3.3.7" {
		t.Errorf("tools %v", r.Tools)
	}
	if r := read(t, "snyk.json", o); r.Tools[0] != "snyk" { // of another tool
		t.Errorf("tools %v", r.Tools)
	}
}

func TestNothingFound(t *testing.T) {
	for format, content := range map[report.Format]string{
		report.Nuclei: "", report.Snyk: "[]", report.OSVScanner: `{"results": []}`, report.Trivy: `{"SchemaVersion":2,"ArtifactName":".","Results":null}`,
		report.SARIF: `{"version":"2.1.0","runs":[]}`, report.Grype: `{"matches":[],"descriptor":{"name":"grype"}}`,
	} {
		if r, err := report.Read([]byte(content), report.Options{Format: format}); err != nil || len(r.Findings) != 0 {
			t.Errorf("%s: %+v, %v", format, r, err)
		}
	}
}

// A tool that did not get through says so.
func TestFailed(t *testing.T) {
	r, err := report.Read([]byte(`{"ok": false, "error": "Could not detect supported target files", "path": "/work"}`), report.Options{})
	if err != nil || r.Failed != "Could not detect supported target files" {
		t.Errorf("%+v, %v", r, err)
	}
}
