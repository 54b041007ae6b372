package cli

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"fairlead.dev"
)

// writeRelease renders how the release is made, with where each choice comes from.
func writeRelease(w io.Writer, p fairlead.Plan, why map[string]fairlead.Reason) {
	r := p.Release
	where := fmt.Sprintf("%d replicas of %s", r.Replicas, strings.Join(r.Command, " "))
	if at := address(r.Config); at != "" {
		where += " at " + at
	}
	fmt.Fprintf(w, "\nrelease\t%s\t%s%s\n", r.Target, where, from(why["target"]))
	line := func(name, value, reason string) { fmt.Fprintf(w, "  %s\t\t%s%s\n", name, value, reason) }
	line("ready", "within "+r.Ready.String(), from(why["deploy ready"]))
	for i, s := range r.Steps {
		line(fmt.Sprintf("stage %d", i+1), fmt.Sprintf("%d%% of traffic for %s", s.Weight, s.For), from(cmp.Or(why["deploy steps"], why["deploy for"])))
	}
	if r.Bake > 0 {
		line("bake", "100% of traffic for "+r.Bake.String(), from(why["deploy bake"]))
	}
	line("worse", worse(r.Judge), "")
	line("undecided", tooLittle(r.Judge), from(why["deploy undecided"]))
	line("deadline", r.Deadline.String(), from(why["deploy deadline"]))
}

// from gives a reason in parentheses, "" for none.
func from(r fairlead.Reason) string {
	if text := because(r); text != "" {
		return "  (" + text + ")"
	}
	return ""
}

// worse says when a release is rolled back for what it did.
func worse(j fairlead.JudgePolicy) string {
	return fmt.Sprintf("%g%% more errors, %g%% errors at all, or p%g latency times %g", j.ErrorMargin*100, j.ErrorFloor*100, j.Quantile*100, j.LatencyRatio)
}

// tooLittle says what happens at the end of a stage that gave no answer.
func tooLittle(j fairlead.JudgePolicy) string {
	few := fmt.Sprintf("with fewer than %d requests to either release: ", j.MinRequests)
	switch j.Undecided {
	case fairlead.UndecidedPromote:
		return few + "go on"
	case fairlead.UndecidedHold:
		return few + "wait " + j.Hold.String() + " more, then roll back (undecided: promote goes on)"
	default:
		return few + "roll back (undecided: promote goes on)"
	}
}

// address is where a target's configuration says that the service listens, ""
// when it does not.
func address(config json.RawMessage) string {
	var c struct {
		Listen string `json:"listen"`
	}
	if err := json.Unmarshal(config, &c); err != nil {
		return ""
	}
	return c.Listen
}
