package fairlead

import "time"

// Outcome is what a rule or a whole decision says.
type Outcome string

// The outcomes, from light to heavy; a decision takes its heaviest rule's. A
// rule that was bypassed keeps its own outcome and weighs as a warning.
const (
	OutcomeAllow Outcome = "allow"
	OutcomeWarn  Outcome = "warn"
	OutcomeWait  Outcome = "wait"
	OutcomeDeny  Outcome = "deny"
)

// Decision says whether a run may release, and every rule that had a say.
type Decision struct {
	ID          string            `json:"id"` // "<run>/decision"
	RunID       string            `json:"run_id"`
	Plan        Digest            `json:"plan"`
	Environment string            `json:"environment"`
	Commit      string            `json:"commit"`
	Release     Digest            `json:"release,omitempty"`  // Release.ID this decision is about
	Releases    map[string]Digest `json:"releases,omitempty"` // of a release of several services: Release.ID by service; Release is "" then
	Outcome     Outcome           `json:"outcome"`
	Rules       []RuleOutcome     `json:"rules"`
	Evidence    []Digest          `json:"evidence"`         // what was looked at
	Reused      []Reused          `json:"reused,omitempty"` // which of it was proven in earlier runs
	Policy      Digest            `json:"policy"`
	Inputs      *DecisionInputs   `json:"inputs,omitempty"` // nil in decisions of older versions
	Time        time.Time         `json:"time"`
}

// RuleOutcome is one rule's part in a decision.
type RuleOutcome struct {
	Name     string     `json:"name"`
	Outcome  Outcome    `json:"outcome"`
	Reason   string     `json:"reason"`
	Fix      string     `json:"fix,omitempty"`
	Bypassed string     `json:"bypassed,omitempty"` // Grant.ID: the rule did not hold, and was gone past
	Excepted []string   `json:"excepted,omitempty"` // Exception.ID of those without which the rule would not hold
	Source   string     `json:"source"`
	Findings []Finding  `json:"findings,omitempty"`
	Cases    []TestCase `json:"cases,omitempty"`
	Tasks    []string   `json:"tasks,omitempty"`
}

// DecisionInputs name what a decision about findings rests on.
type DecisionInputs struct {
	Advisories   *Advisories       `json:"advisories,omitempty"`   // the oldest database of vulnerabilities that a task used; nil when none did
	Age          Duration          `json:"age,omitempty"`          // of that database, when it was decided
	Tools        map[string]string `json:"tools,omitempty"`        // version by step type, of the tasks that found something out
	Findings     Digest            `json:"findings"`               // over the findings that were weighed, with state and due date
	Exceptions   []string          `json:"exceptions,omitempty"`   // Exception.ID of those that excused a finding
	Organisation Digest            `json:"organisation,omitempty"` // of the organisation's policy; "" when there is none
}

// Weighed is what a decision weighed beside tasks and evidence, kept so that
// another policy can be tried on it.
type Weighed struct {
	Decision   string      `json:"decision"`
	Findings   []Tracked   `json:"findings"`
	Exceptions []Exception `json:"exceptions,omitempty"` // those that were in force
}

// PolicyModule is one file of the organisation's policy, in Rego.
type PolicyModule struct {
	Name string `json:"name"`
	Text string `json:"text"`
}
