package vulndb_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"fairlead.dev"
	"fairlead.dev/purl"
	"fairlead.dev/vulndb"
)

// Each ecosystem orders its versions by rules of its own, and writes names in its
// own way. Of every row the versions before the colon are affected by a record
// that is fixed in a version, those behind it are not. Purls are as inventories
// of lock files and images have them.
func TestEveryEcosystem(t *testing.T) {
	for _, c := range []struct{ ecosystem, name, fixed, purl, versions string }{
		{"Go", "example.test/A", "1.2.0", "pkg:golang/example.test/a@", "v1.1.9 v1.2.0-rc.1 v0.0.0-20200101000000-abcdefabcdef : v1.2.0 v1.10.0 v2.0.0%2Bincompatible"},
		{"npm", "@scope/thing", "2.0.1", "pkg:npm/%40scope/thing@", "2.0.0 2.0.1-beta.2 1.10.0 : 2.0.1 2.0.10"},
		{"PyPI", "Flask_Login", "1.0rc2", "pkg:pypi/flask-login@", "1.0rc1 1.0a9 0.9.post1 1.0.dev5 : 1.0rc2 1.0 1.0.0 1%211.0"},
		{"Maven", "com.google.guava:guava", "32.0.0-jre", "pkg:maven/com.google.guava/guava@", "31.1-jre 32.0.0-alpha-1 : 32.0.0-jre 33.3.0-jre"},
		{"Maven", "org.slf4j:slf4j-api", "2.0.0", "pkg:maven/org.slf4j/slf4j-api@", "1.7.36 2.0.0-alpha1 2.0.0-SNAPSHOT : 2.0.0 2.0 2.0.16"},
		{"RubyGems", "nokogiri", "1.16.2", "pkg:gem/nokogiri@", "1.16.2.rc1 1.9.1 1.16.0 : 1.16.2 1.16.10"},
		{"Packagist", "Monolog/Monolog", "3.7.0", "pkg:composer/monolog/monolog@", "3.6.9 v3.6.9 3.7.0-beta1 : 3.7.0 v3.7.0 3.10.0"},
		{"NuGet", "Newtonsoft.Json", "13.0.1", "pkg:nuget/newtonsoft.json@", "12.0.3 13.0.1-beta2 : 13.0.1 13.0.1.0 13.0.3"},
		{"crates.io", "serde", "1.0.10", "pkg:cargo/serde@", "1.0.9 1.0.10-rc1 : 1.0.10 1.0.210"},
		{"Debian:12", "openssl", "3.0.11-1~deb12u2", "pkg:deb/debian/libssl3@%s?distro=bookworm&source=openssl", "3.0.11-1~deb12u1 3.0.9-1 : 3.0.11-1~deb12u2 3.0.11-1 1:1.0-1"},
		{"Ubuntu:22.04:LTS", "openssl", "3.0.2-0ubuntu1.10", "pkg:deb/ubuntu/libssl3@%s?distro=jammy&source=openssl", "3.0.2-0ubuntu1.9 : 3.0.2-0ubuntu1.10 3.0.2-0ubuntu1.12"},
		{"Alpine:v3.20", "busybox", "1.36.1-r29", "pkg:apk/alpine/ssl_client@%s?distro=3.20.1&origin=busybox", "1.36.1-r7 1.36.1_rc1-r30 : 1.36.1-r29 1.36.1-r30"},
		{"Wolfi", "openssl", "3.3.0-r2", "pkg:apk/wolfi/openssl@%s?distro=20230201", "3.3.0-r1 : 3.3.0-r2 3.3.0-r10"},
		{"Rocky Linux:9", "openssl", "1:3.0.7-25.el9_3", "pkg:rpm/rocky/openssl@%s?distro=rocky-9.3&epoch=1", "3.0.7-24.el9 : 3.0.7-25.el9_3 3.0.7-27.el9"},
		{"AlmaLinux:9", "bash", "5.1.8-7.el9", "pkg:rpm/almalinux/bash@%s?distro=almalinux-9.3", "5.1.8-6.el9 5.1.8~rc1-9.el9 : 5.1.8-7.el9 5.1.8-10.el9"},
	} {
		t.Run(c.ecosystem+" "+c.name, func(t *testing.T) {
			w := newWorld(t)
			record := strings.Replace(advisory("A-1", c.ecosystem, c.name, "2026-01-01T00:00:00Z"), "2.0.0", c.fixed, 1)
			w.take(vulndb.Input{Path: folder(t, map[string]string{"a.json": record})})
			affected, clear, _ := strings.Cut(c.versions, " : ")
			for i, list := range []string{affected, clear} {
				for _, v := range strings.Fields(list) {
					name := c.purl + v
					if strings.Contains(c.purl, "%s") {
						name = fmt.Sprintf(c.purl, v)
					}
					m := w.match(name)
					if len(m.Unmatched) > 0 || len(m.Found) != 1-i {
						t.Errorf("%s: found %d, not looked up %v", name, len(m.Found), m.Unmatched)
					}
					if i == 0 && len(m.Found) == 1 && !slices.Equal(m.Found[0].FixedIn, []string{c.fixed}) {
						t.Errorf("%s: fixed in %v", name, m.Found[0].FixedIn)
					}
				}
			}
		})
	}
}

// A list of versions counts beside ranges, and to the letter.
func TestListedVersions(t *testing.T) {
	w := newWorld(t)
	w.take(vulndb.Input{Path: folder(t, map[string]string{
		"a.json": `{"id":"MAL-1","modified":"2026-01-01T00:00:00Z","affected":[{"package":{"ecosystem":"npm","name":"x"},"versions":["1.0.0","3.0.0"],
			"ranges":[{"type":"GIT","repo":"https://example.test/x","events":[{"introduced":"0"}]},{"type":"SEMVER","events":[{"introduced":"2.0.0"},{"last_affected":"2.1.0"}]}]}]}`,
		"b.json": `{"id":"MAL-2","modified":"2026-01-01T00:00:00Z","withdrawn":"2026-02-01T00:00:00Z","affected":[{"package":{"ecosystem":"npm","name":"x"},"versions":["1.0.0"]}]}`,
	})})
	for version, want := range map[string]int{"1.0.0": 1, "1.0.1": 0, "2.0.0": 1, "2.1.0": 1, "2.1.1": 0, "3.0.0": 1} {
		if m := w.match("pkg:npm/x@" + version); len(m.Found) != want {
			t.Errorf("%s: found %+v", version, m.Found)
		}
	}
	db := w.open()
	defer db.Close()
	m, err := db.Match(t.Context(), []fairlead.Component{purl.Component("pkg:npm/x"), {PURL: "nonsense"}, {PURL: ""}, purl.Component("pkg:npm/x@1.0.0"), purl.Component("pkg:npm/x@1.0.0")})
	if err != nil || len(m.Found) != 1 || len(m.Unmatched) != 3 {
		t.Errorf("%+v, %v", m, err)
	}
}
