package record

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"fairlead.dev"
)

// findingsFact is what the record about a run's findings carries.
type findingsFact struct {
	Findings int `json:"findings"`
	Changed  int `json:"changed"`
}

func exceptionSentence(typ fairlead.RecordType, x fairlead.Exception) string {
	about := ScopeText(x.Scope) + " in " + cmp.Or(x.Environment, "every environment") + " of " + x.Service
	switch {
	case typ == fairlead.RecordExceptionRevoked && x.Revoked != nil:
		return fmt.Sprintf("%s revokes the exception %s for %s: %s", x.Revoked.Person, x.ID, about, firstLine(x.Revoked.Reason))
	case typ == fairlead.RecordExceptionGiven && len(x.Approvals) > 0:
		return fmt.Sprintf("%s approves the exception %s for %s, until %s", x.Approvals[len(x.Approvals)-1].Person, x.ID, about, x.Expires.UTC().Format(time.RFC3339))
	default:
		return fmt.Sprintf("%s asks for the exception %s for %s, until %s: %s", x.Person, x.ID, about, x.Expires.UTC().Format(time.RFC3339), firstLine(x.Reason))
	}
}

// ScopeText says what an exception is about.
func ScopeText(s fairlead.ExceptionScope) string {
	var parts []string
	for _, part := range []struct{ word, value string }{
		{"finding", shortID(s.Finding)}, {"vulnerability", s.Vulnerability}, {"rule", s.Rule}, {"component", s.Component}, {"path", s.Path},
	} {
		if part.value != "" {
			parts = append(parts, part.word+" "+part.value)
		}
	}
	return strings.Join(parts, ", ")
}

// ExceptionLife is an exception with where it is in its life.
type ExceptionLife struct {
	fairlead.Exception
	Status    string   `json:"status"`              // requested, active, expired or revoked
	Approvers []string `json:"approvers,omitempty"` // by name
}

// ExceptionLines tells exceptions, two lines each.
func ExceptionLines(all []ExceptionLife) []string {
	lines := make([]string, 0, 2*len(all))
	for _, x := range all {
		lines = append(lines, fmt.Sprintf("%s  %-9s until %s  %s in %s of %s", x.ID, x.Status, x.Expires.UTC().Format(time.RFC3339),
			ScopeText(x.Scope), cmp.Or(x.Environment, "every environment"), x.Service))
		said := "asked for by " + x.Person
		if len(x.Approvers) > 0 {
			said += ", approved by " + strings.Join(x.Approvers, ", ")
		}
		if x.Revoked != nil {
			said += ", revoked by " + x.Revoked.Person
		}
		lines = append(lines, "          "+said+"; "+cmp.Or(x.Justification, "the risk is taken")+": "+firstLine(x.Reason))
	}
	if len(lines) == 0 {
		lines = []string{"there are no exceptions"}
	}
	return lines
}
