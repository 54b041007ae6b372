package pipeline

import (
	"io/fs"
	"regexp"
	"strings"

	"fairlead.dev"
)

// Plan says what must be done for an event. The tree is the commit's, for
// detection; nil means that nothing can be detected. The same arguments always
// give the same plan. An error is a KindInvalid Problem: a choice made by hand
// that does not exist, or a condition that cannot be evaluated.
func Plan(cfg *Config, ev fairlead.Event, tree fs.FS, cat Catalog) (fairlead.Plan, error) {
	p := &planner{cfg: cfg, ev: ev, cat: cat}
	p.service = p.serviceName()
	p.found = detect(tree, p.service)
	for _, note := range p.found.notes {
		p.because("detection", "not used", "detected", note)
	}
	if err := p.decideWhere(); err != nil {
		return fairlead.Plan{}, err
	}
	if err := p.planRelease(); err != nil {
		return fairlead.Plan{}, err
	}
	drafts, err := p.drafts()
	if err != nil {
		return fairlead.Plan{}, err
	}
	tasks, err := p.tasks(drafts)
	if err != nil {
		return fairlead.Plan{}, err
	}
	gates, err := p.gates(tasks)
	if err != nil {
		return fairlead.Plan{}, err
	}
	safeguards, err := p.safeguards()
	if err != nil {
		return fairlead.Plan{}, err
	}
	valid := p.validFor()
	lock := p.lock()
	plan := fairlead.Plan{
		Service: p.service, Event: ev, Environment: p.environment, Strategy: p.strategy, Profile: p.profile,
		Tasks: tasks, Gates: gates, Release: p.release, Services: p.services, Safeguards: safeguards, Clock: p.cfg.Findings.Due.noun(), ValidFor: valid, Reasons: p.reasons,
		Lock:   lock,
		Inputs: fairlead.PlanInputs{Config: cfg.digest, Policy: policyDigest(gates, safeguards), Flow: cat.Flow},
	}
	plan.Hash = fairlead.DigestJSON(plan)
	return plan, nil
}

// policyDigest is over everything that a decision is made by.
func policyDigest(gates []fairlead.Gate, s *fairlead.Safeguards) fairlead.Digest {
	if s == nil {
		return fairlead.DigestJSON(gates)
	}
	return fairlead.DigestJSON([]any{gates, s})
}

// planner holds what is decided so far. Every decision leaves a reason.
type planner struct {
	cfg *Config
	ev  fairlead.Event
	cat Catalog

	service     string
	found       detection
	environment string
	profile     fairlead.Profile
	strategy    fairlead.Strategy
	release     *fairlead.ReleasePlan
	services    []fairlead.ServicePlan // of a release of several
	reporting   int                    // test suites that report their cases
	reasons     []fairlead.Reason
}

func (p *planner) because(subject, choice, source, detail string) {
	p.reasons = append(p.reasons, fairlead.Reason{Subject: subject, Choice: choice, Source: source, Detail: detail})
}

// decideWhere finds environment, profile and strategy.
func (p *planner) decideWhere() error {
	to, err := p.route()
	if err != nil {
		return err
	}
	p.environment = to.environment
	r, known := rowFor(to.environment)
	p.profile = p.override(r, known)
	p.decideStrategy(to, r)
	return nil
}

// decideStrategy takes the first that says something: the event's hand, the
// route, the environment, the matrix. What holds a release back goes before
// all of them.
func (p *planner) decideStrategy(to destination, r row) {
	env := p.cfg.Environments[p.environment]
	source, detail := "matrix", "row of "+r.environment+" ("+r.event+")"
	p.strategy = r.profile.Deployment
	switch {
	case to.strategy != "" && p.ev.Type == fairlead.EventManual && p.ev.Manual.Strategy != "":
		p.strategy, source, detail = to.strategy, "event", "chosen by hand"
	case to.strategy != "":
		p.strategy, source, detail = to.strategy, "route", "the route says deploy: "+string(to.strategy)
	case env.Deploy != "":
		p.strategy, source = fairlead.Strategy(env.Deploy), "config"
		detail = p.cfg.at("environments." + p.environment + ".deploy")
	}
	p.profile.Deployment = p.strategy
	p.because("profile deployment", string(p.strategy), source, detail)
	if to.hold != "" {
		p.strategy, source, detail = fairlead.StrategyNone, "event", to.hold
	}
	p.because("strategy", string(p.strategy), source, detail)
}

var notName = regexp.MustCompile(`[^a-z0-9-]+`)

// serviceName is the configured name, or the repository's made fit for one.
func (p *planner) serviceName() string {
	if p.cfg.Service != "" {
		p.because("service", p.cfg.Service, "config", p.cfg.at("service"))
		return p.cfg.Service
	}
	name := notName.ReplaceAllString(strings.ToLower(p.ev.Repository), "-")
	name = strings.TrimLeft(name, "-0123456789")
	name = strings.TrimRight(name[:min(len(name), 63)], "-")
	if name == "" {
		name = "service"
	}
	p.because("service", name, "default", "the repository's name")
	return name
}
