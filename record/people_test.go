package record_test

import (
	"strings"
	"testing"
	"time"

	"fairlead.dev"
	"fairlead.dev/record"
)

// Who may go past something now is told from who could, until the grant expired
// or was reviewed: its follow-up stays.
func TestGrantsThatAreOver(t *testing.T) {
	made := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	g := fairlead.Grant{
		ID: "b1", Environment: "production", Commit: "0123456789", Person: "alice", Reason: "fire", Skips: []string{"freezes"},
		Time: made, Expires: made.Add(2 * time.Hour), Due: made.Add(48 * time.Hour),
	}
	reviewed := g
	reviewed.Review = &fairlead.Review{Grant: "b1", Person: "bob", Reason: "fine", Time: made}
	for name, tt := range map[string]struct {
		grant  fairlead.Grant
		at     time.Time
		says   string
		follow string
	}{
		"holds":    {g, made.Add(2*time.Hour - time.Second), "alice may go past freezes", "to be reviewed by another person"},
		"expired":  {g, made.Add(2 * time.Hour), "alice could go past freezes", "to be reviewed by another person"},
		"overdue":  {g, made.Add(49 * time.Hour), "alice could go past freezes", "REVIEW OVERDUE"},
		"reviewed": {reviewed, made.Add(time.Hour), "alice could go past freezes", "reviewed by bob"},
	} {
		lines := record.GrantLines([]fairlead.Grant{tt.grant}, tt.at)
		if !strings.Contains(lines[0], tt.says) || !strings.Contains(lines[1], tt.follow) {
			t.Errorf("%s: %q", name, lines)
		}
	}
}
