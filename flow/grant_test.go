package flow

import (
	"testing"
	"time"

	"fairlead.dev"
	"fairlead.dev/gate"
)

// A grant counts between its first moment and its last, never longer than the
// policy lets it, and only with what the policy wants said.
func TestGrantCountsWithinItsPolicy(t *testing.T) {
	at := time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC)
	policy := fairlead.BreakGlassPolicy{TTL: fairlead.Duration(2 * time.Hour), Requires: []string{"incident"}}
	good := fairlead.Grant{ID: "b1", Reason: "fire", Incident: "INC-1", Time: at, Expires: at.Add(time.Hour)}
	for name, c := range map[string]struct {
		change func(*fairlead.Grant)
		now    time.Time
		want   bool
	}{
		"at once":             {func(*fairlead.Grant) {}, at, true},
		"in its last second":  {func(*fairlead.Grant) {}, at.Add(time.Hour - time.Second), true},
		"before it":           {func(*fairlead.Grant) {}, at.Add(-time.Second), false},
		"expired":             {func(*fairlead.Grant) {}, at.Add(time.Hour), false},
		"as long as allowed":  {func(g *fairlead.Grant) { g.Expires = at.Add(2 * time.Hour) }, at, true},
		"longer than allowed": {func(g *fairlead.Grant) { g.Expires = at.Add(2*time.Hour + time.Second) }, at, false},
		"reviewed":            {func(g *fairlead.Grant) { g.Review = &fairlead.Review{} }, at, false},
		"without a reason":    {func(g *fairlead.Grant) { g.Reason = " " }, at, false},
		"without an incident": {func(g *fairlead.Grant) { g.Incident = "\t" }, at, false},
	} {
		g := good
		c.change(&g)
		if got := within(g, policy, c.now); got != c.want {
			t.Errorf("%s: counts %t, want %t", name, got, c.want)
		}
	}
	policy.Requires, good.Incident = nil, ""
	if !within(good, policy, at) {
		t.Error("an incident is asked for that the policy does not want")
	}
}

// The freezes that people added are gone past only with a grant under every
// regime, and one that is about freezes.
func TestAddedFreezesNeedAGrantUnderEveryRegime(t *testing.T) {
	freezes := fairlead.Grant{ID: "b1", Skips: []string{fairlead.SkipFreezes}}
	approvals := fairlead.Grant{ID: "b2", Skips: []string{fairlead.SkipApprovals}}
	under := func(all ...[]fairlead.Grant) (in []gate.Regime) {
		for _, grants := range all {
			in = append(in, gate.Regime{Grants: grants})
		}
		return in
	}
	for name, c := range map[string]struct {
		in   []gate.Regime
		want string
	}{
		"none":                 {nil, ""},
		"both":                 {under([]fairlead.Grant{freezes}, []fairlead.Grant{approvals, freezes}), "b1"},
		"a newer one beside":   {under([]fairlead.Grant{freezes, approvals}), "b1"},
		"not the live release": {under([]fairlead.Grant{freezes}, nil), ""},
		"not this plan":        {under(nil, []fairlead.Grant{freezes}), ""},
		"about something else": {under([]fairlead.Grant{freezes}, []fairlead.Grant{approvals}), ""},
	} {
		got := ""
		if grants := pastAll(c.in); len(grants) > 0 {
			got = grants[0].ID
		}
		if got != c.want {
			t.Errorf("%s: gone past with %q, want %q", name, got, c.want)
		}
	}
}
