package pipeline

import (
	"testing"
	"time"

	"fairlead.dev"
)

// The times of findings and the policy of exceptions are the plan's, with what
// is not said by default.
func TestFindingsAndExceptionsReachThePlan(t *testing.T) {
	p := mustPlan(t, `
version: 1
people: {alice: {emails: [a@example.org], accounts: [alice]}, bob: {emails: [b@example.org], accounts: [bob]}}
exceptions: {from: [bob], longest: 48h}
findings: {due: {critical: 4h, low: 1000h}}
`, push("main"))
	if p.Clock == nil || p.Clock.Critical.D() != 4*time.Hour || p.Clock.Low.D() != 1000*time.Hour || p.Clock.High != fairlead.DefaultClock().High {
		t.Errorf("the clock is %+v", p.Clock)
	}
	x := p.Safeguards.Exceptions
	if x == nil || x.Count != 1 || x.Longest.D() != 48*time.Hour || len(x.From) != 1 {
		t.Errorf("the policy of exceptions is %+v", x)
	}
	if p := mustPlan(t, "version: 1\n", push("main")); p.Clock != nil || p.Safeguards != nil {
		t.Errorf("with nothing said the plan has clock %v and safeguards %v", p.Clock, p.Safeguards)
	}
}
