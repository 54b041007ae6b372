package fairlead

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"
)

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

// Category is the class of scanner that a finding comes from.
type Category string

// The categories. A finding's identity never crosses them.
const (
	CategorySecret  Category = "secret"
	CategorySCA     Category = "sca" // a component with a known vulnerability
	CategorySAST    Category = "sast"
	CategoryIaC     Category = "iac"
	CategoryLicence Category = "licence"
	CategoryImage   Category = "image"
	CategoryDAST    Category = "dast"
)

// Reachability says how far a vulnerable component is from being used. That a
// record lists no symbols makes it unknown, never unreachable.
type Reachability string

// The reachabilities, from the nearest. Unused is proven: the component is for
// development only, or no source refers to it.
const (
	ReachableCalled   Reachability = "called"
	ReachableImported Reachability = "imported"
	ReachableRequired Reachability = "required" // in the dependency graph, its vulnerable package is not imported
	ReachableUnused   Reachability = "unused"
	ReachableUnknown  Reachability = "unknown"
)

// Finding is one thing a scanner saw. The words are SARIF's, those about
// vulnerabilities are OSV's. It never carries a secret's value.
type Finding struct {
	Fingerprint    string        `json:"fingerprint"` // stable over line moves, message changes and versions; see [Fingerprint]
	Category       Category      `json:"category,omitempty"`
	Rule           string        `json:"rule"`
	Tool           string        `json:"tool"`                   // step type that found it: "scan.secrets"
	ToolVersion    string        `json:"tool_version,omitempty"` // of the engine behind it: "gosec 2.30.0"
	Severity       Severity      `json:"severity"`
	SeveritySource string        `json:"severity_source,omitempty"` // "rule", "CVSS:3.1/AV:N/...", "alias CVE-2024-1"
	CWE            []string      `json:"cwe,omitempty"`             // "CWE-89"
	Message        string        `json:"message"`
	Location       Location      `json:"location,omitzero"`
	Further        []Location    `json:"further,omitempty"`  // other places of the same finding
	Resource       string        `json:"resource,omitempty"` // what a place in a file cannot say: "aws_s3_bucket.logs", "GET /items?id"
	Component      Component     `json:"component,omitzero"`
	Vulnerability  Vulnerability `json:"vulnerability,omitzero"`
	Reachability   Reachability  `json:"reachability,omitempty"`
	Fix            string        `json:"fix,omitempty"`        // what to do about it, in words
	FixedIn        []string      `json:"fixed_in,omitempty"`   // versions of the component without the vulnerability, smallest first
	ClearedBy      string        `json:"cleared_by,omitempty"` // smallest version of the component without any known vulnerability
}

// Component is a piece of software that another one is made of.
type Component struct {
	PURL    string `json:"purl,omitempty"` // with version
	Name    string `json:"name,omitempty"`
	Version string `json:"version,omitempty"`
	Direct  bool   `json:"direct,omitempty"` // named by the project itself, not by a dependency
	Dev     bool   `json:"dev,omitempty"`    // for building and testing only
	Layer   string `json:"layer,omitempty"`  // of an image: "sha256:..." of the layer that brought it
	Base    bool   `json:"base,omitempty"`   // of an image: the layer belongs to the base image
}

// Vulnerability is a known flaw of a component, in OSV's words.
type Vulnerability struct {
	ID      string    `json:"id,omitempty"` // of the record that matched
	Aliases []string  `json:"aliases,omitempty"`
	EPSS    float64   `json:"epss,omitempty"` // probability of exploitation in 30 days; 0 is unknown
	KEV     time.Time `json:"kev,omitzero"`   // when it entered the catalogue of known exploited vulnerabilities
	VEX     string    `json:"vex,omitempty"`  // OpenVEX status that applies: "not_affected"
}

// Canonical is the one name of a vulnerability that has several: the smallest by
// [CompareIDs] of its id and its aliases.
func (v Vulnerability) Canonical() string {
	return slices.MinFunc(append([]string{v.ID}, v.Aliases...), CompareIDs)
}

// CompareIDs orders identifiers of vulnerabilities: most databases know a CVE,
// then a GHSA; those of one kind by their letters.
func CompareIDs(a, b string) int {
	generality := func(id string) int {
		for i, prefix := range []string{"CVE-", "GHSA-"} {
			if strings.HasPrefix(id, prefix) {
				return i
			}
		}
		return 2
	}
	return cmp.Or(cmp.Compare(generality(a), generality(b)), cmp.Compare(a, b))
}

// Fingerprint gives the identity of a finding: a hash of its category and of
// what identifies it there, in order. Line numbers, messages and versions of
// components do not belong into parts; a secret's value only as a keyed hash.
func Fingerprint(c Category, parts ...string) string {
	h := sha256.New()
	for _, p := range append([]string{string(c)}, parts...) {
		fmt.Fprintf(h, "%d:%s,", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
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
