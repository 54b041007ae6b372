package vulndb_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"fairlead.dev"
	"fairlead.dev/vulndb"
)

// The oracle is the pseudo-code of the schema's section "Evaluation", written
// down for versions that are three numbers. It shares nothing with the product:
// not the reading of records, not the comparison of versions.

type number [3]int

func (n number) String() string { return fmt.Sprintf("%d.%d.%d", n[0], n[1], n[2]) }

func (n number) compare(o number) int { return slices.Compare(n[:], o[:]) }

type happening struct {
	kind string // introduced, fixed, last_affected, limit
	zero bool   // introduced from the beginning
	at   number
}

type claim struct {
	id        string
	pkg       int
	withdrawn bool
	versions  []number
	ranges    [][]happening
}

// vulnerable is "func IsVulnerable" of the schema.
func (c claim) vulnerable(pkg int, v number) bool {
	if c.pkg != pkg || c.withdrawn {
		return false
	}
	return slices.Contains(c.versions, v) || slices.ContainsFunc(c.ranges, func(r []happening) bool { return included(v, r) })
}

// included is one turn of "func IncludedInRanges".
func included(v number, events []happening) bool {
	limits, before := 0, false
	for _, e := range events {
		if e.kind == "limit" {
			limits++
			before = before || v.compare(e.at) < 0
		}
	}
	if limits > 0 && !before {
		return false
	}
	sorted := slices.Clone(events)
	slices.SortStableFunc(sorted, func(a, b happening) int {
		if a.zero != b.zero {
			if a.zero {
				return -1
			}
			return 1
		}
		return a.at.compare(b.at)
	})
	vulnerable := false
	for _, e := range sorted {
		switch {
		case e.kind == "introduced" && (e.zero || v.compare(e.at) >= 0):
			vulnerable = true
		case e.kind == "fixed" && v.compare(e.at) >= 0, e.kind == "last_affected" && v.compare(e.at) > 0:
			vulnerable = false
		}
	}
	return vulnerable
}

// record writes a claim as an OSV record.
func (c claim) record() []byte {
	affected := map[string]any{"package": map[string]string{"ecosystem": "Go", "name": module(c.pkg)}}
	var ranges []any
	for _, r := range c.ranges {
		var events []any
		for _, e := range r {
			at := e.at.String()
			if e.zero {
				at = "0"
			}
			events = append(events, map[string]string{e.kind: at})
		}
		ranges = append(ranges, map[string]any{"type": "SEMVER", "events": events})
	}
	var versions []string
	for _, v := range c.versions {
		versions = append(versions, v.String())
	}
	affected["ranges"], affected["versions"] = ranges, versions
	r := map[string]any{"id": c.id, "modified": "2026-01-01T00:00:00Z", "affected": []any{affected}}
	if c.withdrawn {
		r["withdrawn"] = "2026-01-02T00:00:00Z"
	}
	b, err := json.Marshal(r)
	if err != nil {
		panic(err)
	}
	return b
}

func module(n int) string { return fmt.Sprintf("example.test/m%d", n) }

func numbers() *rapid.Generator[number] {
	return rapid.Custom(func(t *rapid.T) number {
		part := rapid.IntRange(0, 3)
		return number{part.Draw(t, "major"), part.Draw(t, "minor"), part.Draw(t, "patch")}
	})
}

// events draws what happens at different versions, in any order: what two events at one
// version mean the schema does not say.
func events(t *rapid.T) []happening {
	at := rapid.SliceOfNDistinct(numbers(), 1, 6, rapid.ID[number]).Draw(t, "at")
	var out []happening
	for i, v := range at {
		kind := rapid.SampledFrom([]string{"introduced", "fixed", "introduced", "fixed", "last_affected", "limit"}).Draw(t, "kind")
		if i == 0 {
			kind = "introduced" // every range has one
		}
		out = append(out, happening{kind: kind, at: v, zero: i == 0 && rapid.Bool().Draw(t, "zero")})
	}
	return rapid.Permutation(out).Draw(t, "order")
}

func claims(t *rapid.T, packages int) []claim {
	var all []claim
	for i := range rapid.IntRange(1, 30).Draw(t, "records") {
		c := claim{id: fmt.Sprintf("TEST-%d", i), pkg: rapid.IntRange(0, packages-1).Draw(t, "package")}
		c.withdrawn = rapid.IntRange(0, 9).Draw(t, "withdrawn") == 0
		c.versions = rapid.SliceOfN(numbers(), 0, 2).Draw(t, "versions")
		for range rapid.IntRange(0, 2).Draw(t, "ranges") {
			c.ranges = append(c.ranges, events(t))
		}
		all = append(all, c)
	}
	return all
}

// Matching gives what the schema's rules give, and the version that is said to
// clear a component is the smallest fix after which none of them applies.
func TestMatchingFollowsTheSchema(t *testing.T) {
	const packages = 4
	dir := t.TempDir()
	turn := 0
	rapid.Check(t, func(t *rapid.T) {
		turn++
		all := claims(t, packages)
		records := filepath.Join(dir, fmt.Sprint(turn))
		if err := os.Mkdir(records, 0o700); err != nil {
			t.Fatal(err)
		}
		for _, c := range all {
			if err := os.WriteFile(filepath.Join(records, c.id+".json"), c.record(), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		path := records + ".sqlite"
		if _, err := vulndb.Import(t.Context(), path, now(), vulndb.Input{Path: records}); err != nil {
			t.Fatal(err)
		}
		db, err := vulndb.Open(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		for range 10 {
			pkg, v := rapid.IntRange(0, packages-1).Draw(t, "of"), numbers().Draw(t, "version")
			got, err := db.Match(t.Context(), []fairlead.Component{{PURL: "pkg:golang/" + module(pkg) + "@v" + v.String()}})
			if err != nil {
				t.Fatal(err)
			}
			holds(t, all, pkg, v, got)
		}
	})
}

// holds compares an answer with the oracle's.
func holds(t *rapid.T, all []claim, pkg int, v number, got vulndb.Matches) {
	var want, have []string
	for _, c := range all {
		if c.vulnerable(pkg, v) {
			want = append(want, c.id)
		}
	}
	cleared := ""
	for _, m := range got.Found {
		have, cleared = append(have, m.Vulnerability.ID), m.ClearedBy
	}
	slices.Sort(want)
	slices.Sort(have)
	if !slices.Equal(want, have) {
		t.Fatalf("%s %s: %v, the schema says %v", module(pkg), v, have, want)
	}
	if len(want) == 0 {
		return
	}
	if expected := clearing(all, pkg, v); expected != cleared {
		t.Fatalf("%s %s is cleared by %q, want %q", module(pkg), v, cleared, expected)
	}
}

// clearing gives the smallest fix behind a version that nothing affects.
func clearing(all []claim, pkg int, v number) string {
	var fixes []number
	for _, c := range all {
		for _, e := range slices.Concat(c.ranges...) {
			if c.pkg == pkg && !c.withdrawn && e.kind == "fixed" && e.at.compare(v) > 0 {
				fixes = append(fixes, e.at)
			}
		}
	}
	slices.SortFunc(fixes, number.compare)
	for _, f := range fixes {
		if !slices.ContainsFunc(all, func(c claim) bool { return c.vulnerable(pkg, f) }) {
			return f.String()
		}
	}
	return ""
}

// The oracle itself gives what the schema explains of ranges.
func TestOracleTellsTheExampleOfTheSchema(t *testing.T) {
	r := []happening{{kind: "introduced", at: number{1, 0, 0}}, {kind: "fixed", at: number{1, 0, 2}}, {kind: "introduced", at: number{3, 0, 0}}, {kind: "last_affected", at: number{3, 1, 0}}}
	var in []string
	for _, v := range []number{{0, 9, 0}, {1, 0, 0}, {1, 0, 1}, {1, 0, 2}, {2, 0, 0}, {3, 0, 0}, {3, 1, 0}, {3, 1, 1}} {
		if included(v, r) {
			in = append(in, v.String())
		}
	}
	if got := strings.Join(in, " "); got != "1.0.0 1.0.1 3.0.0 3.1.0" {
		t.Errorf("affected: %s", got)
	}
}
