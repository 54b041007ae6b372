package triage

import (
	"time"

	"fairlead.dev"
)

// likely is the EPSS probability from which a vulnerability is taken one step
// more seriously.
const likely = 0.5

// OutOfReach tells whether it is proven that a finding does no harm where it
// is: its code is not used, or a VEX statement says so. What is not known is
// never out of reach.
func OutOfReach(f fairlead.Finding) bool {
	switch f.Reachability {
	case fairlead.ReachableRequired, fairlead.ReachableUnused:
		return true
	case fairlead.ReachableCalled, fairlead.ReachableImported:
	}
	return f.Vulnerability.VEX == "not_affected" || f.Vulnerability.VEX == "fixed"
}

// Urgency is the severity that the clock goes by: lower when a finding is out of
// reach, one step higher when it is likely to be exploited.
func Urgency(f fairlead.Finding) fairlead.Severity {
	switch {
	case OutOfReach(f):
		return fairlead.SeverityLow
	case f.Vulnerability.EPSS >= likely:
		return raised(f.Severity)
	}
	return f.Severity
}

func raised(s fairlead.Severity) fairlead.Severity {
	switch s {
	case fairlead.SeverityLow:
		return fairlead.SeverityMedium
	case fairlead.SeverityMedium:
		return fairlead.SeverityHigh
	default:
		return fairlead.SeverityCritical
	}
}

// allowance is how long a finding may stay by its urgency.
func allowance(f fairlead.Finding, c fairlead.Clock) time.Duration {
	switch Urgency(f) {
	case fairlead.SeverityCritical:
		return c.Critical.D()
	case fairlead.SeverityMedium:
		return c.Medium.D()
	case fairlead.SeverityLow:
		return c.Low.D()
	default:
		return c.High.D()
	}
}

// clock sets by when a finding has to be gone. The time for which it was fixed
// does not count. One that gets more urgent has its new time from now on, one
// that gets less urgent from the beginning; one that is known to be exploited
// has its time from when that became known.
func clock(t *fairlead.Tracked, c fairlead.Clock, now time.Time) {
	if !t.FixedAt.IsZero() {
		t.Due, t.Allowed = time.Time{}, 0
		return
	}
	start := t.FirstSeen.Add(t.Away.D())
	allow := allowance(t.Finding, c)
	due := start.Add(allow)
	if before := t.Allowed.D(); before > allow && now.Add(allow).After(due) {
		due = now.Add(allow)
		if earlier := start.Add(before); earlier.Before(due) {
			due = earlier
		}
	} else if before == allow && !t.Due.IsZero() {
		due = t.Due // as it was set when it became so urgent
	}
	t.Allowed = fairlead.Duration(allow)
	t.Due = due
	if kev := t.Finding.Vulnerability.KEV; !kev.IsZero() && !OutOfReach(t.Finding) {
		if from := later(start, kev); from.Add(c.Exploited.D()).Before(t.Due) {
			t.Due = from.Add(c.Exploited.D())
		}
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
