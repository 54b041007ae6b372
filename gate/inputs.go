package gate

import (
	"fairlead.dev"
)

// inputs names what a decision about findings rests on.
func inputs(in Input) *fairlead.DecisionInputs {
	out := &fairlead.DecisionInputs{Tools: map[string]string{}, Findings: fairlead.DigestJSON(list(in.Findings))}
	for _, t := range in.Tasks {
		if t.Engine != "" && t.Result != fairlead.ResultSkip { // what was skipped has found nothing out
			out.Tools[t.Type] = t.Engine
		}
		if a := t.Advisories; a != nil && (out.Advisories == nil || a.Time.Before(out.Advisories.Time)) {
			out.Advisories, out.Age = a, fairlead.Duration(in.Time.Sub(a.Time))
		}
	}
	seen := map[string]bool{}
	for _, f := range in.Findings {
		if f.Exception != "" && !seen[f.Exception] {
			seen[f.Exception] = true
			out.Exceptions = append(out.Exceptions, f.Exception)
		}
	}
	if len(in.Organisation) > 0 {
		out.Organisation = fairlead.DigestJSON(in.Organisation)
	}
	return out
}
