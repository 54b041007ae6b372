package pipeline

import (
	"fmt"
	"maps"
	"slices"

	"fairlead.dev"
)

// safeguards gives what people have to say about the release; nil when nothing
// of that is configured. A plan that releases nothing asks nobody, but keeps
// the rules: a later change is held against those of the release that is live.
func (p *planner) safeguards() (*fairlead.Safeguards, error) {
	c := p.cfg
	if len(c.People) == 0 && len(c.Freezes) == 0 {
		return nil, nil
	}
	s := &fairlead.Safeguards{People: []fairlead.Person{}}
	for _, name := range slices.Sorted(maps.Keys(c.People)) {
		person := c.People[name]
		s.People = append(s.People, fairlead.Person{Name: name, Emails: person.Emails, Accounts: person.Accounts, Keys: person.Keys})
	}
	for _, name := range slices.Sorted(maps.Keys(c.Groups)) {
		s.Groups = append(s.Groups, fairlead.Group{Name: name, Members: c.Groups[name]})
	}
	if err := p.approvalRules(s); err != nil {
		return nil, err
	}
	if err := p.freezes(s); err != nil {
		return nil, err
	}
	s.BreakGlass = c.BreakGlass.noun()
	s.Exceptions = c.Exceptions.noun()
	return s, nil
}

// approvalRules adds the environment's rule and those of the gates.
func (p *planner) approvalRules(s *fairlead.Safeguards) error {
	if a := p.cfg.Environments[p.environment].Approvals; a != nil {
		key := "environments." + p.environment + ".approvals"
		s.Approvals = append(s.Approvals, rule(allApprovals, a.Count, a.Asked, "", p.cfg.at(key)))
		p.because("gate "+allApprovals, counted(a.Count, "approval"), "config", p.cfg.at(key))
	}
	for i, g := range p.cfg.Gates {
		if g.Require == nil {
			continue
		}
		source := p.cfg.at(fmt.Sprintf("gates[%d]", i))
		name := g.Name
		if name == "" {
			name = fmt.Sprintf("%s-%d", allApprovals, i+1)
		}
		holds, err := p.inForce(g.when)
		if err != nil {
			return problem("mend the condition", "evaluate gates[%d].when at %s: %w", i, source, err)
		}
		s.Approvals = append(s.Approvals, rule(name, g.Require.Approvals, g.Require.Asked, g.When, source))
		choice := counted(g.Require.Approvals, "approval")
		if !holds {
			choice, source = "not in force", source+" when "+g.When
		}
		p.because("gate "+name, choice, "config", source)
	}
	return nil
}

func rule(name string, count int, a Asked, when, source string) fairlead.ApprovalRule {
	r := fairlead.ApprovalRule{Name: name, Count: count, From: a.From, Expires: defaultExpires, When: when, Source: source}
	if a.Expires != nil {
		r.Expires = *a.Expires
	}
	return r
}

// freezes adds the freezes of the environment.
func (p *planner) freezes(s *fairlead.Safeguards) error {
	for i, f := range p.cfg.Freezes {
		if len(f.Environments) > 0 && !slices.Contains(f.Environments, p.environment) {
			continue
		}
		source := p.cfg.at(fmt.Sprintf("freezes[%d]", i))
		s.Freezes = append(s.Freezes, f.noun(source))
		choice := "in force"
		if f.unless != nil {
			exempt, err := p.inForce(f.unless)
			if err != nil {
				return problem("mend the condition", "evaluate freezes[%d].unless at %s: %w", i, source, err)
			}
			if exempt {
				choice, source = "not for this change", source+" unless "+f.Unless
			}
		}
		p.because("freeze "+f.Name, choice, "config", source)
	}
	return nil
}

func (p *planner) inForce(c *condition) (bool, error) {
	if c == nil {
		return true, nil
	}
	return c.holds(p.ev, p.environment, p.strategy)
}

// noun is the policy as a plan has it, with its defaults; nil stays nil.
func (b *BreakGlass) noun() *fairlead.BreakGlassPolicy {
	if b == nil {
		return nil
	}
	n := &fairlead.BreakGlassPolicy{Who: b.Who, Requires: b.Requires, TTL: defaultTTL, Skips: b.Skips, FollowUp: defaultFollowUp}
	if n.Requires == nil {
		n.Requires = []string{"reason"}
	}
	if n.Skips == nil {
		n.Skips = []string{fairlead.SkipApprovals, fairlead.SkipFreezes}
	}
	n.Skips = slices.DeleteFunc(slices.Clone(n.Skips), func(s string) bool { return slices.Contains(b.Never, s) })
	if b.TTL != nil {
		n.TTL = *b.TTL
	}
	if b.FollowUp != nil {
		n.FollowUp = *b.FollowUp
	}
	return n
}

// RulesFor gives the approval rules of safeguards that are in force for a
// change. A condition that cannot be evaluated leaves its rule in force.
func RulesFor(s fairlead.Safeguards, ev fairlead.Event, environment string, strategy fairlead.Strategy) []fairlead.ApprovalRule {
	var out []fairlead.ApprovalRule
	for _, r := range s.Approvals {
		if r.When == "" || conditionHolds(r.When, ev, environment, strategy, true) {
			out = append(out, r)
		}
	}
	return out
}

// FreezesFor gives the freezes of a list that are in force for a change. A
// condition that cannot be evaluated exempts nothing.
func FreezesFor(all []fairlead.Freeze, ev fairlead.Event, environment string, strategy fairlead.Strategy) []fairlead.Freeze {
	var out []fairlead.Freeze
	for _, f := range all {
		if len(f.Environments) > 0 && !slices.Contains(f.Environments, environment) {
			continue
		}
		if f.Unless == "" || !conditionHolds(f.Unless, ev, environment, strategy, false) {
			out = append(out, f)
		}
	}
	return out
}

func conditionHolds(expr string, ev fairlead.Event, environment string, strategy fairlead.Strategy, doubt bool) bool {
	c, err := compile(expr, gateEnv)
	if err != nil {
		return doubt
	}
	holds, err := c.holds(ev, environment, strategy)
	if err != nil {
		return doubt
	}
	return holds
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
