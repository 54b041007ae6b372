package pipeline

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"fairlead.dev"
)

func tree(files map[string]string) fstest.MapFS {
	t := fstest.MapFS{}
	for name, text := range files {
		t[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return t
}

func TestDetection(t *testing.T) {
	main := "package main\n\nfunc main() {}\n"
	cases := []struct {
		name    string
		files   map[string]string
		build   string
		test    string
		report  string
		command string
		note    string
	}{
		{
			"go at the root",
			map[string]string{"go.mod": "module x\n", "main.go": main},
			"go build -o bin/shop .", "go test -json ./...", "go-test", "bin/shop", "",
		},
		{
			"go below cmd",
			map[string]string{"go.mod": "module x\n", "x.go": "package x\n", "cmd/server/main.go": main},
			"go build -o bin/shop ./cmd/server", "go test -json ./...", "go-test", "bin/shop", "",
		},
		{
			"go, one of several",
			map[string]string{"go.mod": "module x\n", "cmd/shop/main.go": main, "cmd/tool/main.go": main},
			"go build -o bin/shop ./cmd/shop", "go test -json ./...", "go-test", "bin/shop", "",
		},
		{
			"go, several and none fits",
			map[string]string{"go.mod": "module x\n", "cmd/a/main.go": main, "cmd/b/main.go": main},
			"", "go test -json ./...", "go-test", "", "none is called shop",
		},
		{
			"go library",
			map[string]string{"go.mod": "module x\n", "x.go": "package x\n", "gen.go": "//go:build ignore\n\npackage main\n", "x_test.go": main},
			"", "go test -json ./...", "go-test", "", "no main package",
		},
		{
			"go, comment first",
			map[string]string{"go.mod": "module x\n", "main.go": "// package x\n/* package y */\npackage main\n"},
			"go build -o bin/shop .", "go test -json ./...", "go-test", "bin/shop", "",
		},
		{
			"node",
			map[string]string{"package.json": `{"scripts": {"start": "node server.js --port 1", "test": "jest", "build": "tsc"}, "dependencies": {"a": "1"}}`, "package-lock.json": "{}", "server.js": ""},
			"npm ci && npm run build", "npm ci && npm test", "none", "node server.js --port 1", "",
		},
		{
			"node without dependencies",
			map[string]string{"package.json": `{"main": "app.js", "scripts": {"test": "node --test"}}`, "app.js": ""},
			"node --version", "node --test --test-reporter=tap", "tap", "node app.js", "",
		},
		{
			"node, start by shell",
			map[string]string{"package.json": `{"scripts": {"start": "A=1 node x.js && b"}, "devDependencies": {"a": "1"}}`},
			"npm install", "", "", "npm start", "",
		},
		{"node, broken", map[string]string{"package.json": `{"scripts": [`}, "", "", "", "", "could not be read"},
		{
			"python",
			map[string]string{"requirements.txt": "flask\npytest\n", "app.py": ""},
			"python3 -m pip install --quiet --target .deps -r requirements.txt && export PYTHONPATH=.deps && python3 -m compileall -q -x '[.]deps' .",
			"python3 -m pip install --quiet --target .deps -r requirements.txt && export PYTHONPATH=.deps && python3 -m pytest --junitxml=report.xml",
			"junit", "env PYTHONPATH=.deps python3 app.py", "",
		},
		{
			"python by pyproject",
			map[string]string{"pyproject.toml": "[project]\nname='x'\n", "main.py": ""},
			"python3 -m compileall -q -x '[.]deps' .", "python3 -m unittest discover -v", "none", "python3 main.py", "",
		},
		{
			"python that requires nothing",
			map[string]string{"requirements.txt": "# nothing yet\n\n", "app.py": ""},
			"python3 -m compileall -q -x '[.]deps' .", "python3 -m unittest discover -v", "none", "python3 app.py", "",
		},
		{
			"python, one file",
			map[string]string{"server.py": ""},
			"python3 -m compileall -q -x '[.]deps' .", "", "", "python3 server.py", "",
		},
		{
			"python, one file and tests",
			map[string]string{"server.py": "", "tests/__init__.py": "", "tests/test_server.py": ""},
			"python3 -m compileall -q -x '[.]deps' .", "python3 -m unittest discover -v", "none", "python3 server.py", "",
		},
		{
			"python, several files",
			map[string]string{"server.py": "", "app.py": ""},
			"python3 -m compileall -q -x '[.]deps' .", "", "", "python3 app.py", "app.py is started",
		},
		{
			"a script beside go",
			map[string]string{"go.mod": "module x\n", "main.go": main, "server.py": ""},
			"go build -o bin/shop .", "go test -json ./...", "go-test", "bin/shop", "",
		},
		{"python library", map[string]string{"setup.py": ""}, "", "python3 -m unittest discover -v", "none", "", "nothing to start"},
		{"dockerfile", map[string]string{"Dockerfile": "FROM scratch\n"}, "", "", "", "", "Dockerfile"},
		{
			"go before node",
			map[string]string{"go.mod": "module x\n", "main.go": main, "package.json": "{}"},
			"go build -o bin/shop .", "go test -json ./...", "go-test", "bin/shop", "package.json was found as well",
		},
		{"nothing", map[string]string{"README": ""}, "", "", "", "", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			d := detect(tree(c.files), "shop")
			build, test, report := "", "", ""
			if d.build != nil {
				build = d.build.Run
			}
			if d.test != nil {
				test, report = d.test.Run, d.test.Report
			}
			if build != c.build || test != c.test || report != c.report || strings.Join(d.command, " ") != c.command {
				t.Errorf("build %q, test %q as %q, start %q", build, test, report, d.command)
			}
			if notes := strings.Join(d.notes, "; "); !strings.Contains(notes, c.note) || (c.note == "") != (notes == "") {
				t.Errorf("notes are %q", notes)
			}
		})
	}
}

func TestPlanByDetectionAlone(t *testing.T) {
	files := tree(map[string]string{"go.mod": "module x\n", "main.go": "package main\n"})
	p, err := Plan(mustRead(t, ""), push("main"), files, testCatalog())
	if err != nil {
		t.Fatal(err)
	}
	if ids(p) != "build test secrets sbom" || p.Strategy != fairlead.StrategyBlueGreen || p.Service != "shop" {
		t.Errorf("%s by %s", ids(p), p.Strategy)
	}
	if p.Release == nil || !slices.Equal(p.Release.Command, []string{"bin/shop"}) || !slices.Equal(p.Release.Artifacts, []string{"bin/shop"}) {
		t.Errorf("release is %+v", p.Release)
	}
	for _, subject := range []string{"task build", "task test", "target"} {
		if r := reason(p, subject); r.Source != "detected" || !strings.Contains(r.Detail, "go.mod") {
			t.Errorf("%s is explained by %+v", subject, r)
		}
	}
}

// Where nothing is detected, the plan says what was looked for.
func TestNothingDetected(t *testing.T) {
	p, err := Plan(mustRead(t, ""), push("main"), tree(map[string]string{"README": ""}), testCatalog())
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	for _, r := range p.Reasons {
		if r.Subject == "strategy" {
			said = append(said, r.Detail)
		}
	}
	if text := strings.Join(said, "; "); !strings.Contains(text, "looked for go.mod, package.json, pyproject.toml, requirements.txt, setup.py and for one of main.py") {
		t.Errorf("the strategy is explained by %q", text)
	}
}

func TestConfigurationGoesBeforeDetection(t *testing.T) {
	files := tree(map[string]string{"go.mod": "module x\n", "main.go": "package main\n"})
	p, err := Plan(mustRead(t, shop), push("feature/x"), files, testCatalog())
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(task(t, p, "build").Config), `"run":"make"`) || strings.Contains(ids(p), "test ") {
		t.Errorf("tasks are %s", ids(p))
	}
}

func TestSourcesOfARelease(t *testing.T) {
	d := detect(tree(map[string]string{
		"package.json": `{"main": "a.js", "dependencies": {"x": "1"}}`, "a.js": "", "lib/b.mjs": "", "README.md": "",
		"node_modules/x/index.js": "", ".git/hook.js": "", "test/a.js": "",
	}), "shop")
	if want := []string{"a.js", "lib/b.mjs", "package.json", "node_modules/**"}; !slices.Equal(d.build.Artifacts, want) {
		t.Errorf("artifacts are %q", d.build.Artifacts)
	}
}

func TestServiceNames(t *testing.T) {
	for repository, want := range map[string]string{
		"shop": "shop", "My Shop": "my-shop", "9lives": "lives", "": "service", "--": "service", "a_b.c": "a-b-c",
		strings.Repeat("x", 80): strings.Repeat("x", 63),
	} {
		ev := push("main")
		ev.Repository = repository
		if p := mustPlan(t, "", ev); p.Service != want {
			t.Errorf("%q is the service %q, want %q", repository, p.Service, want)
		}
	}
}
