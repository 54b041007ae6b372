package pipeline

import (
	"time"

	"fairlead.dev"
)

// Evidence is the section evidence.
type Evidence struct {
	ValidFor ValidFor `json:"valid-for" doc:"How long what a task has proven counts when another run takes it over. Afterwards it is asked for again."`
}

// ValidFor is evidence.valid-for.
type ValidFor struct {
	Build  fairlead.Duration `json:"build" doc:"Builds. A promotion never builds again, so a release whose build has expired cannot be promoted." min:"1s" max:"87600h" default:"2160h"`
	Tests  fairlead.Duration `json:"tests" doc:"Test suites." min:"1s" max:"87600h" default:"168h"`
	Scans  fairlead.Duration `json:"scans" doc:"Scans, whose answer ages as new flaws become known." min:"1s" max:"87600h" default:"24h"`
	SBOM   fairlead.Duration `json:"sbom" doc:"Bills of materials." min:"1s" max:"87600h" default:"720h"`
	Others fairlead.Duration `json:"others" doc:"Steps of every other type." min:"1s" max:"87600h" default:"24h"`
}

// validFor lays the configured limits over the defaults.
func (p *planner) validFor() fairlead.ValidFor {
	hours := func(n int) fairlead.Duration { return fairlead.Duration(time.Duration(n) * time.Hour) }
	v := fairlead.ValidFor{Build: hours(2160), Tests: hours(168), Scans: hours(24), SBOM: hours(720), Others: hours(24)}
	c := p.cfg.Evidence.ValidFor
	for _, l := range []struct {
		name       string
		set, limit *fairlead.Duration
	}{
		{"build", &c.Build, &v.Build},
		{"tests", &c.Tests, &v.Tests},
		{"scans", &c.Scans, &v.Scans},
		{"sbom", &c.SBOM, &v.SBOM},
		{"others", &c.Others, &v.Others},
	} {
		if *l.set > 0 {
			*l.limit = *l.set
			p.because("evidence "+l.name, l.set.String(), "config", p.cfg.at("evidence.valid-for."+l.name))
		}
	}
	return v
}

// Promote makes a plan for an environment one that releases what is proven in
// another one instead of building it. The work stays that of the environment it
// goes to; what of it has been proven already is seen when it is done. A plan
// without a release is KindInvalid.
func Promote(plan fairlead.Plan, p fairlead.Promotion) (fairlead.Plan, error) {
	if plan.Release == nil && len(plan.Services) == 0 {
		why := "its strategy is none"
		for _, r := range plan.Reasons {
			if r.Subject == "strategy" && r.Detail != "" {
				why = r.Detail
			}
		}
		return plan, problem("see `fairlead plan --event manual --environment "+plan.Environment+"`",
			"nothing can be released to %s: %s", plan.Environment, why)
	}
	for _, s := range plan.Services {
		if _, ok := p.Of(s.Name); !ok {
			return plan, problem("release it to "+p.From+" with the others, or take its target in "+plan.Environment+" away",
				"%s is released to %s, and nothing of it is live in %s", s.Name, plan.Environment, p.From)
		}
	}
	plan.Promotion = &p
	plan.Reasons = append(plan.Reasons, fairlead.Reason{
		Subject: "promotion", Choice: p.Words(), Source: "event",
		Detail: "live in " + p.From + " by run " + p.Run + ": its artifacts are taken over, not built again",
	})
	plan.Hash = ""
	plan.Hash = fairlead.DigestJSON(plan)
	return plan, nil
}
