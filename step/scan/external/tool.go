package external

import (
	"slices"
	"strings"

	"fairlead.dev/report"
)

// tool is a scanner that is known: how it is run, and how it says what became
// of it. Arguments may hold {report}, {scratch}, {target} and {endpoint};
// {extra} stands for the further ones.
type tool struct {
	program string
	version []string              // arguments that make it tell its version
	prepare func(Config) []string // arguments of a run before, nil for none
	args    []string
	extra   []string // further ones, where extra does not say them
	file    string   // name of the report
	format  report.Format
	found   []int // exit codes beside 0 that say that something was found
	nothing []int // exit codes that say that there was nothing to look at
	stdout  bool  // prints its report
	silent  bool  // writes no report when nothing is found
	running bool  // looks at a running service
}

// tools are the scanners that are known, by the word that people choose them by.
func tools() map[string]tool {
	semgrep := tool{
		version: []string{"--version"}, format: report.SARIF, file: "report.sarif", found: []int{1},
		args:  []string{"scan", "--sarif", "--output={report}", "--metrics=off", "--disable-version-check", "--quiet", "{extra}", "{target}"},
		extra: []string{"--config=p/default"},
	}
	opengrep := semgrep
	semgrep.program, opengrep.program = "semgrep", "opengrep"
	return map[string]tool{
		"semgrep": semgrep, "opengrep": opengrep,
		"codeql": {
			program: "codeql", version: []string{"version", "--format=terse"}, format: report.SARIF, file: "report.sarif",
			prepare: func(c Config) []string {
				return append([]string{"database", "create", "{scratch}/codeql", "--source-root={target}"}, c.Extra...)
			},
			args: []string{"database", "analyze", "{scratch}/codeql", "--format=sarif-latest", "--output={report}"},
		},
		"trivy": {
			program: "trivy", version: []string{"--version"}, format: report.Trivy, file: "report.json",
			args: []string{"fs", "--format=json", "--output={report}", "--quiet", "{extra}", "{target}"}, extra: []string{"--scanners=vuln,misconfig,secret"},
		},
		"grype": {
			program: "grype", version: []string{"version"}, format: report.Grype, file: "report.json", found: []int{1, 2},
			args: []string{"dir:{target}", "--output=json", "--file={report}", "--quiet", "{extra}"},
		},
		"osv-scanner": {
			program: "osv-scanner", version: []string{"--version"}, format: report.OSVScanner, file: "report.json", found: []int{1}, nothing: []int{128},
			args: []string{"scan", "--recursive", "--format=json", "--output={report}", "{extra}", "{target}"},
		},
		"checkov": {
			program: "checkov", version: []string{"--version"}, format: report.Checkov, file: "report.json", found: []int{1}, stdout: true,
			args: []string{"--directory={target}", "--output=json", "--quiet", "--compact", "{extra}"},
		},
		"kics": {
			program: "kics", version: []string{"version"}, format: report.KICS, file: "report.json", found: []int{20, 30, 40, 50, 60},
			args: []string{"scan", "--path={target}", "--report-formats=json", "--output-path={scratch}", "--output-name=report", "--no-progress", "{extra}"},
		},
		"snyk": {
			program: "snyk", version: []string{"--version"}, format: report.Snyk, file: "report.json", found: []int{1}, nothing: []int{3},
			args: []string{"test", "--json-file-output={report}", "{extra}", "{target}"},
		},
		"zap": {
			program: "zap.sh", version: []string{"-version"}, format: report.ZAP, file: "report.json", running: true,
			args: []string{"-cmd", "-dir", "{scratch}/zap", "-quickurl", "{endpoint}", "-quickout", "{report}", "{extra}"},
		},
		"nuclei": {
			program: "nuclei", version: []string{"-version"}, format: report.Nuclei, file: "report.jsonl", running: true, silent: true,
			args: []string{"-target", "{endpoint}", "-jsonl-export", "{report}", "-silent", "-no-interactsh", "-disable-update-check", "{extra}"},
		},
	}
}

// known gives the tool of a config, changed as it says.
func (c Config) known() tool {
	t := tools()[c.Tool]
	if c.Program != "" {
		t.program = c.Program
	}
	if len(c.Args) > 0 {
		t.args, t.prepare, t.extra = append(slices.Clone(c.Args), "{extra}"), nil, nil
		t.stdout = !slices.ContainsFunc(c.Args, func(a string) bool { return strings.Contains(a, "{report}") })
	}
	if len(c.Found) > 0 {
		t.found = c.Found
	}
	if t.file == "" {
		t.file = "report"
	}
	if t.version == nil {
		t.version = []string{"--version"}
	}
	return t
}

// places are what stands for a word in braces.
type places struct{ report, scratch, target, endpoint string }

// fill puts places and further arguments into a tool's own.
func (p places) fill(args, extra []string) []string {
	words := strings.NewReplacer("{report}", p.report, "{scratch}", p.scratch, "{target}", p.target, "{endpoint}", p.endpoint)
	var out []string
	for _, a := range args {
		if a == "{extra}" {
			out = append(out, extra...)
			continue
		}
		out = append(out, words.Replace(a))
	}
	return out
}

// extras are the further arguments: the user's, and those of the tool's own that
// the user does not say.
func (t tool) extras(user []string) []string {
	out := slices.Clone(user)
	for _, a := range t.extra {
		name, _, _ := strings.Cut(a, "=")
		if !slices.ContainsFunc(user, func(u string) bool { return u == name || strings.HasPrefix(u, name+"=") }) {
			out = append(out, a)
		}
	}
	return out
}
