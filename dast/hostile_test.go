package dast_test

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"fairlead.dev"
	"fairlead.dev/dast"
)

// scan looks at a service within small bounds.
func scan(t *testing.T, address string) dast.Report {
	t.Helper()
	base, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	client, err := dast.Client(t.Context(), base)
	if err != nil {
		t.Fatal(err)
	}
	defer client.CloseIdleConnections()
	o := dast.Options{Base: base, Rate: 1e6, Requests: 300, Pages: 20, Time: 2 * time.Second, Wait: 500 * time.Millisecond, Body: 64 << 10}
	r, err := dast.Scan(t.Context(), client, o)
	if err != nil && fairlead.KindOf(err) != fairlead.KindUnavailable {
		t.Fatal(err)
	}
	if r.Requests > o.Requests || len(r.Routes) > o.Pages {
		t.Errorf("%d requests, %d routes", r.Requests, len(r.Routes))
	}
	return r
}

// TestHostile scans services that mean ill: each scan ends, by itself or by a bound.
func TestHostile(t *testing.T) {
	var n atomic.Int64
	html := func(w http.ResponseWriter) { w.Header().Set("Content-Type", "text/html") }
	forever := func(w http.ResponseWriter, r *http.Request, part string, pause time.Duration) {
		for r.Context().Err() == nil {
			if _, err := fmt.Fprint(w, part); err != nil {
				return
			}
			if pause > 0 {
				_ = http.NewResponseController(w).Flush()
				select {
				case <-r.Context().Done():
				case <-time.After(pause):
				}
			}
		}
	}
	for name, serve := range map[string]http.HandlerFunc{
		"endless body": func(w http.ResponseWriter, r *http.Request) { html(w); forever(w, r, strings.Repeat("<b>", 1000), 0) },
		"slow drip":    func(w http.ResponseWriter, r *http.Request) { html(w); forever(w, r, "<", 50*time.Millisecond) },
		"redirect loop": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, fmt.Sprintf("/l%d", n.Add(1)), http.StatusFound)
		},
		"gzip bomb": func(w http.ResponseWriter, r *http.Request) {
			html(w)
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			defer z.Close()
			forever(gzipped{w, z}, r, strings.Repeat("0", 1<<20), 0)
		},
		"infinite links": func(w http.ResponseWriter, _ *http.Request) {
			html(w)
			for range 50 {
				fmt.Fprintf(w, `<a href="/x%da?p%d=1">x</a>`, n.Add(1), n.Load())
			}
		},
		"other content each time": func(w http.ResponseWriter, r *http.Request) {
			html(w)
			fmt.Fprintf(w, `<p>w%dw</p><form><input name=q></form>`, n.Add(1))
		},
		"deep nesting":   func(w http.ResponseWriter, _ *http.Request) { html(w); fmt.Fprint(w, strings.Repeat("<div>", 10000)) },
		"broken answers": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"huge header":    func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X-A", strings.Repeat("a", 1<<20)) },
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(serve)
			defer server.Close()
			r := scan(t, server.URL)
			for _, f := range r.Findings {
				if !strings.HasPrefix(f.Rule, "dast-header-") {
					t.Errorf("%s at %s", f.Rule, f.Resource)
				}
			}
			t.Logf("%d requests, %d routes, stopped by %q", r.Requests, len(r.Routes), r.Stopped)
		})
	}
}

// gzipped compresses what is written.
type gzipped struct {
	http.ResponseWriter
	z *gzip.Writer
}

func (g gzipped) Write(p []byte) (int, error) { return g.z.Write(p) }

// TestStays holds that nothing but the service is ever called.
func TestStays(t *testing.T) {
	var strayed atomic.Int64
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { strayed.Add(1) }))
	defer other.Close()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/go" {
			http.Redirect(w, r, other.URL+"/", http.StatusFound)
			return
		}
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, `<a href="/go">x</a><a href="%s/a">y</a><form action="%s/b"><input name=q></form>`, other.URL, other.URL)
	}))
	defer server.Close()
	if r := scan(t, server.URL); len(r.Routes) < 2 {
		t.Errorf("routes %q", r.Routes)
	}
	base, _ := url.Parse(server.URL)
	client, err := dast.Client(t.Context(), base)
	if err != nil {
		t.Fatal(err)
	}
	if resp, err := client.Get(other.URL); err == nil {
		_ = resp.Body.Close()
		t.Error("the client reaches another host")
	}
	if n := strayed.Load(); n != 0 {
		t.Errorf("another host was called %d times", n)
	}
	local := &url.URL{Scheme: "http", Host: "169.254.169.254"}
	if _, err := dast.Client(t.Context(), local); fairlead.KindOf(err) != fairlead.KindDenied {
		t.Errorf("the local link: %v", err)
	}
}

// TestCancelled holds that a scan ends with its context, and says so.
func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { cancel(errors.New("enough")); <-r.Context().Done() }))
	defer server.Close()
	base, _ := url.Parse(server.URL)
	client, err := dast.Client(ctx, base)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := dast.Scan(ctx, client, dast.Options{Base: base}); fairlead.KindOf(err) != fairlead.KindCancelled {
		t.Errorf("error %v", err)
	}
}

// TestTLS looks at a certificate for another host.
func TestTLS(t *testing.T) {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.StartTLS()
	defer server.Close()
	rules := func(address string) string {
		var all []string
		for _, f := range scan(t, address).Findings {
			all = append(all, f.Rule)
		}
		return strings.Join(all, " ")
	}
	if got := rules(server.URL); strings.Contains(got, "dast-tls-host") || strings.Contains(got, "dast-tls-version") {
		t.Errorf("a good one: %s", got)
	}
	if got := rules(strings.Replace(server.URL, "127.0.0.1", "localhost", 1)); !strings.Contains(got, "dast-tls-host") {
		t.Errorf("for another host: %s", got)
	}
}
