// Package osv reads records of the Open Source Vulnerability schema and says
// which versions of a package they affect, by the schema's own evaluation
// rules.
package osv

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// ErrRecord is in the chain of every error about a malformed record.
var ErrRecord = errors.New("not an OSV record")

// Record is one vulnerability as a database publishes it.
type Record struct {
	SchemaVersion    string          `json:"schema_version,omitempty"`
	ID               string          `json:"id"`
	Modified         Time            `json:"modified"`
	Published        Time            `json:"published,omitzero"`
	Withdrawn        Time            `json:"withdrawn,omitzero"` // zero while the record holds
	Aliases          []string        `json:"aliases,omitempty"`  // the same vulnerability in other databases
	Upstream         []string        `json:"upstream,omitempty"`
	Related          []string        `json:"related,omitempty"`
	Summary          string          `json:"summary,omitempty"`
	Details          string          `json:"details,omitempty"`
	Severity         []Severity      `json:"severity,omitempty"`
	Affected         []Affected      `json:"affected,omitempty"`
	References       []Reference     `json:"references,omitempty"`
	DatabaseSpecific json.RawMessage `json:"database_specific,omitempty"`
}

// Time is a point in time as records have it. Some databases write the year 1
// for what they do not know, in one digit or in four: that is the zero time.
type Time struct{ time.Time }

// UnmarshalJSON reads a time.
func (t *Time) UnmarshalJSON(b []byte) error {
	s := strings.Trim(string(b), `"`)
	if s == "" || s == "null" || strings.HasPrefix(s, "1-01-01T") || strings.HasPrefix(s, "0001-01-01T") {
		*t = Time{}
		return nil
	}
	var err error
	t.Time, err = time.Parse(time.RFC3339, s)
	return err
}

// Severity is one rating of a vulnerability.
type Severity struct {
	Type  string `json:"type"`  // CVSS_V2, CVSS_V3, CVSS_V4, Ubuntu
	Score string `json:"score"` // a CVSS vector, or the word of a distribution
}

// Affected says which versions of one package are vulnerable.
type Affected struct {
	Package           Package         `json:"package,omitzero"`
	Severity          []Severity      `json:"severity,omitempty"`
	Ranges            []Range         `json:"ranges,omitempty"`
	Versions          []string        `json:"versions,omitempty"` // each by itself, besides the ranges
	EcosystemSpecific json.RawMessage `json:"ecosystem_specific,omitempty"`
	DatabaseSpecific  json.RawMessage `json:"database_specific,omitempty"`
}

// Package names a package within an ecosystem.
type Package struct {
	Ecosystem string `json:"ecosystem"` // "Go", "PyPI", "Debian:12"
	Name      string `json:"name"`
	PURL      string `json:"purl,omitempty"`
}

// The types of range.
const (
	RangeSemver    = "SEMVER"
	RangeEcosystem = "ECOSYSTEM"
	RangeGit       = "GIT"
)

// Range is a list of events that turn vulnerability on and off.
type Range struct {
	Type   string  `json:"type"`
	Repo   string  `json:"repo,omitempty"`
	Events []Event `json:"events"`
}

// Event is one of four things that happen at a version. Exactly one field is set.
type Event struct {
	Introduced   string `json:"introduced,omitempty"` // "0" is before every version
	Fixed        string `json:"fixed,omitempty"`
	LastAffected string `json:"last_affected,omitempty"`
	Limit        string `json:"limit,omitempty"` // "*" is behind every version
}

// Reference is a page about a vulnerability.
type Reference struct {
	Type string `json:"type"`
	URL  string `json:"url"`
}

// Import is a Go package with the symbols of it that are vulnerable; without
// symbols all of them may be.
type Import struct {
	Path    string   `json:"path"`
	Symbols []string `json:"symbols,omitempty"`
	GOOS    []string `json:"goos,omitempty"`
	GOARCH  []string `json:"goarch,omitempty"`
}

// Imports gives the vulnerable packages that a record of the Go database
// lists; nil where it lists none.
func (a Affected) Imports() []Import {
	var s struct {
		Imports []Import `json:"imports"`
	}
	if len(a.EcosystemSpecific) == 0 || json.Unmarshal(a.EcosystemSpecific, &s) != nil {
		return nil
	}
	return s.Imports
}

// Decode reads one record. What is no UTF-8, no JSON, has no id, or has an
// event that is not exactly one thing is an ErrRecord.
func Decode(b []byte) (Record, error) {
	var r Record
	if !utf8.Valid(b) {
		return r, fmt.Errorf("%w: it is not UTF-8", ErrRecord)
	}
	if err := json.Unmarshal(b, &r); err != nil {
		return r, fmt.Errorf("%w: %w", ErrRecord, err)
	}
	return r, r.check()
}

func (r Record) check() error {
	for _, id := range slices.Concat([]string{r.ID}, r.Aliases, r.Upstream) {
		if id == "" || strings.ContainsFunc(id, func(c rune) bool { return c == ' ' || unprintable(c) }) || len(id) > maxID {
			return fmt.Errorf("%w: %q is no identifier", ErrRecord, id[:min(len(id), maxID)])
		}
	}
	for _, a := range r.Affected {
		for _, v := range a.Versions {
			if strings.ContainsFunc(v, unprintable) {
				return fmt.Errorf("%w: %s: %q is no version", ErrRecord, r.ID, v)
			}
		}
		for _, g := range a.Ranges {
			for _, e := range g.Events {
				if err := e.check(); err != nil {
					return fmt.Errorf("%w: %s: %w", ErrRecord, r.ID, err)
				}
			}
		}
	}
	return nil
}

// maxID is how many bytes an identifier may have.
const maxID = 256

func unprintable(c rune) bool { return c < ' ' || c == 0x7f }

func (e Event) check() error {
	n := 0
	for _, v := range []string{e.Introduced, e.Fixed, e.LastAffected, e.Limit} {
		if strings.ContainsFunc(v, unprintable) {
			return fmt.Errorf("%q is no version", v)
		}
		if v != "" {
			n++
		}
	}
	if n != 1 {
		return fmt.Errorf("an event says %d things, not one", n)
	}
	return nil
}
