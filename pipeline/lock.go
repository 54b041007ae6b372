package pipeline

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"fairlead.dev"
)

// lockOf gives how runs share an environment.
func (c *Config) lockOf(environment string) fairlead.LockMode {
	usual := fairlead.LockSupersede
	if environment == envProduction {
		usual = fairlead.LockSerialize
	}
	return cmp.Or(fairlead.LockMode(c.Environments[environment].Lock), usual)
}

// lock says how the environment is shared, when there is something to release.
func (p *planner) lock() fairlead.Lock {
	if len(p.releases()) == 0 {
		return fairlead.Lock{}
	}
	env, key := p.cfg.Environments[p.environment], "environments."+p.environment
	l := fairlead.Lock{Mode: p.cfg.lockOf(p.environment), CancelRunning: env.CancelRunning}
	source, detail := "default", "production is serialize, others supersede"
	if env.Lock != "" {
		source, detail = "config", p.cfg.at(key+".lock")
	}
	p.because("lock", string(l.Mode), source, detail)
	if l.CancelRunning {
		p.because("lock cancel-running", "true", "config", p.cfg.at(key+".cancel-running"))
	}
	return l
}

// checkLocks reports cancel-running where nothing is superseded.
func (d *decoder) checkLocks(cfg *Config) {
	for _, name := range slices.Sorted(maps.Keys(cfg.Environments)) {
		if mode := cfg.lockOf(name); cfg.Environments[name].CancelRunning && mode != fairlead.LockSupersede {
			d.reportAt("environments."+name+".cancel-running", fmt.Sprintf("needs lock: supersede; the lock of %s is %s", name, mode), "true", "")
		}
	}
}
