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

// Records of a distribution are about its source packages, in its own numbers.
func TestPackagesOfDistributions(t *testing.T) {
	for in, want := range map[string]string{
		"pkg:deb/debian/libssl3@3.0.11-1~deb12u2?arch=amd64&distro=bookworm&source=openssl":          "Debian:12/openssl 3.0.11-1~deb12u2",
		"pkg:deb/debian/g%2B%2B@4:12.2.0-3?distro=debian-12&source=gcc-defaults&sourceversion=1.203": "Debian:12/gcc-defaults 1.203",
		"pkg:deb/debian/libc6@2.36-9%2Bb1?distro=debian-12.5&upstream=glibc%402.36-9":                "Debian:12/glibc 2.36-9",
		"pkg:deb/ubuntu/openssl@3.0.2-0ubuntu1?distro=jammy":                                         "Ubuntu:22.04:LTS/openssl 3.0.2-0ubuntu1",
		"pkg:deb/ubuntu/openssl@3.3.1?distro=oracular":                                               "Ubuntu:24.10/openssl 3.3.1",
		"pkg:apk/alpine/ssl_client@1.36.1-r29?distro=3.20.1&origin=busybox":                          "Alpine:v3.20/busybox 1.36.1-r29",
		"pkg:rpm/rocky/openssl@3.0.7-24.el9?arch=x86_64&distro=rocky-9.3&epoch=1":                    "Rocky Linux:9/openssl 1:3.0.7-24.el9",
		"pkg:rpm/almalinux/bash@5.1.8-6.el9?distro=almalinux-9.3":                                    "AlmaLinux:9/bash 5.1.8-6.el9",
		"pkg:deb/debian/openssl@3.0.11?distro=sid":                                                   "/ : the purl does not tell the number of a release of Debian",
		"pkg:deb/debian/openssl?distro=bookworm":                                                     "Debian:12/openssl : its version is not known",
		"pkg:rpm/fedora/curl@8.0-1.fc40?distro=fedora-40":                                            "/ : no database knows packages of type rpm of fedora",
		"pkg:generic/x@1": "/ : no database knows packages of type generic",
	} {
		key, version, reason := purl.KeyOf(in)
		if reason != "" {
			reason = ": " + reason
		}
		if got := key.String() + " " + version + reason; got != want {
			t.Errorf("%s\n got %q\nwant %q", in, got, want)
		}
	}
}

func TestCovers(t *testing.T) {
	for _, c := range []struct {
		stated, is string
		want       bool
	}{
		{"pkg:pypi/Flask_Login@1.0", "pkg:pypi/flask-login@1.0", true},
		{"pkg:golang/example.test/A@1.0.0", "pkg:golang/example.test/a@v1.0.0", true},
		{"pkg:npm/%40a/b", "pkg:npm/@a/b@1", true},
		{"pkg:npm/a@1", "pkg:npm/a@2", false},
		{"pkg:npm/a@1", "pkg:npm/a", false},
		{"pkg:npm/a", "pkg:pypi/a", false},
		{"pkg:maven/a/b", "pkg:maven/a.b", false},
		{"pkg:oci/shop?repository_url=registry.test/shop", "pkg:oci/shop@sha256:aa?repository_url=evil.test/shop", false},
		{"pkg:oci/shop?repository_url=registry.test/shop", "pkg:oci/shop@sha256:aa?repository_url=registry.test/shop&tag=1", true},
		{"pkg:golang/a#x", "pkg:golang/a@v1", false},
		{"shop", "shop", true},
		{"shop", "pkg:generic/shop", false},
		{"", "", false},
		{"pkg:", "pkg:npm/a", false},
	} {
		if got := purl.Covers(c.stated, c.is); got != c.want {
			t.Errorf("%q covers %q: %t", c.stated, c.is, got)
		}
	}
}

func FuzzKeyOf(f *testing.F) {
	f.Add("pkg:deb/debian/libc6@2.36-9%2Bb1?distro=debian-12.5&upstream=glibc%402.36-9", "pkg:npm/%40a/b@1")
	f.Add("pkg:golang/x/y@v1?a=b#c", "pkg:rpm/rocky/openssl@3.0.7-24.el9?distro=rocky-9.3&epoch=1")
	f.Fuzz(func(t *testing.T, a, b string) {
		key, version, reason := purl.KeyOf(a)
		if reason == "" && (version == "" || key.Ecosystem == "") {
			t.Errorf("%q has the key %q, version %q, and no reason why not", a, key, version)
		}
		purl.WithoutVersion(a)
		purl.Component(a)
		if purl.Covers(a, b); reason == "" && !purl.Covers(a, a) {
			t.Errorf("%q does not cover itself", a)
		}
	})
}

func TestOfImage(t *testing.T) {
	const digest = "sha256:aa"
	for reference, want := range map[string]string{
		"registry.test:5000/team/Shop:1.2": "pkg:oci/shop@sha256:aa?repository_url=registry.test:5000%2Fteam%2FShop&tag=1.2",
		"shop@sha256:aa":                   "pkg:oci/shop@sha256:aa?repository_url=shop",
		"registry.test:5000/shop":          "pkg:oci/shop@sha256:aa?repository_url=registry.test:5000%2Fshop",
		"":                                 "",
		"x/:1":                             "",
	} {
		if got := purl.OfImage(reference, digest); got != want {
			t.Errorf("%q: %q, want %q", reference, got, want)
		}
	}
	if got := purl.OfImage("shop:1", ""); got != "" {
		t.Errorf("without a digest: %q", got)
	}
	if !purl.Covers("pkg:oci/shop@sha256:aa", purl.OfImage("registry.test/shop:1", digest)) {
		t.Error("a statement about an image is not about it")
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
