package onkubernetes

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"fairlead.dev"
	"fairlead.dev/internal/kubetest"
	"fairlead.dev/target"
	"fairlead.dev/target/kubernetes"
)

// patience is how long tests wait for what they expect. It bounds a failure.
const patience = 3 * time.Minute

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	defer kubetest.StopShared()
	return m.Run()
}

// stand is a namespace with the target in front of it.
type stand struct {
	t         *testing.T
	c         *kubetest.Cluster
	namespace string
	at        target.Place
	config    map[string]any
	*kubernetes.Target
	fence   int64
	lacking bool            // a permission, so that something is not as it should be
	revoked fairlead.Digest // a release whose papers are good for nothing
}

func newStand(t *testing.T, traffic map[string]any) *stand {
	t.Helper()
	t.Parallel()
	c, namespace := kubetest.Shared(t)
	s := &stand{
		t: t, c: c, namespace: namespace, at: target.Place{Environment: "staging", Service: "shop"}, fence: 1,
		config: map[string]any{
			"kubeconfig": c.Kubeconfig, "namespace": namespace, "manifests": "deploy", "replicas": 2, "drain": "1s",
			"images": map[string]string{"podinfo": "image.txt"}, "traffic": traffic,
		},
	}
	s.reopen()
	if _, ok := traffic["gateway-api"]; ok {
		s.gateway()
	}
	return s
}

// reopen makes the target anew, as another process would, with the same papers.
func (s *stand) reopen() {
	dir := s.t.TempDir()
	s.Target = kubernetes.New(kubernetes.Options{Dir: dir, Verify: func(_ target.Place, b target.Bundle) error {
		if b.Release.ID == s.revoked {
			return errors.New("its papers were revoked")
		}
		return nil
	}})
}

// gateway makes the Gateway that the routes of manifests belong to.
func (s *stand) gateway() {
	s.t.Helper()
	if *traefik != "" {
		s.traefikGateway()
		return
	}
	s.makeGateway("test", "fairlead.dev/test-gateway")
}

// goods is a release with the content of its artifacts.
type goods struct {
	target.Bundle
	content map[fairlead.Digest][]byte
}

func (g goods) id() fairlead.Digest { return g.Release.ID }

func (g goods) open(_ context.Context, d fairlead.Digest) (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader(string(g.content[d]))), nil
}

// manifests are those of podinfo; each edit replaces one text by another.
func manifests(edits ...string) string {
	return strings.NewReplacer(edits...).Replace(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
spec:
  strategy: {rollingUpdate: {maxUnavailable: 0, maxSurge: 1}}
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec:
      containers:
      - name: podinfo
        image: podinfo
        command: [./podinfo, --port=9898]
        ports: [{name: http, containerPort: 9898}]
        readinessProbe: {httpGet: {path: /readyz, port: http}, periodSeconds: 1}
        lifecycle: {preStop: {sleep: {seconds: 2}}}
---
apiVersion: v1
kind: Service
metadata: {name: shop}
spec:
  selector: {app: shop}
  ports: [{name: http, port: 80, targetPort: http}]
`)
}

const route = `---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: shop}
spec:
  parentRefs: [{name: gateway}]
  rules:
  - matches: [{path: {type: PathPrefix, value: /elsewhere}}]
    filters: [{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: x-kept, value: "yes"}]}}]
    backendRefs: [{name: other, port: 80, weight: 7}]
  - backendRefs: [{name: shop, port: 80}]
`

// image puts a podinfo of a version where the cluster finds it.
func (s *stand) image(version string, env ...string) string {
	s.t.Helper()
	pinned, err := s.c.Add("registry.test/podinfo:"+version+s.namespace+fmt.Sprint(len(env)), s.c.Podinfo(version, env...))
	if err != nil {
		s.t.Fatal(err)
	}
	return pinned
}

// pack makes a release of an image and manifests.
func (s *stand) pack(image, yaml string) goods {
	s.t.Helper()
	g := goods{content: map[fairlead.Digest][]byte{}}
	for name, text := range map[string]string{"image.txt": image + "\n", "deploy/shop.yaml": yaml} {
		d := fairlead.DigestBytes([]byte(text))
		g.content[d] = []byte(text)
		g.Release.Artifacts = append(g.Release.Artifacts, fairlead.Artifact{Name: name, Digest: d, Size: int64(len(text))})
	}
	slices.SortFunc(g.Release.Artifacts, func(a, b fairlead.Artifact) int { return strings.Compare(a.Name, b.Name) })
	g.Release.Config, g.Release.Service, g.Release.Commit = s.rawConfig(), s.at.Service, "0123456789abcdef0123456789abcdef01234567"
	g.Release.Replicas, g.Release.Target = 2, "kubernetes"
	g.Release = g.Release.Identify()
	g.Decision.Envelope = json.RawMessage(`{}`)
	return g
}

// rawConfig is the target's config as a release carries it.
func (s *stand) rawConfig() json.RawMessage {
	s.t.Helper()
	raw, err := json.Marshal(s.config)
	if err != nil {
		s.t.Fatal(err)
	}
	return raw
}

// shop makes a release of podinfo in a version.
func (s *stand) shop(version string, env ...string) goods {
	yaml := manifests()
	if _, ok := s.config["traffic"].(map[string]any)["gateway-api"]; ok {
		yaml += route
	}
	return s.pack(s.image(version, env...), yaml)
}

func (s *stand) deliver(all ...goods) {
	s.t.Helper()
	for _, g := range all {
		if err := s.Deliver(s.t.Context(), s.at, g.Bundle, g.open); err != nil {
			s.t.Fatal(err)
		}
	}
}

// part is a wanted state of one release.
type part struct {
	g                goods
	replicas, weight int
}

func (s *stand) desired(parts ...part) target.Desired {
	d := target.Desired{Fence: s.fence}
	for _, p := range parts {
		d.Releases = append(d.Releases, target.Wanted{Release: p.g.id(), Replicas: p.replicas, Weight: p.weight})
		if d.Config == nil {
			d.Config = p.g.Release.Config
		}
	}
	if d.Config == nil {
		d.Config, _ = json.Marshal(s.config)
	}
	return d
}

func (s *stand) apply(parts ...part) {
	s.t.Helper()
	if err := s.Apply(s.t.Context(), s.at, s.desired(parts...)); err != nil {
		s.t.Fatalf("apply: %v (%s)", err, fairlead.HintOf(err))
	}
}

func (s *stand) observe() target.Observed {
	s.t.Helper()
	o, err := s.Observe(s.t.Context(), s.at)
	if err != nil {
		s.t.Fatal(err)
	}
	return o
}

func (s *stand) instance(g goods) target.Instance {
	s.t.Helper()
	i, _ := s.observe().Find(g.id())
	return i
}

// eventually waits until f gives "", and fails with what it gave last.
func (s *stand) eventually(f func() string) {
	s.t.Helper()
	for began := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		why := f()
		if why == "" {
			return
		}
		if time.Since(began) > patience {
			s.t.Fatalf("after %s: %s", patience, why)
		}
	}
}

// ready waits for that many ready replicas.
func (s *stand) ready(g goods, n int) {
	s.t.Helper()
	s.eventually(func() string {
		if i := s.instance(g); i.Ready < n {
			return fmt.Sprintf("%d of %d ready, problem %+v", i.Ready, n, i.Problem)
		}
		return ""
	})
}

// settle applies a state until nothing of it is pending.
func (s *stand) settle(parts ...part) {
	s.t.Helper()
	s.eventually(func() string {
		s.apply(parts...)
		return s.observe().Pending
	})
}

// first releases the first release.
func (s *stand) first(g goods) {
	s.t.Helper()
	s.deliver(g)
	s.apply(part{g, 2, 0})
	s.ready(g, 2)
	s.settle(part{g, 2, 100})
}

// troubled waits until the target knows why a release is not ready.
func (s *stand) troubled(g goods, words ...string) fairlead.Fault {
	s.t.Helper()
	var f fairlead.Fault
	s.eventually(func() string {
		i := s.instance(g)
		if i.Problem == nil {
			return "no problem is seen"
		}
		f = *i.Problem
		for _, w := range words {
			if !strings.Contains(f.Cause, w) {
				return fmt.Sprintf("no %q in %+v", w, f)
			}
		}
		return ""
	})
	return f
}

// kubectl runs kubectl in the namespace.
func (s *stand) kubectl(args ...string) string {
	s.t.Helper()
	return s.c.Must(s.t, "", append(args, "-n", s.namespace)...)
}

// address is where visitors come in: the gateway's, or else the Service's.
func (s *stand) address() string {
	s.t.Helper()
	if _, ok := s.config["traffic"].(map[string]any)["gateway-api"]; ok {
		return s.kubectl("get", "gateway", "gateway", "-o", "jsonpath={.status.addresses[0].value}")
	}
	return s.kubectl("get", "service", "shop", "-o", "jsonpath={.spec.clusterIP}")
}

// crowd are visitors that come one after the other until they are told to stop.
type crowd struct {
	stop func()
	mu   sync.Mutex
	seen map[string]int // answers by version
	all  int            // requests sent and answered, or failed
	last string         // version of the last answer
	bad  []string
}

// visitors send requests, each on a connection of its own.
func (s *stand) visitors(n int) *crowd {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	url, c := "http://"+s.address()+"/version", &crowd{seen: map[string]int{}}
	client := &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{DialContext: s.c.Dial, DisableKeepAlives: true}}
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			for ctx.Err() == nil {
				version, err := visit(client, url)
				c.note(version, err)
				time.Sleep(20 * time.Millisecond)
			}
		})
	}
	c.stop = func() { cancel(); all.Wait() }
	s.t.Cleanup(c.stop)
	return c
}

// note takes an answer down. The request in flight at the end counts as well:
// nothing cancels it.
func (c *crowd) note(version string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all++
	if err != nil {
		c.bad = append(c.bad, err.Error())
		return
	}
	c.seen[version]++
	c.last = version
}

// answers gives how often each version answered since the last call.
func (c *crowd) answers() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	seen := maps.Clone(c.seen)
	clear(c.seen)
	return seen
}

// hold ends the visits and holds that none failed.
func (c *crowd) hold(t *testing.T) {
	t.Helper()
	c.stop()
	if len(c.bad) > 0 {
		t.Errorf("%d requests failed, the first with %s", len(c.bad), c.bad[0])
	}
}

func visit(client *http.Client, url string) (string, error) {
	res, err := client.Get(url)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	var answer struct{ Version string }
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil || res.StatusCode != http.StatusOK {
		return "", fmt.Errorf("status %d, %w", res.StatusCode, err)
	}
	return answer.Version, nil
}
