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
	Time        time.Time         `json:"time"`
}

// RuleOutcome is one rule's part in a decision.
type RuleOutcome struct {
	Name     string     `json:"name"`
	Outcome  Outcome    `json:"outcome"`
	Reason   string     `json:"reason"`
	Fix      string     `json:"fix,omitempty"`
	Bypassed string     `json:"bypassed,omitempty"` // Grant.ID: the rule did not hold, and was gone past
	Source   string     `json:"source"`
	Findings []Finding  `json:"findings,omitempty"`
	Cases    []TestCase `json:"cases,omitempty"`
	Tasks    []string   `json:"tasks,omitempty"`
}
