package fairlead

import "time"

// FindingState says where a finding is in its life.
type FindingState string

// The states of a finding. Suppressed and accepted are those of an exception in
// force: suppressed when it says that the finding does not apply, accepted when
// it says that the risk is taken.
const (
	FindingNew        FindingState = "new"      // seen by one scan so far
	FindingOpen       FindingState = "open"     // seen again and again
	FindingReopened   FindingState = "reopened" // was fixed and came back
	FindingFixed      FindingState = "fixed"    // no tool sees it any more
	FindingSuppressed FindingState = "suppressed"
	FindingAccepted   FindingState = "accepted"
)

// FindingStates lists the states, from the beginning of a finding's life.
func FindingStates() []FindingState {
	return []FindingState{FindingNew, FindingOpen, FindingReopened, FindingFixed, FindingSuppressed, FindingAccepted}
}

// Observation is what one tool says about a finding.
type Observation struct {
	Fingerprint string    `json:"fingerprint"` // as the tool gave it
	Tool        string    `json:"tool"`        // step type: "scan.sca"
	ToolVersion string    `json:"tool_version,omitempty"`
	Rule        string    `json:"rule"`
	Severity    Severity  `json:"severity"`
	Version     string    `json:"version,omitempty"` // of the component, as last seen
	Location    Location  `json:"location,omitzero"` // as last seen
	RunID       string    `json:"run_id,omitempty"`  // that saw it last; "" for a scan by hand
	Commit      string    `json:"commit,omitempty"`  // in which it was seen last
	First       time.Time `json:"first"`
	Last        time.Time `json:"last"`
	Gone        time.Time `json:"gone,omitzero"` // since when the tool looks and does not see it
}

// Tracked is a finding over time: one thing in one service's environment,
// however many tools saw it. State, Due and Exception are as of LastSeen, or of
// when it was read back: they change with time alone.
type Tracked struct {
	ID           string        `json:"id"`          // Finding.Fingerprint of whoever saw it first; never changes
	Service      string        `json:"service"`     // whose it is
	Environment  string        `json:"environment"` // "" is a work tree that was scanned by hand
	State        FindingState  `json:"state"`
	Finding      Finding       `json:"finding"`         // as last seen, of all tools together
	Fingerprints []string      `json:"fingerprints"`    // all it is known by, sorted
	Observations []Observation `json:"observations"`    // sorted by tool, rule and fingerprint
	Group        string        `json:"group,omitempty"` // findings of one group are likely to have one cause
	FirstSeen    time.Time     `json:"first_seen"`
	LastSeen     time.Time     `json:"last_seen"`
	FixedAt      time.Time     `json:"fixed_at,omitzero"`    // zero as long as a tool sees it
	ReopenedAt   time.Time     `json:"reopened_at,omitzero"` // when it last came back
	MovedAt      time.Time     `json:"moved_at,omitzero"`    // since when it is elsewhere than where it was seen first
	Away         Duration      `json:"away,omitempty"`       // for how long it had been fixed in between: that time does not count
	Allowed      Duration      `json:"allowed,omitempty"`    // how long it may stay, by the clock in force
	Due          time.Time     `json:"due,omitzero"`         // by when it has to be gone; zero when it is fixed
	Exception    string        `json:"exception,omitempty"`  // Exception.ID in force
	Into         string        `json:"into,omitempty"`       // Tracked.ID of the finding that this one turned out to be
	Version      int           `json:"version"`              // counts the changes, from 1
}

// Overdue tells whether time has run out for a finding that nothing excuses.
func (t Tracked) Overdue(now time.Time) bool {
	return t.Exception == "" && t.FixedAt.IsZero() && !t.Due.IsZero() && !now.Before(t.Due)
}

// Standing tells whether it counts: seen, and excused by nothing.
func (t Tracked) Standing() bool {
	return t.FixedAt.IsZero() && t.Into == "" && t.Exception == ""
}

// Clock says how long a finding may stay. Unknown severity has the time of high.
type Clock struct {
	Critical  Duration `json:"critical"`
	High      Duration `json:"high"`
	Medium    Duration `json:"medium"`
	Low       Duration `json:"low"`
	Exploited Duration `json:"exploited"` // known to be exploited, and not proven out of reach; from that day on
}

// DefaultClock is how long a finding may stay unless something else is said.
func DefaultClock() Clock {
	const day = 24 * time.Hour
	return Clock{Critical: Duration(day), High: Duration(7 * day), Medium: Duration(30 * day), Low: Duration(90 * day), Exploited: Duration(day)}
}

// Advisories is the state of a database of vulnerabilities.
type Advisories struct {
	Digest  Digest    `json:"digest"` // of its content
	Time    time.Time `json:"time"`   // of its oldest source's snapshot: what came later it cannot know
	Records int       `json:"records"`
}

// TrackedFilter selects findings over time. An empty field selects every value.
type TrackedFilter struct {
	Service     string
	Environment *string // nil is every one; "" is the work tree
	Limit       int     // most wanted; 0 means 100,000
}
