package gate

import (
	"fmt"
	"slices"
	"strings"

	"fairlead.dev"
)

// groupPrefix marks a group in a list of people.
const groupPrefix = "group:"

// Members gives the names of the people that a list stands for, sorted, each
// once; an empty list stands for everybody. Names that nobody has are left out.
func Members(s fairlead.Safeguards, from []string) []string {
	known := map[string]bool{}
	for _, p := range s.People {
		known[p.Name] = true
	}
	var names []string
	add := func(name string) {
		if known[name] {
			names = append(names, name)
		}
	}
	for _, f := range from {
		group, isGroup := strings.CutPrefix(f, groupPrefix)
		if !isGroup {
			add(f)
			continue
		}
		for _, g := range s.Groups {
			if g.Name == group {
				for _, m := range g.Members {
					add(m)
				}
			}
		}
	}
	if len(from) == 0 {
		for _, p := range s.People {
			add(p.Name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Excluded gives the people whose approval does not count for a change, with
// the reason: its authors, and whoever started the run.
func Excluded(s fairlead.Safeguards, ev fairlead.Event) map[string]string {
	out := map[string]string{}
	authors := append([]string{ev.Author}, ev.Authors...)
	for _, p := range s.People {
		if ev.Trigger != "" && (slices.Contains(p.Accounts, ev.Trigger) || p.Name == ev.Trigger || hasEmail(p, ev.Trigger)) {
			out[p.Name] = "started the run"
		}
		if slices.ContainsFunc(authors, func(a string) bool { return hasEmail(p, a) }) {
			out[p.Name] = "is an author of the change"
		}
	}
	return out
}

// Strangers gives the addresses among a change's authors that belong to nobody
// known, sorted. Each may be another address of somebody who approves, so each
// asks for one approval more: then as many as the rule wants are by others. A
// change that names no author at all is by one stranger, "".
func Strangers(s fairlead.Safeguards, ev fairlead.Event) []string {
	var out []string
	for _, a := range append([]string{ev.Author}, ev.Authors...) {
		a = strings.ToLower(a)
		known := slices.ContainsFunc(s.People, func(p fairlead.Person) bool { return hasEmail(p, a) })
		if !known && (a != "" || len(ev.Authors) == 0) {
			out = append(out, a)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// strangerWords says why more approvals are asked than the rule says; "" when
// they are not.
func strangerWords(strangers []string) string {
	if len(strangers) == 0 {
		return ""
	}
	named := slices.Clone(strangers)
	for i, a := range named {
		if a == "" {
			named[i] = "an author without an address"
		}
	}
	return fmt.Sprintf("%d more because nobody under people is %s", len(named), strings.Join(named, " or "))
}

func hasEmail(p fairlead.Person, email string) bool {
	return email != "" && slices.ContainsFunc(p.Emails, func(e string) bool { return strings.EqualFold(e, email) })
}

// PersonNamed finds somebody by name.
func PersonNamed(s fairlead.Safeguards, name string) (fairlead.Person, bool) {
	i := slices.IndexFunc(s.People, func(p fairlead.Person) bool { return p.Name == name })
	if i < 0 {
		return fairlead.Person{}, false
	}
	return s.People[i], true
}

// Unsatisfiable says, for every rule that this change can never satisfy, why.
func Unsatisfiable(s fairlead.Safeguards, rules []fairlead.ApprovalRule, ev fairlead.Event) []string {
	excluded, strangers := Excluded(s, ev), Strangers(s, ev)
	var out []string
	for _, r := range rules {
		r.Count += len(strangers)
		members := Members(s, r.From)
		var left, because []string
		for _, m := range members {
			if why, no := excluded[m]; no {
				because = append(because, m+" "+why)
			} else {
				left = append(left, m)
			}
		}
		if len(left) >= r.Count {
			continue
		}
		text := fmt.Sprintf("%s (%s) wants %s of %s", r.Name, r.Source, counted(r.Count, "approval"), fromWords(r.From))
		if why := strangerWords(strangers); why != "" {
			text += " (" + why + ")"
		}
		switch {
		case len(members) == 0:
			text += ", which is nobody"
		case len(left) == 0:
			text += ", and nobody there may give one: " + strings.Join(because, ", ")
		default:
			text += fmt.Sprintf(", but only %s may give one", strings.Join(left, ", "))
			if len(because) > 0 {
				text += ": " + strings.Join(because, ", ")
			}
		}
		out = append(out, text)
	}
	return out
}

func fromWords(from []string) string {
	if len(from) == 0 {
		return "anybody known"
	}
	return strings.Join(from, ", ")
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
