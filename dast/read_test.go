package dast

import (
	"net/url"
	"strings"
	"testing"
)

// A document makes entries whose requests can be made, or none.
func FuzzDocument(f *testing.F) {
	f.Add([]byte(`{"openapi": "3.0.3", "paths": {"/a/{b}": {"get": {"parameters": [{"name": "c", "in": "query"}]}}}}`))
	f.Add([]byte(`{"openapi": "3.1.0", "paths": {"/a": {"post": {"requestBody": {"content": {"application/json": {"schema": {"properties": {"x": {"type": ["string"]}}}}}}}}}`))
	f.Add([]byte(`{"openapi": "3.0.3", "paths": {"//elsewhere/{x": {"get": {}}, "/@elsewhere": {"get": {}}}}`))
	base := &url.URL{Scheme: "http", Host: "127.0.0.1:1"}
	f.Fuzz(func(t *testing.T, content []byte) {
		entries, _ := readDocument(content, base)
		for _, e := range entries {
			for i := -1; i < len(e.params); i++ {
				r, err := e.with(t.Context(), base, i, "'\"<")
				if err == nil && r.URL.Host != base.Host {
					t.Errorf("%s leads to %s", e.route, r.URL.Host)
				}
			}
		}
	})
}

// A page never becomes code by what does not hold the marker.
func FuzzRuns(f *testing.F) {
	f.Add(`<script>var a = 'x\';MARK;//'</script>`)
	f.Add("<b onclick=\"f(`${1}`)\">")
	f.Add(`<a href="javascript:x">`)
	f.Fuzz(func(t *testing.T, page string) {
		if where := runs(page, "flmarkz"); where != "" && !strings.Contains(strings.ToLower(page), "flmarkz") && !strings.Contains(page, "&") {
			t.Errorf("%q became %s", page, where)
		}
	})
}

// Code is told from text.
func TestCode(t *testing.T) {
	for script, want := range map[string]bool{
		`var a = 'M';`: false, `var a = "it's M";`: false, `// M`: false, "// x\nM": true, `/* M */`: false, `/* x */ M`: true,
		`var a = 'x\'; M';`: false, `var a = 'x'; M`: true, "`M`": false, "`${M}`": true, "`${'}'} M`": false, "`${a}` + M": true, `'x\\'; M`: true,
	} {
		if got := code(script, "M"); got != want {
			t.Errorf("%s: %v", script, got)
		}
	}
}

// A browser's idea of an address.
func TestTarget(t *testing.T) {
	from := &url.URL{Scheme: "http", Host: "shop:80", Path: "/a/"}
	for location, want := range map[string]string{
		"/x": "shop", "x": "shop", "//evil/x": "evil", `/\evil`: "evil", "https:evil": "evil", "http:x": "shop", "https://shop@evil/": "evil", "///evil": "evil",
		"/leave?url=https://evil": "shop",
	} {
		if got := target(from, location); got != want {
			t.Errorf("%s: %s, want %s", location, got, want)
		}
	}
}
