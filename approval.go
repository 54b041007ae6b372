package fairlead

import "time"

// Predicate types of what people state. An approval is signed by the person
// who gives it, or by Fairlead for somebody known by account only.
const (
	PredicateApproval = "https://" + Host + "/approval/v1"
	PredicateGrant    = "https://" + Host + "/break-glass/v1"
	PredicateReview   = "https://" + Host + "/break-glass-review/v1"
)

// QuestionRelease is the question whether a run may release.
const QuestionRelease = "release"

// Vote is what a person answers.
type Vote string

// The votes.
const (
	VoteApprove Vote = "approve"
	VoteReject  Vote = "reject"
)

// Approval is one person's answer to one question of one run. All of it but
// Evidence is what was signed.
type Approval struct {
	ID       string    `json:"id"` // "<run>/approval/<question>/<person>/<n>"
	RunID    string    `json:"run_id"`
	Plan     Digest    `json:"plan"` // another plan is another question
	Question string    `json:"question"`
	Vote     Vote      `json:"vote"`
	Person   string    `json:"person"`
	Account  string    `json:"account,omitempty"` // of the operating system, as the answering process saw it
	Reason   string    `json:"reason,omitempty"`
	Time     time.Time `json:"time"`
	Evidence Digest    `json:"evidence,omitempty"` // Evidence.ID of the signed statement
}

// Waiting says what an unfinished run waits for. A run that waits is nobody's
// work: any process may go on with it.
type Waiting struct {
	Question string `json:"question"`
	Text     string `json:"text"`            // one sentence: "2 of 2 approvals missing: ..."
	Human    bool   `json:"human"`           // a person has to act; otherwise only time has to pass
	Needs    []Need `json:"needs,omitempty"` // approvals that are missing
	Freezes  []Held `json:"freezes,omitempty"`
	// Rules are those that were asked explicitly; nil when those of the safeguards are.
	Rules []ApprovalRule `json:"rules,omitempty"`
	Since time.Time      `json:"since"`
	Until time.Time      `json:"until,omitzero"` // when the run ends, or goes on when nobody has to act; zero: not known
}

// Need is a rule that still wants approvals.
type Need struct {
	Rule  string    `json:"rule"`
	Count int       `json:"count"`
	Given []string  `json:"given"` // who approved
	From  []string  `json:"from"`  // who else can
	Until time.Time `json:"until"`
}

// Held is a freeze that holds a run.
type Held struct {
	Freeze string    `json:"freeze"`
	Reason string    `json:"reason,omitempty"`
	Source string    `json:"source,omitempty"`
	Until  time.Time `json:"until,omitzero"` // zero: until it is lifted
}

// StandingFreeze is a freeze that a person added, kept until it is lifted.
type StandingFreeze struct {
	Freeze
	AddedBy    string    `json:"added_by"`
	AddedAt    time.Time `json:"added_at"`
	LiftedBy   string    `json:"lifted_by,omitempty"`
	LiftedAt   time.Time `json:"lifted_at,omitzero"`
	LiftReason string    `json:"lift_reason,omitempty"`
}

// Grant lets runs of one commit in one environment go past what it skips. All
// of it but Evidence, Used and Review is what was signed.
type Grant struct {
	ID          string    `json:"id"`
	Environment string    `json:"environment"`
	Service     string    `json:"service"`
	Commit      string    `json:"commit"`
	Person      string    `json:"person"`
	Account     string    `json:"account,omitempty"`
	Reason      string    `json:"reason"`
	Incident    string    `json:"incident,omitempty"`
	Skips       []string  `json:"skips"`
	Time        time.Time `json:"time"`
	Expires     time.Time `json:"expires"`
	Due         time.Time `json:"due"` // by when another person must have reviewed it
	Evidence    Digest    `json:"evidence,omitempty"`
	Review      *Review   `json:"review,omitempty"` // nil as long as the follow-up is open
}

// Open tells whether the follow-up is still to be done.
func (g Grant) Open() bool { return g.Review == nil }

// Review is the follow-up of a grant, by another person than its holder.
type Review struct {
	Grant    string    `json:"grant"`
	Person   string    `json:"person"`
	Account  string    `json:"account,omitempty"`
	Reason   string    `json:"reason"` // what was found
	Time     time.Time `json:"time"`
	Evidence Digest    `json:"evidence,omitempty"`
}
