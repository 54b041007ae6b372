package record

import (
	"context"
	"fmt"
	"strings"

	"fairlead.dev"
)

// Reader is what explaining reads.
type Reader interface {
	RunByPrefix(ctx context.Context, prefix string) (fairlead.Run, error)
	Turn(ctx context.Context, runID string) (fairlead.Turn, error)
	Papers
	Facts
}

// Papers are the documents of a run. What is not there is KindNotFound.
type Papers interface {
	Plan(ctx context.Context, hash fairlead.Digest) (fairlead.Plan, error)
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
	Numbers  []Number      `json:"numbers,omitempty"` // those the headline speaks of, for programs
	Causes   []Explanation `json:"causes,omitempty"`
}

// Number is a named number behind an explanation.
type Number struct {
	Name  string  `json:"name"` // "baseline", "canary", "requests"
	Value float64 `json:"value"`
	Unit  string  `json:"unit"` // UCUM: "1", "s"
}

// Lines renders an explanation for people, causes indented below what they
// explain. What comes a second time, a finding of a task that a decision names,
// does not say its fix again.
func (e Explanation) Lines() []string { return e.lines("", map[string]bool{}) }

func (e Explanation) lines(indent string, said map[string]bool) []string {
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
	if fix := "fix: " + e.Fix; e.Fix != "" && !said[text+fix] {
		said[text+fix] = true
		out = append(out, indent+"  "+fix)
	}
	for _, c := range e.Causes {
		out = append(out, c.lines(indent+"  ", said)...)
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
		if err != nil {
			return Explanation{}, err
		}
		return explainDecision(d, false), nil
	case rest == "deployment" || strings.HasSuffix(rest, "/deployment"):
		d, err := r.Deployment(ctx, run.ID+"/"+rest)
		if err != nil {
			return Explanation{}, err
		}
		return explainDeployment(d), nil
	case strings.Contains("/"+rest, "/deployment/verdict/"):
		deployment, stage, _ := strings.Cut(rest, "/verdict/")
		return explainVerdictOf(ctx, r, run.ID+"/"+deployment, stage)
	default:
		return explainTaskOf(ctx, r, run, rest)
	}
}

// explainRun follows the run's way: plan, tasks, decision, deployment. What
// the run has not come to yet is left out.
func explainRun(ctx context.Context, r Reader, run fairlead.Run) (Explanation, error) {
	e := Explanation{Subject: "run " + run.ID, Headline: runHeadline(run)}
	if run.Fault != nil {
		e.Fix = run.Fault.Hint
	}
	if p := run.Promotion; p != nil {
		e.Causes = append(e.Causes, explainPromotion(*p))
	}
	plan, err := r.Plan(ctx, run.Plan)
	if err := e.add(explainPlan(plan), err); err != nil {
		return e, err
	}
	asked, err := cancelled(ctx, r, run.ID)
	if err != nil {
		return e, err
	}
	e.Causes = append(e.Causes, asked...)
	people, err := peopleSaid(ctx, r, run)
	if err != nil {
		return e, err
	}
	e.Causes = append(e.Causes, people...)
	tasks, err := r.Tasks(ctx, run.ID)
	if err != nil {
		return e, err
	}
	for _, t := range tasks {
		e.Causes = append(e.Causes, explainTask(t, t.Result == fairlead.ResultSuccess))
	}
	d, err := r.Decision(ctx, run.ID+"/decision")
	if err := e.add(explainDecision(d, true), err); err != nil {
		return e, err
	}
	inLine, err := explainLine(ctx, r, run)
	if err != nil {
		return e, err
	}
	e.Causes = append(e.Causes, inLine...)
	return e, e.addDeployments(ctx, r, run)
}

// addDeployments adds what the run released: one service, or several as one.
func (e *Explanation) addDeployments(ctx context.Context, r Reader, run fairlead.Run) error {
	if len(run.Deployments) == 0 {
		dep, err := r.Deployment(ctx, run.ID+"/deployment")
		return e.add(explainDeployment(dep), err)
	}
	for _, id := range run.Deployments {
		dep, err := r.Deployment(ctx, id)
		if err := e.add(explainDeployment(dep), err); err != nil {
			return err
		}
	}
	found, err := r.Records(ctx, fairlead.RecordFilter{RunID: run.ID, Types: []fairlead.RecordType{fairlead.RecordVerdict}})
	for _, rec := range found {
		if rec.Subject == run.ID+"/verdict" {
			e.Causes = append(e.Causes, Explanation{Subject: "all together", Headline: Sentence(rec)})
		}
	}
	return err
}

// add adds a cause, given with the error of reading what it explains. What is
// not there explains nothing.
func (e *Explanation) add(cause Explanation, err error) error {
	if fairlead.KindOf(err) == fairlead.KindNotFound {
		return nil
	}
	if err == nil {
		e.Causes = append(e.Causes, cause)
	}
	return err
}

// cancelled says who asked for the run to stop.
func cancelled(ctx context.Context, r Facts, runID string) ([]Explanation, error) {
	found, err := r.Records(ctx, fairlead.RecordFilter{RunID: runID, Types: []fairlead.RecordType{fairlead.RecordCancelRequested}})
	var out []Explanation
	for _, rec := range found {
		out = append(out, Explanation{Subject: "cancel", Headline: Sentence(rec) + " at " + rec.Time.Format("15:04:05")})
	}
	return out, err
}

func runHeadline(run fairlead.Run) string {
	if run.State != fairlead.StateFinished {
		return fmt.Sprintf("%s since %s", run.State, run.StartedAt.Format("2006-01-02 15:04:05Z07:00"))
	}
	return fmt.Sprintf("%s after %.1fs: %s", run.Result, run.FinishedAt.Sub(run.StartedAt).Seconds(), run.Reason)
}

// explainPlan gives the plan's own reasons.
func explainPlan(p fairlead.Plan) Explanation {
	e := Explanation{
		Subject:  "plan " + p.Hash.Short(),
		Headline: fmt.Sprintf("%s of %s %s", p.Event.Type, short(p.Event.Commit), goal(p.Environment, p.Strategy)),
	}
	for _, r := range p.Reasons {
		e.Causes = append(e.Causes, explainReason(r))
	}
	return e
}

func explainReason(r fairlead.Reason) Explanation {
	from := r.Source
	if r.Detail != "" {
		from += ": " + r.Detail
	}
	return Explanation{Subject: r.Subject, Headline: fmt.Sprintf("%s (%s)", r.Choice, from)}
}
