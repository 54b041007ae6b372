package pipeline

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"fairlead.dev"
)

// Licences is the section licences, and environments.X.licences.
type Licences struct {
	Allow     []string `json:"allow" doc:"Licences that may be used: identifiers of SPDX, globs over them, or the classes permissive, weak-copyleft, strong-copyleft, network-copyleft, restricted, other, unknown." default:"[permissive, weak-copyleft]" example:"[permissive, MPL-2.0]"`
	Ask       []string `json:"ask" doc:"Licences that somebody has to judge: the decision warns until an exception is approved." example:"['GPL-*']"`
	Deny      []string `json:"deny" doc:"Licences that may not be used: the decision denies." example:"[network-copyleft]"`
	Otherwise string   `json:"otherwise" doc:"What holds for a licence that no entry names." enum:"allow,ask,deny" default:"ask"`
}

// checkLicences reports entries that name no licence.
func (d *decoder) checkLicences(cfg *Config) {
	d.checkLicenceLists("licences", cfg.Licences)
	for _, name := range slices.Sorted(maps.Keys(cfg.Environments)) {
		d.checkLicenceLists("environments."+name+".licences", cfg.Environments[name].Licences)
	}
}

func (d *decoder) checkLicenceLists(key string, l *Licences) {
	if l == nil || d.cat.CheckLicence == nil {
		return
	}
	for _, list := range []struct {
		name    string
		entries []string
	}{{"allow", l.Allow}, {"ask", l.Ask}, {"deny", l.Deny}} {
		for i, e := range list.entries {
			if err := d.cat.CheckLicence(e); err != nil {
				d.reportAt(fmt.Sprintf("%s.%s[%d]", key, list.name, i), "must be a licence of SPDX's list, a glob over them or a class", e, "")
			}
		}
	}
}

// licencesOf is the policy for licences in an environment, and where it stands:
// nil and the key when nothing is said.
func (c *Config) licencesOf(environment string) (*Licences, string) {
	if l := c.Environments[environment].Licences; l != nil {
		return l, "environments." + environment + ".licences"
	}
	return c.Licences, "licences"
}

// LicenceKeys gives the keys of the step type that judges licences which the
// policy for an environment says; "" is none. Empty when nothing is said.
func (c *Config) LicenceKeys(environment string) map[string]any {
	keys := map[string]any{}
	if l, _ := c.licencesOf(environment); l != nil {
		l.lay(keys)
	}
	return keys
}

// licences lays the policy for licences over the configuration of the tasks that
// judge them: the environment's or else the section's.
func (p *planner) licences(ds []draft) error {
	over := p.cfg.LicenceKeys(p.environment)
	if len(over) == 0 {
		return nil
	}
	for i, d := range ds {
		if d.step != stepLicences {
			continue
		}
		keys := map[string]any{}
		if err := json.Unmarshal(d.config, &keys); err != nil {
			return &fairlead.Problem{Op: "configure " + d.step, Kind: fairlead.KindInternal, Err: err}
		}
		maps.Copy(keys, over)
		if l, at := p.cfg.licencesOf(p.environment); l != nil {
			p.because("licences", cmp.Or(l.Otherwise, "ask")+" otherwise", "config", p.cfg.at(at))
		}
		info, _ := p.cat.step(d.step)
		config, err := complete(d.step, info.Config, keys)
		if err != nil {
			return err
		}
		ds[i].config = config
	}
	return nil
}

// lay puts what is said over the keys of a task.
func (l *Licences) lay(keys map[string]any) {
	for name, list := range map[string][]string{"allow": l.Allow, "ask": l.Ask, "deny": l.Deny} {
		if list != nil {
			keys[name] = list
		}
	}
	if l.Otherwise != "" {
		keys["otherwise"] = l.Otherwise
	}
}
