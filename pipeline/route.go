package pipeline

import (
	"fmt"
	"regexp"
	"slices"

	"fairlead.dev"
)

// destination is which environment a change is for and how it gets there.
type destination struct {
	environment string
	strategy    fairlead.Strategy // empty: the environment's own
	hold        string            // why nothing is released; empty when something may be
}

// versionTag matches release tags; the group holds what marks a pre-release.
var versionTag = regexp.MustCompile(`^v?[0-9]+(?:\.[0-9]+){1,2}(-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?$`)

// route finds the destination: what a person chose, the first route that
// matches, or the matrix.
func (p *planner) route() (destination, error) {
	if p.ev.Type == fairlead.EventManual && p.ev.Manual != (fairlead.Manual{}) {
		return p.chosen()
	}
	to, found, err := p.routed()
	if err != nil {
		return to, err
	}
	if !found {
		to = p.byMatrix()
	}
	if p.ev.Type == fairlead.EventPullRequest {
		to.hold = "a pull request is verified like a push to its branch and never released"
	}
	if p.ev.Type == fairlead.EventSchedule {
		to.hold = "a schedule looks at what is deployed and releases nothing"
	}
	return to, nil
}

// chosen is the destination of a manual event; what was not chosen follows the
// routes and the matrix.
func (p *planner) chosen() (destination, error) {
	to := destination{environment: p.ev.Manual.Environment, strategy: fairlead.Strategy(p.ev.Manual.Strategy)}
	if to.environment == "" {
		routed, found, err := p.routed()
		if err != nil {
			return to, err
		}
		if !found {
			routed = p.byMatrix()
		}
		to.environment, to.hold = routed.environment, routed.hold
	} else {
		p.because("environment", to.environment, "event", "chosen by hand")
	}
	if !p.cfg.knowsEnvironment(to.environment) {
		known := p.cfg.EnvironmentNames()
		hint := didYouMean(to.environment, known)
		if hint == "" {
			hint = "known environments are " + listed(known)
		}
		return to, problem(hint, "there is no environment %q", to.environment)
	}
	if s := string(to.strategy); s != "" && !slices.Contains(strategies(), s) {
		return to, problem("known strategies are "+listed(strategies()), "there is no strategy %q", s)
	}
	return to, nil
}

// routed is the destination by the first route that matches.
func (p *planner) routed() (destination, bool, error) {
	for i, r := range p.cfg.Routes {
		key := fmt.Sprintf("routes[%d]", i)
		holds, err := r.when.holds(p.ev, "", "")
		if err != nil {
			return destination{}, false, problem("mend the condition", "evaluate %s at %s: %w", key, p.cfg.at(key), err)
		}
		if holds {
			p.because("environment", r.To, "route", p.cfg.at(key)+" "+r.When)
			return destination{environment: r.To, strategy: fairlead.Strategy(r.Deploy)}, true, nil
		}
	}
	return destination{}, false, nil
}

// byMatrix is the destination by the built-in matrix.
func (p *planner) byMatrix() destination {
	send := func(environment, detail string) destination {
		p.because("environment", environment, "matrix", detail)
		return destination{environment: environment}
	}
	branch := p.ev.Branch
	switch {
	case p.ev.Type == fairlead.EventSchedule:
		return send(envAll, "schedule")
	case p.ev.Tag != "" && p.ev.Type == fairlead.EventTag:
		return p.tagged(send)
	case branch == "main":
		return send(envProduction, "push to main")
	case isTrunk(branch):
		return send(envProduction, "push to "+branch+", which stands for main")
	case branch == "develop":
		return send(envStaging, "push to develop")
	case isFeature(branch):
		return send(envDev, "push to feature/*")
	}
	what := "branch " + branch
	if branch == "" {
		what = "a commit that is on no branch"
	}
	to := send(envDev, "neither a route nor the matrix knows "+what+"; it is verified like a change for dev")
	to.hold = "neither a route nor the matrix says where " + what + " is released; add a route for it"
	return to
}

// tagged is the destination of a tag: a version goes to production, a
// pre-release to staging, any other tag nowhere.
func (p *planner) tagged(send func(environment, detail string) destination) destination {
	m := versionTag.FindStringSubmatch(p.ev.Tag)
	switch {
	case m == nil:
		to := send(envDev, "tag "+p.ev.Tag+" is not a version; it is verified like a change for dev")
		to.hold = "tag " + p.ev.Tag + " is not a version such as v1.2.0; add a route for it"
		return to
	case m[1] != "":
		return send(envStaging, "tag "+p.ev.Tag+" is a pre-release")
	default:
		return send(envProduction, "tag "+p.ev.Tag+" is a version")
	}
}

// strategies lists every strategy, from light to heavy.
func strategies() []string {
	return []string{
		string(fairlead.StrategyNone), string(fairlead.StrategyRolling),
		string(fairlead.StrategyCanary), string(fairlead.StrategyBlueGreen),
	}
}

// problem is a KindInvalid Problem of planning.
func problem(hint, format string, args ...any) error {
	return &fairlead.Problem{Op: "plan", Kind: fairlead.KindInvalid, Hint: hint, Err: fmt.Errorf(format, args...)}
}
