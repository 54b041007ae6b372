package pipeline

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"fairlead.dev"
)

func TestTasksAreComplete(t *testing.T) {
	p := mustPlan(t, `
version: 1
env: [B, A]
build: {run: make, artifacts: [bin/x]}
tests:
  unit:
    run: go test
    report: junit
    report-file: out.xml
    retry-failed: 3
    env: [C, A]
    reads: ["**/*.go"]
    timeout: 90s
    retries: 0
    needs: [build]
    matrix: {os: [linux, mac], go: [1.25, "1.30"]}
steps:
  after: {use: scan.secrets, with: {allow: [a]}, needs: [unit, unit]}
environments: {production: {target: {process: {command: [bin/x], replicas: 4, env: {K: v}}}}}
`, push("main"))
	if want := "build unit[go=1.25,os=linux] unit[go=1.25,os=mac] unit[go=1.30,os=linux] unit[go=1.30,os=mac] after sbom"; ids(p) != want {
		t.Fatalf("tasks are %s", ids(p))
	}
	u := task(t, p, "unit[go=1.30,os=mac]")
	have, err := json.Marshal(u)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"id":"unit[go=1.30,os=mac]","type":"test.command","needs":["build"],` +
		`"config":{"run":"go test","report":"junit","report-file":"out.xml","retry-failed":3},` +
		`"matrix":{"go":"1.30","os":"mac"},"env":["A","B","C"],"reads":["**/*.go"],"timeout":"1m30s","retries":0,` +
		`"phase":"verify","reason":"config: fairlead.yaml:6:3 (fast tests, profile complete)"}`
	if string(have) != want {
		t.Errorf("have %s\nwant %s", have, want)
	}
	if n := len(task(t, p, "after").Needs); n != 4 {
		t.Errorf("a need on a matrix is %d needs", n)
	}
	if b := task(t, p, "build"); b.Timeout.D() != 15*time.Minute || b.Retries != 2 || len(b.Needs) != 0 {
		t.Errorf("defaults of build: %+v", b)
	}
	if p.Release.Replicas != 4 || p.Release.Env["K"] != "v" || !slices.Equal(p.Release.Command, []string{"bin/x"}) ||
		!slices.Equal(p.Release.Artifacts, []string{"bin/x"}) || p.Release.Target != "process" {
		t.Errorf("release is %+v", p.Release)
	}
	for _, task := range p.Tasks {
		if task.Reason == "" || reason(p, "task "+task.ID).Source == "" {
			t.Errorf("%s has no reason", task.ID)
		}
	}
}

func TestNeededTestsComeAlong(t *testing.T) {
	p := mustPlan(t, `
version: 1
tests:
  fast: {run: x, needs: [heavy]}
  heavy: {run: x, level: complete}
  other: {run: x, level: complete}
`, push("feature/x"))
	if ids(p) != "heavy fast secrets sbom" {
		t.Errorf("tasks are %s", ids(p))
	}
	if r := reason(p, "task heavy"); !strings.Contains(r.Detail, "needed by fast") {
		t.Errorf("have %+v", r)
	}
}

func TestOwnStepsStandInForTheMatrix(t *testing.T) {
	p := mustPlan(t, shop+`
steps:
  keys: {use: scan.secrets, with: {scope: change}}
  sbom: {use: build.command, with: {run: make sbom}}
  probe: {use: check.http, with: {paths: [/x]}}
`, push("main"))
	if ids(p) != "build unit it e2e keys sbom probe sbom.source" {
		t.Errorf("tasks are %s", ids(p))
	}
	if r := reason(p, "matrix task secrets"); r.Choice != "not added" || r.Source != "config" {
		t.Errorf("have %+v", r)
	}
	if probe := task(t, p, "probe"); probe.Phase != fairlead.PhasePreview {
		t.Errorf("probe runs in %s", probe.Phase)
	}
}

func TestPreviewStepsNeedARelease(t *testing.T) {
	p := mustPlan(t, shop+"steps: {probe: {use: check.http, with: {paths: [/x]}}}\n", event(fairlead.EventPullRequest, nil))
	if strings.Contains(ids(p), "probe") || reason(p, "task probe").Choice != "left out" {
		t.Errorf("tasks are %s, %+v", ids(p), reason(p, "task probe"))
	}
}

func TestScheduleBuildsOnlyWhatStepsNeed(t *testing.T) {
	p := mustPlan(t, shop+"steps: {soak: {use: test.command, with: {run: soak}, needs: [build]}}\n", event(fairlead.EventSchedule, nil))
	if ids(p) != "build soak secrets sbom" {
		t.Errorf("tasks are %s", ids(p))
	}
}

func TestScanScopeFollowsSecurity(t *testing.T) {
	for branch, want := range map[string]string{"main": `"scope":"tree"`, "feature/x": `"scope":"change"`} {
		if config := string(task(t, mustPlan(t, shop, push(branch)), "secrets").Config); !strings.Contains(config, want) {
			t.Errorf("%s scans with %s", branch, config)
		}
	}
}

func TestSmokeAsksTheReadyPath(t *testing.T) {
	smoke := task(t, mustPlan(t, shop, push("main")), "smoke")
	if smoke.Phase != fairlead.PhasePreview || !strings.Contains(string(smoke.Config), `"paths":["/readyz"]`) || len(smoke.Needs) != 0 {
		t.Errorf("smoke is %+v", smoke)
	}
}
