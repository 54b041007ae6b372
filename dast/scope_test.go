package dast_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"fairlead.dev"
	"fairlead.dev/dast"
)

// TestBeneath holds that what is above the address is left alone, and what changes or removes by its
// name, whether a page or a document names it.
func TestBeneath(t *testing.T) {
	for name, document := range map[string]string{
		"no server":     `{"openapi": "3.0.3", "paths": {"/admin": {"get": {}}, "/app/items/{id}": {"get": {}}, "/app/../admin": {"get": {}}, "/app/account/delete": {"post": {}}, "/app/shutdown": {"get": {}}}}`,
		"this server":   `{"openapi": "3.0.3", "servers": [{"url": "/app/"}], "paths": {"/items/{id}": {"get": {}}, "/../admin": {"get": {}}, "/account/delete": {"post": {}}}}`,
		"another place": `{"openapi": "3.0.3", "servers": [{"url": "https://shop.example/app"}], "paths": {"/items/{id}": {"get": {}}}}`,
		"a template":    `{"openapi": "3.0.3", "servers": [{"url": "https://{where}.example/{what}"}], "paths": {"/items/{id}": {"get": {}}}}`,
		"large":         `{"openapi": "3.0.3", "info": {"description": "` + strings.Repeat("x", 2<<20) + `"}, "servers": [{"url": "/app"}], "paths": {"/items/{id}": {"get": {}}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			var mu sync.Mutex
			var asked []string
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				mu.Lock()
				asked = append(asked, r.Method+" "+r.URL.Path)
				mu.Unlock()
				if r.URL.Path == "/app/openapi.json" {
					fmt.Fprint(w, document)
					return
				}
				w.Header().Set("Content-Type", "text/html")
				fmt.Fprint(w, `<a href="/application">a</a><a href="/app/%2e%2e/admin">b</a><a href="../admin">c</a><a href="/app/remove?x=1">d</a><a href="/app/in?q=1">e</a>`)
			}))
			defer server.Close()
			r := scan(t, server.URL+"/app")
			if !slices.Contains(r.Routes, "GET /app/items/{id}") || !slices.Contains(r.Routes, "GET /app/in") {
				t.Errorf("routes %q", r.Routes)
			}
			for _, what := range asked {
				_, to, _ := strings.Cut(what, " ")
				if to = path.Clean(to); to != "/app" && !strings.HasPrefix(to, "/app/") && !strings.Contains(what, "etc") || strings.Contains(to, "delete") || strings.Contains(to, "remove") || strings.Contains(to, "shutdown") {
					t.Errorf("asked for %s", what)
				}
			}
		})
	}
}

// A document that is named and not there is no scan without one.
func TestNamedDocumentIsMissing(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	base, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	_, err = dast.Scan(t.Context(), server.Client(), dast.Options{Base: base, OpenAPI: "/api.json", Time: 10 * time.Second})
	if fairlead.KindOf(err) != fairlead.KindInvalid || !strings.Contains(err.Error(), "/api.json is no OpenAPI 3 document") {
		t.Errorf("%v", err)
	}
}
