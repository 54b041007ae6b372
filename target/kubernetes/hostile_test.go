package kubernetes

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"

	"fairlead.dev"
)

// A kustomization is built from what was delivered, bases beside it included,
// and from nothing else: neither the network nor this machine's disk is asked,
// whatever way is found to name them.
func TestKustomize(t *testing.T) {
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer server.Close()
	here := strings.TrimPrefix(server.URL, "http://")
	c := Config{Manifests: "deploy/staging", AllowTags: true}
	all := files{
		"deploy/base/kustomization.yaml": []byte("resources: [a.yaml]"),
		"deploy/base/a.yaml":             []byte(plain),
		"deploy/staging/kustomization.yaml": []byte(`
resources: [../base]
namePrefix: my-
commonAnnotations: {more: "https://example.org"}
patches: [{patch: '[{"op": "add", "path": "/metadata/annotations/at", "value": "https://example.org"}]', target: {kind: Service}}]
configMapGenerator: [{name: c, literals: ["url=https://example.org"], files: [d=c.txt]}]`),
		"deploy/staging/c.txt": []byte("https://example.org"),
	}
	r, err := made(t, c, all)
	if err != nil {
		t.Fatal(err)
	}
	if r.home.GetName() != "my-shop" || r.service.GetName() != "my-shop" || !strings.HasPrefix(r.rest[0].GetName(), "my-c-") {
		t.Errorf("built %s, %s, %s", title(r.home), title(r.service), title(r.rest[0]))
	}
	all["secret.yaml"] = []byte("a: 1")
	// What looks like the files that are meant, as somebody could deliver them.
	for _, decoy := range []string{"http:/" + here + "/repo", "github.com/org/repo/kustomization.yaml", "file:/etc/kustomization.yaml"} {
		all["deploy/staging/"+decoy] = []byte("resources: []")
	}
	transformer := "{apiVersion: builtin, kind: PatchTransformer, metadata: {name: p}, path: " + server.URL + "/p.yaml}"
	all["deploy/staging/transformer.yaml"] = []byte(transformer)
	for name, text := range map[string]string{
		"a repository":           "resources: [" + server.URL + "/repo]",
		"a short one":            "resources: [example.org/repo//base]",
		"of a known host":        "resources: [github.com/org/repo]",
		"in another case":        "resources: [GitHub.com/org/repo]",
		"by ssh":                 "resources: ['git@" + here + ":org/repo']",
		"forced":                 "resources: ['git::http://" + here + "/repo']",
		"from the disk":          "resources: ['file:///etc']",
		"a file outside":         "resources: [../../../etc]",
		"a patch":                "resources: [../base]\npatches: [{path: " + server.URL + "/p.yaml}]",
		"a patch in capitals":    "resources: [../base]\npatches: [{path: HTTP://" + here + "/p.yaml}]",
		"a key in capitals":      "RESOURCES: [" + server.URL + "/repo]",
		"patches in capitals":    "resources: [../base]\nPatches: [{Path: " + server.URL + "/p.yaml}]",
		"a component":            "resources: [../base]\ncomponents: [" + server.URL + "/c]",
		"a generator":            "resources: [../base]\nconfigMapGenerator: [{name: c, files: [" + server.URL + "/f]}]",
		"a generator's key":      "resources: [../base]\nsecretGenerator: [{name: c, files: ['f=" + server.URL + "/f']}]",
		"a generator's env":      "resources: [../base]\nconfigMapGenerator: [{name: c, envs: [" + server.URL + "/f]}]",
		"a schema":               "resources: [../base]\nopenapi: {path: " + server.URL + "/s.json}",
		"a definition":           "resources: [../base]\ncrds: [" + server.URL + "/c.json]",
		"a transformer":          "resources: [../base]\ntransformers: ['" + transformer + "']",
		"a transformer's file":   "resources: [../base]\ntransformers: [transformer.yaml]",
		"a generator from afar":  "resources: [../base]\ngenerators: [github.com/org/repo]",
		"a chart":                "resources: [../base]\nhelmCharts: [{name: c, repo: " + server.URL + "}]",
		"not a kustomization":    "- a",
		"many names for nothing": "resources: [../base]\na: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e,*e,*e]",
	} {
		all["deploy/staging/kustomization.yaml"] = []byte(text)
		_, err := made(t, c, all)
		if fairlead.KindOf(err) != fairlead.KindInvalid || !strings.Contains(err.Error(), "read kustomization: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	all["deploy/staging/kustomization.yaml"] = []byte("resources: [../base]\npatches: [{path: ../../secret.yaml}]")
	if _, err := made(t, c, all); fairlead.KindOf(err) != fairlead.KindInvalid {
		t.Errorf("a file outside of the kustomization: %v", err)
	}
	if n := asked.Load(); n > 0 {
		t.Errorf("somebody was asked %d times", n)
	}
}

// Without helm a chart is a clear problem; with it the chart is rendered.
func TestHelm(t *testing.T) {
	all := files{
		"chart/Chart.yaml":       []byte("apiVersion: v2\nname: shop\nversion: 1.0.0"),
		"chart/templates/a.yaml": []byte(plain),
	}
	c := Config{Manifests: "chart", AllowTags: true}
	if _, missing := exec.LookPath("helm"); missing == nil {
		if _, err := made(t, c, all); err != nil {
			t.Error(err)
		}
	}
	t.Setenv("PATH", t.TempDir())
	_, err := made(t, c, all)
	if fairlead.KindOf(err) != fairlead.KindUnavailable || !strings.Contains(err.Error(), "helm is not installed") || fairlead.HintOf(err) == "" {
		t.Error(err)
	}
	// A program in its place, which does what templates can make the real one do.
	for name, tt := range map[string]struct{ script, want string }{
		"renders":     {"cat templates.out", ""},
		"has no end":  {"exec yes '# a comment that is long enough not to take for ever'", "writes more than"},
		"complains":   {"echo 'parse error at (shop/templates/a.yaml:1)' >&2; exit 1", "parse error at"},
		"no manifest": {"echo a", "needs apiVersion and kind"},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "helm"), []byte("#!/bin/sh\n"+strings.ReplaceAll(tt.script, "templates.out", "chart/templates/a.yaml")+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		t.Setenv("PATH", dir+":/usr/bin:/bin")
		_, err := made(t, c, all)
		if tt.want == "" && err != nil || tt.want != "" && (fairlead.KindOf(err) != fairlead.KindInvalid || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
}

// What pretends to be something that it is not, or would fill the memory, is
// refused while it is read.
func TestHostileManifests(t *testing.T) {
	bomb := "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n"
	for i := range 12 {
		is, was := string(rune('b'+i)), string(rune('a'+i))
		ref := "*" + was + "0"
		bomb += is + "0: &" + is + "0 [" + strings.Repeat(ref+",", 9) + ref + "]\n"
	}
	extra := func(text string) string { return plain + "---\n" + text }
	for name, tt := range map[string]struct{ text, want string }{
		"aliases":            {extra("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n" + bomb), ""},
		"depth":              {extra("a: " + strings.Repeat("[", 200_000)), ""},
		"depth of objects":   {extra("a: " + strings.Repeat("{a: ", 100_000)), ""},
		"a copy's label":     {strings.Replace(plain, "metadata: {name: shop}", `metadata: {name: shop, labels: {fairlead.dev/copy: "true"}}`, 1), "which only the target gives"},
		"a pod's label":      {strings.Replace(plain, "labels: {app: shop,", "labels: {fairlead.dev/place: x, app: shop,", 1), "which only the target gives"},
		"a release's note":   {extra("apiVersion: v1\nkind: Secret\nmetadata: {name: a, annotations: {fairlead.dev/release: x}}"), "which only the target gives"},
		"the place's state":  {extra("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: " + ledgerName(placeOf("staging", "shop")) + "}"), "the state that is kept here"},
		"another's state":    {extra("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: " + ledgerName(placeOf("production", "till")) + "}"), "the state that is kept here"},
		"copied":             {strings.Replace(plain, "metadata: {name: shop}", `metadata: {name: shop, resourceVersion: "5"}`, 1), "leave out what the cluster says"},
		"copied whole":       {strings.Replace(plain, "metadata: {name: shop}", "metadata: {name: shop, uid: 0d4f, managedFields: []}", 1), "leave out what the cluster says"},
		"an image as volume": {strings.Replace(plain, "spec: {containers:", "spec: {volumes: [{name: v, image: {reference: registry.test/data:v1}}], containers:", 1), `image "registry.test/data:v1" is not named by digest`},
		"a hidden container": {extra("apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: a}\nspec: {jobTemplate: {spec: {template: {spec: {initContainers: [{name: i, image: registry.test/x:v1}]}}}}}"), "is not named by digest"},
		"a template":         {extra("apiVersion: v1\nkind: PodTemplate\nmetadata: {name: a}\ntemplate: {spec: {containers: [{name: c, image: registry.test/x:v1}]}}"), "is not named by digest"},
	} {
		text := strings.ReplaceAll(tt.text, "registry.test/shop:v1", pinned)
		_, err := made(t, Config{Manifests: "deploy"}, files{"deploy/a.yaml": []byte(text)})
		if fairlead.KindOf(err) != fairlead.KindInvalid || !strings.Contains(err.Error()+fairlead.HintOf(err), tt.want) {
			t.Errorf("%s: %.300v", name, err)
		}
	}
	volume := strings.Replace(plain, "spec: {containers:", "spec: {volumes: [{name: v, image: {reference: data}}], containers:", 1)
	c := Config{Manifests: "deploy", Images: map[string]string{"registry.test/shop": "image.txt", "data": "image.txt"}}
	if _, err := made(t, c, files{"deploy/a.yaml": []byte(volume), "image.txt": []byte(pinned)}); err != nil {
		t.Errorf("a volume that is an image by digest: %v", err)
	}
}

// Manifests that are too large are refused before they are read.
func TestTooMuch(t *testing.T) {
	many := []fairlead.Artifact{{Name: "deploy/a.yaml", Size: 1}}
	for range 20 {
		many = append(many, fairlead.Artifact{Name: "deploy/more/x", Size: maxContent})
	}
	if _, err := needed(Config{Manifests: "deploy"}, many); fairlead.KindOf(err) != fairlead.KindInvalid || !strings.Contains(err.Error(), "at most") {
		t.Errorf("many files: %v", err)
	}
	large := fstest.MapFS{"deploy/a.yaml": {Data: []byte(plain)}, "deploy/film": {Data: make([]byte, maxContent+1)}}
	_, err := AccessFor(t.Context(), placeOf("staging", "shop"), json.RawMessage(`{"manifests": "deploy"}`), large)
	if fairlead.KindOf(err) != fairlead.KindInvalid || !strings.Contains(err.Error(), "deploy/film") {
		t.Errorf("a large file: %v", err)
	}
}

// The rules that others added to a route stay when ours are applied; what came
// with the manifests before goes with them.
func TestRulesOfOthersStay(t *testing.T) {
	route := func(rules string) string {
		return "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: web}\nspec: {rules: " + rules + "}"
	}
	before, err := decode("a", []byte(route(`[{backendRefs: [{name: shop}]}, {matches: [{path: {value: /old}}], backendRefs: [{name: shop}]}]`)))
	if err != nil {
		t.Fatal(err)
	}
	// As the API server completes it, with two rules that somebody added.
	live, err := decode("b", []byte(route(`[
		{matches: [{path: {type: PathPrefix, value: /}}], backendRefs: [{name: shop, weight: 70}, {name: shop-0123456789, weight: 30}]},
		{matches: [{path: {type: PathPrefix, value: /old}}], backendRefs: [{name: shop}]},
		{matches: [{path: {type: Exact, value: /old}}], backendRefs: [{name: theirs}]},
		{matches: [{path: {type: PathPrefix, value: /}, headers: [{type: Exact, name: x, value: y}]}], backendRefs: [{name: theirs}]}]`)))
	if err != nil {
		t.Fatal(err)
	}
	next, err := decode("c", []byte(route(`[{backendRefs: [{name: shop}]}, {matches: [{path: {value: /new}}], backendRefs: [{name: shop}]}]`)))
	if err != nil {
		t.Fatal(err)
	}
	keepRules(next[0], live[0], ruleKeys(before[0]))
	theirs := rulesOf(live[0])[2:]
	got := rulesOf(next[0])
	if len(got) != 4 || fairlead.DigestJSON(got[2:]) != fairlead.DigestJSON(theirs) {
		t.Errorf("the rules are %v", got)
	}
	for i, key := range ruleKeys(before[0]) {
		if key != ruleKeys(live[0])[i] {
			t.Errorf("rule %d is not known again in %v", i, rulesOf(live[0])[i])
		}
	}
}
