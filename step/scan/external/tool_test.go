package external

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// documented is what a scanner's own documentation says of how it is run.
type documented struct {
	line    string // as it is run by default, and before that what makes a database
	version string
	options string // those that the document lists, of the ones that are used
	found   string // exit codes that mean that something was found
	where   string
}

func documents() map[string]documented {
	semgrep := documented{
		line:    "semgrep scan --sarif --output=/s/report.sarif --metrics=off --disable-version-check --quiet --config=p/default src",
		version: "--version", options: "--sarif --output --metrics --disable-version-check --quiet --config", found: "1", where: "semgrep.dev/docs/cli-reference",
	}
	opengrep := semgrep
	opengrep.line, opengrep.where = strings.Replace(semgrep.line, "sem", "open", 1), "github.com/opengrep/opengrep, README"
	return map[string]documented{
		"semgrep": semgrep, "opengrep": opengrep,
		"codeql": {
			line:    "codeql database create /s/codeql --source-root=src && codeql database analyze /s/codeql --format=sarif-latest --output=/s/report.sarif",
			version: "version --format=terse", options: "--source-root --format --output", where: "docs.github.com: CodeQL CLI manual, database create, database analyze, version",
		},
		"trivy": {
			line:    "trivy fs --format=json --output=/s/report.json --quiet --scanners=vuln,misconfig,secret src",
			version: "--version", options: "--format --output --quiet --scanners", where: "trivy.dev: docs/references/configuration/cli/trivy_filesystem",
		},
		"grype": {
			line:    "grype dir:src --output=json --file=/s/report.json --quiet",
			version: "version", options: "--output --file --quiet", found: "1 2", where: "github.com/anchore/grype, README and grype --help",
		},
		"osv-scanner": { // --output is deprecated since 2.3 and read by all versions
			line:    "osv-scanner scan --recursive --format=json --output=/s/report.json src",
			version: "--version", options: "--recursive --format --output", found: "1", where: "google.github.io/osv-scanner: usage, output",
		},
		"checkov": {
			line:    "checkov --directory=src --output=json --quiet --compact",
			version: "--version", options: "--directory --output --quiet --compact", found: "1", where: "checkov.io: 2.Basics/CLI Command Reference",
		},
		"kics": {
			line:    "kics scan --path=src --report-formats=json --output-path=/s --output-name=report --no-progress",
			version: "version", options: "--path --report-formats --output-path --output-name --no-progress", found: "20 30 40 50 60", where: "docs.kics.io: commands, results",
		},
		"snyk": {
			line:    "snyk test --json-file-output=/s/report.json src",
			version: "--version", options: "--json-file-output", found: "1", where: "docs.snyk.io: CLI commands, test",
		},
		"zap": {
			line:    "zap.sh -cmd -dir /s/zap -quickurl http://127.0.0.1:1 -quickout /s/report.json",
			version: "-version", options: "-cmd -dir -quickurl -quickout", where: "zaproxy.org: desktop/cmdline, addons/quick-start/cmdline",
		},
		"nuclei": {
			line:    "nuclei -target http://127.0.0.1:1 -jsonl-export /s/report.jsonl -silent -no-interactsh -disable-update-check",
			version: "-version", options: "-target -jsonl-export -silent -no-interactsh -disable-update-check", where: "github.com/projectdiscovery/nuclei, README",
		},
	}
}

// Every scanner is run as its own documentation says.
func TestToolsAreRunAsTheyAreDocumented(t *testing.T) {
	docs := documents()
	if len(docs) != len(tools()) {
		t.Errorf("%d documents, %d scanners", len(docs), len(tools()))
	}
	for name := range tools() {
		doc, c := docs[name], Config{Tool: name, Target: "src"}
		at := places{scratch: "/s", target: c.Target, endpoint: "http://127.0.0.1:1"}
		tool := c.known()
		at.report = "/s/" + tool.file
		words := append([]string{tool.program}, at.fill(tool.args, tool.extras(nil))...)
		if tool.prepare != nil {
			words = slices.Concat([]string{tool.program}, at.fill(tool.prepare(c), nil), []string{"&&"}, words)
		}
		if line := strings.Join(words, " "); line != doc.line {
			t.Errorf("%s is run as\n%s\nbut %s says\n%s", name, line, doc.where, doc.line)
		}
		if line := strings.Join(tool.version, " "); line != doc.version {
			t.Errorf("%s is asked for its version by %q, not %q", name, line, doc.version)
		}
		for _, w := range words {
			if option, _, _ := strings.Cut(w, "="); strings.HasPrefix(w, "-") && !slices.Contains(strings.Fields(doc.options), option) {
				t.Errorf("%s is given %s, which %s does not know", name, option, doc.where)
			}
		}
		if found := strings.Trim(fmt.Sprint(tool.found), "[]"); found != doc.found {
			t.Errorf("%s says by exit codes %q that it found something, not %q", name, found, doc.found)
		}
		if tool.stdout != (name == "checkov") || tool.running != (name == "zap" || name == "nuclei") {
			t.Errorf("%s prints its report: %v; looks at what runs: %v", name, tool.stdout, tool.running)
		}
	}
}
