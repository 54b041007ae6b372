package triage

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"

	"fairlead.dev"
	"fairlead.dev/purl"
)

// Status says where an exception is in its life.
type Status string

// The statuses of an exception.
const (
	StatusRequested Status = "requested" // not approved by enough people
	StatusActive    Status = "active"
	StatusExpired   Status = "expired"
	StatusRevoked   Status = "revoked"
)

// StatusOf tells where an exception is by a policy. Nobody approves what he
// asked for, and nobody counts twice.
func StatusOf(x fairlead.Exception, p fairlead.ExceptionPolicy, now time.Time) Status {
	switch {
	case x.Revoked != nil:
		return StatusRevoked
	case !now.Before(x.Expires):
		return StatusExpired
	case len(Approvers(x)) < max(1, p.Count):
		return StatusRequested
	default:
		return StatusActive
	}
}

// Approvers lists who approved an exception, by name, once each and never the
// one who asked.
func Approvers(x fairlead.Exception) []string {
	var who []string
	for _, a := range x.Approvals {
		if a.Person != x.Person && a.Person != "" {
			who = append(who, a.Person)
		}
	}
	return sorted(who)
}

// Covers tells whether an exception is about a finding.
func Covers(x fairlead.Exception, t fairlead.Tracked) bool {
	s, f := x.Scope, t.Finding
	if s.Finding == "" && s.Vulnerability == "" && s.Rule == "" {
		return false
	}
	switch {
	case x.Service != t.Service || x.Environment != "" && x.Environment != t.Environment:
		return false
	case s.Finding != "" && s.Finding != t.ID && !slices.Contains(t.Fingerprints, s.Finding):
		return false
	case s.Finding != "" && x.Time.Before(t.MovedAt): // nobody has looked at where it is now
		return false
	case s.Vulnerability != "" && s.Vulnerability != f.Vulnerability.ID && !slices.Contains(f.Vulnerability.Aliases, s.Vulnerability):
		return false
	case s.Component != "" && !sameComponent(s.Component, f.Component):
		return false
	case s.Rule != "" && s.Rule != f.Rule && !slices.ContainsFunc(t.Observations, func(o fairlead.Observation) bool { return o.Rule == s.Rule }):
		return false
	}
	return s.Path == "" || everywhere(s.Path, f)
}

// sameComponent compares a purl of a scope with a component; without version it
// stands for every one.
func sameComponent(named string, c fairlead.Component) bool {
	if purl.WithoutVersion(named) != purl.WithoutVersion(c.PURL) {
		return false
	}
	v := versionOf(named)
	return v == "" || v == cmp.Or(versionOf(c.PURL), c.Version)
}

// everywhere tells whether all places of a finding fit a glob: an exception for
// one folder does not excuse the same thing in another.
func everywhere(glob string, f fairlead.Finding) bool {
	for _, l := range append([]fairlead.Location{f.Location}, f.Further...) {
		if ok, err := doublestar.Match(glob, l.Path); err != nil || !ok {
			return false
		}
	}
	return true
}

// Excuse gives findings as they are under the exceptions that hold, at a time.
// Of several exceptions the one that lasts longest is named.
func Excuse(all []fairlead.Tracked, holding []fairlead.Exception) []fairlead.Tracked {
	out := slices.Clone(all)
	for i, t := range out {
		var by *fairlead.Exception
		for j, x := range holding {
			if t.FixedAt.IsZero() && Covers(x, t) && (by == nil || x.Expires.After(by.Expires) || x.Expires.Equal(by.Expires) && x.ID < by.ID) {
				by = &holding[j]
			}
		}
		out[i].State, out[i].Exception = StateOf(t, by), ""
		if by != nil {
			out[i].Exception = by.ID
		}
	}
	return out
}

// CheckScope says what is wrong with the words of a scope, KindInvalid: among it
// a scope so wide that it would excuse what nobody has looked at.
func CheckScope(s fairlead.ExceptionScope) error {
	problem := func(err error, hint string) error {
		return &fairlead.Problem{Op: "request exception", Kind: fairlead.KindInvalid, Err: err, Hint: hint}
	}
	if s.Component != "" && !strings.HasPrefix(s.Component, "pkg:") {
		return problem(fmt.Errorf("%q is no package URL", s.Component), "--component is like pkg:npm/left-pad or pkg:golang/example.org/x@v1.2.3")
	}
	if s.Path != "" && !doublestar.ValidatePattern(s.Path) {
		return problem(fmt.Errorf("%q is no glob", s.Path), "--path is like 'testdata/**'")
	}
	if s.Rule != "" && s.Finding == "" && s.Vulnerability == "" && s.Component == "" && (s.Path == "" || anywhere(s.Path)) {
		return problem(fmt.Errorf("all that %s finds is too wide", s.Rule), "--path or --component says where; --finding names one")
	}
	return nil
}

// anywhere tells whether a glob fits whatever the path is.
func anywhere(glob string) bool {
	for _, p := range []string{"-", "-/-", "-/-/-.-"} {
		if ok, err := doublestar.Match(glob, p); err != nil || !ok {
			return false
		}
	}
	return true
}
