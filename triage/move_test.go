package triage

import (
	"testing"
	"time"

	"fairlead.dev"
)

func flaw(path, resource string) fairlead.Finding {
	return fairlead.Finding{
		Tool: "scan.sast", ToolVersion: "gosec 2", Rule: "G404", Category: fairlead.CategorySAST, Severity: fairlead.SeverityHigh, Message: "weak",
		Resource: resource, Location: fairlead.Location{Path: path, Line: 3}, Fingerprint: fairlead.Fingerprint(fairlead.CategorySAST, "G404", path, resource),
	}
}

func lookedAt(before []fairlead.Tracked, at time.Time, complete string, found ...fairlead.Finding) []fairlead.Tracked {
	after, _ := Update(before, Scan{Service: "shop", Environment: "production", Time: at, Findings: found, Complete: []string{complete}}, fairlead.DefaultClock())
	return after
}

// A file that is renamed wins no time: what was in it is what is there now. What
// is somewhere else while it still is where it was is another thing.
func TestMovedFindingKeepsItsTime(t *testing.T) {
	later := start.Add(48 * time.Hour)
	for name, c := range map[string]struct {
		before, after []fairlead.Finding
		want          int // findings afterwards, the fixed ones included
		moved         int
	}{
		"renamed":                     {[]fairlead.Finding{flaw("a.go", "main")}, []fairlead.Finding{flaw("b/a.go", "main")}, 1, 1},
		"two of a file":               {[]fairlead.Finding{flaw("a.go", "main"), flaw("a.go", "f")}, []fairlead.Finding{flaw("b.go", "f"), flaw("b.go", "main")}, 2, 2},
		"one of two mended meanwhile": {[]fairlead.Finding{flaw("a.go", "main"), flaw("c.go", "main")}, []fairlead.Finding{flaw("b.go", "main")}, 2, 1},
		"copied":                      {[]fairlead.Finding{flaw("a.go", "main")}, []fairlead.Finding{flaw("a.go", "main"), flaw("b.go", "main")}, 2, 0},
		"something else":              {[]fairlead.Finding{flaw("a.go", "main")}, []fairlead.Finding{flaw("b.go", "other")}, 2, 0},
	} {
		t.Run(name, func(t *testing.T) {
			had := lookedAt(nil, start, "scan.sast", c.before...)
			have := lookedAt(had, later, "scan.sast", c.after...)
			moved := 0
			for _, f := range have {
				if f.MovedAt.IsZero() {
					continue
				}
				moved++
				if !f.FirstSeen.Equal(start) || !f.Due.Equal(start.Add(7*day)) || f.State != fairlead.FindingOpen || f.Finding.Location.Path == "a.go" {
					t.Errorf("moved %+v", f)
				}
			}
			if len(have) != c.want || moved != c.moved {
				t.Errorf("%d findings and %d moved, want %d and %d: %+v", len(have), moved, c.want, c.moved, have)
			}
		})
	}
	had := lookedAt(nil, start, "scan.sast", flaw("a.go", "main"))
	if have := lookedAt(had, later, "", flaw("b.go", "main")); len(have) != 2 {
		t.Errorf("nobody says that it is gone where it was: %+v", have)
	}
}

// What another person let pass is what was there: not what a rename brings.
func TestExceptionDoesNotMove(t *testing.T) {
	had := lookedAt(nil, start, "scan.sast", flaw("a.go", "main"))
	x := fairlead.Exception{ID: "x", Service: "shop", Scope: fairlead.ExceptionScope{Finding: had[0].ID}, Time: start.Add(time.Hour)}
	if !Covers(x, had[0]) {
		t.Fatal("it is not about what it names")
	}
	moved := lookedAt(had, start.Add(2*time.Hour), "scan.sast", flaw("b.go", "main"))
	if moved[0].ID != had[0].ID || Covers(x, moved[0]) {
		t.Errorf("it covers %+v", moved[0])
	}
	if x.Time = start.Add(3 * time.Hour); !Covers(x, moved[0]) {
		t.Error("it does not cover what was looked at where it is now")
	}
}

// A vulnerability that gets another name, and a manifest in another folder, are
// what they were; an exception goes on.
func TestRenamedVulnerabilityIsTheSame(t *testing.T) {
	vulnerable := func(dir, id, version string, aliases ...string) fairlead.Finding {
		return fairlead.Finding{
			Tool: "scan.sca", ToolVersion: "fairlead 1", Rule: id, Category: fairlead.CategorySCA, Severity: fairlead.SeverityHigh,
			Component:   fairlead.Component{PURL: "pkg:npm/left-pad@" + version, Version: version},
			Location:    fairlead.Location{Path: dir + "package-lock.json"},
			Fingerprint: fairlead.Fingerprint(fairlead.CategorySCA, "npm", "left-pad", id, dir), Vulnerability: fairlead.Vulnerability{ID: id, Aliases: aliases},
		}
	}
	had := lookedAt(nil, start, "scan.sca", vulnerable("", "GHSA-1", "1.0.0"))
	x := fairlead.Exception{ID: "x", Service: "shop", Scope: fairlead.ExceptionScope{Finding: had[0].ID}, Time: start}
	for name, f := range map[string]fairlead.Finding{
		"another name": vulnerable("", "CVE-1", "1.0.0", "GHSA-1"), "another folder": vulnerable("web/", "GHSA-1", "1.0.1"),
	} {
		have := lookedAt(had, start.Add(48*time.Hour), "scan.sca", f)
		if len(have) != 1 || have[0].ID != had[0].ID || !have[0].Due.Equal(had[0].Due) || !Covers(x, have[0]) {
			t.Errorf("%s: %+v", name, have)
		}
	}
	if have := lookedAt(had, start.Add(48*time.Hour), "scan.sca", vulnerable("", "CVE-2", "1.0.0")); len(have) != 2 {
		t.Errorf("another vulnerability: %+v", have)
	}
	news := News{Service: "shop", Environment: "production", Time: start.Add(48 * time.Hour), Holding: []fairlead.Finding{vulnerable("", "CVE-1", "1.0.0", "GHSA-1")}, Over: []fairlead.Finding{vulnerable("", "GHSA-1", "1.0.0")}}
	if have, _ := Learn(had, news, fairlead.DefaultClock()); len(have) != 1 || !have[0].Due.Equal(had[0].Due) {
		t.Errorf("learned: %+v", have)
	}
}
