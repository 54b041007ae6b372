package record

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"fairlead.dev"
)

// Reader is what explaining reads.
type Reader interface {
	RunByPrefix(ctx context.Context, prefix string) (fairlead.Run, error)
	Plan(ctx context.Context, hash fairlead.Digest) (fairlead.Plan, error)
	Papers
}

// Papers are the documents of a run.
type Papers interface {
	Tasks(ctx context.Context, runID string) ([]fairlead.TaskRun, error)
	Decision(ctx context.Context, id string) (fairlead.Decision, error)
	Deployment(ctx context.Context, id string) (fairlead.Deployment, error)
}

// Explanation says how something came about: a headline and its causes, each
// with causes of its own.
type Explanation struct {
	Subject  string        `json:"subject"`
	Headline string        `json:"headline"`
	Fix      string        `json:"fix,omitempty"`
	Causes   []Explanation `json:"causes,omitempty"`
}

// Lines renders an explanation for people, causes indented below what they explain.
func (e Explanation) Lines() []string { return e.lines("") }

func (e Explanation) lines(indent string) []string {
	text := e.Headline
	if e.Subject != "" {
		text = e.Subject + ": " + text
	}
	var out []string
	for i, l := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		if i > 0 {
			l = "  " + l
		}
		out = append(out, indent+l)
	}
	if e.Fix != "" {
		out = append(out, indent+"  fix: "+e.Fix)
	}
	for _, c := range e.Causes {
		out = append(out, c.lines(indent+"  ")...)
	}
	return out
}

// Explain explains a run, a task ("RUN/TASK"), a decision ("RUN/decision"), a
// deployment ("RUN/deployment") or a verdict ("RUN/deployment/verdict/STAGE").
// The run may be named by the beginning of its id.
func Explain(ctx context.Context, r Reader, id string) (Explanation, error) {
	name, rest, _ := strings.Cut(id, "/")
	run, err := r.RunByPrefix(ctx, name)
	if err != nil {
		return Explanation{}, err
	}
	switch {
	case rest == "":
		return explainRun(ctx, r, run)
	case rest == "decision":
		d, err := r.Decision(ctx, run.ID+"/decision")
		return explainDecision(d, false), err
	case rest == "deployment":
		d, err := r.Deployment(ctx, run.ID+"/deployment")
		return explainDeployment(d), err
	case strings.HasPrefix(rest, "deployment/verdict/"):
		return explainVerdictOf(ctx, r, run, strings.TrimPrefix(rest, "deployment/verdict/"))
	default:
		return explainTaskOf(ctx, r, run, rest)
	}
}

func explainRun(ctx context.Context, r Reader, run fairlead.Run) (Explanation, error) {
	e := Explanation{Subject: "run " + run.ID, Headline: runHeadline(run)}
	if run.Fault != nil {
		e.Fix = run.Fault.Hint
	}
	if p, err := r.Plan(ctx, run.Plan); err == nil {
		e.Causes = append(e.Causes, explainPlan(p))
	} else if fairlead.KindOf(err) != fairlead.KindNotFound {
		return e, err
	}
	tasks, err := r.Tasks(ctx, run.ID)
	if err != nil {
		return e, err
	}
	for _, t := range tasks {
		e.Causes = append(e.Causes, explainTask(t, t.Result == fairlead.ResultSuccess))
	}
	if d, err := r.Decision(ctx, run.ID+"/decision"); err == nil {
		e.Causes = append(e.Causes, explainDecision(d, true))
	}
	if d, err := r.Deployment(ctx, run.ID+"/deployment"); err == nil {
		e.Causes = append(e.Causes, explainDeployment(d))
	}
	return e, nil
}

func runHeadline(run fairlead.Run) string {
	if run.State != fairlead.StateFinished {
		return fmt.Sprintf("%s since %s", run.State, run.StartedAt.Format("2006-01-02 15:04:05Z07:00"))
	}
	return fmt.Sprintf("%s after %.1fs: %s", run.Result, run.FinishedAt.Sub(run.StartedAt).Seconds(), run.Reason)
}

func explainPlan(p fairlead.Plan) Explanation {
	return Explanation{
		Subject:  "plan " + p.Hash.Short(),
		Headline: fmt.Sprintf("%s of %s to %s by %s", p.Event.Type, short(p.Event.Commit), orNowhere(p.Environment), p.Strategy),
	}
}

func explainTaskOf(ctx context.Context, r Reader, run fairlead.Run, id string) (Explanation, error) {
	tasks, err := r.Tasks(ctx, run.ID)
	if err != nil {
		return Explanation{}, err
	}
	var names []string
	for _, t := range tasks {
		if t.ID == id {
			return explainTask(t, false), nil
		}
		names = append(names, t.ID)
	}
	return Explanation{}, &fairlead.Problem{
		Op: "explain", Kind: fairlead.KindNotFound, Err: fmt.Errorf("run %s has no task %q", run.ID, id),
		Hint: "it has " + strings.Join(append(names, "decision", "deployment"), ", "),
	}
}

// explainTask explains a task; in brief only what is out of the ordinary.
func explainTask(t fairlead.TaskRun, brief bool) Explanation {
	e := Explanation{Subject: "task " + t.ID, Headline: fmt.Sprintf("%s, %.1fs", orState(t), t.FinishedAt.Sub(t.StartedAt).Seconds())}
	if t.ReusedFrom != "" {
		e.Headline = fmt.Sprintf("%s, taken over from run %s: nothing it reads has changed (key %s)", t.Result, t.ReusedFrom, t.Key.Short())
	}
	if t.Attempts > 1 {
		e.Headline += fmt.Sprintf(", %d attempts", t.Attempts)
	}
	if t.Reason != "" && t.Result != fairlead.ResultSuccess {
		e.Headline += ": " + t.Reason
	}
	if t.Fault != nil {
		e.Fix = t.Fault.Hint
	}
	for _, c := range t.Cases {
		if c.Result == fairlead.CaseFailed || c.Result == fairlead.CaseFlaky {
			e.Causes = append(e.Causes, explainCase(c))
		}
	}
	for _, f := range t.Findings {
		e.Causes = append(e.Causes, explainFinding(f))
	}
	if brief {
		return e
	}
	for _, a := range t.Artifacts {
		e.Causes = append(e.Causes, Explanation{Subject: "artifact " + a.Name, Headline: fmt.Sprintf("%s, %d bytes", a.Digest, a.Size)})
	}
	for _, id := range t.Evidence {
		e.Causes = append(e.Causes, Explanation{Subject: "evidence", Headline: string(id)})
	}
	return e
}

func orState(t fairlead.TaskRun) string {
	if t.Result == "" {
		return string(t.State)
	}
	return string(t.Result)
}

func explainCase(c fairlead.TestCase) Explanation {
	e := Explanation{Subject: fmt.Sprintf("%s %s %s", c.Result, c.Suite, c.Name), Headline: strings.TrimSpace(c.Message)}
	if at := place(c.Location); at != "" {
		e.Headline = at + " " + e.Headline
	}
	return e
}

func explainFinding(f fairlead.Finding) Explanation {
	return Explanation{
		Subject: fmt.Sprintf("%s finding %s", f.Severity, f.Rule), Headline: strings.TrimSpace(place(f.Location) + " " + f.Message), Fix: f.Fix,
	}
}

func place(l fairlead.Location) string {
	switch {
	case l.Path == "":
		return ""
	case l.Line == 0:
		return l.Path
	default:
		return fmt.Sprintf("%s:%d", l.Path, l.Line)
	}
}

// explainDecision lists the rules; in brief only those that did not hold.
func explainDecision(d fairlead.Decision, brief bool) Explanation {
	e := Explanation{Subject: "decision", Headline: fmt.Sprintf("%s, %d rules, policy %s", d.Outcome, len(d.Rules), d.Policy.Short())}
	for _, r := range d.Rules {
		if brief && r.Outcome == fairlead.OutcomeAllow {
			continue
		}
		rule := Explanation{Subject: fmt.Sprintf("%s %s", r.Outcome, r.Name), Headline: fmt.Sprintf("%s (%s)", r.Reason, r.Source)}
		if r.Outcome != fairlead.OutcomeAllow {
			rule.Fix = r.Fix
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
	return e
}

func explainDeployment(d fairlead.Deployment) Explanation {
	e := Explanation{
		Subject:  "deployment",
		Headline: fmt.Sprintf("%s, release %s by %s", strings.ReplaceAll(string(d.Phase), "_", " "), d.Release.ID.Short(), d.Strategy),
	}
	if d.Reason != "" {
		e.Headline += ": " + d.Reason
	}
	for _, w := range d.Weights {
		e.Causes = append(e.Causes, Explanation{
			Subject:  w.Time.Format("15:04:05.000"),
			Headline: fmt.Sprintf("%d%% of traffic to release %s", w.Weight, d.Release.ID.Short()),
		})
	}
	for _, v := range d.Verdicts {
		e.Causes = append(e.Causes, explainVerdict(v))
	}
	return e
}

func explainVerdictOf(ctx context.Context, r Reader, run fairlead.Run, stage string) (Explanation, error) {
	d, err := r.Deployment(ctx, run.ID+"/deployment")
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
		Op: "explain", Kind: fairlead.KindNotFound, Err: errors.New("no verdict on " + stage), Hint: "there are: " + strings.Join(stages, ", "),
	}
}

// explainVerdict gives the numbers a verdict rests on.
func explainVerdict(v fairlead.Verdict) Explanation {
	e := Explanation{
		Subject:  "verdict " + v.Stage,
		Headline: fmt.Sprintf("%s at %s: %s", strings.ReplaceAll(string(v.Answer), "_", " "), v.Time.Format("15:04:05.000"), v.Reason),
	}
	for _, m := range v.Metrics {
		e.Causes = append(e.Causes, Explanation{
			Subject:  m.Name,
			Headline: fmt.Sprintf("%s: %s", strings.ReplaceAll(string(m.Answer), "_", " "), m.Reason),
		})
	}
	e.Causes = append(e.Causes, explainSample("old release", v.Baseline), explainSample("new release", v.Canary))
	return e
}

func explainSample(name string, s fairlead.Sample) Explanation {
	return Explanation{Subject: name, Headline: fmt.Sprintf("%d requests, %d errors, %d restarts", s.Requests, s.Errors, s.Restarts)}
}
