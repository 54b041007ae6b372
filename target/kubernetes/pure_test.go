package kubernetes

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"pgregory.net/rapid"

	"fairlead.dev"
)

// Every key must be in the text that explain prints.
func TestDocNamesEveryKey(t *testing.T) {
	raw, err := json.Marshal(defaults())
	if err != nil {
		t.Fatal(err)
	}
	var keys map[string]any
	if err := json.Unmarshal(raw, &keys); err != nil {
		t.Fatal(err)
	}
	for key := range keys {
		if !strings.Contains(doc, "`"+key) {
			t.Errorf("kubernetes.md does not mention %s", key)
		}
	}
}

func TestConfigRefuses(t *testing.T) {
	for config, want := range map[string]string{
		`{"manifests": "deploy", "color": 1}`:                 "color",
		`{"manifests": "deploy", "kubeconfig": "kubeconfig"}`: "kubeconfig: an absolute path",
		`{}`:                     "manifests",
		`{"manifests": "../up"}`: "manifests",
		`{"manifests": "deploy", "images": {"a": "/etc/passwd"}}`:                        "images: a",
		`{"manifests": "deploy", "values": ["../v"]}`:                                    "values",
		`{"manifests": "deploy", "namespace": "Shop!"}`:                                  "namespace",
		`{"manifests": "deploy", "traffic": {"gateway-api": "a", "service": "b"}}`:       "exclude each other",
		`{"manifests": "deploy", "replicas": 0}`:                                         "replicas",
		`{"manifests": "deploy", "drain": "-1s"}`:                                        "drain",
		`{"manifests": "deploy", "traffic": {"service": "b", "accept": "0s"}}`:           "accept",
		`{"manifests": "deploy", "traffic": {"service": "b", "acceptance": "1s"}}`:       "acceptance",
		`{"manifests": "deploy", "deployment": "a b"}`:                                   "deployment",
		`{"manifests": "deploy", "traffic": {"gateway-api": "no/such", "accept": "1s"}}`: "traffic.gateway-api",
	} {
		_, err := decodeConfig(json.RawMessage(config))
		if fairlead.KindOf(err) != fairlead.KindInvalid || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", config, err, want)
		}
	}
}

func TestPlanSaysHowTrafficMoves(t *testing.T) {
	half := []fairlead.Stage{{Weight: 50}}
	for config, want := range map[string]string{
		`{"manifests": "d", "traffic": {"gateway-api": "web"}}`: "weights of HTTPRoute web",
		`{"manifests": "d", "replicas": 4}`:                     "as near to each weight as 4 replicas allow",
		`{"manifests": "d", "allow-tags": true}`:                "may change",
	} {
		notes, err := foresee(json.RawMessage(config), half)
		if err != nil || !strings.Contains(strings.Join(notes, "\n"), want) {
			t.Errorf("%s: %q, %v", config, notes, err)
		}
	}
	selector := json.RawMessage(`{"manifests": "d", "traffic": {"service": "web"}}`)
	if _, err := foresee(selector, half); fairlead.KindOf(err) != fairlead.KindInvalid {
		t.Errorf("half of the traffic by a selector: %v", err)
	}
	if notes, err := foresee(selector, []fairlead.Stage{{Weight: 100}}); err != nil || !strings.Contains(notes[0], "selector of Service web") {
		t.Errorf("all of the traffic by a selector: %q, %v", notes, err)
	}
}

// A commit names its kubeconfig, so that must not be a way to run a command here.
func TestKubeconfigRunsNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kubeconfig")
	text := `
apiVersion: v1
kind: Config
current-context: a
contexts: [{name: a, context: {cluster: a, user: a}}]
clusters: [{name: a, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: a, user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: touch, args: [/tmp/ran], interactiveMode: Never}}}]
`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := connect(Config{Kubeconfig: path}); fairlead.KindOf(err) != fairlead.KindDenied {
		t.Errorf("a kubeconfig with a command: %v", err)
	}
	t.Setenv("KUBECONFIG", path)
	if _, err := connect(Config{}); err != nil {
		t.Errorf("the user's own kubeconfig: %v", err)
	}
}

// Whoever has weight serves with at least one replica, who has none with none,
// and with enough replicas the parts come near to the weights.
func TestDivide(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := rapid.IntRange(0, 100).Draw(t, "weight")
		ready := []int{rapid.IntRange(1, 12).Draw(t, "new"), rapid.IntRange(1, 12).Draw(t, "old")}
		lit := divide([]share{{weight: w}, {weight: 100 - w}}, ready)
		for i, weight := range []int{w, 100 - w} {
			if (weight > 0) != (lit[i] > 0) || lit[i] > ready[i] {
				t.Fatalf("weights %d and %d of %v ready give %v", w, 100-w, ready, lit)
			}
		}
		if ready[0] >= 10 && ready[1] >= 10 && w >= 10 && w <= 90 {
			if got := float64(lit[0]) * 100 / float64(lit[0]+lit[1]); distance(got, float64(w)) > 5 {
				t.Fatalf("%d%% of %v is %v", w, ready, lit)
			}
		}
	})
}

func routeOf(t *testing.T, refs string) *unstructured.Unstructured {
	t.Helper()
	all, err := decode("route", []byte(`
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: web}
spec:
  rules:
  - matches: [{path: {value: /other}}]
    backendRefs: [{name: other, port: 80, weight: 3}]
  - filters: [{type: X}]
    backendRefs: `+refs))
	if err != nil {
		t.Fatal(err)
	}
	return all[0]
}

// Weights divide what the user gave to the Service, and what the user wrote
// comes back as it was, however the weights went.
func TestRouteComesBackAsItWas(t *testing.T) {
	for name, refs := range map[string]string{
		"alone":  `[{name: shop, port: 80}]`,
		"heavy":  `[{name: shop, port: 80, weight: 5}]`,
		"shared": `[{name: more, port: 80, weight: 100}, {name: shop, port: 80, weight: 300, filters: [{type: Y}]}]`,
	} {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				route := routeOf(t, refs)
				before := route.DeepCopy()
				m := &move{c: &cluster{namespace: "ns"}, ledger: &ledger{Service: "shop", Route: "web"}}
				for range rapid.IntRange(1, 4).Draw(rt, "steps") {
					w := rapid.IntRange(1, 100).Draw(rt, "weight")
					if err := m.weigh(route, map[string]int{"shop-0123456789": w}); err != nil {
						rt.Fatal(err)
					}
					if got := routed(route, "shop"); got["shop-0123456789"] != w || got["shop"] != 100-w {
						rt.Fatalf("%d%% became %v", w, got)
					}
				}
				if err := m.weigh(route, nil); err != nil {
					rt.Fatal(err)
				}
				if fairlead.DigestJSON(route.Object) != fairlead.DigestJSON(before.Object) {
					rt.Fatalf("was %v, is %v", before.Object, route.Object)
				}
			})
		})
	}
	m := &move{c: &cluster{namespace: "ns"}, ledger: &ledger{Service: "shop", Route: "web"}}
	err := m.weigh(routeOf(t, `[{name: more, port: 80}, {name: shop, port: 80, weight: 3}]`), map[string]int{"shop-0123456789": 10})
	if fairlead.KindOf(err) != fairlead.KindInvalid || !strings.Contains(fairlead.HintOf(err), "multiples of 100") {
		t.Errorf("a weight that cannot be split: %v", err)
	}
	err = m.weigh(routeOf(t, `[{name: more, port: 80}]`), nil)
	if fairlead.KindOf(err) != fairlead.KindInvalid {
		t.Errorf("a route that leads elsewhere: %v", err)
	}
}

// A route is accepted when each gateway that it names has accepted the newest of
// it, and nobody else is asked.
func TestAcceptance(t *testing.T) {
	route := func(status string) *unstructured.Unstructured {
		o := &unstructured.Unstructured{}
		if err := o.UnmarshalJSON([]byte(`{"apiVersion": "v1", "kind": "HTTPRoute", "metadata": {"name": "web", "namespace": "ns", "generation": 4},
			"spec": {"parentRefs": [{"name": "a"}, {"name": "b", "namespace": "edge", "sectionName": "https"}]}, "status": ` + status + `}`)); err != nil {
			t.Fatal(err)
		}
		return o
	}
	const a = `{"group": "gateway.networking.k8s.io", "kind": "Gateway", "namespace": "ns", "name": "a"}`
	const b = `{"name": "b", "namespace": "edge", "sectionName": "https"}`
	said := func(ref, observed, status string) string {
		return `{"parentRef": ` + ref + `, "conditions": [{"type": "Accepted", "observedGeneration": ` + observed + `, "status": "` + status + `", "reason": "R"}]}`
	}
	for status, want := range map[string]bool{
		`{}`: false,
		`{"parents": [` + said(a, "4", "True") + `]}`:                                                                         false,
		`{"parents": [` + said(a, "4", "True") + `,` + said(b, "3", "True") + `]}`:                                            false,
		`{"parents": [` + said(a, "4", "True") + `,` + said(b, "4", "True") + `]}`:                                            true,
		`{"parents": [` + said(a, "4", "True") + `,` + said(`{"name": "b"}`, "4", "True") + `]}`:                              false,
		`{"parents": [` + said(a, "3", "True") + `,` + said(a, "4", "True") + `,` + said(b, "4", "True") + `]}`:               true,
		`{"parents": [` + said(a, "4", "True") + `,` + said(b, "4", "True") + `,` + said(`{"name": "c"}`, "1", "True") + `]}`: true,
		`{"parents": [` + said(a, "3", "False") + `]}`:                                                                        false,
		`{"parents": [` + said(a, "4", "Unknown") + `,` + said(b, "4", "True") + `]}`:                                         false,
	} {
		if got, err := acceptedBy(route(status), 4); got != want || err != nil {
			t.Errorf("%s: %v, %v", status, got, err)
		}
	}
	if _, err := acceptedBy(route(`{"parents": [`+said(b, "4", "False")+`]}`), 4); fairlead.KindOf(err) != fairlead.KindDenied {
		t.Errorf("a route that is refused: %v", err)
	}
	nowhere := route(`{"parents": [` + said(a, "4", "True") + `]}`)
	unstructured.RemoveNestedField(nowhere.Object, "spec", "parentRefs")
	if got, err := acceptedBy(nowhere, 4); got || err != nil {
		t.Errorf("a route of no gateway: %v, %v", got, err)
	}
}

func TestPlural(t *testing.T) {
	for kind, want := range map[string]string{
		"ConfigMap": "configmaps", "NetworkPolicy": "networkpolicies", "Ingress": "ingresses", "Gateway": "gateways",
		"HorizontalPodAutoscaler": "horizontalpodautoscalers", "PodDisruptionBudget": "poddisruptionbudgets",
	} {
		if got := plural(kind); got != want {
			t.Errorf("%s: %s", kind, got)
		}
	}
	if got := bare("registry.test:5000/shop:v1@sha256:00"); got != "registry.test:5000/shop" {
		t.Error(got)
	}
	if !slices.Equal(merge([]Rule{rule(pods, "list"), rule(pods, "patch", "list")})[0].Verbs, []string{"list", "patch"}) {
		t.Error("rules about one resource are not one")
	}
	named := Rule{APIGroups: []string{""}, Resources: []string{"configmaps"}, ResourceNames: []string{"a"}, Verbs: []string{"get", "patch"}}
	if got := merge([]Rule{rule(configMaps, "create"), named}); len(got) != 2 {
		t.Errorf("a named rule that is needed is gone: %v", got)
	}
	if got := merge([]Rule{rule(configMaps, "create"), named, rule(configMaps, "get", "patch")}); len(got) != 1 {
		t.Errorf("a named rule that says nothing more stays: %v", got)
	}
}
