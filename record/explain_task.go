package record

import (
	"context"
	"fmt"
	"strings"

	"fairlead.dev"
)

func explainTaskOf(ctx context.Context, r Reader, run fairlead.Run, id string) (Explanation, error) {
	tasks, err := r.Tasks(ctx, run.ID)
	if err != nil {
		return Explanation{}, err
	}
	var names []string
	for _, t := range tasks {
		if t.ID == id {
			e := explainTask(t, false)
			plan, err := r.Plan(ctx, run.Plan)
			return e, e.add(planned(plan, id), err)
		}
		names = append(names, t.ID)
	}
	return Explanation{}, &fairlead.Problem{
		Op: "explain", Kind: fairlead.KindNotFound, Err: fmt.Errorf("run %s has no task %q", run.ID, id),
		Hint: "it has " + strings.Join(append(names, "decision", "deployment"), ", "),
	}
}

// planned says why a task is in the plan.
func planned(p fairlead.Plan, id string) Explanation {
	e := Explanation{Subject: "planned", Headline: "not by the plan " + p.Hash.Short()}
	for _, t := range p.Tasks {
		if t.ID == id {
			e.Headline = t.Reason
		}
	}
	return e
}

// explainTask explains a task; in brief only what is out of the ordinary.
func explainTask(t fairlead.TaskRun, brief bool) Explanation {
	e := Explanation{Subject: "task " + t.ID, Headline: orState(t)}
	if !t.FinishedAt.IsZero() {
		seconds := t.FinishedAt.Sub(t.StartedAt).Seconds()
		e.Headline += fmt.Sprintf(", %.1fs", seconds)
		e.Numbers = append(e.Numbers, Number{"duration", seconds, "s"})
	}
	if t.ReusedFrom != "" {
		e.Headline = fmt.Sprintf("%s, taken over from run %s", t.Result, t.ReusedFrom)
		if t.Key != "" {
			e.Headline += fmt.Sprintf(": nothing it reads has changed (key %s)", t.Key.Short())
		}
		if !t.ProvenAt.IsZero() {
			e.Headline += ", proven at " + stamp(t.ProvenAt)
		}
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
	if t.Again != "" {
		e.Causes = append(e.Causes, Explanation{Subject: "asked for again", Headline: t.Again})
	}
	for _, c := range t.Cases {
		if c.Result == fairlead.CaseFailed || c.Result == fairlead.CaseFlaky {
			e.Causes = append(e.Causes, explainCase(c))
		}
	}
	for _, f := range t.Findings {
		e.Causes = append(e.Causes, explainFinding(f))
	}
	if !brief {
		e.Causes = append(e.Causes, explainProduct(t)...)
	}
	return e
}

// explainProduct lists what a task left.
func explainProduct(t fairlead.TaskRun) []Explanation {
	var out []Explanation
	for _, a := range t.Artifacts {
		out = append(out, Explanation{Subject: "artifact " + a.Name, Headline: fmt.Sprintf("%s, %d bytes", a.Digest, a.Size)})
	}
	for _, m := range t.Measurements {
		out = append(out, Explanation{
			Subject: "measured " + m.Name, Headline: strings.TrimSpace(fmt.Sprintf("%g %s", m.Value, strings.Trim(m.Unit, "1"))),
			Numbers: []Number{{m.Name, m.Value, m.Unit}},
		})
	}
	for _, id := range t.Evidence {
		out = append(out, Explanation{Subject: "evidence", Headline: string(id)})
	}
	if t.Key != "" {
		out = append(out, Explanation{Subject: "key", Headline: fmt.Sprintf("%s, over everything it reads", t.Key)})
	}
	return out
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
