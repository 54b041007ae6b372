package kubetest_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"fairlead.dev/internal/kubetest"
)

// routed is a namespace with a Gateway and two releases of podinfo behind it.
type routed struct {
	c                  *kubetest.Cluster
	namespace, address string
	client             *http.Client
}

func newRouted(t *testing.T) *routed {
	c, namespace := kubetest.Shared(t)
	for _, release := range []string{"1.0.0", "2.0.0"} {
		image := add(t, c, "registry.test/podinfo:"+release, c.Podinfo(release))
		c.Must(t, podinfo("v"+release[:1], image, 1), "apply", "-n", namespace, "-f", "-")
	}
	c.Must(t, `
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: test}
spec: {controllerName: fairlead.dev/test-gateway}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: gateway}
spec:
  gatewayClassName: test
  listeners: [{name: http, protocol: HTTP, port: 80}]
`, "apply", "-n", namespace, "-f", "-")
	c.Must(t, "", "wait", "-n", namespace, "gateway/gateway", "--for=condition=Programmed", "--timeout="+patience.String())
	rolledOut(t, c, namespace, "v1")
	rolledOut(t, c, namespace, "v2")
	address := c.Must(t, "", "get", "gateway", "gateway", "-n", namespace, "-o", "jsonpath={.status.addresses[0].value}")
	return &routed{c: c, namespace: namespace, address: address, client: c.HTTPClient()}
}

// split writes the route with weights and further lines of its metadata.
func (r *routed) split(t *testing.T, stable, canary int, annotations string) {
	t.Helper()
	r.c.Must(t, fmt.Sprintf(`
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: route, annotations: {%s}}
spec:
  parentRefs: [{name: gateway}]
  rules:
  - matches: [{path: {type: PathPrefix, value: /}, headers: [{name: x-release, value: canary}]}]
    backendRefs: [{name: v2, port: 80}]
  - backendRefs: [{name: v1, port: 80, weight: %d}, {name: v2, port: 80, weight: %d}]
`, annotations, stable, canary), "apply", "-n", r.namespace, "-f", "-")
}

// accepted is what the Gateway says about the newest generation of the route:
// the status of the condition, empty as long as it says nothing.
func (r *routed) accepted(t *testing.T) string {
	t.Helper()
	out := r.c.Must(t, "", "get", "httproute", "route", "-n", r.namespace, "-o",
		`jsonpath={.metadata.generation} {range .status.parents[0].conditions[?(@.type=="Accepted")]}{.observedGeneration} {.status}{end}`)
	fields := strings.Fields(out)
	if len(fields) < 3 || fields[0] != fields[1] {
		return ""
	}
	return fields[2]
}

func (r *routed) becomes(t *testing.T, status string) {
	t.Helper()
	eventually(t, func() error {
		if got := r.accepted(t); got != status {
			return fmt.Errorf("accepted is %q, not %q", got, status)
		}
		return nil
	})
}

// share sends requests and gives how many of a hundred the canary answers.
func (r *routed) share(t *testing.T, requests int) float64 {
	t.Helper()
	canary := 0
	for range requests {
		answer, err := version(r.client, r.address)
		if err != nil {
			t.Fatal(err)
		}
		if answer == "2.0.0" {
			canary++
		}
	}
	return 100 * float64(canary) / float64(requests)
}

// TestSplit holds that weights of an accepted route move real traffic, and that
// a more specific match comes before them. The bounds are six standard
// deviations wide.
func TestSplit(t *testing.T) {
	t.Parallel()
	r := newRouted(t)
	r.split(t, 90, 10, "")
	r.becomes(t, "True")
	if share := r.share(t, 2000); share < 6 || share > 14 {
		t.Errorf("weight 10 of 100 gave %.1f %%", share)
	}
	r.split(t, 0, 100, "")
	r.becomes(t, "True")
	if share := r.share(t, 100); share != 100 {
		t.Errorf("weight 100 of 100 gave %.1f %%", share)
	}
	r.split(t, 100, 0, "")
	r.becomes(t, "True")
	if share := r.share(t, 100); share != 0 {
		t.Errorf("weight 0 of 100 gave %.1f %%", share)
	}
	if answer, err := version(r.client, r.address, "x-release", "canary"); err != nil || answer != "2.0.0" {
		t.Errorf("the header's rule: %q %v", answer, err)
	}
}

// TestMisbehaviour holds that the gateway misbehaves when it is told to, each
// way so that what it says and what it does can be told apart.
func TestMisbehaviour(t *testing.T) {
	t.Parallel()
	r := newRouted(t)
	r.split(t, 100, 0, "")
	r.becomes(t, "True")

	began := time.Now()
	r.split(t, 0, 100, "test.fairlead.dev/delay: 3s")
	r.becomes(t, "True")
	if took := time.Since(began); took < 3*time.Second {
		t.Errorf("accepted after %s, told to take 3s", took)
	}
	if share := r.share(t, 50); share != 100 {
		t.Errorf("accepted late, but the canary has %.0f %%", share)
	}
	r.split(t, 100, 0, "test.fairlead.dev/refuse: out of order")
	r.becomes(t, "False")
	if share := r.share(t, 50); share != 100 {
		t.Errorf("refused, but the canary went from 100 %% to %.0f %%", share)
	}
	r.split(t, 100, 0, "test.fairlead.dev/stale: 'true'")
	r.becomes(t, "True")
	if share := r.share(t, 50); share != 100 {
		t.Errorf("stale, but the canary went from 100 %% to %.0f %%", share)
	}
	r.split(t, 90, 10, "test.fairlead.dev/split: '0,1'")
	r.becomes(t, "True")
	eventually(t, func() error {
		if share := r.share(t, 50); share != 100 {
			return fmt.Errorf("told to send everything to the canary, which has %.0f %%", share)
		}
		return nil
	})
}

// TestNobodyBehind holds what requests get that nobody can answer.
func TestNobodyBehind(t *testing.T) {
	t.Parallel()
	r := newRouted(t)
	ask := func() int {
		status, _, err := get(context.Background(), r.client, "http://"+r.address+"/")
		if err != nil {
			t.Fatal(err)
		}
		return status
	}
	if got := ask(); got != http.StatusNotFound {
		t.Errorf("without a route: %d", got)
	}
	r.split(t, 0, 0, "")
	r.becomes(t, "True")
	if got := ask(); got != http.StatusInternalServerError {
		t.Errorf("without weights: %d", got)
	}
	r.split(t, 1, 0, "")
	r.becomes(t, "True")
	r.c.Must(t, "", "scale", "-n", r.namespace, "deployment/v1", "--replicas=0")
	eventually(t, func() error {
		if got := ask(); got != http.StatusServiceUnavailable {
			return fmt.Errorf("without pods: %d", got)
		}
		return nil
	})
}
