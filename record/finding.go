package record

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"fairlead.dev"
)

// FindingLines tells findings over time, one line each, in the order given.
func FindingLines(all []fairlead.Tracked, now time.Time) []string {
	var lines []string
	for _, t := range all {
		lines = append(lines, fmt.Sprintf("%s  %-8s %-8s %-10s %s", shortID(t.ID), t.Finding.Severity, t.Finding.Category, t.State, FindingTitle(t.Finding)),
			"          "+strings.Join(details(t, now), "; "))
	}
	return Printable(lines)
}

// FollowedLines tells findings of several places, one line each.
func FollowedLines(all []fairlead.Tracked, now time.Time) []string {
	var lines []string
	for _, t := range all {
		lines = append(lines, fmt.Sprintf("%s  %-8s %-8s %-10s %s", shortID(t.ID), t.Finding.Severity, t.Finding.Category, t.State, FindingTitle(t.Finding)),
			"          "+t.Service+" in "+cmp.Or(t.Environment, "the work tree")+"; "+strings.Join(details(t, now), "; "))
	}
	return Printable(lines)
}

// FindingStory tells all there is to say about one finding.
func FindingStory(t fairlead.Tracked, now time.Time) []string {
	f := t.Finding
	lines := []string{
		t.ID + "  " + FindingTitle(f), fmt.Sprintf("  %s, %s, %s in %s of %s", f.Severity, f.Category, t.State, cmp.Or(t.Environment, "the work tree"), t.Service),
		"  first seen " + t.FirstSeen.UTC().Format(time.RFC3339) + ", last seen " + t.LastSeen.UTC().Format(time.RFC3339) + "; " + Due(t, now),
	}
	if !t.ReopenedAt.IsZero() {
		lines = append(lines, "  came back "+t.ReopenedAt.UTC().Format(time.RFC3339))
	}
	if !t.MovedAt.IsZero() {
		lines = append(lines, "  moved here "+t.MovedAt.UTC().Format(time.RFC3339))
	}
	for _, text := range []string{f.Message, f.Fix} {
		if text != "" {
			lines = append(lines, "  "+firstLine(text))
		}
	}
	if len(f.Vulnerability.Aliases) > 0 {
		lines = append(lines, "  also called "+strings.Join(f.Vulnerability.Aliases, ", "))
	}
	if len(f.FixedIn) > 0 {
		lines = append(lines, "  fixed in "+strings.Join(f.FixedIn, ", "))
	}
	for _, o := range t.Observations {
		text := fmt.Sprintf("  %s saw it as %s (%s)", cmp.Or(o.ToolVersion, o.Tool), o.Rule, o.Severity)
		if at := place(o.Location); at != "" {
			text += " at " + at
		}
		if o.RunID != "" {
			text += ", last in run " + o.RunID
		}
		if !o.Gone.IsZero() {
			text += ", gone since " + o.Gone.UTC().Format(time.RFC3339)
		}
		lines = append(lines, text)
	}
	return Printable(lines)
}

// Printable shows each line as a terminal may show it. Names of files, resources
// and rules are whatever a stranger wrote: a line must not end itself, move the
// cursor, or read the other way round.
func Printable(lines []string) []string {
	for i, l := range lines {
		lines[i] = strings.Map(func(r rune) rune {
			switch {
			case unicode.IsSpace(r):
				return ' '
			case !unicode.IsPrint(r):
				return '?'
			}
			return r
		}, strings.ToValidUTF8(l, "?"))
	}
	return lines
}

// FindingTitle says in one line what a finding is and where.
func FindingTitle(f fairlead.Finding) string {
	what := cmp.Or(f.Vulnerability.ID, f.Rule)
	if f.Component.Name != "" || f.Component.PURL != "" {
		what += " in " + strings.TrimSpace(cmp.Or(f.Component.Name, f.Component.PURL)+" "+f.Component.Version)
	}
	if at := place(f.Location); at != "" {
		what += " at " + at
	}
	if f.Resource != "" {
		what += " (" + f.Resource + ")"
	}
	return what
}

// details is what people need beside the title to act.
func details(t fairlead.Tracked, now time.Time) []string {
	f := t.Finding
	out := []string{Due(t, now)}
	if !f.Vulnerability.KEV.IsZero() {
		out = append(out, "known to be exploited")
	}
	if f.Reachability != "" && f.Reachability != fairlead.ReachableUnknown {
		out = append(out, string(f.Reachability))
	}
	if len(f.FixedIn) > 0 {
		out = append(out, "fixed in "+f.FixedIn[0])
	}
	if len(f.Further) > 0 {
		out = append(out, fmt.Sprintf("and at %d more places", len(f.Further)))
	}
	var tools []string
	for _, o := range t.Observations {
		if name := cmp.Or(o.ToolVersion, o.Tool); !slices.Contains(tools, name) {
			tools = append(tools, name)
		}
	}
	if len(tools) > 1 {
		out = append(out, "seen by "+strings.Join(tools, " and "))
	}
	return append(out, firstLine(cmp.Or(f.Fix, f.Message)))
}

// Due says by when a finding has to be gone, or why it need not be.
func Due(t fairlead.Tracked, now time.Time) string {
	switch {
	case !t.FixedAt.IsZero():
		return "fixed " + t.FixedAt.UTC().Format(time.RFC3339)
	case t.Exception != "":
		return "excused by " + t.Exception
	case t.Overdue(now):
		return "OVERDUE since " + t.Due.UTC().Format(time.RFC3339)
	default:
		return "due " + t.Due.UTC().Format(time.RFC3339)
	}
}

// shortID is enough of a finding's id to name it.
func shortID(id string) string { return id[:min(len(id), 8)] }

// Severities lists all severities, heaviest first.
func Severities() []fairlead.Severity {
	return []fairlead.Severity{
		fairlead.SeverityCritical, fairlead.SeverityHigh, fairlead.SeverityUnknown, fairlead.SeverityMedium, fairlead.SeverityLow,
	}
}

// SeverityOf gives the severity under which a finding is counted.
func SeverityOf(f fairlead.Finding) fairlead.Severity {
	if slices.Contains(Severities(), f.Severity) {
		return f.Severity
	}
	return fairlead.SeverityUnknown
}
