package proxy

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"fairlead.dev"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The releases of the tests.
const (
	stable = fairlead.Digest("sha256:5table")
	canary = fairlead.Digest("sha256:canary")
	newest = fairlead.Digest("sha256:newest")
)

// patience is how long a test waits for what must happen. A busy machine may
// need seconds; a sound proxy never lets it end.
const patience = 20 * time.Second

// replica runs a real server on loopback and gives it as a backend.
func replica(t testing.TB, id string, h http.HandlerFunc) Backend {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return Backend{ID: id, Addr: s.Listener.Addr().String()}
}

// says answers every request with a word.
func says(word string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, word) }
}

// dead is a backend that refuses connections.
func dead(t testing.TB, id string) Backend {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return Backend{ID: id, Addr: l.Addr().String()}
}

// front runs a proxy behind a real server and gives its base URL.
func front(t testing.TB, o Options, tab Table) (*Proxy, string) {
	t.Helper()
	p := New(o)
	set(t, p, tab)
	s := httptest.NewServer(p)
	t.Cleanup(func() {
		s.Close()
		p.Close()
	})
	return p, s.URL
}

func set(t testing.TB, p *Proxy, tab Table) {
	t.Helper()
	if err := p.Set(tab); err != nil {
		t.Fatal(err)
	}
}

// only is a table that sends everything to some backends of one release.
func only(release fairlead.Digest, b ...Backend) Table {
	return Table{Arms: []Arm{{Release: release, Weight: 100, Backends: b}}}
}

// split is a table with two releases.
func split(weight int, stables, canaries []Backend, s Sticky) Table {
	return Table{Sticky: s, Arms: []Arm{
		{Release: stable, Weight: 100 - weight, Backends: stables},
		{Release: canary, Weight: weight, Backends: canaries},
	}}
}

// client gives a client with its own connections, closed when the test ends.
func client(t testing.TB) *http.Client {
	t.Helper()
	tr := &http.Transport{MaxIdleConnsPerHost: 64}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: patience}
}

// request makes a request with header lines "Name: value".
func request(t testing.TB, method, url, body string, header ...string) *http.Request {
	t.Helper()
	var r io.Reader
	if body != "" {
		r = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(context.Background(), method, url, r)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range header {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Add(name, value)
	}
	return req
}

// answered is an answer that was read to its end.
type answered struct {
	status int
	body   string
	header http.Header
}

func do(t testing.TB, c *http.Client, r *http.Request) answered {
	t.Helper()
	res, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answered{res.StatusCode, string(b), res.Header}
}

func get(t testing.TB, c *http.Client, url string, header ...string) answered {
	t.Helper()
	return do(t, c, request(t, http.MethodGet, url, "", header...))
}

// eventually waits until ok holds: counting ends just after the client has its answer.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("did not happen: %s", what)
}

// wantSample waits for a release's counters to say so, and checks their invariant.
func wantSample(t testing.TB, p *Proxy, release fairlead.Digest, requests, errors uint64) {
	t.Helper()
	var s fairlead.Sample
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if s = p.Sample(release); s.Requests == requests && s.Errors == errors {
			if n := len(s.Latency.Count); requests > 0 && s.Latency.Count[n-1] != requests {
				t.Fatalf("%s: histogram holds %d of %d requests", release, s.Latency.Count[n-1], requests)
			}
			return
		}
	}
	t.Fatalf("%s: got %d requests with %d errors, want %d with %d", release, s.Requests, s.Errors, requests, errors)
}

// blocking tells that a request began and answers when it may proceed.
func blocking(began chan<- bool, proceed <-chan bool) http.HandlerFunc {
	return func(http.ResponseWriter, *http.Request) {
		began <- true
		<-proceed
	}
}
