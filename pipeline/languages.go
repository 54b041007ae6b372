package pipeline

import (
	"encoding/json"
	"go/parser"
	"go/token"
	"path"
	"regexp"
	"slices"
	"strings"
)

// detectGo reads a Go module: the command at its root or below cmd.
func detectGo(l look, service string) (detection, bool) {
	if !l.has("go.mod") {
		return detection{}, false
	}
	d := detection{
		language: "Go", by: "go.mod",
		test: &Test{Run: "go test -json ./...", Report: "go-test", Level: "fast"},
	}
	mains := goMains(l)
	main := mains[""]
	if len(mains) == 1 {
		for _, pkg := range mains {
			main = pkg
		}
	} else if pkg, ok := mains[service]; ok {
		main = pkg
	}
	if main == "" {
		if len(mains) > 1 {
			d.notes = append(d.notes, "several commands were found below cmd and none is called "+service+"; name one under build")
		} else {
			d.notes = append(d.notes, "no main package was found at the root or below cmd; there is nothing to start")
		}
		return d, true
	}
	binary := "bin/" + service
	d.build = &Build{Run: "go build -o " + binary + " " + main, Artifacts: []string{binary}}
	d.command = []string{binary}
	return d, true
}

// goMains gives the main packages by the last element of their path; "" is the
// root's.
func goMains(l look) map[string]string {
	mains := map[string]string{}
	if isGoMain(l, ".") {
		mains[""] = "."
	}
	for _, name := range l.names("cmd") {
		if dir, ok := strings.CutSuffix(name, "/"); ok && isGoMain(l, "cmd/"+dir) {
			mains[dir] = "./cmd/" + dir
		}
	}
	return mains
}

var ignored = regexp.MustCompile(`(?m)^//go:build ignore\s*$`)

// isGoMain tells whether a directory holds package main, going by its first
// file that belongs to every build.
func isGoMain(l look, dir string) bool {
	for _, name := range l.names(dir) {
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			continue
		}
		text := l.text(path.Join(dir, name))
		if ignored.MatchString(text) {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, text, parser.PackageClauseOnly)
		if err == nil {
			return f.Name.Name == "main"
		}
	}
	return false
}

// nodePackage is the part of package.json that detection reads.
type nodePackage struct {
	Main         string            `json:"main"`
	Scripts      map[string]string `json:"scripts"`
	Dependencies map[string]string `json:"dependencies"`
	DevDeps      map[string]string `json:"devDependencies"`
}

// detectNode reads package.json: its scripts build, test and start.
func detectNode(l look, _ string) (detection, bool) {
	if !l.has("package.json") {
		return detection{}, false
	}
	d := detection{language: "Node", by: "package.json"}
	var p nodePackage
	if err := json.Unmarshal([]byte(l.text("package.json")), &p); err != nil {
		d.notes = append(d.notes, "package.json could not be read: "+err.Error())
		return d, true
	}
	install := "npm install"
	if l.first("package-lock.json", "npm-shrinkwrap.json") != "" {
		install = "npm ci"
	}
	var steps []string
	if len(p.Dependencies)+len(p.DevDeps) > 0 {
		steps = append(steps, install)
	}
	if run := p.Scripts["test"]; run != "" {
		d.test = &Test{Run: strings.Join(append(slices.Clone(steps), "npm test"), " && "), Report: "none", Level: "fast"}
		if strings.HasPrefix(run, "node --test") {
			tap := run
			if !strings.Contains(run, "--test-reporter") {
				tap = strings.Replace(run, "node --test", "node --test --test-reporter=tap", 1)
			}
			if strings.Contains(tap, "--test-reporter=tap") {
				d.test.Run, d.test.Report = strings.Join(append(slices.Clone(steps), tap), " && "), "tap"
			}
		}
	}
	if d.command = nodeStart(p); d.command != nil {
		d.build = nodeBuild(l, p, steps)
	}
	return d, true
}

// nodeBuild collects what the service consists of after its build script.
func nodeBuild(l look, p nodePackage, steps []string) *Build {
	b := &Build{Artifacts: l.sources(".js", ".mjs", ".cjs", ".json", ".html", ".css")}
	if p.Scripts["build"] != "" {
		steps = append(steps, "npm run build")
		b.Artifacts = append(b.Artifacts, "dist/**")
	}
	if len(p.Dependencies) > 0 {
		b.Artifacts = append(b.Artifacts, "node_modules/**")
	}
	if len(steps) == 0 {
		steps = []string{"node --version"}
	}
	b.Run = strings.Join(steps, " && ")
	return b
}

// nodeStart is the start script. One that only starts node is started without
// npm between, so that signals reach it.
func nodeStart(p nodePackage) []string {
	start := p.Scripts["start"]
	switch {
	case start == "" && p.Main != "":
		return []string{"node", p.Main}
	case start == "":
		return nil
	case strings.HasPrefix(start, "node ") && !strings.ContainsAny(start, "&|;<>$`'\"*\\()"):
		return strings.Fields(start)
	default:
		return []string{"npm", "start"}
	}
}
