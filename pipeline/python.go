package pipeline

import (
	"slices"
	"strings"
)

// pythonManifests are the files that tell of a Python project.
func pythonManifests() []string { return []string{"pyproject.toml", "requirements.txt", "setup.py"} }

// pythonMains are the files that start one, the likeliest first.
func pythonMains() []string { return []string{"main.py", "app.py", "server.py"} }

// detectPython reads a Python project: its tests and its main file. Without a
// manifest, and with no other language's, the only main file tells.
func detectPython(l look, _ string) (detection, bool) {
	main := l.first(pythonMains()...)
	by := l.first(pythonManifests()...)
	bare := by == ""
	if bare {
		if main == "" || l.first("go.mod", "package.json") != "" {
			return detection{}, false
		}
		by = main
	}
	d := detection{language: "Python", by: by}
	var install []string
	if requires(l.text("requirements.txt")) {
		install = []string{"python3 -m pip install --quiet --target .deps -r requirements.txt", "export PYTHONPATH=.deps"}
	}
	if !bare || l.hasTests() {
		d.test = pythonTest(l, install)
	}
	switch {
	case main == "":
		d.notes = append(d.notes, "neither main.py, app.py nor server.py was found; there is nothing to start")
		return d, true
	case bare && l.count(pythonMains()) > 1:
		d.notes = append(d.notes, "several of main.py, app.py and server.py were found; "+main+" is started")
	}
	d.build = &Build{
		Run:       strings.Join(append(slices.Clone(install), "python3 -m compileall -q -x '[.]deps' ."), " && "),
		Artifacts: l.sources(".py", ".toml", ".html", ".css", ".js", ".json"),
	}
	d.command = []string{"python3", main}
	if len(install) > 0 {
		d.build.Artifacts = append(d.build.Artifacts, ".deps/**")
		d.command = []string{"env", "PYTHONPATH=.deps", "python3", main}
	}
	return d, true
}

// pythonTest is pytest where the project names it, otherwise the library's own.
func pythonTest(l look, install []string) *Test {
	test := Test{Run: "python3 -m unittest discover -v", Report: "none", Level: "fast"}
	if strings.Contains(l.text("pyproject.toml")+l.text("requirements.txt")+l.text("setup.py"), "pytest") {
		test.Run, test.Report, test.ReportFile = "python3 -m pytest --junitxml=report.xml", "junit", "report.xml"
	}
	test.Run = strings.Join(append(slices.Clone(install), test.Run), " && ")
	return &test
}

// requires tells whether a requirements file asks for anything: pip installs
// nothing, and makes no directory, for one of comments alone.
func requires(text string) bool {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			return true
		}
	}
	return false
}

// hasTests tells whether unittest would discover something at the root or in a
// package below it.
func (l look) hasTests() bool {
	for _, dir := range append([]string{"./"}, l.names(".")...) {
		names := l.names(strings.TrimSuffix(dir, "/"))
		if dir != "./" && !slices.Contains(names, "__init__.py") {
			continue
		}
		if slices.ContainsFunc(names, func(n string) bool { return strings.HasPrefix(n, "test") && strings.HasSuffix(n, ".py") }) {
			return true
		}
	}
	return false
}

func (l look) count(names []string) int {
	n := 0
	for _, name := range names {
		if l.has(name) {
			n++
		}
	}
	return n
}
