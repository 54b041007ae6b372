package pipeline

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"fairlead.dev"
)

// Service is one entry of the section services.
type Service struct {
	After     []string                `json:"after" doc:"Services that are released before this one." pattern:"name" example:"[api]"`
	Artifacts []string                `json:"artifacts" doc:"Which of the build's artifacts the service consists of, as paths or globs." pattern:"path" default:"all of them" example:"[bin/api]"`
	Targets   map[string]TargetConfig `json:"targets" doc:"Where its releases run, by environment: one target type with its keys each." keys:"name" example:"{production: {process: {command: [bin/api]}}}"`
}

// servicesInOrder lists the services' names, each after those that it comes
// after, otherwise as they stand in the file. A cycle is given instead.
func (c *Config) servicesInOrder() (names, cycle []string) {
	written := slices.SortedFunc(maps.Keys(c.Services), func(a, b string) int {
		return cmp.Or(c.places["services."+a].compare(c.places["services."+b]), strings.Compare(a, b))
	})
	nodes := make([]node, len(written))
	for i, name := range written {
		nodes[i] = node{name, c.Services[name].After}
	}
	sorted, cycle := order(nodes)
	for _, i := range sorted {
		names = append(names, written[i])
	}
	return names, cycle
}

// planServices says how several services are released as one.
func (p *planner) planServices() error {
	names, cycle := p.cfg.servicesInOrder()
	if cycle != nil { // Read has refused it
		return problem("remove one of these after", "services come after one another: %s", strings.Join(cycle, " -> "))
	}
	listens := map[string]string{} // address -> service
	for _, name := range names {
		s, key := p.cfg.Services[name], "services."+name
		target, ok := s.Targets[p.environment]
		if !ok {
			p.because("service "+name, "left out", "config", fmt.Sprintf("it has no target in %s: %s.targets", p.environment, key))
			continue
		}
		if at := readTarget(target.Config).Listen; at != "" {
			if other := listens[at]; other != "" {
				return problem(fmt.Sprintf("give %s.targets.%s an address of its own", key, p.environment), "%s and %s would both listen on %s", other, name, at)
			}
			listens[at] = name
		}
		said := len(p.reasons)
		if err := p.planOne(target, key+".targets."+p.environment, s.Artifacts); err != nil {
			return err
		}
		if len(p.services) > 0 {
			p.reasons = p.reasons[:said] // the same as for the first
		}
		after := slices.DeleteFunc(append([]string{}, s.After...), func(n string) bool {
			_, has := p.cfg.Services[n].Targets[p.environment]
			return !has
		})
		p.services = append(p.services, fairlead.ServicePlan{Name: name, After: after, Release: *p.release})
		p.release = nil
		p.because("service "+name, fmt.Sprintf("number %d", len(p.services)), "config", p.cfg.at(key))
	}
	if len(p.services) == 0 {
		p.strategy = fairlead.StrategyNone
		p.because("strategy", "none", "default", "no service has a target in "+p.environment)
	}
	return nil
}

// releases gives the releases of the plan by service; one without services has
// its own name.
func (p *planner) releases() []fairlead.ServicePlan {
	if p.release != nil {
		return []fairlead.ServicePlan{{Release: *p.release}}
	}
	return p.services
}

// checkServices reports what is wrong between services, their targets and the
// steps that check them.
func (d *decoder) checkServices(cfg *Config) {
	names, cycle := cfg.servicesInOrder()
	if cycle != nil {
		d.reportAt("services."+cycle[0]+".after", "must not come after itself", strings.Join(cycle, " -> "), "")
	}
	if len(names) == 0 && cycle == nil {
		names = slices.Sorted(maps.Keys(cfg.Services))
	}
	for _, name := range names {
		s, key := cfg.Services[name], "services."+name
		for i, other := range s.After {
			if _, known := cfg.Services[other]; !known {
				d.reportAt(fmt.Sprintf("%s.after[%d]", key, i), "must name a service", got(other), didYouMean(other, names))
			}
		}
		for _, env := range slices.Sorted(maps.Keys(s.Targets)) {
			if !cfg.knowsEnvironment(env) {
				d.reportAt(key+".targets."+env, "must name an environment", "", didYouMean(env, cfg.EnvironmentNames()))
			}
		}
		d.checkPaths(key+".artifacts", s.Artifacts)
	}
	for _, env := range slices.Sorted(maps.Keys(cfg.Environments)) {
		if len(cfg.Services) > 0 && cfg.Environments[env].Target.Type != "" {
			d.reportAt("environments."+env+".target", "must not be there beside services", "", "put it under services.<name>.targets."+env)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(cfg.Steps)) {
		d.checkStepService(cfg, name, names)
	}
}

// checkStepService reports a preview step that does not say which of several
// services it checks, and others that do.
func (d *decoder) checkStepService(cfg *Config, name string, services []string) {
	s, key := cfg.Steps[name], "steps."+name
	_, known := cfg.Services[s.Service]
	switch {
	case s.Service != "" && s.Phase != string(fairlead.PhasePreview):
		d.reportAt(key+".service", "is for steps that check a release", got(s.Service), "remove it, or give the step phase: preview")
	case s.Service != "" && !known:
		d.reportAt(key+".service", "must name a service", got(s.Service), didYouMean(s.Service, services))
	case s.Service == "" && s.Phase == string(fairlead.PhasePreview) && len(cfg.Services) > 0:
		d.reportAt(key, "must say which service it checks", "", "add service, one of "+listed(services))
	}
}
