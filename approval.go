package fairlead

import "time"

// Predicate types of what people state. An approval is signed by the person
// who gives it, or by Fairlead for somebody known by account only.
const (
	PredicateApproval = "https://" + Host + "/approval/v1"
	PredicateGrant    = "https://" + Host + "/break-glass/v1"
	PredicateReview   = "https://" + Host + "/break-glass-review/v1"
)

// The questions that every release has to answer.
const (
	QuestionRelease = "release" // whether people and calendar let the run release
	QuestionTraffic = "traffic" // whether the calendar lets it serve the first request: approvals were given, and counted, before
)

// Vote is what a person answers.
type Vote string

// The votes.
const (
	VoteApprove Vote = "approve"
	VoteReject  Vote = "reject"
)

// Approval is one person's answer to one question of one run. All of it but
// Evidence and Received is what was signed.
type Approval struct {
	ID       string    `json:"id"` // "<run>/approval/<question>/<person>/<n>"
	RunID    string    `json:"run_id"`
	Plan     Digest    `json:"plan"` // another plan is another question
	Question string    `json:"question"`
	Vote     Vote      `json:"vote"`
	Person   string    `json:"person"`
	Account  string    `json:"account,omitempty"` // of the operating system, as the answering process saw it
	Reason   string    `json:"reason,omitempty"`
	Time     time.Time `json:"time"`               // by the person's own clock
	Evidence Digest    `json:"evidence,omitempty"` // Evidence.ID of the signed statement
	// Received is when the store took it in, by the store's clock, which decides
	// whether it came in time.
	Received time.Time `json:"received,omitzero"`
}

// ClockSkew is by how much a person's clock may differ from the store's. A vote
// that is dated further ahead, or further before its run began, is refused.
const ClockSkew = 2 * time.Minute

// Said is what the person signed.
func (a Approval) Said() Approval {
	a.Evidence, a.Received = "", time.Time{}
	return a
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
	// Strangers are addresses among the change's authors that belong to nobody
	// known. Count is one more for each of them.
	Strangers []string `json:"strangers,omitempty"`
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
	Owed        []string  `json:"owed,omitempty"`   // slow tests that were skipped with it, by task: the follow-up asks for them
	Review      *Review   `json:"review,omitempty"` // nil as long as the follow-up is open
}

// Said is what its holder signed.
func (g Grant) Said() Grant {
	g.Evidence, g.Owed, g.Review = "", nil, nil
	return g
}

// Open tells whether the follow-up is still to be done.
func (g Grant) Open() bool { return g.Review == nil }

// Review is the follow-up of a grant, by another person than its holder.
type Review struct {
	Grant    string    `json:"grant"`
	Person   string    `json:"person"`
	Account  string    `json:"account,omitempty"`
	Reason   string    `json:"reason"`           // what was found
	Waived   []string  `json:"waived,omitempty"` // owed tests that nobody has run since
	Time     time.Time `json:"time"`
	Evidence Digest    `json:"evidence,omitempty"`
}
