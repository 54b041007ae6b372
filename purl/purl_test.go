package purl_test

import (
	"testing"

	"fairlead.dev/purl"
)

// A package has one key, however it is named.
func TestOfAndKeyOf(t *testing.T) {
	for _, c := range []struct{ ecosystem, name, version, want, key string }{
		{"Go", "golang.org/x/net", "0.17.0", "pkg:golang/golang.org/x/net@v0.17.0", "Go/golang.org/x/net"},
		{"Go", "stdlib", "1.22.1", "pkg:golang/stdlib@v1.22.1", "Go/stdlib"},
		{"npm", "@acme/tool", "2.0.0", "pkg:npm/%40acme/tool@2.0.0", "npm/@acme/tool"},
		{"npm", "left-pad", "", "pkg:npm/left-pad", "npm/left-pad"},
		{"PyPI", "Ruamel.YAML", "1", "pkg:pypi/ruamel.yaml@1", "PyPI/ruamel-yaml"},
		{"Maven", "org.apache:core", "1", "pkg:maven/org.apache/core@1", "Maven/org.apache:core"},
		{"Debian:12", "openssl", "1", "", "/"},
	} {
		got := purl.Of(c.ecosystem, c.name, c.version)
		key, version, reason := purl.KeyOf(got)
		if got != c.want || key.String() != c.key {
			t.Errorf("%s of %s: purl %q, key %q (%s)", c.name, c.ecosystem, got, key, reason)
		}
		if c.version != "" && got != "" && (version != c.version || reason != "") {
			t.Errorf("%s: version %q (%s)", got, version, reason)
		}
	}
}

func TestWithoutVersion(t *testing.T) {
	for in, want := range map[string]string{
		"pkg:golang/x/y@v1?a=b#c": "pkg:golang/x/y", "pkg:npm/%40a/b@1": "pkg:npm/%40a/b", "pkg:npm/@a/b": "pkg:npm/@a/b", "": "",
	} {
		if got := purl.WithoutVersion(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
