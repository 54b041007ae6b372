package gate

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fairlead.dev"
)

func policyOf(text string) []fairlead.PolicyModule {
	return []fairlead.PolicyModule{{Name: "ours.rego", Text: "package fairlead\n" + text}}
}

// doubled is a policy that makes something of itself and itself, 60 times.
func doubled(first, operation string) string {
	text := "v0 := " + first + "\n"
	for n := range 60 {
		v := fmt.Sprint("v", n)
		text += fmt.Sprintf("v%d := ", n+1) + fmt.Sprintf(operation, v, v) + "\n"
	}
	return text + `deny contains s if { count([v60]) == 0; s := "x" }`
}

// What an organisation says makes a decision heavier, never lighter; a policy
// without an answer denies.
func TestOrganisationOnlyTightens(t *testing.T) {
	for _, c := range []struct {
		name, policy string
		gate         string // the plan's only rule
		want         fairlead.Outcome
		reason       string
	}{
		{"nothing said", "deny contains s if { false; s := \"never\" }", "true", fairlead.OutcomeAllow, ""},
		{"denies", `deny contains "not on Fridays"`, "true", fairlead.OutcomeDeny, "not on Fridays"},
		{"warns", `warn contains "look twice"`, "true", fairlead.OutcomeWarn, "look twice"},
		{"a warning does not lift a denial", `warn contains "look twice"`, "false", fairlead.OutcomeDeny, "look twice"},
		{"an allowance is not heard", "allow := true\nwarn := set()", "false", fairlead.OutcomeDeny, ""},
		{"reads what was decided", `deny contains s if { input.decision.outcome == "allow"; s := "nothing is allowed" }`, "true", fairlead.OutcomeDeny, "nothing is allowed"},
		{"reads the time", `deny contains s if { startswith(input.time, "2026-11-02"); s := "not today" }`, "true", fairlead.OutcomeDeny, "not today"},
		{"neither deny nor warn", "allow := true", "true", fairlead.OutcomeDeny, "neither deny nor warn"},
		{"no set", "deny := 3", "true", fairlead.OutcomeDeny, "is not a set"},
		{"no sentence", "deny contains 3", "true", fairlead.OutcomeDeny, "not a sentence"},
		{"fails", `deny contains s if { s := sprintf("%d", [1 / 0]) }`, "true", fairlead.OutcomeDeny, "divide by zero"},
		{"cannot be read", "deny contains", "true", fairlead.OutcomeDeny, "no answer"},
		{"reaches outside", `deny contains s if { http.send({"method": "get", "url": "http://127.0.0.1/"}); s := "x" }`, "true", fairlead.OutcomeDeny, "http.send"},
		{"asks the clock", `deny contains s if { time.now_ns() < 0; s := "x" }`, "true", fairlead.OutcomeDeny, "time.now_ns"},
		{"asks the process", `deny contains s if { opa.runtime().env.HOME; s := "x" }`, "true", fairlead.OutcomeDeny, "opa.runtime"},
		{"loops", `n := [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20]
			deny contains s if { a := n[_]; b := n[_]; c := n[_]; d := n[_]; e := n[_]; f := n[_]; a + b + c + d + e + f < 0; s := "x" }`, "true", fairlead.OutcomeDeny, "steps"},
		{"makes much text", doubled(`"aaaaaaaaaa"`, `concat("", [%s, %s])`), "true", fairlead.OutcomeDeny, "more than it may work on"},
		{"makes more text", doubled(`"aaaaaaaaaa"`, `replace(%s, "a", %s)`), "true", fairlead.OutcomeDeny, "more than it may work on"},
		{"makes a long list", doubled("[1, 2, 3]", "array.concat(%s, %s)"), "true", fairlead.OutcomeDeny, "more than it may work on"},
		{"makes a large number", doubled("12345678901234567890", "%s * %s"), "true", fairlead.OutcomeDeny, "more than it may work on"},
		{"counts without end", `deny contains s if { count(numbers.range(1, 1000000000000)) < 0; s := "x" }`, "true", fairlead.OutcomeDeny, "numbers.range"},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := shop(fairlead.Gate{Name: "g", Rule: c.gate, Outcome: fairlead.OutcomeDeny})
			in.Organisation = policyOf(c.policy)
			d := Decide(in)
			said := slices.ContainsFunc(d.Rules, func(r fairlead.RuleOutcome) bool {
				return r.Source == OrganisationSource && r.Fix != "" && strings.Contains(r.Reason, c.reason)
			})
			if d.Outcome != c.want || said != (c.reason != "") {
				t.Errorf("%s by %+v", d.Outcome, d.Rules)
			}
			if diff := cmp.Diff(d, Decide(in)); diff != "" {
				t.Errorf("the same input, another decision:\n%s", diff)
			}
		})
	}
}

func TestCheckOrganisation(t *testing.T) {
	if err := CheckOrganisation(policyOf(`deny contains "no"`)); err != nil {
		t.Error(err)
	}
	aside := []fairlead.PolicyModule{policyOf(`warn contains "no"`)[0], {Name: "team.rego", Text: "package team\n\ndeny contains \"never\""}}
	if err := CheckOrganisation(aside); err == nil || !strings.Contains(err.Error(), "nobody asks") {
		t.Errorf("denies where nobody asks: %v", err)
	}
	for _, text := range []string{"deny contains", `deny contains s if { http.send({}); s := "x" }`} {
		if err := CheckOrganisation(policyOf(text)); fairlead.KindOf(err) != fairlead.KindInvalid || fairlead.HintOf(err) == "" {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// Rules see a finding as it is over time: its state, whether time has run out
// and whether it is out of reach. An exception hides it from them and is named.
func TestRulesSeeFindingsOverTime(t *testing.T) {
	at := shop().Time
	seen := fairlead.Tracked{
		ID: "f1", State: fairlead.FindingOpen, FirstSeen: at.Add(-8 * 24 * time.Hour), LastSeen: at, Due: at,
		Finding: fairlead.Finding{
			Fingerprint: "f1", Rule: "CVE-1", Tool: "scan.sca", Category: fairlead.CategorySCA, Severity: fairlead.SeverityHigh, FixedIn: []string{"1.0.1"},
			Component: fairlead.Component{PURL: "pkg:npm/left-pad@1.0.0"}, Vulnerability: fairlead.Vulnerability{ID: "CVE-1", EPSS: 0.7, KEV: at},
		},
	}
	early, unused, absent, fixed, merged, excused := seen, seen, seen, seen, seen, seen
	early.Due = at.Add(1)
	unused.Finding.Reachability = fairlead.ReachableUnused
	absent.Finding.Vulnerability.VEX = "not_affected"
	fixed.FixedAt, fixed.State = at, fairlead.FindingFixed
	merged.Into = "f0"
	excused.Exception, excused.State = "x1", fairlead.FindingAccepted
	const none = "size(findings) == 0"
	for _, c := range []struct {
		name, rule string
		finding    fairlead.Tracked
		holds      bool
		excepted   string
	}{
		{"overdue", "!findings.exists(f, f.overdue)", seen, false, ""},
		{"in time", "!findings.exists(f, f.overdue)", early, true, ""},
		{"state", `findings.all(f, f.state == "open")`, seen, true, ""},
		{"fixable, exploited and likely", "findings.all(f, f.fixable && f.exploited && f.epss > 0.5)", seen, true, ""},
		{"in reach unless proven otherwise", "findings.all(f, f.reachable)", seen, true, ""},
		{"unused is out of reach", "findings.all(f, f.reachable)", unused, false, ""},
		{"what does not apply is out of reach", "findings.all(f, f.reachable)", absent, false, ""},
		{"fixed is gone", none, fixed, true, ""},
		{"a part of another is gone", none, merged, true, ""},
		{"excused", none, excused, true, "x1"},
		{"excused is not overdue", "!findings.exists(f, f.overdue)", excused, true, ""},
		{"an exception without which it holds is not named", "tests.total > 0", excused, true, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := shop(fairlead.Gate{Name: "g", Rule: c.rule, Outcome: fairlead.OutcomeDeny, About: aboutFindings})
			in.Findings = []fairlead.Tracked{c.finding}
			d := Decide(in)
			if have := d.Outcome == fairlead.OutcomeAllow; have != c.holds {
				t.Fatalf("%s: %+v", d.Outcome, d.Rules)
			}
			if have := strings.Join(d.Rules[0].Excepted, " "); have != c.excepted {
				t.Errorf("excepted by %q, want %q", have, c.excepted)
			}
		})
	}
}

// A decision names the database, of several the oldest, its age, the tools, the
// exceptions and the policy, and another policy has another digest.
func TestInputsAreNamed(t *testing.T) {
	in := shop(fairlead.Gate{Name: "g", Rule: "true"})
	old := &fairlead.Advisories{Digest: fairlead.DigestBytes([]byte("old")), Time: in.Time.Add(-48 * time.Hour)}
	in.Tasks = append(
		in.Tasks,
		fairlead.TaskRun{ID: "sca", Type: "scan.sca", Engine: "sca 1", Advisories: &fairlead.Advisories{Time: in.Time}},
		fairlead.TaskRun{ID: "image", Type: "scan.image", Engine: "image 1", Advisories: old},
	)
	in.Findings = []fairlead.Tracked{{ID: "f1", Exception: "x1"}, {ID: "f2", Exception: "x1"}, {ID: "f3"}}
	in.Organisation = policyOf("warn := set()")
	got := Decide(in).Inputs
	if got == nil || got.Advisories != old || got.Age.D() != 48*time.Hour || got.Tools["scan.sca"] != "sca 1" || got.Tools["scan.image"] != "image 1" ||
		!slices.Equal(got.Exceptions, []string{"x1"}) || got.Findings == "" || got.Organisation == "" {
		t.Fatalf("inputs %+v", got)
	}
	in.Organisation, in.Findings = policyOf("deny := set()"), in.Findings[:1]
	if other := Decide(in).Inputs; other.Organisation == got.Organisation || other.Findings == got.Findings {
		t.Errorf("another policy and other findings, the same digests: %+v", other)
	}
}

// TestOrganisationSeesThePolicyForLicences: a repository cannot allow what its
// organisation does not.
func TestOrganisationSeesThePolicyForLicences(t *testing.T) {
	policy := policyOf(`deny contains "network-copyleft must be denied" if { some l in input.licences; not "network-copyleft" in l.deny }
deny contains "licences must be judged" if { count(input.licences) == 0 }`)
	for config, want := range map[string]fairlead.Outcome{
		`{"deny": ["network-copyleft"]}`: fairlead.OutcomeAllow, `{"deny": []}`: fairlead.OutcomeDeny, "": fairlead.OutcomeDeny,
	} {
		in := shop(fairlead.Gate{Name: "g", Rule: "true", Outcome: fairlead.OutcomeDeny})
		in.Plan.Tasks = append(in.Plan.Tasks, fairlead.Task{ID: "licences", Type: "scan.licences", Config: []byte(config)})
		in.Organisation = policy
		if d := Decide(in); d.Outcome != want {
			t.Errorf("%s: %s by %+v", config, d.Outcome, d.Rules)
		}
	}
}
