package proxy

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"fairlead.dev"
)

func TestCountersEqualWhatWasServed(t *testing.T) {
	b := replica(t, "s1", func(w http.ResponseWriter, r *http.Request) {
		var status int
		fmt.Sscanf(r.URL.Path, "/%d", &status)
		w.WriteHeader(status)
	})
	p, url := front(t, Options{}, only(stable, b))
	c := client(t)
	for _, status := range []int{200, 201, 302, 404, 500, 503, 429, 502} {
		req := request(t, "GET", fmt.Sprintf("%s/%d", url, status), "")
		res, err := c.Transport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != status {
			t.Fatalf("got %d, want %d", res.StatusCode, status)
		}
	}
	wantSample(t, p, stable, 8, 3)
	if s := p.Samples(); len(s) != 1 || s[stable].Requests != 8 {
		t.Fatalf("all samples: %+v", s)
	}
}

func TestNothingReadySaysWhy(t *testing.T) {
	tests := []struct {
		name   string
		table  Table
		cause  string
		counts fairlead.Sample
	}{
		{"empty table", Table{}, "no release takes traffic", fairlead.Sample{}},
		{"no weight", Table{Arms: []Arm{{Release: stable}}}, "no release takes traffic", fairlead.Sample{}},
		{"no replica", only(stable), "no replica is ready", fairlead.Sample{Requests: 1, Errors: 1}},
		{"refused", only(stable, dead(t, "d")), "no replica accepted the connection", fairlead.Sample{Requests: 1, Errors: 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, url := front(t, Options{}, tt.table)
			a := get(t, client(t), url)
			var f fairlead.Fault
			if err := json.Unmarshal([]byte(a.body), &f); err != nil {
				t.Fatal(err)
			}
			if a.status != 503 || a.header.Get("Retry-After") == "" || f.Kind != fairlead.KindUnavailable || f.Cause != tt.cause {
				t.Fatalf("got %d %v %+v", a.status, a.header, f)
			}
			if strings.Contains(a.body, "127.0.0.1") {
				t.Fatalf("the answer names an address: %s", a.body)
			}
			wantSample(t, p, stable, tt.counts.Requests, tt.counts.Errors)
		})
	}
}

func TestPreviewReachesOnlyItsReleaseAndCountsApart(t *testing.T) {
	p, url := front(t, Options{}, split(0, []Backend{replica(t, "s", says("stable"))}, []Backend{replica(t, "c", says("canary"))}, Sticky{}))
	preview := httptest.NewServer(p.Arm(canary))
	defer preview.Close()
	c := client(t)
	for range 5 {
		if a := get(t, c, preview.URL); a.body != "canary" {
			t.Fatalf("preview answered by %s", a.body)
		}
		if a := get(t, c, url); a.body != "stable" {
			t.Fatalf("a visitor was answered by %s", a.body)
		}
	}
	wantSample(t, p, stable, 5, 0)
	wantSample(t, p, canary, 0, 0)
	eventually(t, "5 previews counted", func() bool { return p.PreviewSample(canary).Requests == 5 })

	set(t, p, split(0, []Backend{replica(t, "s2", says("stable"))}, nil, Sticky{}))
	if a := get(t, c, preview.URL); a.status != 503 || !strings.Contains(a.body, "no replica is ready") {
		t.Fatalf("a preview without replicas fell over to another release: %+v", a)
	}
	set(t, p, only(stable, replica(t, "s3", says("stable"))))
	if a := get(t, c, preview.URL); a.status != 503 || !strings.Contains(a.body, "the release is not running") {
		t.Fatalf("preview of a release that is gone: %+v", a)
	}
}

func TestForget(t *testing.T) {
	b := replica(t, "s", says("ok"))
	p, url := front(t, Options{}, only(stable, b))
	get(t, client(t), url)
	wantSample(t, p, stable, 1, 0)
	p.Forget(stable)
	wantSample(t, p, stable, 1, 0) // still in the table
	set(t, p, Table{})
	wantSample(t, p, stable, 1, 0) // kept until forgotten
	p.Forget(stable)
	wantSample(t, p, stable, 0, 0)
	if len(p.Samples()) != 0 {
		t.Fatal("a forgotten release is listed")
	}
}

func TestLargeBodiesPassUnchanged(t *testing.T) {
	b := replica(t, "s", func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(w, r.Body); err != nil {
			t.Error(err)
		}
	})
	_, url := front(t, Options{}, only(stable, b))
	body := strings.Repeat("0123456789abcdef", 1<<20) // 16 MiB
	a := do(t, client(t), request(t, http.MethodPost, url, body))
	if fairlead.DigestBytes([]byte(a.body)) != fairlead.DigestBytes([]byte(body)) {
		t.Fatalf("sent %d bytes, got %d others back", len(body), len(a.body))
	}
}
