package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

func TestAPI(t *testing.T) {
	p := start(t, t.TempDir())
	tests := map[string]struct {
		method, path, body string
		status             int
		want               string
	}{
		"all products":         {"GET", "/products", "", 200, `{"id":1,"name":"fender"`},
		"one product":          {"GET", "/products/3", "", 200, `"name":"shackle"`},
		"no such product":      {"GET", "/products/99", "", 404, "not found"},
		"not a product number": {"GET", "/products/one", "", 404, "not found"},
		"no such order":        {"GET", "/orders/99", "", 404, "not found"},
		"order of nothing":     {"POST", "/orders", `{"product_id":99,"quantity":1}`, 404, "not found"},
		"quantity too small":   {"POST", "/orders", `{"product_id":1}`, 400, "from 1 to 100"},
		"quantity too large":   {"POST", "/orders", `{"product_id":1,"quantity":101}`, 400, "from 1 to 100"},
		"more than in stock":   {"POST", "/orders", `{"product_id":4,"quantity":11}`, 409, "not enough in stock"},
		"unknown key":          {"POST", "/orders", `{"product":1}`, 400, "unknown field"},
		"not JSON":             {"POST", "/orders", `one fender, please`, 400, "not an order"},
		"huge body":            {"POST", "/orders", `"` + strings.Repeat("x", 1<<20) + `"`, 400, "too large"},
		"wrong method":         {"DELETE", "/orders/1", "", 405, ""},
		"no such page":         {"GET", "/basket", "", 404, ""},
		"alive":                {"GET", "/healthz", "", 200, "ok"},
		"ready":                {"GET", "/readyz", "", 200, "ready"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			request, err := http.NewRequestWithContext(t.Context(), tt.method, p.url+tt.path, strings.NewReader(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			response, err := http.DefaultClient.Do(request)
			status, body := read(t, response, err)
			if status != tt.status || !strings.Contains(body, tt.want) {
				t.Errorf("got %d %s, want %d with %q", status, body, tt.status, tt.want)
			}
		})
	}
}

func TestMetricsCountByRoute(t *testing.T) {
	p := start(t, t.TempDir())
	for id := range 3 {
		p.get(t, fmt.Sprintf("/products/%d", id+1))
	}
	p.get(t, "/products/99")
	p.post(t, "/orders", `{"product_id":1,"quantity":1}`)
	_, metrics := p.get(t, "/metrics")
	for _, want := range []string{
		`http_requests_total{code="200",route="GET /products/{id}"} 3`,
		`http_requests_total{code="404",route="GET /products/{id}"} 1`,
		`http_request_duration_seconds_count{route="GET /products/{id}"} 4`,
		`shop_orders_total 1`,
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("no %s in the metrics", want)
		}
	}
	if strings.Contains(metrics, "healthz") {
		t.Error("probes are counted as customers' requests")
	}
}
