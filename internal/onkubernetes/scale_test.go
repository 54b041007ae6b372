package onkubernetes

import (
	"fmt"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"fairlead.dev/internal/kubetest"
	"fairlead.dev/target"
)

// simulated lets the pods of manifests run where they only seem to.
var simulated = []string{"      containers:", `      nodeSelector: {type: kwok}
      tolerations: [{key: kwok.x-k8s.io/node, operator: Exists}]
      containers:`}

// counted gives a kubeconfig whose API server counts what it is asked.
func (s *stand) counted() (kubeconfig string, requests *atomic.Int64) {
	s.t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", s.c.Kubeconfig)
	if err != nil {
		s.t.Fatal(err)
	}
	transport, err := rest.TransportFor(config)
	if err != nil {
		s.t.Fatal(err)
	}
	server, err := url.Parse(config.Host)
	if err != nil {
		s.t.Fatal(err)
	}
	requests = new(atomic.Int64)
	door := httptest.NewServer(&httputil.ReverseProxy{Transport: transport, Rewrite: func(r *httputil.ProxyRequest) {
		requests.Add(1)
		r.SetURL(server)
	}})
	s.t.Cleanup(door.Close)
	kubeconfig = filepath.Join(s.t.TempDir(), "kubeconfig")
	content := fmt.Sprintf(`
apiVersion: v1
kind: Config
current-context: counted
contexts: [{name: counted, context: {cluster: counted}}]
clusters: [{name: counted, cluster: {server: %q}}]
`, door.URL)
	if err := os.WriteFile(kubeconfig, []byte(content), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return kubeconfig, requests
}

// Two hundred services with a pod each are observed by one process, again and
// again, without any of them having to wait for the others, and a look at one
// costs a handful of requests however many others there are.
func TestTwoHundredObserved(t *testing.T) {
	const services, rounds, most = 200, 5, 4
	s := newStand(t, map[string]any{})
	s.c = kubetest.Start(t, kubetest.Options{Nodes: -1, Simulated: 2, NoGateway: true})
	s.namespace = s.c.Namespace(t)
	kubeconfig, requests := s.counted()
	s.config["kubeconfig"], s.config["namespace"] = kubeconfig, s.namespace
	image := s.image("1.0.0")
	places := make([]target.Place, services)
	turn := make(chan struct{}, 8)
	var made sync.WaitGroup
	for i := range places {
		name := fmt.Sprintf("svc-%03d", i)
		places[i] = target.Place{Environment: "staging", Service: name}
		s.at = places[i]
		g := s.pack(image, manifests(append(simulated, "name: shop", "name: "+name, "app: shop", "app: "+name)...))
		want := s.desired(part{g, 1, 0})
		turn <- struct{}{}
		made.Go(func() {
			defer func() { <-turn }()
			err := s.Deliver(t.Context(), places[i], g.Bundle, g.open)
			if err == nil {
				err = s.Apply(t.Context(), places[i], want)
			}
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
	made.Wait()
	if t.Failed() {
		return
	}
	for _, s.at = range places {
		s.eventually(func() string {
			if o := s.observe(); len(o.Releases) != 1 || o.Releases[0].Ready != 1 {
				return fmt.Sprintf("%s: %+v", s.at.Service, o)
			}
			return ""
		})
	}
	began, before := time.Now(), requests.Load()
	for range rounds {
		var all sync.WaitGroup
		for _, at := range places {
			all.Go(func() {
				o, err := s.Observe(t.Context(), at)
				if err != nil || len(o.Releases) != 1 || o.Releases[0].Wanted != 1 || o.Releases[0].Ready != 1 {
					t.Errorf("%s: %+v, %v", at.Service, o, err)
				}
			})
		}
		all.Wait()
	}
	took, asked := time.Since(began), requests.Load()-before
	if asked > services*rounds*most {
		t.Errorf("%d requests for %d looks, want at most %d each", asked, services*rounds, most)
	}
	t.Logf("%d looks at %d services: %.1f requests and %s each look, %s each round", services*rounds, services,
		float64(asked)/(services*rounds), (took / (rounds * services)).Round(10*time.Microsecond), (took / rounds).Round(time.Millisecond))
}
