package triage

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"fairlead.dev"
	"fairlead.dev/purl"
)

var start = time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)

// findings draws what several tools may say about a small world, so that they
// often mean the same thing.
func findings(t *rapid.T, label string) []fairlead.Finding {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) fairlead.Finding {
		tool := rapid.SampledFrom([]string{"scan.sca", "scan.external", "scan.sast"}).Draw(t, "tool")
		f := fairlead.Finding{
			Tool: tool, ToolVersion: tool + " 1.0", Rule: rapid.SampledFrom([]string{"r1", "r2"}).Draw(t, "rule"), Category: fairlead.CategorySAST,
			Severity: rapid.SampledFrom([]fairlead.Severity{"critical", "high", "medium", "low", "unknown", ""}).Draw(t, "severity"),
			Location: fairlead.Location{Path: rapid.SampledFrom([]string{"a.go", "b/b.go"}).Draw(t, "path"), Line: rapid.IntRange(0, 3).Draw(t, "line")},
			CWE:      rapid.SliceOfN(rapid.SampledFrom([]string{"CWE-89", "CWE-79"}), 0, 2).Draw(t, "cwe"),
		}
		if rapid.Bool().Draw(t, "component") {
			f.Category = fairlead.CategorySCA
			f.Component = fairlead.Component{PURL: fmt.Sprintf("pkg:golang/example.org/x@v1.%d.0", rapid.IntRange(0, 2).Draw(t, "version"))}
			ids := []string{"CVE-1", "GHSA-1", "GO-1", "CVE-2"}
			f.Vulnerability = fairlead.Vulnerability{
				ID: rapid.SampledFrom(ids).Draw(t, "id"), Aliases: rapid.SliceOfN(rapid.SampledFrom(ids[:3]), 0, 2).Draw(t, "aliases"),
				EPSS: rapid.SampledFrom([]float64{0, 0.2, 0.9}).Draw(t, "epss"),
			}
			f.Reachability = rapid.SampledFrom([]fairlead.Reachability{"", "called", "required", "unknown"}).Draw(t, "reachability")
		}
		f.Fingerprint = fairlead.Fingerprint(f.Category, f.Tool, f.Rule, f.Location.Path, f.Vulnerability.ID)
		return f
	}), 0, 12).Draw(t, label)
}

// Whatever order the tools are heard in, and however often, they say the same.
func TestMergeIsCommutativeAndIdempotent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := findings(t, "findings")
		once := Merge(all)
		if diff := cmp.Diff(once, Merge(rapid.Permutation(all).Draw(t, "order"))); diff != "" {
			t.Fatalf("another order, another result:\n%s", diff)
		}
		if diff := cmp.Diff(once, Merge(append(slices.Clone(all), all...))); diff != "" {
			t.Fatalf("heard twice, another result:\n%s", diff)
		}
		seen := 0
		for _, s := range once {
			seen += len(s.Seen)
			for _, f := range s.Seen {
				if Heavier(f.Severity, s.Finding.Severity) {
					t.Fatalf("%s is said of what a tool calls %s", s.Finding.Severity, f.Severity)
				}
				if f.Category != s.Finding.Category {
					t.Fatalf("%s and %s are one", f.Category, s.Finding.Category)
				}
			}
		}
		if unique := len(distinct(sortedBy(all))); seen != unique {
			t.Fatalf("%d of %d findings are left", seen, unique)
		}
	})
}

func sortedBy(all []fairlead.Finding) []fairlead.Finding {
	all = slices.Clone(all)
	slices.SortFunc(all, order)
	return all
}

// A history of scans: nothing is lost, what a complete tool does not see is
// fixed, what comes back is reopened with no time won, and a scan counts once.
func TestHistory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var all []fairlead.Tracked
		at := start
		for i := range rapid.IntRange(1, 6).Draw(t, "scans") {
			at = at.Add(time.Duration(rapid.IntRange(1, 100).Draw(t, "hours")) * time.Hour)
			s := Scan{Service: "shop", Environment: "production", RunID: fmt.Sprint(i), Time: at, Findings: findings(t, "findings")}
			s.Complete = rapid.SliceOfDistinct(rapid.SampledFrom([]string{"scan.sca", "scan.external", "scan.sast"}), rapid.ID).Draw(t, "complete")
			after, changed := Update(all, s, fairlead.DefaultClock())
			again, none := Update(after, s, fairlead.DefaultClock())
			if diff := cmp.Diff(after, again); diff != "" || len(none) > 0 {
				t.Fatalf("the same scan again changes something: %s", diff)
			}
			before := map[string]fairlead.Tracked{}
			for _, f := range all {
				before[f.ID] = f
			}
			holds(t, s, before, after)
			if len(changed) == 0 && len(s.Findings) > 0 {
				t.Fatal("findings were seen and nothing is said to have changed")
			}
			all = after
		}
	})
}

// holds checks what is true after every scan.
func holds(t *rapid.T, s Scan, before map[string]fairlead.Tracked, after []fairlead.Tracked) {
	seen := map[string]bool{}
	for _, f := range s.Findings {
		seen[known(f.Category, f.Fingerprint)] = true
	}
	ids := map[string]bool{}
	for _, f := range after {
		if ids[f.ID] {
			t.Fatalf("%s is there twice", f.ID)
		}
		ids[f.ID] = true
		now := slices.ContainsFunc(f.Fingerprints, func(fp string) bool { return seen[known(f.Finding.Category, fp)] })
		had, old := before[f.ID]
		switch {
		case f.Into != "":
			continue
		case now && f.State == fairlead.FindingFixed:
			t.Fatalf("%s is seen and fixed", f.ID)
		case now && old && had.State == fairlead.FindingFixed && f.State != fairlead.FindingReopened:
			t.Fatalf("%s came back and is %s", f.ID, f.State)
		case now && !old && f.State != fairlead.FindingNew:
			t.Fatalf("%s is there for the first time and is %s", f.ID, f.State)
		case f.FixedAt.IsZero() == f.Due.IsZero():
			t.Fatalf("%s: fixed at %s, due %s", f.ID, f.FixedAt, f.Due)
		case f.FixedAt.IsZero() && f.Due.After(s.Time.Add(f.Allowed.D())):
			t.Fatalf("%s has more time than the clock gives: %s after %s", f.ID, f.Due, f.FirstSeen)
		case old && !had.Due.IsZero() && f.FixedAt.IsZero() && f.Allowed <= had.Allowed && f.Due.After(had.Due):
			t.Fatalf("%s won time: %s, had %s", f.ID, f.Due, had.Due)
		}
		if old && f.FirstSeen.After(had.FirstSeen) {
			t.Fatalf("%s was seen first at %s, and now at %s", f.ID, had.FirstSeen, f.FirstSeen)
		}
	}
	for id := range before {
		if !ids[id] {
			t.Fatalf("%s is lost", id)
		}
	}
}

// Nobody approves what he asked for himself, and no exception outlives its end.
func TestExceptionIsNeverApprovedByItsRequester(t *testing.T) {
	people := rapid.SampledFrom([]string{"alice", "bob", "carol", ""})
	rapid.Check(t, func(t *rapid.T) {
		x := fairlead.Exception{ID: "x", Service: "shop", Person: people.Draw(t, "requester"), Time: start, Expires: start.Add(time.Hour)}
		for range rapid.IntRange(0, 4).Draw(t, "approvals") {
			x.Approvals = append(x.Approvals, fairlead.ExceptionApproval{Person: people.Draw(t, "approver")})
		}
		p := fairlead.ExceptionPolicy{Count: rapid.IntRange(0, 2).Draw(t, "count")}
		now := start.Add(time.Duration(rapid.IntRange(0, 120).Draw(t, "minutes")) * time.Minute)
		active := StatusOf(x, p, now) == StatusActive
		others := map[string]bool{}
		for _, a := range x.Approvals {
			if a.Person != x.Person && a.Person != "" {
				others[a.Person] = true
			}
		}
		if want := len(others) >= max(1, p.Count) && now.Before(x.Expires); active != want {
			t.Fatalf("active: %v, want %v with %d others at %s", active, want, len(others), now)
		}
	})
}

func FuzzMerge(f *testing.F) {
	f.Add("pkg:golang/a/b@v1?x=y#z", "CVE-1", "a.go", "CWE-1", 3, "pkg:golang/a/b@v2", "GO-1")
	f.Add("", "", "", "", 0, "@", "@")
	f.Fuzz(func(t *testing.T, named, id, path, cwe string, line int, purl2, id2 string) {
		one := fairlead.Finding{Category: fairlead.CategorySCA, Tool: "a", CWE: []string{cwe}, Location: fairlead.Location{Path: path, Line: line}}
		one.Component.PURL, one.Vulnerability.ID, one.Vulnerability.Aliases = named, id, []string{id2}
		two := one
		two.Tool, two.Component.PURL, two.Vulnerability.ID, two.Vulnerability.Aliases = "b", purl2, id2, nil
		a, b := Merge([]fairlead.Finding{one, two}), Merge([]fairlead.Finding{two, one})
		if diff := cmp.Diff(a, b); diff != "" {
			t.Fatal(diff)
		}
		if bare := purl.WithoutVersion(named); purl.WithoutVersion(bare) != bare && versionOf(bare) == "" {
			t.Errorf("version of %q", named)
		}
	})
}
