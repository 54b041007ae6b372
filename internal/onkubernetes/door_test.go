package onkubernetes

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"fairlead.dev"
	"fairlead.dev/target"
)

// door is a way to the API server on which one sees what is written, and can
// hold it.
type door struct {
	url, kubeconfig string

	mu     sync.Mutex
	writes []string // "PATCH services/shop"
	before func(write string, r *http.Request)
}

// door opens a way to the API server. before is called with each write before
// it goes on, and may take its time; nil does nothing.
func (s *stand) door(before func(write string, r *http.Request)) *door {
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
	d := &door{before: before, kubeconfig: filepath.Join(s.t.TempDir(), "kubeconfig")}
	proxy := &httputil.ReverseProxy{Transport: transport, Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(server) }}
	here := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.note(r)
		proxy.ServeHTTP(w, r)
	}))
	s.t.Cleanup(here.Close)
	d.url = here.URL
	content := fmt.Sprintf(`
apiVersion: v1
kind: Config
current-context: door
contexts: [{name: door, context: {cluster: door, namespace: %s}}]
clusters: [{name: door, cluster: {server: %q}}]
`, s.namespace, here.URL)
	if err := os.WriteFile(d.kubeconfig, []byte(content), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return d
}

var written = regexp.MustCompile(`/namespaces/[^/]+/([^?]+)$`)

func (d *door) note(r *http.Request) {
	at := written.FindStringSubmatch(r.URL.Path)
	if r.Method == http.MethodGet || at == nil {
		return
	}
	write := r.Method + " " + at[1]
	d.mu.Lock()
	d.writes = append(d.writes, write)
	d.mu.Unlock()
	if d.before != nil {
		d.before(write, r)
	}
}

// since gives what was written after the first n writes, without what is kept
// in the place's own ConfigMap.
func (d *door) since(n int) []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(d.writes[n:]), func(w string) bool { return strings.Contains(w, "configmaps/") })
}

// by gives a wanted state that is brought about through the door.
func (s *stand) by(d *door, parts ...part) target.Desired {
	want := s.desired(parts...)
	before := s.config["kubeconfig"]
	s.config["kubeconfig"] = d.kubeconfig
	want.Config = s.rawConfig()
	s.config["kubeconfig"] = before
	return want
}

// A writer that is stopped right before it turns the traffic, while another one
// with a higher fence finds everything as it wants it, turns nothing when it
// goes on. And a rollback turns the traffic before it scales anything, whatever
// traffic goes by; what a death between two steps leaves behind goes.
func TestWriterStoppedMidway(t *testing.T) {
	for name, traffic := range map[string]map[string]any{
		"route": {"gateway-api": "shop", "accept": "60s"}, "replicas": {},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStand(t, traffic)
			one, two := s.shop("1.0.0"), s.shop("2.0.0")
			s.first(one)
			s.deliver(two)
			s.apply(part{two, 2, 0}, part{one, 2, 100})
			s.ready(two, 2)
			crowd := s.visitors(2)

			stopped, goOn := make(chan string), make(chan struct{})
			var once sync.Once
			d := s.door(func(write string, _ *http.Request) {
				if !strings.Contains(write, "configmaps/") {
					once.Do(func() { stopped <- write; <-goOn })
				}
			})
			old, ended := s.by(d, part{two, 2, 100}, part{one, 2, 0}), make(chan error, 1)
			go func() { ended <- s.Apply(t.Context(), s.at, old) }()
			held := <-stopped
			s.fence++
			s.apply(part{one, 2, 100}, part{two, 2, 0})
			close(goOn)
			if err := <-ended; fairlead.KindOf(err) != fairlead.KindConflict {
				t.Errorf("the old writer, stopped before %s: %v", held, err)
			}
			if i := s.instance(one); i.Weight != 100 {
				t.Errorf("the release of the highest fence has %d%%", i.Weight)
			}

			s.fence++
			s.apply(part{two, 2, 100}, part{one, 2, 0})
			s.fence++
			n := len(d.writes)
			if err := s.Apply(t.Context(), s.at, s.by(d, part{one, 2, 100}, part{two, 1, 0})); err != nil {
				t.Fatal(err)
			}
			turned, scaled := map[string]string{"route": "PATCH httproutes/shop", "replicas": "PATCH pods/shop"}[name], "PATCH deployments/"+copyOf(two)
			all := d.since(n)
			first := slices.IndexFunc(all, func(w string) bool { return strings.HasPrefix(w, turned) })
			if first != 0 || !slices.Contains(all, scaled) {
				t.Errorf("a rollback writes %q, want %s first and %s later", all, turned, scaled)
			}
			crowd.hold(t)

			s.kubectl("delete", "deployment", copyOf(two)) // as whoever died before it removed the Service
			s.settle(part{one, 2, 100})
			s.tidy(one, s.image("1.0.0"))
		})
	}
}

func copyOf(g goods) string { return "shop-" + g.id().Hex()[:10] }
