package pipeline

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"fairlead.dev"
)

// Names of the gates that the matrix brings.
const (
	gateTasks     = "tasks-succeeded"
	gateTestsRan  = "tests-ran"
	gateTestsPass = "tests-pass"
	gateFlaky     = "no-flaky-tests"
	gateSecrets   = "no-secrets"
	gateFindings  = "no-severe-findings"
	gateFixable   = "no-fixable-vulnerabilities"
	gateExploited = "nothing-known-exploited"
	gateUnfixed   = "vulnerabilities-without-fix"
	gateOverdue   = "nothing-overdue"
	gateDenied    = "no-denied-licences"
	gateAsked     = "no-licences-to-judge"
	gateBuild     = "build-proven"
	gateSBOM      = "sbom-present"
	gateScanned   = "source-scanned"
)

// What a decision lists beside a gate.
const (
	aboutTasks    = "tasks"
	aboutCases    = "cases"
	aboutFindings = "findings"
)

// gates lists the rules of the decision: those of the matrix, then the
// configured ones whose condition holds.
func (p *planner) gates(tasks []fairlead.Task) ([]fairlead.Gate, error) {
	gates := append(p.workGates(tasks), p.securityGates(tasks)...)
	for _, g := range gates {
		p.because("gate "+g.Name, string(g.Outcome), "matrix", strings.TrimPrefix(g.Source, "matrix: "))
	}
	configured, err := p.configuredGates()
	return append(gates, configured...), err
}

// workGates are about tasks and tests.
func (p *planner) workGates(tasks []fairlead.Task) []fairlead.Gate {
	verify, builds, tests := 0, 0, 0
	for _, t := range tasks {
		if t.Phase == fairlead.PhaseVerify {
			verify++
		}
		switch t.Type {
		case stepBuild:
			builds++
		case stepTest:
			tests++
		}
	}
	gates := []fairlead.Gate{{
		Name:    gateTasks,
		Rule:    fmt.Sprintf(`size(tasks) >= %d && tasks.all(id, tasks[id].result in ["success", "skip"])`, verify),
		Outcome: fairlead.OutcomeDeny, About: aboutTasks, Source: "always",
		Reason: "not every task of the plan succeeded",
		Fix:    "see `fairlead why` of the tasks listed, mend them, then `fairlead retry`",
	}}
	gates = append(gates, p.testGates(tests)...)
	if builds > 0 {
		gates = append(gates, fairlead.Gate{
			Name: gateBuild,
			Rule: fmt.Sprintf(`tasks.all(id, tasks[id].type != %q || evidence.exists(e, e.task == id && e.predicate_type == %q))`,
				stepBuild, fairlead.PredicateBuild),
			Outcome: fairlead.OutcomeDeny, About: aboutTasks, Source: "always",
			Reason: "a build left no signed evidence of what it made",
			Fix:    "run the build again with `fairlead retry`",
		})
	}
	return gates
}

// testGates are about test cases; count is the number of test tasks.
func (p *planner) testGates(count int) []fairlead.Gate {
	var gates []fairlead.Gate
	source := "matrix: tests=" + p.profile.Tests
	if levels(p.profile.Tests) != nil && (count == 0 || p.reporting > 0) {
		outcome := fairlead.OutcomeDeny
		if p.profile.Tests == "fast" {
			outcome = fairlead.OutcomeWarn
		}
		gates = append(gates, fairlead.Gate{
			Name: gateTestsRan, Rule: `tests.total > tests.skipped`,
			Outcome: outcome, About: aboutCases, Source: source,
			Reason: "no test case ran",
			Fix:    "add tests, or name the suites under tests in fairlead.yaml with the report that they write",
		})
	}
	return append(gates,
		fairlead.Gate{
			Name: gateTestsPass, Rule: `tests.failed == 0`,
			Outcome: fairlead.OutcomeDeny, About: aboutCases, Source: "always",
			Reason: "a test case failed",
			Fix:    "mend the cases listed; each names its file and line where the report tells",
		},
		fairlead.Gate{
			Name: gateFlaky, Rule: `tests.flaky == 0`,
			Outcome: fairlead.OutcomeWarn, About: aboutCases, Source: "always",
			Reason: "a test case failed and passed when it was run again",
			Fix:    "make the cases listed independent of timing, order and shared state",
		})
}

// securityGates are about findings and the inventory.
func (p *planner) securityGates(tasks []fairlead.Task) []fairlead.Gate {
	source := "matrix: security=" + p.profile.Security
	gates := []fairlead.Gate{{
		Name:    gateSecrets,
		Rule:    fmt.Sprintf(`!findings.exists(f, f.tool == %q || f.category == "secret")`, stepSecrets),
		Outcome: fairlead.OutcomeDeny, About: aboutFindings, Source: "always",
		Reason: "a secret is in the source",
		Fix:    "revoke the secret first, then take it out of the file and of the history",
	}}
	for _, t := range tasks {
		if t.Type == stepSecrets {
			gates = append(gates, fairlead.Gate{
				Name: gateScanned, Rule: fmt.Sprintf(`evidence.exists(e, e.task == %q && e.predicate_type == %q)`, t.ID, fairlead.PredicateScan),
				Outcome: fairlead.OutcomeDeny, About: aboutTasks, Source: "always",
				Reason: "the source was not scanned for secrets",
				Fix:    "see `fairlead why` of the task that scans, then `fairlead retry`",
			})
			break
		}
	}
	gates = append(gates, licenceGates(tasks)...)
	if p.profile.Security == "none" {
		return gates
	}
	outcome := fairlead.OutcomeWarn
	if p.profile.Security == "full" {
		outcome = fairlead.OutcomeDeny
	}
	gates = append(gates, fairlead.Gate{
		Name: gateFindings,
		Rule: fmt.Sprintf(`!findings.exists(f, f.tool != %q && !(f.category in ["secret", "licence"]) && f.vulnerability == "" && f.severity in ["critical", "high", "unknown"])`,
			stepSecrets),
		Outcome: outcome, About: aboutFindings, Source: source,
		Reason: "a finding is critical, high or of unknown severity",
		Fix:    "do what each finding listed says",
	})
	gates = append(gates, vulnerabilityGates(outcome, source)...)
	gates = append(gates, scannedGates(tasks, p.cfg.Findings.Unscanned, source)...)
	for _, t := range tasks {
		if t.Type == stepSBOM {
			return append(gates, fairlead.Gate{
				Name: gateSBOM, Rule: fmt.Sprintf(`evidence.exists(e, e.predicate_type == %q)`, fairlead.PredicateSBOM),
				Outcome: outcome, About: aboutTasks, Source: source,
				Reason: "there is no signed bill of materials",
				Fix:    "see `fairlead why` of the task that makes it, then `fairlead retry`",
			})
		}
	}
	return gates
}

// GateLooked is the gate that asks every scanner to have looked. What it does
// when one was skipped goes for those before the decision and for those that
// look at the new release before it takes traffic.
const GateLooked = "scanners-looked"

// scannedGates ask every scanner of the plan to have looked at everything: one
// that was skipped, as without a database of vulnerabilities, has seen nothing.
func scannedGates(tasks []fairlead.Task, unscanned, source string) []fairlead.Gate {
	var ids []string
	previews := false
	for _, t := range tasks {
		switch {
		case !strings.HasPrefix(t.Type, "scan.") || t.Type == stepSecrets: // which has a gate of its own
		case t.Phase == fairlead.PhaseVerify:
			ids = append(ids, fmt.Sprintf("%q", t.ID))
		default:
			previews = true
		}
	}
	g := fairlead.Gate{
		Name:    GateLooked,
		Rule:    fmt.Sprintf(`[%s].all(id, id in tasks && tasks[id].result != "skip" && !tasks[id].partial)`, strings.Join(ids, ", ")),
		Outcome: fairlead.Outcome(cmp.Or(unscanned, string(fairlead.OutcomeWarn))), About: aboutTasks, Source: source,
		Reason: "a scanner was skipped or could not look at everything",
		Fix:    "see `fairlead why` of the tasks listed, each says what kept it: `fairlead vulndb import` makes the database of vulnerabilities",
	}
	switch {
	case len(ids) > 0:
	case previews: // asked when they have looked at the new release
		g.Rule = "true"
	default:
		return nil
	}
	return []fairlead.Gate{g}
}

// vulnerabilityGates are about components with known vulnerabilities, and about
// the time that a finding may stay. What is proven to be out of reach has only
// its time.
func vulnerabilityGates(outcome fairlead.Outcome, source string) []fairlead.Gate {
	return []fairlead.Gate{
		{
			Name:    gateFixable,
			Rule:    `!findings.exists(f, f.vulnerability != "" && f.reachable && f.fixable && f.severity in ["critical", "high"])`,
			Outcome: outcome, About: aboutFindings, Source: source,
			Reason: "a component has a known vulnerability that a newer version does not have",
			Fix:    "update the components listed, or let another person approve an exception: `fairlead exception request`",
		},
		{
			Name:    gateExploited,
			Rule:    `!findings.exists(f, f.exploited && f.reachable)`,
			Outcome: outcome, About: aboutFindings, Source: source,
			Reason: "a vulnerability is known to be exploited",
			Fix:    "update or take out the components listed",
		},
		{
			Name:    gateUnfixed,
			Rule:    `!findings.exists(f, f.vulnerability != "" && f.reachable && !f.fixable && f.severity in ["critical", "high"])`,
			Outcome: fairlead.OutcomeWarn, About: aboutFindings, Source: source,
			Reason: "a component has a known vulnerability, and no version without it is known",
			Fix:    "see to it before it is due: use another component, or say with an exception why it does not apply",
		},
		{
			Name:    gateOverdue,
			Rule:    `!findings.exists(f, f.overdue && f.category != "licence")`,
			Outcome: outcome, About: aboutFindings, Source: source,
			Reason: "the time for a finding has run out",
			Fix:    "see `fairlead findings list`; do what each finding listed says",
		},
	}
}

// licenceGates are about the policy for licences. What it asks warns for as long
// as nobody answers, and never denies by itself.
func licenceGates(tasks []fairlead.Task) []fairlead.Gate {
	judged := func(t fairlead.Task) bool { return t.Type == stepLicences || t.Type == stepExternal }
	if !slices.ContainsFunc(tasks, judged) {
		return nil
	}
	return []fairlead.Gate{
		{
			Name:    gateDenied,
			Rule:    `!findings.exists(f, f.category == "licence" && f.severity in ["critical", "high"])`,
			Outcome: fairlead.OutcomeDeny, About: aboutFindings, Source: "always",
			Reason: "a component is under a licence that the policy denies",
			Fix:    "use other components, or let another person approve an exception: `fairlead exception request`",
		},
		{
			Name:    gateAsked,
			Rule:    `!findings.exists(f, f.category == "licence" && !(f.severity in ["critical", "high"]))`,
			Outcome: fairlead.OutcomeWarn, About: aboutFindings, Source: "always",
			Reason: "somebody has to judge the licence of a component",
			Fix:    "name the licence under licences.allow, or let another person approve an exception: `fairlead exception request`",
		},
	}
}

// configuredGates are the gates of the configuration that are in force.
func (p *planner) configuredGates() ([]fairlead.Gate, error) {
	var gates []fairlead.Gate
	for i, g := range p.cfg.Gates {
		if g.Require != nil {
			continue // asked of people: see approvalRules
		}
		source := p.cfg.at(fmt.Sprintf("gates[%d]", i))
		if g.when != nil {
			holds, err := g.when.holds(p.ev, p.environment, p.strategy)
			if err != nil {
				return nil, problem("mend the condition", "evaluate gates[%d].when at %s: %w", i, source, err)
			}
			if !holds {
				p.because("gate "+g.Name, "not in force", "config", source+" when "+g.When)
				continue
			}
		}
		gate := fairlead.Gate{
			Name: g.Name, Rule: g.Rule, Outcome: fairlead.OutcomeDeny,
			Reason: g.Reason, Fix: g.Fix, About: aboutTasks, Source: source,
		}
		if g.Outcome != "" {
			gate.Outcome = fairlead.Outcome(g.Outcome)
		}
		if g.About != "" {
			gate.About = g.About
		}
		p.because("gate "+g.Name, string(gate.Outcome), "config", source)
		gates = append(gates, gate)
	}
	return gates, nil
}
