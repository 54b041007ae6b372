package iac_test

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"fairlead.dev"
	"fairlead.dev/iac"
)

const header = `# METADATA
# title: A test
# custom:
#   severity: high
#   cwe: [CWE-1]
#   fix: do it
`

// Checks may not reach out of their input: every such function is unknown, in
// checks of one's own as in ours.
func TestChecksReachNothing(t *testing.T) {
	for _, call := range []string{
		`http.send({"method": "GET", "url": "http://127.0.0.1:1/"}).status_code == 200`,
		`net.lookup_ip_addr("localhost")`, `opa.runtime().env.HOME`, `time.now_ns() > 0`, `rand.intn("a", 2) == 1`,
		`uuid.rfc4122("a")`, `trace("a")`, `rego.parse_module("a", "package a")`, `io.jwt.decode("a")`,
	} {
		text := header + "package fairlead.compose.own_x\n\ndeny contains {\"at\": [], \"resource\": \"\", \"message\": \"m\"} if " + call + "\n"
		_, err := iac.New(t.Context(), map[string]string{"own.rego": text})
		if fairlead.KindOf(err) != fairlead.KindInvalid || !strings.Contains(err.Error(), "undefined function") {
			t.Errorf("%s: %v", call, err)
		}
	}
}

func TestOwnCheck(t *testing.T) {
	text := header + `package fairlead.compose.own_label

deny contains {"at": ["doc", "services", name], "resource": name, "message": "no label"} if {
	some name, s in input.doc.services
	not s.labels
}
`
	c, err := iac.New(t.Context(), map[string]string{"checks/own.rego": text})
	if err != nil {
		t.Fatal(err)
	}
	report, err := c.Check(t.Context(), []iac.File{{Path: "compose.yaml", Content: []byte("services:\n  web: {image: 'a:1'}\n")}})
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(report.Findings, func(f fairlead.Finding) bool { return f.Rule == "compose-own-label" })
	if i < 0 {
		t.Fatalf("findings %+v", report.Findings)
	}
	f := report.Findings[i]
	f.Fingerprint = ""
	want := fairlead.Finding{
		Category: fairlead.CategoryIaC, Rule: "compose-own-label", Severity: fairlead.SeverityHigh, SeveritySource: "rule",
		CWE: []string{"CWE-1"}, Message: "no label", Location: fairlead.Location{Path: "compose.yaml", Line: 2, Column: 3}, Resource: "web", Fix: "do it",
	}
	if diff := cmp.Diff(want, f); diff != "" {
		t.Error(diff)
	}
}

func TestOwnCheckIsRefused(t *testing.T) {
	body := "\ndeny contains x if { x := {\"at\": [], \"resource\": \"\", \"message\": \"m\"} }\n"
	for name, text := range map[string]string{
		"empty":             "",
		"no Rego":           "{",
		"takes ours":        header + "package fairlead.kubernetes.privileged" + body,
		"another package":   header + "package x" + body,
		"no METADATA":       "package fairlead.compose.own_x" + body,
		"no title":          strings.Replace(header, "# title: A test\n", "", 1) + "package fairlead.compose.own_x" + body,
		"no such severity":  strings.Replace(header, "high", "bad", 1) + "package fairlead.compose.own_x" + body,
		"no such CWE":       strings.Replace(header, "CWE-1", "79", 1) + "package fairlead.compose.own_x" + body,
		"an unknown helper": header + "package fairlead.compose.own_x\ndeny contains x if { x := data.lib.compose.nothing(1) }",
	} {
		if _, err := iac.New(t.Context(), map[string]string{"own.rego": text}); fairlead.KindOf(err) != fairlead.KindInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What a check says that is no finding is a defect that is told.
func TestOwnCheckSaysNonsense(t *testing.T) {
	text := header + "package fairlead.compose.own_x\n\ndeny contains 1\n"
	c, err := iac.New(t.Context(), map[string]string{"own.rego": text})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Check(t.Context(), []iac.File{{Path: "compose.yaml", Content: []byte("services: {}\n")}})
	if err == nil || !strings.Contains(err.Error(), "compose-own-x") {
		t.Errorf("error %v", err)
	}
}

func TestCheckIsCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := checker(t).Check(ctx, []iac.File{{Path: "compose.yaml", Content: []byte("services: {}\n")}})
	if fairlead.KindOf(err) != fairlead.KindCancelled {
		t.Errorf("error %v", err)
	}
}

// Files that cannot be judged say so, each once, and the others are judged.
func TestHostileFiles(t *testing.T) {
	bomb := "services: &a0 {x: y}\n"
	for i := range 40 {
		bomb += "k" + string(rune('a'+i/26)) + string(rune('a'+i%26)) + ": &a" + itoa(i+1) + " {l: *a" + itoa(i) + ", r: *a" + itoa(i) + "}\n"
	}
	hostile := map[string]string{
		"bomb/compose.yaml":       bomb,
		"circle/compose.yaml":     "services: &a\n  x: *a\n",
		"deep/compose.yaml":       strings.Repeat("[", 200_000),
		"deep/main.tf":            "x = " + strings.Repeat("(", 200_000),
		"not/main.tf":             "x = " + strings.Repeat("!", 200_000) + "true",
		"if/main.tf":              "x = " + strings.Repeat("a?b:", 200_000) + "c",
		"open/main.tf":            "resource \"a\" \"b\" {\n",
		"bytes/main.tf":           "x = \"\xff\"",
		"bytes/Dockerfile":        "FROM \xff\n",
		"empty/Dockerfile":        "",
		"early/Dockerfile":        "RUN x\n",
		"lines/Dockerfile":        "FROM a:1\n" + strings.Repeat("RUN x\n", 30_000),
		"nodes/compose.yaml":      "services:\n" + strings.Repeat("- \n", 600_000),
		"cut/plan.json":           `{"format_version": "1.2", "planned_values": {"root_module": {"resources": [{"addr`,
		"deep/plan.json":          `{"format_version": "1.2", "planned_values": ` + strings.Repeat(`{"root_module":`, 20_000),
		"old/plan.json":           `{"format_version": "9", "planned_values": {}}`,
		".github/workflows/a.yml": "on: push\n\tjobs: {}\n",
		".github/workflows/b.yml": "- a\n",
	}
	files := []iac.File{{Path: "good/compose.yaml", Content: []byte("services: {web: {image: 'a:1', privileged: true}}\n")}}
	for path, content := range hostile {
		files = append(files, iac.File{Path: path, Content: []byte(content)})
	}
	start := time.Now()
	report, err := checker(t).Check(t.Context(), files)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d files in %v", len(files), time.Since(start))
	unreadable, privileged := map[string]int{}, 0
	for _, f := range report.Findings {
		if f.Rule == iac.Unreadable {
			unreadable[f.Location.Path]++
			if strings.ContainsAny(f.Message, "\n\t\x00") || len(f.Message) > 1500 || f.Severity != fairlead.SeverityUnknown {
				t.Errorf("%+v", f)
			}
		}
		if f.Rule == "compose-privileged" {
			privileged++
		}
	}
	for path := range hostile {
		if unreadable[path] != 1 {
			t.Errorf("%s: %d findings that it is unreadable", path, unreadable[path])
		}
	}
	if privileged != 1 {
		t.Errorf("the good file has %d findings", privileged)
	}
}

// Twice as much takes twice as long, or near it: a check that compared everything with everything
// would not be done in an hour.
func TestManyTakeNotForEver(t *testing.T) {
	var docs strings.Builder
	for i := range 2000 {
		docs.WriteString("---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d" + itoa(i) + "}\nspec: {template: {spec: {containers: [{name: c, image: x}]}}}\n")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	report, err := checker(t).Check(ctx, []iac.File{
		{Path: "Dockerfile", Content: []byte("FROM alpine:3.20\n" + strings.Repeat("RUN apt-get update && apt-get install -y x\n", 3000))},
		{Path: "all.yaml", Content: []byte(docs.String())},
	})
	if err != nil || len(report.Findings) < 2000 {
		t.Errorf("%d findings, %v", len(report.Findings), err)
	}
}

func itoa(i int) string {
	b, _ := json.Marshal(i)
	return string(b)
}

// Locals can double each other, and loops multiply: what gets large stays
// unknown.
func TestTerraformStaysSmall(t *testing.T) {
	var b strings.Builder
	b.WriteString("locals {\n  a0 = \"xxxxxxxxxxxxxxxx\"\n")
	for i := range 60 {
		b.WriteString("  a" + itoa(i+1) + " = \"${local.a" + itoa(i) + "}${local.a" + itoa(i) + "}\"\n")
	}
	b.WriteString("  l = [" + strings.Repeat("1,", 2000) + "]\n  z = [for a in local.l : [for b in local.l : [for c in local.l : c]]]\n}\n")
	report, err := checker(t).Check(t.Context(), []iac.File{{Path: "main.tf", Content: []byte(b.String())}})
	if err != nil || len(report.Findings) > 0 {
		t.Errorf("%v, %+v", err, report.Findings)
	}
}

// The same files give the same findings in whatever order they come, and
// moving lines changes no fingerprint.
func TestCheckIsStable(t *testing.T) {
	var files []iac.File
	paths, err := filepath.Glob("testdata/*/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range paths {
		a, err := txtar.ParseFile(p)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range fixture(a, "fail/") {
			f.Path = filepath.Base(p) + "/" + f.Path
			files = append(files, f)
		}
	}
	c := checker(t)
	first, err := c.Check(t.Context(), files)
	if err != nil || len(first.Findings) < 100 {
		t.Fatal(len(first.Findings), err)
	}
	slices.Reverse(files)
	again, err := c.Check(t.Context(), files)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first, again); diff != "" {
		t.Errorf("another order:\n%s", diff)
	}
	for i, f := range files {
		if !strings.HasSuffix(f.Path, ".json") {
			files[i].Content = append([]byte("\n# moved\n\n"), f.Content...)
		}
	}
	moved, err := c.Check(t.Context(), files)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(prints(first), prints(moved)); diff != "" {
		t.Errorf("moved:\n%s", diff)
	}
}

func prints(r iac.Report) []string {
	var out []string
	for _, f := range r.Findings {
		out = append(out, f.Fingerprint)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Source and plan of the same configuration are judged alike.
func TestPlanIsJudgedLikeSource(t *testing.T) {
	source := "resource \"aws_kms_key\" \"k\" {}\nresource \"aws_security_group\" \"s\" {\n  ingress {\n    from_port = 22\n    to_port = 22\n    protocol = \"tcp\"\n    cidr_blocks = [\"0.0.0.0/0\"]\n  }\n}\nresource \"aws_db_instance\" \"d\" {\n  storage_encrypted = var.x\n}\n"
	plan := `{"format_version":"1.2","planned_values":{"root_module":{"resources":[
		{"address":"aws_kms_key.k","mode":"managed","type":"aws_kms_key","name":"k","values":{"enable_key_rotation":null}},
		{"address":"aws_security_group.s","mode":"managed","type":"aws_security_group","name":"s","values":{"ingress":[{"from_port":22,"to_port":22,"protocol":"tcp","cidr_blocks":["0.0.0.0/0"]}]}},
		{"address":"aws_db_instance.d","mode":"managed","type":"aws_db_instance","name":"d","values":{}}]}},
		"resource_changes":[{"address":"aws_db_instance.d","change":{"after_unknown":{"storage_encrypted":true}}}],
		"configuration":{"root_module":{"resources":[{"address":"aws_db_instance.d","expressions":{"storage_encrypted":{"references":["var.x"]}}}]}}}`
	rules := func(path, content string) []string {
		report, err := checker(t).Check(t.Context(), []iac.File{{Path: path, Content: []byte(content)}})
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, f := range report.Findings {
			out = append(out, f.Rule+" "+f.Resource)
		}
		slices.Sort(out)
		return out
	}
	want := []string{"terraform-aws-key-rotation aws_kms_key.k", "terraform-aws-open-admin-port aws_security_group.s"}
	if diff := cmp.Diff(want, rules("main.tf", source)); diff != "" {
		t.Errorf("source: %s", diff)
	}
	if diff := cmp.Diff(want, rules("plan.json", plan)); diff != "" {
		t.Errorf("plan: %s", diff)
	}
}

func TestKindOf(t *testing.T) {
	manifest := "apiVersion: v1\nkind: Pod\n"
	for _, c := range []struct {
		path, content string
		want          iac.Kind
	}{
		{"Dockerfile", "", iac.Dockerfile},
		{"a/api.Dockerfile", "", iac.Dockerfile},
		{"Dockerfile.prod", "", iac.Dockerfile},
		{"Dockerfile.dockerignore", "", ""},
		{"Containerfile", "", iac.Dockerfile},
		{"a/main.tf", "", iac.Terraform},
		{"plan.json", `{"format_version":"1","planned_values":{}}`, iac.Terraform},
		{"package.json", `{"name":"x"}`, ""},
		{"docker-compose.prod.yml", "", iac.Compose},
		{"x/.github/workflows/ci.yml", "", iac.Actions},
		{"act/action.yml", "", iac.Actions},
		{"deploy/app.yaml", manifest, iac.Kubernetes},
		{"deploy/app.json", `{"apiVersion": "v1", "kind": "Pod"}`, iac.Kubernetes},
		{"chart/templates/app.yaml", manifest + "x: {{ .Values.x }}\n", ""},
		{"values.yaml", "kind: x\n", ""},
		{"main.go", manifest, ""},
	} {
		if got := iac.KindOf(c.path, []byte(c.content)); got != c.want {
			t.Errorf("%s: %q, want %q", c.path, got, c.want)
		}
		if c.want != "" && !iac.Wanted(c.path) {
			t.Errorf("%s is not wanted", c.path)
		}
	}
}

func FuzzCheck(f *testing.F) {
	paths, err := filepath.Glob("testdata/*/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, p := range paths {
		a, err := txtar.ParseFile(p)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range a.Files[:1] {
			f.Add(strings.TrimPrefix(file.Name, "fail/"), file.Data)
		}
	}
	c, err := iac.New(context.Background(), nil)
	if err != nil {
		f.Fatal(err)
	}
	names := []string{"Dockerfile", "app.yaml", "compose.yaml", "main.tf", "plan.json", ".github/workflows/ci.yaml"}
	f.Fuzz(func(t *testing.T, path string, content []byte) {
		for _, name := range append(names, path) {
			report, err := c.Check(t.Context(), []iac.File{{Path: name, Content: content}})
			if err != nil && !errors.Is(err, context.Canceled) {
				t.Fatalf("%s: %v", name, err)
			}
			for _, found := range report.Findings {
				if found.Message == "" || found.Fingerprint == "" || found.Severity == "" {
					t.Errorf("%+v", found)
				}
			}
		}
	})
}
