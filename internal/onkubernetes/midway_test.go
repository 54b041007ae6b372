package onkubernetes

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// As a developer I push to develop, and the cluster refuses my release when it
// moves already: a policy its second stage, a quota its pods. I am told who
// refused what and what to do, the release before has the traffic again, and
// nobody noticed.
func TestRefusedMidway(t *testing.T) {
	r := newRepo(t, map[string]any{"gateway-api": "shop", "accept": "60s"})
	first, second := r.image("1.0.0"), r.image("2.0.0")
	r.commit("1")
	r.run(first)
	crowd := r.visitors(2)

	const word = "more than half needs the change board"
	w := r.webhook()
	w.refuse(func(c change) string {
		if c.Kind.Kind == "HTTPRoute" && strings.Contains(string(c.Object), `"weight":60`) {
			return word
		}
		return ""
	})
	r.eventually(func() string { // it takes the API server a moment to know the webhook
		_, err := r.c.Kubectl(t.Context(), "", "patch", "httproute", "shop", "-n", r.namespace, "--type=json", "--dry-run=server",
			"-p", `[{"op": "replace", "path": "/spec/rules/0/backendRefs/0/weight", "value": 60}]`)
		if err == nil || !strings.Contains(err.Error(), word) {
			return fmt.Sprint("the webhook is not asked: ", err)
		}
		return ""
	})
	r.commit("2")
	r.rolledBack(second, first, "stage 1 of 2 (20%)", word, "policy")
	w.refuse(func(change) string { return "" })

	raw, err := json.Marshal(r.config)
	if err != nil {
		t.Fatal(err)
	}
	r.write("fairlead.yaml", strings.Replace(fmt.Sprintf(repoConfig, raw), "ready: 120s", "ready: 4s", 1))
	r.quota(1)
	r.commit("3")
	r.rolledBack(second, first, "exceeded quota", "raise the quota")
	crowd.hold(t)
}

// rolledBack runs a release that fails, and holds that its output says every
// word and that the release before is home, alone.
func (r *repo) rolledBack(image, before string, words ...string) {
	r.t.Helper()
	out, err := r.fairlead(image, nil, "run")
	for _, w := range append(words, "rolled back") {
		if exitCode(err) != 1 || !strings.Contains(out, w) {
			r.t.Errorf("%v, no %q in\n%s", err, w, out)
		}
	}
	if got := r.kubectl("get", "deployments", "-o", "jsonpath={.items[*].metadata.name}={.items[*].spec.template.spec.containers[0].image}"); got != "shop="+before {
		r.t.Errorf("the cluster runs %s, want %s at home", got, before)
	}
}
