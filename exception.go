package fairlead

import "time"

// Predicate types of what people state about exceptions.
const (
	PredicateException         = "https://" + Host + "/exception/v1"
	PredicateExceptionApproval = "https://" + Host + "/exception-approval/v1"
	PredicateExceptionRevoked  = "https://" + Host + "/exception-revocation/v1"
)

// Exception lets findings pass for a time. It is something else than
// break-glass: it is about findings, asked for by one person and approved by
// another, and it always ends. All of it but Evidence, Approvals and Revoked is
// what the requester signed.
type Exception struct {
	ID            string              `json:"id"`
	Service       string              `json:"service"`
	Environment   string              `json:"environment,omitempty"` // "" is every environment of the service
	Scope         ExceptionScope      `json:"scope"`
	Reason        string              `json:"reason"`
	Justification string              `json:"justification,omitempty"` // OpenVEX; "" = the findings apply and the risk is taken
	Ticket        string              `json:"ticket,omitempty"`
	Person        string              `json:"person"` // who asked
	Account       string              `json:"account,omitempty"`
	Time          time.Time           `json:"time"`
	Expires       time.Time           `json:"expires"`
	Evidence      Digest              `json:"evidence,omitempty"` // Evidence.ID of the signed request
	Approvals     []ExceptionApproval `json:"approvals,omitempty"`
	Revoked       *ExceptionRevoked   `json:"revoked,omitempty"`
}

// ExceptionScope says which findings an exception is about: those that fit all
// that is given. It names at least a finding, a vulnerability or a rule.
type ExceptionScope struct {
	Finding       string `json:"finding,omitempty"`       // Tracked.ID or another fingerprint of it
	Vulnerability string `json:"vulnerability,omitempty"` // OSV id or an alias
	Component     string `json:"component,omitempty"`     // purl; without version it is every version
	Rule          string `json:"rule,omitempty"`
	Path          string `json:"path,omitempty"` // glob over Location.Path
}

// ExceptionApproval is one person's approval of an exception; all of it but
// Evidence is what was signed.
type ExceptionApproval struct {
	Exception string    `json:"exception"`
	Request   Digest    `json:"request"` // Evidence.ID of the request: another request is another exception
	Person    string    `json:"person"`
	Account   string    `json:"account,omitempty"`
	Reason    string    `json:"reason,omitempty"`
	Time      time.Time `json:"time"`
	Evidence  Digest    `json:"evidence,omitempty"`
}

// ExceptionRevoked says who ended an exception before its time; all of it but
// Evidence is what was signed.
type ExceptionRevoked struct {
	Exception string    `json:"exception"`
	Person    string    `json:"person"`
	Account   string    `json:"account,omitempty"`
	Reason    string    `json:"reason"`
	Time      time.Time `json:"time"`
	Evidence  Digest    `json:"evidence,omitempty"`
}

// ExceptionPolicy says who approves exceptions, and how long one may last.
type ExceptionPolicy struct {
	From    []string `json:"from,omitempty"` // "group:security", "alice"; empty: everybody known but who asks
	Count   int      `json:"count"`
	Longest Duration `json:"longest"`
}

// Justifications lists OpenVEX's reasons why something does not apply.
func Justifications() []string {
	return []string{
		"component_not_present", "vulnerable_code_not_present", "vulnerable_code_not_in_execute_path",
		"vulnerable_code_cannot_be_controlled_by_adversary", "inline_mitigations_already_exist",
	}
}
