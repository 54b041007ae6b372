package pipeline

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"fairlead.dev"
)

// checkPeople reports what is wrong with people, groups and whoever names them.
func (d *decoder) checkPeople(cfg *Config) {
	d.checkUnique(cfg, "emails", func(p Person) []string { return p.Emails })
	d.checkUnique(cfg, "accounts", func(p Person) []string { return p.Accounts })
	d.checkUnique(cfg, "keys", func(p Person) []string { return p.Keys })
	for _, name := range slices.Sorted(maps.Keys(cfg.People)) {
		for i, k := range cfg.People[name].Keys {
			if d.cat.CheckKey == nil {
				continue
			}
			if err := d.cat.CheckKey(k); err != nil {
				d.reportAt(fmt.Sprintf("people.%s.keys[%d]", name, i), "must be an SSH public key: "+oneLine(err.Error()), got(k), "")
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(cfg.Groups)) {
		for i, member := range cfg.Groups[name] {
			if _, ok := cfg.People[member]; !ok {
				d.reportAt(fmt.Sprintf("groups.%s[%d]", name, i), "must name somebody under people", got(member),
					didYouMean(member, slices.Collect(maps.Keys(cfg.People))))
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(cfg.Environments)) {
		if a := cfg.Environments[name].Approvals; a != nil {
			d.checkAsked(cfg, "environments."+name+".approvals", "count", a.Count, a.From)
		}
	}
	for i, g := range cfg.Gates {
		if r := g.Require; r != nil {
			d.checkAsked(cfg, fmt.Sprintf("gates[%d].require", i), "approvals", r.Approvals, r.From)
		}
	}
}

// checkUnique reports what two people share: one person would count twice, or
// not be recognised.
func (d *decoder) checkUnique(cfg *Config, list string, of func(Person) []string) {
	owner := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(cfg.People)) {
		for i, v := range of(cfg.People[name]) {
			id := strings.ToLower(v)
			if list == "keys" {
				words := strings.Fields(v)
				id = strings.Join(words[:min(len(words), 2)], " ") // without the comment
			}
			at := fmt.Sprintf("people.%s.%s[%d]", name, list, i)
			if other, taken := owner[id]; taken {
				d.reportAt(at, "must belong to one person; "+other+" has it as well", got(v), "")
			}
			owner[id] = name
		}
	}
}

// checkAsked reports approvals that nobody could ever give.
func (d *decoder) checkAsked(cfg *Config, key, countKey string, count int, from []string) {
	d.checkWho(cfg, key+".from", from)
	members := cfg.members(from)
	if count > len(members) {
		d.reportAt(join(key, countKey), fmt.Sprintf("must be at most %d, the number of people who may approve", len(members)), fmt.Sprint(count),
			"name them under people, and in from")
	}
}

// checkWho reports names in a list of people and groups that are nobody's.
func (d *decoder) checkWho(cfg *Config, key string, who []string) {
	for i, w := range who {
		at := fmt.Sprintf("%s[%d]", key, i)
		if group, ok := isGroup(w); ok {
			if _, known := cfg.Groups[group]; !known {
				d.reportAt(at, "must name a group", got(w), didYouMean(group, slices.Collect(maps.Keys(cfg.Groups))))
			}
		} else if _, known := cfg.People[w]; !known && w != "" {
			suggestion := didYouMean(w, slices.Collect(maps.Keys(cfg.People)))
			if _, isGroup := cfg.Groups[w]; isGroup {
				suggestion = "write group:" + w
			}
			d.reportAt(at, "must name somebody under people, or group:NAME", got(w), suggestion)
		}
	}
}

// members gives the people that a list stands for.
func (c *Config) members(from []string) []string {
	names := map[string]bool{}
	for _, f := range from {
		if group, ok := isGroup(f); ok {
			for _, m := range c.Groups[group] {
				names[m] = true
			}
			continue
		}
		names[f] = true
	}
	if len(from) == 0 {
		for n := range c.People {
			names[n] = true
		}
	}
	for n := range names {
		if _, known := c.People[n]; !known {
			delete(names, n)
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// checkFreezes reports freezes whose times cannot be understood.
func (d *decoder) checkFreezes(cfg *Config) {
	seen := map[string]bool{}
	for i := range cfg.Freezes {
		f, key := &cfg.Freezes[i], fmt.Sprintf("freezes[%d]", i)
		if seen[f.Name] && f.Name != "" {
			d.reportAt(key+".name", "must be unique", got(f.Name), "")
		}
		seen[f.Name] = true
		for j, e := range f.Environments {
			if !cfg.knowsEnvironment(e) {
				d.reportAt(fmt.Sprintf("%s.environments[%d]", key, j), "must name an environment", got(e), didYouMean(e, cfg.EnvironmentNames()))
			}
		}
		if f.Duration != 0 && f.RRule == "" {
			d.reportAt(key+".duration", "must stand beside rrule", "", "without rrule the freeze lasts from from to to")
		}
		if f.From == "" && f.To == "" && f.RRule == "" {
			d.reportAt(key, "must have from and to, or rrule", "", "to stop everything now: `fairlead freeze add --now`")
		} else if d.cat.CheckFreeze != nil {
			if err := d.cat.CheckFreeze(f.noun("")); err != nil {
				d.reportAt(key, "must be a time: "+oneLine(err.Error()), "", "")
			}
		}
		if f.Unless != "" {
			var err error
			if f.unless, err = compile(f.Unless, gateEnv); err != nil {
				d.reportAt(key+".unless", "must be a CEL condition over event, change, environment and strategy: "+err.Error(), got(f.Unless), suggestVariable(err, true))
			}
		}
	}
}

// checkBreakGlass reports a policy that contradicts itself.
func (d *decoder) checkBreakGlass(cfg *Config) {
	b := cfg.BreakGlass
	if b == nil {
		return
	}
	d.checkWho(cfg, "break-glass.who", b.Who)
	if len(b.Who) > 0 && len(cfg.members(b.Who)) == 0 {
		d.reportAt("break-glass.who", "must name at least one person", "", "")
	}
	for i, s := range b.Skips {
		if slices.Contains(b.Never, s) {
			d.reportAt(fmt.Sprintf("break-glass.skips[%d]", i), "must not name what never does", got(s), "")
		}
	}
}

// noun is the freeze as a plan has it.
func (f Freeze) noun(source string) fairlead.Freeze {
	n := fairlead.Freeze{
		ID: f.Name, Environments: f.Environments, From: string(f.From), To: string(f.To), RRule: f.RRule, Duration: f.Duration,
		TZ: f.TZ, Except: f.Except, Unless: f.Unless, Source: source, ExDate: texts(f.ExDate), RDate: texts(f.RDate),
	}
	if n.TZ == "" {
		n.TZ = "UTC"
	}
	if n.Except == nil {
		n.Except = []string{"break-glass"}
	}
	return n
}

// texts gives moments as they were written; none is nil.
func texts(all []Moment) []string {
	var out []string
	for _, m := range all {
		out = append(out, string(m))
	}
	return out
}
