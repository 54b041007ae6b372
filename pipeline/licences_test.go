package pipeline

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"fairlead.dev"
	"fairlead.dev/gate"
)

type licencesConfig struct {
	Allow     []string `json:"allow" doc:"allowed"`
	Ask       []string `json:"ask" doc:"asked"`
	Deny      []string `json:"deny" doc:"denied"`
	Otherwise string   `json:"otherwise" doc:"else"`
}

func licenceCatalog() Catalog {
	c := testCatalog()
	c.Steps = append(c.Steps, StepInfo{Name: stepLicences, Title: "licences", Config: licencesConfig{
		Allow: []string{"permissive"}, Ask: []string{}, Deny: []string{}, Otherwise: "ask",
	}})
	c.CheckLicence = func(entry string) error {
		if strings.HasPrefix(entry, "GLP") {
			return errors.New("no such licence")
		}
		return nil
	}
	return c
}

// licencesOf plans and gives what the tasks that judge licences are told.
func licencesOf(t *testing.T, text, branch string, c Catalog) (map[string]licencesConfig, fairlead.Plan) {
	t.Helper()
	cfg, err := Read(Source{Name: "fairlead.yaml", Data: []byte(text)}, c)
	if err != nil {
		t.Fatal(err)
	}
	p, err := Plan(cfg, push(branch), nil, c)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]licencesConfig{}
	for _, task := range p.Tasks {
		if task.Type == stepLicences {
			var l licencesConfig
			if err := json.Unmarshal(task.Config, &l); err != nil {
				t.Fatal(err)
			}
			out[task.ID] = l
		}
	}
	return out, p
}

// TestPolicyOfLicences: security full judges licences by the environment's
// policy, else by the section's, else by the usual one.
func TestPolicyOfLicences(t *testing.T) {
	const text = "version: 1\nlicences: {deny: [network-copyleft]}\nenvironments: {production: {licences: {allow: ['*'], deny: [GPL-3.0-only], otherwise: deny}}, staging: {}, dev: {}}\n"
	production, p := licencesOf(t, text, "main", licenceCatalog())
	if l := production["licences"]; len(production) != 1 || l.Otherwise != "deny" || !slices.Equal(l.Allow, []string{"*"}) || !slices.Equal(l.Deny, []string{"GPL-3.0-only"}) {
		t.Errorf("production has %+v", production)
	}
	if gates := gateList(p); !strings.Contains(gates, "no-denied-licences=deny no-licences-to-judge=warn") {
		t.Errorf("gates %s", gates)
	}
	if r := reason(p, "licences"); !strings.Contains(r.Detail, "fairlead.yaml:3") {
		t.Errorf("the reason is %+v", r)
	}
	staging, _ := licencesOf(t, text, "develop", licenceCatalog())
	if l := staging["licences"]; l.Otherwise != "ask" || !slices.Equal(l.Allow, []string{"permissive"}) || !slices.Equal(l.Deny, []string{"network-copyleft"}) {
		t.Errorf("staging has %+v", staging)
	}
	if dev, p := licencesOf(t, text, "feature/x", licenceCatalog()); len(dev) != 0 || strings.Contains(gateList(p), "licences") {
		t.Errorf("security basic judges licences: %+v", dev)
	}
	c := licenceCatalog()
	own, _ := licencesOf(t, text+"steps: {mine: {use: scan.licences, needs: [sbom], with: {allow: ['*', unknown]}}, sbom: {use: sbom.source}}\n", "develop", c)
	l := own["mine"]
	if len(own) != 1 || !slices.Equal(l.Allow, []string{"*", "unknown"}) || !slices.Equal(l.Deny, []string{"network-copyleft"}) {
		t.Errorf("a step of one's own has %+v", own)
	}
}

func TestMisspeltLicences(t *testing.T) {
	_, err := Read(Source{Name: "fairlead.yaml", Data: []byte("version: 1\nlicences: {deny: [GLP-3.0]}\nenvironments: {dev: {licences: {allow: [MIT, GLP], otherwise: maybe}}}\n")}, licenceCatalog())
	for _, want := range []string{"2:19 licences.deny[0]", "3:46 environments.dev.licences.allow[1]", "otherwise"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in %v", want, err)
		}
	}
}

// TestGatesOfLicences: what the policy denies is refused, what it asks warns, and
// goes on to warn when its time has run out.
func TestGatesOfLicences(t *testing.T) {
	now := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	gates := licenceGates([]fairlead.Task{{Type: stepLicences}})
	for _, g := range vulnerabilityGates(fairlead.OutcomeDeny, "matrix") {
		if g.Name == gateOverdue {
			gates = append(gates, g)
		}
	}
	for rule, c := range map[string]struct {
		severity fairlead.Severity
		want     fairlead.Outcome
	}{
		"licence-denied": {fairlead.SeverityHigh, fairlead.OutcomeDeny}, "licence-ask": {fairlead.SeverityLow, fairlead.OutcomeWarn},
		"licence-unknown": {fairlead.SeverityLow, fairlead.OutcomeWarn}, "": {"", fairlead.OutcomeAllow},
	} {
		in := gate.Input{Plan: fairlead.Plan{Gates: gates}, Time: now}
		if rule != "" {
			in.Findings = []fairlead.Tracked{{
				ID: "x", FirstSeen: now.AddDate(-1, 0, 0), LastSeen: now, Due: now.AddDate(0, -6, 0), State: fairlead.FindingOpen,
				Finding: fairlead.Finding{Fingerprint: "x", Category: fairlead.CategoryLicence, Rule: rule, Severity: c.severity},
			}}
		}
		if d := gate.Decide(in); d.Outcome != c.want {
			t.Errorf("%s: %s by %+v", rule, d.Outcome, d.Rules)
		}
	}
}
