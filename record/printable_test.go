package record_test

import (
	"strings"
	"testing"
	"time"

	"fairlead.dev"
	"fairlead.dev/record"
)

// What a stranger named does not reach the terminal as he wrote it.
func TestNamesDoNotMoveTheCursor(t *testing.T) {
	const hostile = "a\x1b[2J\r\nOK no findings\u202e\xff"
	x := fairlead.Tracked{ID: "0123456789", Service: hostile, Finding: fairlead.Finding{
		Rule: hostile, Message: hostile, Fix: hostile, Resource: hostile, FixedIn: []string{hostile},
		Location:  fairlead.Location{Path: hostile, Line: 1},
		Component: fairlead.Component{Name: hostile, Version: hostile},
	}, Observations: []fairlead.Observation{{Tool: hostile, Rule: hostile, RunID: hostile}}}
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	lines := append(record.FindingLines([]fairlead.Tracked{x}, now), record.FollowedLines([]fairlead.Tracked{x}, now)...)
	lines = append(lines, record.FindingStory(x, now)...)
	for _, l := range lines {
		if strings.ContainsAny(l, "\x1b\r\n\u202e") || !strings.Contains(strings.ToValidUTF8(l, "\x1b"), l) {
			t.Errorf("%q", l)
		}
	}
}
