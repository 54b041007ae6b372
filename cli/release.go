package cli

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"fairlead.dev"
)

// lockWords says how runs share the environment.
func lockWords(l fairlead.Lock) string {
	switch {
	case l.Mode == fairlead.LockSerialize:
		return "all releases, in the order in which their runs begin"
	case l.Mode == fairlead.LockParallel:
		return "whoever is ready, one at a time"
	case l.CancelRunning:
		return "the newest that is ready; an older one on its way is rolled back"
	default:
		return "the newest that is ready; an older one on its way goes on"
	}
}

// writeRelease renders how a service is released, with where each choice comes
// from. Of a release of several services it is the one with a number.
func (c *commands) writeRelease(w io.Writer, whole, p fairlead.Plan, number int, why map[string]fairlead.Reason) {
	r := p.Release
	if len(whole.Services) > 0 {
		after := ""
		if n := whole.Services[number-1].After; len(n) > 0 {
			after = "\tafter " + strings.Join(n, ", ")
		}
		fmt.Fprintf(w, "\nservice %d\t%s%s", number, p.Service, after)
	}
	where := fmt.Sprintf("%d replicas", r.Replicas)
	if len(r.Command) > 0 { // a target may take that from elsewhere
		where += " of " + strings.Join(r.Command, " ")
	}
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
	line("not worse", notWorse(r.Judge), "")
	if c.Traffic != nil {
		line("traffic", c.Traffic(r.Judge).String(), "")
	}
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

// Traffic is about how many requests each release has to serve until the judge
// answers. 0 means that it never does.
type Traffic struct {
	Twice    uint64 // to find twice as many errors, where one request in 200 failed before
	Fourfold uint64 // four times as many
	NotWorse uint64 // to show that as many errors are not worse
	NoErrors uint64 // to show so without any error
}

func (t Traffic) String() string {
	return fmt.Sprintf("where 0.5%% fail, about %s requests to each release find four times as many errors, %s twice as many, %s show none more; %s without any error",
		requests(t.Fourfold), requests(t.Twice), requests(t.NotWorse), requests(t.NoErrors))
}

// requests writes an estimate, which is good for two digits.
func requests(n uint64) string {
	if n == 0 {
		return "no number of"
	}
	scale := uint64(1)
	for n/scale >= 100 {
		scale *= 10
	}
	return fmt.Sprint((n + scale/2) / scale * scale)
}

// worse says when a release is rolled back for what it did.
func worse(j fairlead.JudgePolicy) string {
	names := make([]string, len(j.Metrics))
	for i, m := range j.Metrics {
		names[i] = m.Name
	}
	return fmt.Sprintf("more of %s than chance explains (%g%% false alarms in all), %g%% errors at once, or restarts",
		strings.Join(names, ", "), j.FalseAlarm*100, j.ErrorFloor*100)
}

// notWorse says when a release is shown to be good enough.
func notWorse(j fairlead.JudgePolicy) string {
	return fmt.Sprintf("when %g%% more is ruled out, or what is bad is rarer than %g%%", j.Margin*100, j.Negligible*100)
}

// tooLittle says what happens where an answer is due and there is none.
func tooLittle(j fairlead.JudgePolicy) string {
	const few = "without an answer before all the traffic: "
	switch j.Undecided {
	case fairlead.UndecidedPromote:
		return few + "go on"
	case fairlead.UndecidedAsk:
		return few + "wait for a person (fairlead approve or reject)"
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
