package triage

import (
	"slices"
	"strings"
	"testing"
	"time"

	"fairlead.dev"
)

const day = 24 * time.Hour

// leftPad is what a tool says about a vulnerable component.
func leftPad(tool, id string, aliases ...string) fairlead.Finding {
	return fairlead.Finding{
		Tool: tool, ToolVersion: tool + " 1.0", Rule: id, Category: fairlead.CategorySCA, Severity: fairlead.SeverityHigh,
		Fingerprint: fairlead.Fingerprint(fairlead.CategorySCA, tool, id), Location: fairlead.Location{Path: "package-lock.json"},
		Component:     fairlead.Component{PURL: "pkg:npm/left-pad@1.0.0", Version: "1.0.0"},
		Vulnerability: fairlead.Vulnerability{ID: id, Aliases: aliases},
	}
}

// after takes a scan of one tool, that looked at everything, into account.
func after(all []fairlead.Tracked, at time.Time, found ...fairlead.Finding) []fairlead.Tracked {
	s := Scan{Service: "shop", Environment: "production", Time: at, Findings: found, Complete: []string{"scan.sca", "scan.external"}}
	out, _ := Update(all, s, fairlead.DefaultClock())
	return out
}

// Every state is reached by scans, and by what excuses a finding meanwhile.
func TestStates(t *testing.T) {
	var all []fairlead.Tracked
	risk := fairlead.Exception{ID: "x1", Service: "shop", Scope: fairlead.ExceptionScope{Vulnerability: "CVE-1"}, Expires: start.Add(9 * day)}
	harmless := risk
	harmless.Justification = "component_not_present"
	state := func(excuse ...fairlead.Exception) fairlead.FindingState {
		t.Helper()
		seen := Excuse(all, excuse)
		if len(seen) != 1 || (seen[0].Exception != "") != (seen[0].State == fairlead.FindingAccepted || seen[0].State == fairlead.FindingSuppressed) {
			t.Fatalf("findings %+v", seen)
		}
		return seen[0].State
	}
	for i, step := range []struct {
		found  []fairlead.Finding
		excuse []fairlead.Exception
		want   fairlead.FindingState
	}{
		{[]fairlead.Finding{leftPad("scan.sca", "CVE-1")}, nil, fairlead.FindingNew},
		{[]fairlead.Finding{leftPad("scan.sca", "CVE-1")}, nil, fairlead.FindingOpen},
		{[]fairlead.Finding{leftPad("scan.sca", "CVE-1")}, []fairlead.Exception{risk}, fairlead.FindingAccepted},
		{[]fairlead.Finding{leftPad("scan.sca", "CVE-1")}, []fairlead.Exception{harmless}, fairlead.FindingSuppressed},
		{[]fairlead.Finding{leftPad("scan.sca", "CVE-1")}, nil, fairlead.FindingOpen},
		{nil, []fairlead.Exception{risk}, fairlead.FindingFixed},
		{[]fairlead.Finding{leftPad("scan.sca", "CVE-1")}, nil, fairlead.FindingReopened},
		{[]fairlead.Finding{leftPad("scan.sca", "CVE-1")}, nil, fairlead.FindingReopened},
	} {
		all = after(all, start.Add(time.Duration(i)*time.Hour), step.found...)
		if have := state(step.excuse...); have != step.want {
			t.Errorf("scan %d: %s, want %s", i, have, step.want)
		}
	}
	if got := all[0]; got.FirstSeen != start || got.Away.D() != time.Hour || got.Due != start.Add(7*day+time.Hour) {
		t.Errorf("first seen %s, away %s, due %s", got.FirstSeen, got.Away.D(), got.Due)
	}
}

// A tool that failed, or saw a part only, fixes nothing by its silence.
func TestSilenceFixesNothing(t *testing.T) {
	all := after(nil, start, leftPad("scan.sca", "CVE-1"))
	all, changed := Update(all, Scan{Service: "shop", Environment: "production", Time: start.Add(time.Hour), Complete: []string{"scan.sast"}}, fairlead.DefaultClock())
	if len(changed) != 0 || all[0].State == fairlead.FindingFixed {
		t.Errorf("findings %+v", all)
	}
}

// What two tools say of one thing is one finding with two observations, though
// they name it otherwise; it stays until neither sees it.
func TestTwoToolsOneFinding(t *testing.T) {
	ours, theirs := leftPad("scan.sca", "GHSA-1", "CVE-1"), leftPad("scan.external", "CVE-1")
	theirs.Severity = fairlead.SeverityCritical
	all := after(nil, start, ours, theirs)
	if len(all) != 1 || len(all[0].Observations) != 2 || all[0].Finding.Severity != fairlead.SeverityCritical || all[0].Due != start.Add(day) {
		t.Fatalf("findings %+v", all)
	}
	all = after(all, start.Add(time.Hour), ours)
	if len(all) != 1 || all[0].State != fairlead.FindingOpen {
		t.Errorf("one tool still sees it: %+v", all)
	}
	other := leftPad("scan.external", "CVE-1")
	other.Component.PURL = "pkg:npm/right-pad@1.0.0"
	if all := after(nil, start, ours, other); len(all) != 2 {
		t.Errorf("two components are one finding: %+v", all)
	}
}

// A finding has the time of its severity, from the day it was seen first.
func TestDue(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*fairlead.Finding)
		want   time.Duration
	}{
		{"critical", func(f *fairlead.Finding) { f.Severity = fairlead.SeverityCritical }, day},
		{"high", func(f *fairlead.Finding) { f.Severity = fairlead.SeverityHigh }, 7 * day},
		{"unknown is high", func(f *fairlead.Finding) { f.Severity = fairlead.SeverityUnknown }, 7 * day},
		{"none is high", func(f *fairlead.Finding) { f.Severity = "" }, 7 * day},
		{"medium", func(f *fairlead.Finding) { f.Severity = fairlead.SeverityMedium }, 30 * day},
		{"low", func(f *fairlead.Finding) { f.Severity = fairlead.SeverityLow }, 90 * day},
		{"exploited", func(f *fairlead.Finding) {
			f.Severity, f.Vulnerability.KEV = fairlead.SeverityLow, start.Add(-day)
		}, day},
		{"exploited later", func(f *fairlead.Finding) {
			f.Severity, f.Vulnerability.KEV = fairlead.SeverityLow, start.Add(2*day)
		}, 3 * day},
		{"exploited and out of reach", func(f *fairlead.Finding) {
			f.Vulnerability.KEV, f.Reachability = start.Add(-day), fairlead.ReachableUnused
		}, 90 * day},
		{"exploited, and nobody knows whether it is reached", func(f *fairlead.Finding) {
			f.Vulnerability.KEV, f.Reachability = start.Add(-day), fairlead.ReachableUnknown
		}, day},
		{"critical and only required", func(f *fairlead.Finding) {
			f.Severity, f.Reachability = fairlead.SeverityCritical, fairlead.ReachableRequired
		}, 90 * day},
		{"critical and called", func(f *fairlead.Finding) {
			f.Severity, f.Reachability = fairlead.SeverityCritical, fairlead.ReachableCalled
		}, day},
		{"does not apply", func(f *fairlead.Finding) { f.Vulnerability.VEX = "not_affected" }, 90 * day},
		{"likely to be exploited", func(f *fairlead.Finding) { f.Vulnerability.EPSS = 0.5 }, day},
		{"hardly likely", func(f *fairlead.Finding) { f.Vulnerability.EPSS = 0.49 }, 7 * day},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := leftPad("scan.sca", "CVE-1")
			c.change(&f)
			got := after(nil, start, f)[0]
			if have := got.Due.Sub(start); have != c.want {
				t.Fatalf("due after %s, want %s", have, c.want)
			}
			again := after([]fairlead.Tracked{got}, start.Add(c.want), f)[0]
			if again.Due != got.Due || again.Overdue(got.Due.Add(-1)) || !again.Overdue(got.Due) {
				t.Errorf("seen again it is due %s, was %s; overdue %v", again.Due, got.Due, again.Overdue(got.Due))
			}
			if again.Exception = "x1"; again.Overdue(got.Due) {
				t.Error("what is excused is overdue")
			}
		})
	}
}

// Another clock gives other times.
func TestClockOfOnesOwn(t *testing.T) {
	c := fairlead.DefaultClock()
	c.High = fairlead.Duration(time.Hour)
	all, _ := Update(nil, Scan{Service: "shop", Time: start, Findings: []fairlead.Finding{leftPad("scan.sca", "CVE-1")}}, c)
	if all[0].Due != start.Add(time.Hour) {
		t.Errorf("due %s", all[0].Due)
	}
}

// An exception is about what fits all that its scope says, and about nothing
// when that says nothing.
func TestScope(t *testing.T) {
	finding := after(nil, start, leftPad("scan.sca", "GHSA-1", "CVE-1"))[0]
	for _, c := range []struct {
		name   string
		scope  fairlead.ExceptionScope
		covers bool
	}{
		{"nothing", fairlead.ExceptionScope{}, false},
		{"a component alone", fairlead.ExceptionScope{Component: "pkg:npm/left-pad"}, false},
		{"a path alone", fairlead.ExceptionScope{Path: "**"}, false},
		{"the finding", fairlead.ExceptionScope{Finding: finding.ID}, true},
		{"another finding", fairlead.ExceptionScope{Finding: "f2"}, false},
		{"the vulnerability", fairlead.ExceptionScope{Vulnerability: "GHSA-1"}, true},
		{"its alias", fairlead.ExceptionScope{Vulnerability: "CVE-1"}, true},
		{"another vulnerability", fairlead.ExceptionScope{Vulnerability: "CVE-2"}, false},
		{"in every version", fairlead.ExceptionScope{Vulnerability: "CVE-1", Component: "pkg:npm/left-pad"}, true},
		{"in this version", fairlead.ExceptionScope{Vulnerability: "CVE-1", Component: "pkg:npm/left-pad@1.0.0"}, true},
		{"in another version", fairlead.ExceptionScope{Vulnerability: "CVE-1", Component: "pkg:npm/left-pad@1.0.1"}, false},
		{"in another component", fairlead.ExceptionScope{Vulnerability: "CVE-1", Component: "pkg:npm/left-pads"}, false},
		{"the rule", fairlead.ExceptionScope{Rule: "GHSA-1"}, true},
		{"another rule", fairlead.ExceptionScope{Rule: "G101"}, false},
		{"there", fairlead.ExceptionScope{Rule: "GHSA-1", Path: "*.json"}, true},
		{"elsewhere", fairlead.ExceptionScope{Rule: "GHSA-1", Path: "testdata/**"}, false},
	} {
		x := fairlead.Exception{ID: "x1", Service: "shop", Scope: c.scope}
		if have := Covers(x, finding); have != c.covers {
			t.Errorf("%s: %v", c.name, have)
		}
		for _, elsewhere := range []fairlead.Exception{{Service: "bar", Scope: c.scope}, {Service: "shop", Environment: "dev", Scope: c.scope}} {
			if Covers(elsewhere, finding) {
				t.Errorf("%s: of %q in %q", c.name, elsewhere.Service, elsewhere.Environment)
			}
		}
	}
	scattered := finding
	scattered.Finding.Further = []fairlead.Location{{Path: "sub/package-lock.json"}}
	if Covers(fairlead.Exception{Service: "shop", Scope: fairlead.ExceptionScope{Rule: "GHSA-1", Path: "*.json"}}, scattered) {
		t.Error("a finding is excused that is elsewhere too")
	}
}

// Of several exceptions the one that lasts longest is named.
func TestWhichExceptionIsNamed(t *testing.T) {
	all := after(nil, start, leftPad("scan.sca", "CVE-1"))
	scope := fairlead.ExceptionScope{Vulnerability: "CVE-1"}
	short := fairlead.Exception{ID: "a", Service: "shop", Scope: scope, Expires: start.Add(time.Hour)}
	long := fairlead.Exception{ID: "c", Service: "shop", Scope: scope, Expires: start.Add(day)}
	twin := fairlead.Exception{ID: "b", Service: "shop", Scope: scope, Expires: start.Add(day)}
	for _, holding := range [][]fairlead.Exception{{short, long, twin}, {twin, long, short}, {long, short, twin}} {
		if by := Excuse(all, holding)[0].Exception; by != "b" {
			t.Errorf("named %s", by)
		}
	}
}

func TestScopesThatCannotBe(t *testing.T) {
	for _, s := range []fairlead.ExceptionScope{
		{Rule: "x", Component: "left-pad"}, {Rule: "x", Path: "a[b"}, {Rule: "x"}, {Rule: "x", Path: "**"}, {Rule: "x", Path: "{a,**/*}"},
	} {
		if err := CheckScope(s); fairlead.KindOf(err) != fairlead.KindInvalid || fairlead.HintOf(err) == "" {
			t.Errorf("%+v: %v", s, err)
		}
	}
	if err := CheckScope(fairlead.ExceptionScope{Rule: "x", Component: "pkg:npm/a", Path: "a/**"}); err != nil {
		t.Error(err)
	}
}

// One weakness at one line, or of one entry point of a running service, is one
// finding, whatever each tool calls the function there. Where one tool saw two,
// which of them another one means cannot be told.
func TestOneWeaknessOfTwoTools(t *testing.T) {
	at := func(c fairlead.Category, tool, resource string, line int) fairlead.Finding {
		f := fairlead.Finding{
			Category: c, Tool: tool, ToolVersion: tool + " 1", Rule: tool, CWE: []string{"CWE-89"}, Severity: fairlead.SeverityHigh, Resource: resource,
			Fingerprint: fairlead.Fingerprint(c, tool, resource), Location: fairlead.Location{Path: "a.go", Line: line},
		}
		if line == 0 {
			f.Location = fairlead.Location{}
		}
		return f
	}
	sast, dast := fairlead.CategorySAST, fairlead.CategoryDAST
	for name, c := range map[string]struct {
		found []fairlead.Finding
		want  int
	}{
		"one names the function":   {[]fairlead.Finding{at(sast, "gosec", "main", 3), at(sast, "semgrep", "", 3)}, 1},
		"both name it otherwise":   {[]fairlead.Finding{at(sast, "gosec", "main", 3), at(sast, "semgrep", "main.main", 3)}, 1},
		"another line":             {[]fairlead.Finding{at(sast, "gosec", "main", 3), at(sast, "semgrep", "", 4)}, 2},
		"two of one tool":          {[]fairlead.Finding{at(sast, "gosec", "a", 3), at(sast, "gosec", "b", 3), at(sast, "semgrep", "", 3)}, 3},
		"two, and one is named":    {[]fairlead.Finding{at(sast, "gosec", "a", 3), at(sast, "gosec", "b", 3), at(sast, "semgrep", "b", 3)}, 2},
		"one entry point":          {[]fairlead.Finding{at(dast, "fairlead", "GET /items?id", 0), at(dast, "zap", "GET /items?id", 0)}, 1},
		"another parameter":        {[]fairlead.Finding{at(dast, "fairlead", "GET /items?id", 0), at(dast, "zap", "GET /items?q", 0)}, 2},
		"code without a place":     {[]fairlead.Finding{at(sast, "gosec", "main", 0), at(sast, "semgrep", "main", 0)}, 2},
		"another category of flaw": {[]fairlead.Finding{at(sast, "gosec", "main", 3), at(fairlead.CategoryIaC, "kics", "main", 3)}, 2},
	} {
		if got := Merge(c.found); len(got) != c.want {
			t.Errorf("%s: %d sightings, want %d", name, len(got), c.want)
		}
	}
}

// Of two tools that see one thing, the words of the one that knows what clears
// it are kept, and a file's line rather than the file alone.
func TestJoinKeepsWhatIsKnown(t *testing.T) {
	ours, theirs := leftPad("scan.sca", "CVE-1"), leftPad("scan.external", "CVE-1")
	ours.Location.Line, ours.ClearedBy, ours.Fix = 7, "1.0.2", "npm install left-pad@1.0.2"
	theirs.Fix, theirs.CWE = "1.0.1 fixes this", []string{"CWE-400"}
	merged := Merge([]fairlead.Finding{theirs, ours})
	if len(merged) != 1 || len(merged[0].Seen) != 2 {
		t.Fatalf("sightings %+v", merged)
	}
	if f := merged[0].Finding; f.Fix != ours.Fix || f.ClearedBy != "1.0.2" || f.Location.Line != 7 || len(f.Further) != 0 || len(f.CWE) != 1 {
		t.Errorf("finding %+v", f)
	}
}

// What a tool says that it did not look at may still be there; the rest of what
// it does not see is gone.
func TestWhatWasMissedIsNotGone(t *testing.T) {
	for name, c := range map[string]struct {
		missed []string
		gone   string
	}{
		"nothing":    {nil, "a.go lib/b.go lib/deep/c.go"},
		"a file":     {[]string{"lib/b.go"}, "a.go lib/deep/c.go"},
		"a folder":   {[]string{"lib/"}, "a.go"},
		"others":     {[]string{"li", "li/", "b.go"}, "a.go lib/b.go lib/deep/c.go"},
		"everything": {[]string{"./"}, ""},
	} {
		var before []fairlead.Finding
		for _, path := range []string{"a.go", "lib/b.go", "lib/deep/c.go"} {
			before = append(before, flaw(path, path))
		}
		had := lookedAt(nil, start, "scan.sast", before...)
		after, _ := Update(had, Scan{
			Service: "shop", Environment: "production", Time: start.Add(day), Complete: []string{"scan.sast"}, Missed: map[string][]string{"scan.sast": c.missed},
		}, fairlead.DefaultClock())
		var gone []string
		for _, f := range after {
			if f.State == fairlead.FindingFixed {
				gone = append(gone, f.Finding.Location.Path)
			}
		}
		slices.Sort(gone)
		if got := strings.Join(gone, " "); got != c.gone {
			t.Errorf("%s: gone is %q, want %q", name, got, c.gone)
		}
	}
}
