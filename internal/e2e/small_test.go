package e2e

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"fairlead.dev/internal/promtest"
)

// smallConfig delivers the tiny service to staging by canary. JUDGING stands
// for what a script says about how it is judged.
const smallConfig = `version: 1
service: tiny
build: {run: 'cp PROGRAM tiny.bin', artifacts: [tiny.bin]}
tests:
  unit: {run: 'echo 1..1; echo ok 1 - fine', report: tap}
environments:
  staging:
    security: none
    target:
      process: {command: [./tiny.bin], replicas: 2, listen: "127.0.0.1:PORT", ready: {http: /ready}}
deploy:
  canary:
JUDGING
`

// cmdSmall makes a repository on develop with a service that is released in a
// second: small DIR FILE, where FILE holds the keys of deploy.canary and, in
// lines that begin at the margin, further sections.
func cmdSmall(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: small DIR FILE")
	}
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o750))
	text := strings.NewReplacer("JUDGING", ts.ReadFile(args[1]), "PROGRAM", filepath.Join(program, "tiny"),
		"PORT", ts.Getenv("port_staging"), "PROMETHEUS", ts.Getenv("prometheus")).Replace(smallConfig)
	text = strings.ReplaceAll(text, "PROMETHEUS", ts.Getenv("prometheus"))
	ts.Check(os.WriteFile(filepath.Join(dir, "fairlead.yaml"), []byte(text), 0o600))
	git(ts, dir, "init", "-q", "-b", "develop")
	cmdCommit(ts, false, []string{args[0], "First version"})
}

// cmdPrometheus starts a server that scrapes the replicas which the agent of a
// repository runs, and puts its URL into the variable prometheus:
// prometheus DIR.
func cmdPrometheus(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: prometheus DIR")
	}
	dir := filepath.Join(ts.Getenv("WORK"), "prometheus")
	ts.Check(os.MkdirAll(dir, 0o750))
	discovery := filepath.Join(ts.MkAbs(args[0]), ".fairlead", "private", "agent", "discovery", "*.json")
	url, stop, err := promtest.Launch(dir, discovery)
	ts.Check(err)
	ts.Defer(stop)
	ts.Setenv("prometheus", url)
}
