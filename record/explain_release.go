package record

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"fairlead.dev"
)

// explainDecision lists the rules; in brief only those that did not hold.
func explainDecision(d fairlead.Decision, brief bool) Explanation {
	e := Explanation{Subject: "decision", Headline: fmt.Sprintf("%s, %d rules, policy %s", d.Outcome, len(d.Rules), d.Policy.Short())}
	for _, r := range d.Rules {
		if brief && r.Outcome == fairlead.OutcomeAllow && len(r.Excepted) == 0 {
			continue
		}
		rule := Explanation{Subject: fmt.Sprintf("%s %s", r.Outcome, r.Name), Headline: fmt.Sprintf("%s (%s)", r.Reason, r.Source)}
		if r.Outcome != fairlead.OutcomeAllow {
			rule.Fix = r.Fix
		}
		if len(r.Excepted) > 0 {
			rule.Headline = "only with exception " + strings.Join(r.Excepted, ", ") + ": " + rule.Headline
		}
		for _, f := range r.Findings {
			rule.Causes = append(rule.Causes, explainFinding(f))
		}
		for _, c := range r.Cases {
			rule.Causes = append(rule.Causes, explainCase(c))
		}
		if len(r.Tasks) > 0 {
			rule.Causes = append(rule.Causes, Explanation{Subject: "tasks", Headline: strings.Join(r.Tasks, ", ")})
		}
		e.Causes = append(e.Causes, rule)
	}
	e.Causes = append(e.Causes, explainInputs(d)...)
	for _, x := range d.Reused {
		text := fmt.Sprintf("evidence %s of run %s, proven at %s", x.Evidence.Short(), x.Run, stamp(x.ProvenAt))
		if !x.Until.IsZero() {
			text += ", valid until " + stamp(x.Until)
		}
		e.Causes = append(e.Causes, Explanation{Subject: "rests on " + x.Task, Headline: text})
	}
	return e
}

// explainInputs names database, tools and organisation policy of a decision.
func explainInputs(d fairlead.Decision) []Explanation {
	if d.Inputs == nil {
		return nil
	}
	var out []Explanation
	if a := d.Inputs.Advisories; a != nil {
		out = append(out, Explanation{Subject: "vulnerabilities", Headline: fmt.Sprintf("as known %s, %.0f days before; database %s", stamp(a.Time), d.Inputs.Age.D().Hours()/24, a.Digest.Short())})
	}
	if len(d.Inputs.Tools) > 0 {
		var tools []string
		for _, typ := range slices.Sorted(maps.Keys(d.Inputs.Tools)) {
			tools = append(tools, typ+": "+d.Inputs.Tools[typ])
		}
		out = append(out, Explanation{Subject: "tools", Headline: strings.Join(tools, "; ")})
	}
	if d.Inputs.Organisation != "" {
		out = append(out, Explanation{Subject: "organisation policy", Headline: d.Inputs.Organisation.Short()})
	}
	return out
}

// explainPromotion says where a release was good before.
func explainPromotion(p fairlead.Promotion) Explanation {
	e := Explanation{Subject: "promoted", Headline: fmt.Sprintf("from %s, %s of run %s", p.From, p.Words(), p.Run)}
	for _, a := range p.Artifacts {
		e.Causes = append(e.Causes, Explanation{Subject: "artifact " + a.Name, Headline: string(a.Digest)})
	}
	return e
}

func explainDeployment(d fairlead.Deployment) Explanation {
	subject := "deployment"
	if service := serviceOf(d.ID); service != "" {
		subject += " of " + service
	}
	e := Explanation{
		Subject:  subject,
		Headline: fmt.Sprintf("%s, release %s by %s", strings.ReplaceAll(string(d.Phase), "_", " "), d.Release.ID.Short(), d.Strategy),
	}
	if d.Reason != "" {
		e.Headline += ": " + d.Reason
	}
	for _, w := range d.Weights {
		headline := fmt.Sprintf("%d%% of traffic to release %s", w.Weight, d.Release.ID.Short())
		if w.Split != "" {
			headline += ", " + w.Split
		}
		e.Causes = append(e.Causes, Explanation{
			Subject:  w.Time.Format("15:04:05.000"),
			Headline: headline,
			Numbers:  []Number{{"weight", float64(w.Weight), "%"}},
		})
	}
	for _, v := range d.Verdicts {
		e.Causes = append(e.Causes, explainVerdict(v))
	}
	return e
}

func explainVerdictOf(ctx context.Context, r Reader, deployment, stage string) (Explanation, error) {
	d, err := r.Deployment(ctx, deployment)
	if err != nil {
		return Explanation{}, err
	}
	var stages []string
	for _, v := range d.Verdicts {
		if v.Stage == stage {
			return explainVerdict(v), nil
		}
		stages = append(stages, v.Stage)
	}
	return Explanation{}, &fairlead.Problem{
		Op: "explain", Kind: fairlead.KindNotFound, Err: errors.New("no verdict on " + stage),
		Hint: "there are: " + orNone(strings.Join(stages, ", ")),
	}
}

// explainVerdict gives the numbers a verdict rests on.
func explainVerdict(v fairlead.Verdict) Explanation {
	e := Explanation{
		Subject:  "verdict " + v.Stage,
		Headline: fmt.Sprintf("%s at %s: %s", strings.ReplaceAll(string(v.Answer), "_", " "), v.Time.Format("15:04:05.000"), v.Reason),
	}
	for _, m := range v.Metrics {
		e.Causes = append(e.Causes, explainMetric(m))
	}
	e.Causes = append(e.Causes, explainSample("old release", v.Baseline), explainSample("new release", v.Canary))
	return e
}

// explainMetric gives one metric's answer with all that it rests on.
func explainMetric(m fairlead.MetricAnswer) Explanation {
	e := Explanation{
		Subject:  m.Name,
		Headline: fmt.Sprintf("%s: %s", strings.ReplaceAll(string(m.Answer), "_", " "), m.Reason),
		Numbers:  []Number{{"baseline", m.Baseline, m.Unit}, {"canary", m.Canary, m.Unit}},
	}
	if m.Against == fairlead.AgainstBefore {
		e.Subject += " against before"
	}
	if m.Alpha > 0 {
		e.Headline += fmt.Sprintf("; %s, e-value %.3g of %.4g", effect(m), m.EValue, 1/m.Alpha)
		e.Numbers = append(e.Numbers, Number{"effect", m.Effect, "1"}, Number{"low", m.Interval[0], "1"}, Number{"high", m.Interval[1], "1"},
			Number{"e_value", m.EValue, "1"}, Number{"alpha", m.Alpha, "1"})
	}
	return e
}

// effect says how many times as often the new release has bad events, with
// the interval in which that lies.
func effect(m fairlead.MetricAnswer) string {
	const unbounded = 1000 // as the judge writes it
	if m.Interval[0] <= 0 && m.Interval[1] >= unbounded {
		return "no effect can be told"
	}
	if m.Effect == 0 && m.Interval[0] > 0 { // the old release has none to compare with
		return fmt.Sprintf("at least %.3g times as many", m.Interval[0])
	}
	high := fmt.Sprintf("%.3g", m.Interval[1])
	if m.Interval[1] >= unbounded {
		high = "any"
	}
	return fmt.Sprintf("%.3g times as many (%.3g to %s)", m.Effect, m.Interval[0], high)
}

func explainSample(name string, s fairlead.Sample) Explanation {
	return Explanation{
		Subject: name, Headline: fmt.Sprintf("%d requests, %d errors, %d restarts", s.Requests, s.Errors, s.Restarts),
		Numbers: []Number{
			{"requests", float64(s.Requests), "1"}, {"errors", float64(s.Errors), "1"}, {"restarts", float64(s.Restarts), "1"},
		},
	}
}

func orNone(list string) string {
	if list == "" {
		return "none yet"
	}
	return list
}
