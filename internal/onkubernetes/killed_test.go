package onkubernetes

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"fairlead.dev/internal/kubetest"
)

// The API server is killed in the middle of a canary and started again: the
// release goes on when it is back, and no request fails.
func TestServerIsKilledMidway(t *testing.T) {
	r := newRepo(t, map[string]any{"gateway-api": "shop", "accept": "60s"})
	r.c = kubetest.Start(t, kubetest.Options{})
	r.namespace = r.c.Namespace(t)
	r.config["kubeconfig"], r.config["namespace"] = r.c.Kubeconfig, r.namespace
	raw, err := json.Marshal(r.config)
	if err != nil {
		t.Fatal(err)
	}
	r.write("fairlead.yaml", strings.Replace(fmt.Sprintf(repoConfig, raw), "weight: 20, for: 300ms", "weight: 20, for: 3s", 1))
	r.gateway()
	first, second := r.image("1.0.0"), r.image("2.0.0")
	r.commit("1")
	r.run(first)
	crowd := r.visitors(2)
	killed, weights := make(chan error, 1), r.weights()
	go func() {
		for t.Context().Err() == nil && weights() != "80 20" {
			time.Sleep(50 * time.Millisecond)
		}
		killed <- r.c.KillControlPlane()
	}()
	r.commit("2")
	if out := r.run(second); !strings.Contains(out, "is live in staging") {
		t.Error(out)
	}
	if err := <-killed; err != nil {
		t.Error(err)
	}
	if got := r.kubectl("get", "deployments", "-o", "jsonpath={.items[*].metadata.name}={.items[*].spec.template.spec.containers[0].image}"); got != "shop="+second {
		t.Errorf("the cluster runs %s, want %s at home", got, second)
	}
	crowd.hold(t)
}
