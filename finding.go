package fairlead

// Severity ranks a finding. Unknown is a severity of its own and is treated
// as high wherever something is decided.
type Severity string

// The severities, heaviest first.
const (
	SeverityCritical Severity = "critical"
	SeverityHigh     Severity = "high"
	SeverityMedium   Severity = "medium"
	SeverityLow      Severity = "low"
	SeverityUnknown  Severity = "unknown"
)

// Finding is one thing a scanner saw. The words are SARIF's. It never carries
// a secret's value.
type Finding struct {
	Fingerprint string   `json:"fingerprint"` // stable over line moves and message changes
	Rule        string   `json:"rule"`
	Tool        string   `json:"tool"` // step type that found it: "scan.secrets"
	Severity    Severity `json:"severity"`
	Message     string   `json:"message"`
	Location    Location `json:"location,omitzero"`
	Fix         string   `json:"fix,omitempty"` // what to do about it, in words
}

// Location is a place in the source tree. Lines and columns count from 1; 0 is unknown.
type Location struct {
	Path   string `json:"path,omitempty"` // slash-separated, relative to the repository root
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
}

// CaseResult is the outcome of one test case.
type CaseResult string

// The results of a test case. A case that fails and then passes on retry is
// flaky, never passed.
const (
	CasePassed  CaseResult = "passed"
	CaseFailed  CaseResult = "failed"
	CaseFlaky   CaseResult = "flaky"
	CaseSkipped CaseResult = "skipped"
)

// TestCase is one test case of one task.
type TestCase struct {
	Suite    string     `json:"suite"` // package, class or file
	Name     string     `json:"name"`
	Result   CaseResult `json:"result"`
	Seconds  float64    `json:"seconds"`
	Message  string     `json:"message,omitempty"` // first lines of what a failing case said
	Location Location   `json:"location,omitzero"`
}

// Measurement is a named number that a task measured.
type Measurement struct {
	Name  string  `json:"name"` // snake_case: "test_cases"
	Value float64 `json:"value"`
	Unit  string  `json:"unit"` // UCUM: "1", "s", "By"
}
