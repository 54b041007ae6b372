package onkubernetes

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"fairlead.dev"
)

// Credentials that ran out are one clear problem, and those that took their
// place are used at once, by a control plane that goes on all the while. The
// same holds for a kind that the cluster comes to know later.
func TestRenewedWhileItRuns(t *testing.T) {
	s := newStand(t, map[string]any{"service": "shop"})
	path := s.t.TempDir() + "/kubeconfig"
	good, err := os.ReadFile(s.c.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	now := func(content []byte) {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	now(good)
	s.config["kubeconfig"] = path
	s.deliver(s.shop("1.0.0"))
	now([]byte(expired(string(good))))
	two := s.shop("2.0.0")
	err = s.Deliver(t.Context(), s.at, two.Bundle, two.open)
	if fairlead.KindOf(err) != fairlead.KindDenied || !strings.Contains(fairlead.HintOf(err), "renew the credentials") {
		t.Errorf("with credentials that ran out: %v (%s)", err, fairlead.HintOf(err))
	}
	now(good)
	s.deliver(two)

	group := s.namespace + ".example.org"
	define := func(kind string) {
		plural := strings.ToLower(kind) + "s"
		s.c.Must(t, fmt.Sprintf(`
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: %s.%s}
spec:
  group: %s
  scope: Namespaced
  names: {kind: %s, plural: %s}
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}]
`, plural, group, group, kind, plural), "apply", "-f", "-")
		t.Cleanup(func() { s.c.Must(t, "", "delete", "customresourcedefinition", plural+"."+group, "--wait=false") })
	}
	with := func(kind string) error {
		g := s.pack(s.image("2.0.0"), manifests()+"---\napiVersion: "+group+"/v1\nkind: "+kind+"\nmetadata: {name: a}\n")
		return s.Deliver(t.Context(), s.at, g.Bundle, g.open)
	}
	soon := func(kind string) {
		s.eventually(func() string {
			if err := with(kind); err != nil {
				return err.Error()
			}
			return ""
		})
	}
	define("Rope")
	soon("Rope")
	if err := with("Knot"); fairlead.KindOf(err) != fairlead.KindInvalid || !strings.Contains(err.Error(), "the cluster has no") {
		t.Errorf("a kind that is not there: %v", err)
	}
	define("Knot")
	soon("Knot")
}

// The context names the cluster: what is released goes to that one, whichever is
// the current one, and to no other.
func TestSeveralClustersByContext(t *testing.T) {
	s := newStand(t, map[string]any{"service": "shop"})
	east, west := s.door(nil), s.door(nil)
	path := t.TempDir() + "/kubeconfig"
	content := fmt.Sprintf(`
apiVersion: v1
kind: Config
current-context: west
contexts: [{name: east, context: {cluster: east}}, {name: west, context: {cluster: west}}]
clusters: [{name: east, cluster: {server: %q}}, {name: west, cluster: {server: %q}}]
`, east.url, west.url)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	s.config["kubeconfig"] = path
	for _, c := range []struct {
		context       string
		goes, goesNot *door
	}{{"east", east, west}, {"west", west, east}, {"", west, east}} {
		s.config["context"] = c.context
		there, elsewhere := len(c.goes.since(0)), len(c.goesNot.since(0))
		s.deliver(s.shop("1.0.0"))
		if len(c.goes.since(there)) == 0 || len(c.goesNot.since(0)) != elsewhere {
			t.Errorf("context %q: %v there, %v elsewhere", c.context, c.goes.since(there), c.goesNot.since(elsewhere))
		}
	}
}

// expired gives a kubeconfig whose credentials are good for nothing.
func expired(kubeconfig string) string {
	var lines []string
	for line := range strings.Lines(kubeconfig) {
		key, _, _ := strings.Cut(strings.TrimSpace(line), ":")
		switch strings.TrimPrefix(key, "- ") {
		case "client-certificate-data", "client-key-data":
		case "token":
			lines = append(lines, strings.Replace(line, line[strings.Index(line, "token:"):], "token: expired\n", 1))
		default:
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "")
}

// A namespace that is deleted while a release moves is one clear problem for
// whatever is told then, and a namespace that is made anew is released to like
// any other.
func TestNamespaceGoesMidway(t *testing.T) {
	s := newStand(t, map[string]any{"service": "shop"})
	one, two := s.shop("1.0.0"), s.shop("2.0.0")
	s.first(one)
	s.deliver(two)
	s.c.Must(t, "", "delete", "namespace", s.namespace)
	for what, err := range map[string]error{
		"the next stage": s.Apply(t.Context(), s.at, s.desired(part{two, 2, 100}, part{one, 2, 0})),
		"the way back":   s.Apply(t.Context(), s.at, s.desired(part{one, 2, 100})),
		"a delivery":     s.Deliver(t.Context(), s.at, two.Bundle, two.open),
	} {
		if kind := fairlead.KindOf(err); kind.Retryable() || fairlead.HintOf(err) == "" || !strings.Contains(err.Error(), s.namespace) {
			t.Errorf("%s: %v is %q with hint %q", what, err, kind, fairlead.HintOf(err))
		}
	}
	if o, err := s.Observe(t.Context(), s.at); err != nil || len(o.Releases) > 0 {
		t.Errorf("in a namespace that is gone there is %+v, %v", o, err)
	}
	s.c.Must(t, "", "create", "namespace", s.namespace)
	s.c.Must(t, "", "wait", "--for=create", "-n", s.namespace, "serviceaccount/default", "--timeout=180s")
	s.fence++
	s.first(two)
	s.tidy(two, s.image("2.0.0"))
}
