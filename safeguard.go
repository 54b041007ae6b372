package fairlead

// Safeguards are what people have to say about a release: who they are, whose
// approval is asked, when nothing is released, and who may go past that. They
// are part of a plan and so of its hash.
type Safeguards struct {
	People     []Person          `json:"people"` // by name
	Groups     []Group           `json:"groups,omitempty"`
	Approvals  []ApprovalRule    `json:"approvals,omitempty"` // of the plan's environment, those whose When does not hold included
	Freezes    []Freeze          `json:"freezes,omitempty"`   // of the plan's environment
	BreakGlass *BreakGlassPolicy `json:"break_glass,omitempty"`
	Exceptions *ExceptionPolicy  `json:"exceptions,omitempty"` // nil: one other person approves, for 90 days at most
}

// Person is somebody known by name. Keys prove who acts; a person without keys
// is known by the account of the operating system, which proves less.
type Person struct {
	Name     string   `json:"name"`
	Emails   []string `json:"emails,omitempty"`   // as author, committer and co-author of commits
	Accounts []string `json:"accounts,omitempty"` // as whoever starts a run
	Keys     []string `json:"keys,omitempty"`     // SSH public keys, "ssh-ed25519 AAAA..."
}

// Group is people under one name.
type Group struct {
	Name    string   `json:"name"`
	Members []string `json:"members"`
}

// ApprovalRule asks Count different people of From to approve.
type ApprovalRule struct {
	Name    string   `json:"name"`
	Count   int      `json:"count"`
	From    []string `json:"from,omitempty"` // "group:dba", "alice"; empty: everybody known
	Expires Duration `json:"expires"`        // how long it is waited for, and how long an approval counts
	When    string   `json:"when,omitempty"` // CEL over event, change, environment and strategy; "" = always
	Source  string   `json:"source"`         // "fairlead.yaml:12:3"
}

// Freeze is a time in which nothing is released: one span, or a span at every
// occurrence of an RFC 5545 rule. Times are wall-clock times of TZ, written
// "2006-01-02", "2006-01-02T15:04" or "2006-01-02T15:04:05".
type Freeze struct {
	ID           string   `json:"id"`                     // name in the configuration, or id in the store
	Environments []string `json:"environments,omitempty"` // empty: all
	From         string   `json:"from,omitempty"`         // "" = since ever; with RRule the first occurrence, or midnight
	To           string   `json:"to,omitempty"`           // "" = until it is lifted; a date is the whole day
	RRule        string   `json:"rrule,omitempty"`
	ExDate       []string `json:"exdate,omitempty"`   // taken out of RRule: occurrences that begin on a date or at a time
	RDate        []string `json:"rdate,omitempty"`    // further occurrences; a date has the time of day of the others
	Duration     Duration `json:"duration,omitempty"` // of each occurrence; whole days follow the calendar
	TZ           string   `json:"tz"`                 // IANA name
	Except       []string `json:"except"`             // "break-glass"
	Unless       string   `json:"unless,omitempty"`   // CEL over event, change, environment and strategy: such a change is not held
	Reason       string   `json:"reason,omitempty"`
	Source       string   `json:"source,omitempty"` // "fairlead.yaml:12:3", or who added it
}

// What break-glass can skip.
const (
	SkipApprovals = "approvals"
	SkipFreezes   = "freezes"
	SkipSlowTests = "slow-tests" // test suites above the level fast, until the commit is live
)

// BreakGlassPolicy says who may go past approvals, freezes and slow tests in an
// emergency, and what that takes.
type BreakGlassPolicy struct {
	Who      []string `json:"who"` // "group:oncall", "alice"
	Requires []string `json:"requires"`
	TTL      Duration `json:"ttl"` // longest a grant may last
	Skips    []string `json:"skips"`
	FollowUp Duration `json:"follow_up"` // by when it must be reviewed
}
