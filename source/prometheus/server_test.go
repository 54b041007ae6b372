package prometheus_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"fairlead.dev"
	"fairlead.dev/internal/promtest"
	"fairlead.dev/source/prometheus"
)

// replica is a process with metrics, as a test wants them.
type replica struct {
	mu      sync.Mutex
	metrics string
}

func (r *replica) set(metrics string) { r.mu.Lock(); defer r.mu.Unlock(); r.metrics = metrics }

func (r *replica) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.metrics == "" {
		http.Error(w, "down", http.StatusServiceUnavailable)
		return
	}
	_, _ = w.Write([]byte(r.metrics))
}

// discover writes a file of Prometheus' file discovery.
func discover(t *testing.T, file, release string, servers ...*httptest.Server) {
	t.Helper()
	var targets []string
	for _, s := range servers {
		targets = append(targets, strings.TrimPrefix(s.URL, "http://"))
	}
	b, err := json.Marshal([]any{map[string]any{"targets": targets, "labels": map[string]string{"fairlead_release": release}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file+".new", b, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T, server fairlead.MetricsServer) *prometheus.Source {
	t.Helper()
	if server.Timeout == 0 {
		server.Timeout = fairlead.Duration(10 * time.Second)
	}
	if server.Stale == 0 {
		server.Stale = fairlead.Duration(time.Minute)
	}
	s, err := prometheus.Open(server, func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// until reads one expression until it is as wanted.
func until(t *testing.T, s *prometheus.Source, expression string, wanted func(fairlead.Reading) bool) fairlead.Reading {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 60*time.Second)
	defer stop()
	var last fairlead.Reading
	for ctx.Err() == nil {
		last = s.Read(ctx, time.Now(), []string{expression})[0]
		if wanted(last) {
			return last
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("%s never became as wanted; at last %+v", expression, last)
	return last
}

func sum(r fairlead.Reading) (total float64) {
	for _, c := range r.Series {
		total += c.Value
	}
	return total
}

// TestRealServer reads from the real program: counters of several replicas, a
// histogram, what is missing, and what has gone.
func TestRealServer(t *testing.T) {
	file := filepath.Join(t.TempDir(), "replicas.json")
	s := open(t, fairlead.MetricsServer{URL: promtest.Start(t, file)})
	if err := s.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	one, two := &replica{}, &replica{}
	one.set("orders_total{code=\"ok\"} 40\norders_total{code=\"lost\"} 2\nseconds_bucket{le=\"0.1\"} 7\nseconds_bucket{le=\"+Inf\"} 9\n")
	two.set("orders_total{code=\"ok\"} 60\n")
	a, b := httptest.NewServer(one), httptest.NewServer(two)
	t.Cleanup(a.Close)
	t.Cleanup(b.Close)
	const lost = `orders_total{code="lost",fairlead_release="abc"}`
	if r := s.Read(t.Context(), time.Now(), []string{lost})[0]; r.Missing == "" {
		t.Errorf("before anything was scraped: %+v", r)
	}
	discover(t, file, "abc", a, b)
	until(t, s, `orders_total{fairlead_release="abc"}`, func(r fairlead.Reading) bool { return sum(r) == 102 && len(r.Series) == 3 })
	until(t, s, lost, func(r fairlead.Reading) bool { return len(r.Series) == 1 && r.Series[0].Value == 2 && r.Missing == "" })
	buckets := until(t, s, `seconds_bucket{fairlead_release="abc"}`, func(r fairlead.Reading) bool { return len(r.Series) == 2 })
	for _, c := range buckets.Series {
		if want := map[string]float64{"0.1": 7, "+Inf": 9}[c.LE]; c.Value != want || c.Group != buckets.Series[0].Group || strings.Contains(c.Group, "le=") {
			t.Errorf("bucket %+v", c)
		}
	}
	if r := s.Read(t.Context(), time.Now(), []string{`orders_total{code="refused",fairlead_release="abc"}`})[0]; r.Missing == "" {
		t.Errorf("a series that was never there is %+v, not missing", r)
	}
	one.set("")
	until(t, s, lost, func(r fairlead.Reading) bool { return r.Missing != "" })
	if r := s.Read(t.Context(), time.Now(), []string{"orders_total{"})[0]; !strings.Contains(r.Missing, "refuses") {
		t.Errorf("a query that is wrong: %+v", r)
	}
	if r := s.Read(t.Context(), time.Now(), []string{`orders_total{fairlead_release="abc"}[1m]`})[0]; r.Missing == "" {
		t.Errorf("a range where a vector should be: %+v", r)
	}
}

// TestStaleIsMissing holds that a sample which is older than allowed is missing.
func TestStaleIsMissing(t *testing.T) {
	file := filepath.Join(t.TempDir(), "replicas.json")
	url := promtest.Start(t, file)
	r := &replica{}
	r.set("orders_total 1\n")
	web := httptest.NewServer(r)
	t.Cleanup(web.Close)
	discover(t, file, "abc", web)
	until(t, open(t, fairlead.MetricsServer{URL: url}), "orders_total", func(r fairlead.Reading) bool { return r.Missing == "" })
	strict := open(t, fairlead.MetricsServer{URL: url, Stale: fairlead.Duration(time.Second)})
	// A moment later than the newest sample, and not so late that the server has forgotten it.
	got := strict.Read(t.Context(), time.Now().Add(time.Minute), []string{"orders_total"})[0]
	if !strings.Contains(got.Missing, "old, more than 1s") {
		t.Errorf("a minute after the last sample: %+v", got)
	}
}
