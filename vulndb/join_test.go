package vulndb_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fairlead.dev"
	"fairlead.dev/vulndb"
)

// kevFile writes a catalogue with the vulnerabilities.
func kevFile(t *testing.T, cves ...string) string {
	t.Helper()
	var all []string
	for _, c := range cves {
		all = append(all, fmt.Sprintf(`{"cveID":%q,"dateAdded":"2026-02-01","dueDate":"2026-02-20","knownRansomwareCampaignUse":"Known"}`, c))
	}
	return filepath.Join(folder(t, map[string]string{"kev.json": `{"catalogVersion":"1","vulnerabilities":[` + strings.Join(all, ",") + `]}`}), "kev.json")
}

// openvex writes a document with one statement.
func openvex(t *testing.T, id, vulnerability, products, status string) string {
	t.Helper()
	return filepath.Join(folder(t, map[string]string{"vex.json": fmt.Sprintf(`{"@context":"https://openvex.dev/ns/v0.2.0","@id":%q,"author":"a",
		"timestamp":"2026-10-01T00:00:00Z","version":1,"statements":[{"vulnerability":{"name":%q},"products":[%s],"status":%s}]}`,
		id, vulnerability, products, status)}), "vex.json")
}

const notAffected = `"not_affected","justification":"component_not_present"`

// What is said of a CVE is true of every record of it, over any number of
// aliases, and of a distribution's advisory that passes it on.
func TestEveryNameCounts(t *testing.T) {
	w := newWorld(t)
	with := func(id, more, ecosystem string) string {
		return strings.Replace(advisory(id, ecosystem, "x", "2026-01-01T00:00:00Z"), `"modified"`, more+`,"modified"`, 1)
	}
	epss := filepath.Join(folder(t, map[string]string{"e.csv": "#model_version:v1,score_date:2026-10-01T00:00:00+0000\ncve,epss,percentile\nCVE-2026-1,0.7,0.9\nCVE-2026-3,0.4,0.5\n"}), "e.csv")
	w.take(
		vulndb.Input{Path: folder(t, map[string]string{
			"a.json": with("GO-1", `"aliases":["GHSA-1"]`, "Go"),
			"b.json": with("GHSA-1", `"aliases":["CVE-2026-1"],"severity":[{"type":"CVSS_V3","score":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}]`, "npm"),
			"c.json": with("DSA-1", `"upstream":["CVE-2026-2","CVE-2026-3"]`, "Debian:12"),
			"d.json": with("DEBIAN-CVE-2026-3", `"upstream":["CVE-2026-3"]`, "Debian:12"),
		}), Name: "test"},
		vulndb.Input{Path: kevFile(t, "CVE-2026-1", "CVE-2026-2")}, vulndb.Input{Path: epss},
	)
	golang := w.match("pkg:golang/x@v1.0.0").Found
	if len(golang) != 1 {
		t.Fatalf("found %+v", golang)
	}
	g := golang[0]
	if g.Canonical != "CVE-2026-1" || g.Vulnerability.KEV.IsZero() || !g.Ransomware || g.KEVDue.IsZero() || g.Vulnerability.EPSS != 0.7 ||
		g.Severity != fairlead.SeverityCritical || !slices.Equal(g.Vulnerability.Aliases, []string{"CVE-2026-1", "GHSA-1"}) {
		t.Errorf("by two steps: %+v", g)
	}
	debian := w.match("pkg:deb/debian/x@1.0?distro=bookworm").Found
	if len(debian) != 2 {
		t.Fatalf("found %+v", debian)
	}
	if d := debian[0]; d.Canonical != "CVE-2026-3" || !d.Vulnerability.KEV.IsZero() || d.Vulnerability.EPSS != 0.4 {
		t.Errorf("named for one: %+v", d)
	}
	if d := debian[1]; d.Canonical != "DSA-1" || d.Vulnerability.KEV.IsZero() || d.Vulnerability.EPSS != 0.4 || d.Severity != fairlead.SeverityUnknown {
		t.Errorf("of several: %+v", d)
	}
}

// A record whose versions nobody can compare says nothing; those beside it do.
func TestOneBadRecordHidesNoOther(t *testing.T) {
	w := newWorld(t)
	w.take(vulndb.Input{Path: folder(t, map[string]string{
		"b.json": strings.Replace(advisory("A-0", "Debian:12", "x", "2026-01-01T00:00:00Z"), `"introduced":"0"`, `"introduced":"a:b"`, 1),
		"c.json": advisory("A-1", "Debian:12", "x", "2026-01-01T00:00:00Z"),
	})})
	m := w.match("pkg:deb/debian/x@1.0.0?distro=bookworm")
	if len(m.Found) != 1 || m.Found[0].Vulnerability.ID != "A-1" || len(m.Unmatched) != 1 || !strings.Contains(m.Unmatched[0].Reason, "A-0") {
		t.Errorf("found %+v, not looked up %+v", m.Found, m.Unmatched)
	}
}

func TestStatements(t *testing.T) {
	const component, shop, other = "pkg:npm/x@1.0.0", "pkg:generic/shop@abc", "pkg:generic/other@abc"
	for name, c := range map[string]struct {
		products string
		in       map[string]bool // whether it is heard in a product
	}{
		"about the component":              {`{"@id":"pkg:npm/x@1.0.0"}`, map[string]bool{shop: true, other: true, "": true}},
		"about another version":            {`{"@id":"pkg:npm/x@1.0.1"}`, map[string]bool{shop: false, other: false}},
		"about every version":              {`{"@id":"pkg:npm/x"}`, map[string]bool{shop: true}},
		"about the component in a product": {`{"@id":"pkg:generic/shop","subcomponents":[{"@id":"pkg:npm/x@1.0.0"}]}`, map[string]bool{shop: true, other: false, "": false}},
		"about another component in it":    {`{"@id":"pkg:generic/shop","subcomponents":[{"@id":"pkg:npm/y"}]}`, map[string]bool{shop: false}},
		"about a product":                  {`{"@id":"pkg:generic/shop"}`, map[string]bool{shop: true, other: false, "": false}},
		"about this release of a product":  {`{"@id":"pkg:generic/shop@abc"}`, map[string]bool{shop: true, other: false, "pkg:generic/shop": false}},
		"about another release":            {`{"@id":"pkg:generic/shop@abd"}`, map[string]bool{shop: false}},
		"about one from elsewhere":         {`{"@id":"pkg:npm/x@1.0.0?repository_url=https://registry.test"}`, map[string]bool{shop: false, "": false}},
		"about a path of it":               {`{"@id":"pkg:npm/x@1.0.0#lib"}`, map[string]bool{shop: false}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.take(vulndb.Input{Path: folder(t, map[string]string{"a.json": advisory("A-1", "npm", "x", "2026-01-01T00:00:00Z")})},
				vulndb.Input{Path: openvex(t, "https://example.test/1", "A-1", c.products, notAffected)})
			for product, want := range c.in {
				m := w.match(component, product).Found[0]
				if got := m.Vulnerability.VEX == "not_affected"; got != want {
					t.Errorf("in %q: %q, want it heard: %t", product, m.Vulnerability.VEX, want)
				}
				if later := w.match(component).Found[0].For(product); later.Vulnerability.VEX != m.Vulnerability.VEX || later.Justification != m.Justification {
					t.Errorf("in %q it is %q, asked afterwards %q", product, m.Vulnerability.VEX, later.Vulnerability.VEX)
				}
			}
		})
	}
}

// Documents are told apart by the name that their author gave them, not by that
// of the file; the newest statement counts, and a new edition replaces the old one.
func TestDocumentsStayApart(t *testing.T) {
	w := newWorld(t)
	x := `{"@id":"pkg:npm/x@1.0.0"}`
	c := w.take(vulndb.Input{Path: folder(t, map[string]string{"a.json": advisory("A-1", "npm", "x", "2026-01-01T00:00:00Z")})},
		vulndb.Input{Path: openvex(t, "https://example.test/1", "A-1", x, notAffected)},
		vulndb.Input{Path: openvex(t, "https://example.test/2", "A-2", x, notAffected)})
	if got := w.sources(); got != "npm 1, vex:https://example.test/1 1, vex:https://example.test/2 1" {
		t.Errorf("sources %s", got)
	}
	if vex := w.match("pkg:npm/x@1.0.0").Found[0].Vulnerability.VEX; vex != "not_affected" {
		t.Errorf("%q", vex)
	}
	again := w.take(vulndb.Input{Path: openvex(t, "https://example.test/1", "A-1", x, `"affected","action_statement":"update"`)})
	if vex := w.match("pkg:npm/x@1.0.0").Found[0].Vulnerability.VEX; vex != "affected" || again.After == c.After || len(again.Packages) != 1 {
		t.Errorf("%q, packages %v", vex, again.Packages)
	}
	w.refuse(fairlead.KindConflict, "both all of the source",
		vulndb.Input{Path: openvex(t, "https://example.test/3", "A-1", x, notAffected)}, vulndb.Input{Path: openvex(t, "https://example.test/3", "A-2", x, notAffected)})
}
