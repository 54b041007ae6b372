// Package sarif reads and writes SARIF 2.1.0, the format of static analysis
// results that code hosts and editors take. The words are the standard's:
// https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/.
//
// Reading resolves what the format says by reference (rules, messages, files,
// base URIs) so that a Result stands on its own. Writing gives the same bytes
// for the same log.
package sarif

import "errors"

// ErrLog is the cause of every failure to read a log or to write one.
var ErrLog = errors.New("not a SARIF 2.1.0 log")

// Bounds of what is read.
const (
	MaxBytes   = 256 << 20 // of one log
	MaxResults = 500_000   // in one log
)

// Level says how bad a result is.
type Level string

// The levels, heaviest first. None is for results that are no failure.
const (
	LevelError   Level = "error"
	LevelWarning Level = "warning"
	LevelNote    Level = "note"
	LevelNone    Level = "none"
)

// Log is one SARIF file.
type Log struct {
	Runs []Run
}

// Run is what one invocation of one tool found.
type Run struct {
	Tool    Tool
	Rules   []Rule // of the driver and of its extensions, by the order of the file
	Results []Result
	Failed  string // why the tool says that it did not get through; "" when it did
}

// Tool is what found the results.
type Tool struct {
	Name    string
	Version string
	URI     string // where to read about it
}

// Rule describes one kind of result.
type Rule struct {
	ID               string
	Name             string
	Short            string // one sentence
	Full             string
	Help             string // what to do about it
	HelpURI          string
	Level            Level
	SecuritySeverity string         // CVSS-like number, "0.0" to "10.0", as code hosts rank security results
	Precision        string         // very-high, high, medium, low; "" when not said
	Tags             []string       // "security", "external/cwe/cwe-89"
	Properties       map[string]any // further ones, that the format has no word for
	Taxa             []string       // what it is of in taxonomies: "CWE-79"; set by Decode, not written
}

// Result is one thing that was found.
type Result struct {
	RuleID              string
	Kind                string // fail when empty
	Level               Level
	Message             string
	Locations           []Location
	Related             []Location
	Fingerprints        map[string]string // full identities, by the name of how they are made
	PartialFingerprints map[string]string // contributions to an identity
	BaselineState       string            // new, unchanged, updated, absent; "" without a baseline
	Suppressions        []Suppression
	WebRequest          Request
	Properties          map[string]any // what the format has no word for
	Taxa                []string       // what it is of in taxonomies: "CWE-79"; set by Decode, not written
}

// Suppressed tells whether the result is suppressed: it has suppressions, and
// none of them is still under review or was rejected.
func (r Result) Suppressed() bool {
	for _, s := range r.Suppressions {
		if s.Status != "" && s.Status != "accepted" {
			return false
		}
	}
	return len(r.Suppressions) > 0
}

// Location is a place. Lines and columns count from 1; 0 is unknown.
type Location struct {
	URI       string // as the file says it with its base resolved: "src/a.go", "file:///work/src/a.go"
	Line      int
	Column    int
	EndLine   int
	EndColumn int
	Snippet   string
	Logical   string // "aws_s3_bucket.logs", the full name of a function
	Message   string
}

// Suppression says why a result does not count.
type Suppression struct {
	Kind          string // inSource or external
	Status        string // accepted when empty, underReview, rejected
	Justification string
}

// Request is the web request that a dynamic tool made.
type Request struct {
	Method string
	Target string // URL
}
