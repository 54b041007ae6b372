package triage

import (
	"time"

	"fairlead.dev"
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
