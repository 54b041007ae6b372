package cli

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"fairlead.dev"
)

func (c *commands) planCommand() *cobra.Command {
	var q PlanQuery
	cmd := &cobra.Command{
		Use:   "plan",
		Short: "show what would run for a change, and why",
		Long: "Reads the commit, the event and fairlead.yaml and prints the plan: environment, strategy, tasks, gates,\n" +
			"and for each choice where it comes from. Nothing is executed. Uncommitted changes are not part of it.",
		Example: "  fairlead plan\n  fairlead plan --branch develop --json\n  fairlead plan --event manual --environment staging --strategy canary",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, notes, err := c.Planner(c.set).Plan(cmd.Context(), q)
			if err != nil {
				return err
			}
			if c.set.JSON {
				return c.encode(p)
			}
			return c.writePlan(c.Out, p, notes)
		},
	}
	q.flags(cmd)
	return cmd
}

// flags gives a command the flags that choose what to plan for.
func (q *PlanQuery) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&q.Event, "event", "push", "push, pull_request, tag, schedule or manual")
	f.StringVar(&q.Branch, "branch", "", "branch the event is about (default: the one checked out)")
	f.StringVar(&q.Commit, "commit", "", "commit (default: the branch's newest)")
	f.StringVar(&q.Tag, "tag", "", "tag, with --event tag")
	f.StringVar(&q.Environment, "environment", "", "environment, with --event manual")
	f.StringVar(&q.Strategy, "strategy", "", "none, rolling, canary or blue-green, with --event manual")
	complete := func(values ...string) func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return values, cobra.ShellCompDirectiveNoFileComp
		}
	}
	var types []string
	for _, t := range fairlead.EventTypes() {
		types = append(types, string(t))
	}
	_ = cmd.RegisterFlagCompletionFunc("event", complete(types...))
	_ = cmd.RegisterFlagCompletionFunc("strategy", complete("none", "rolling", "canary", "blue-green"))
}

// writePlan renders a plan for people.
func (c *commands) writePlan(w io.Writer, p fairlead.Plan, notes []string) error {
	why := map[string]fairlead.Reason{}
	for _, r := range p.Reasons {
		why[r.Subject] = r
	}
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	what := p.Event.Branch
	if p.Event.Tag != "" {
		what = p.Event.Tag
	}
	fmt.Fprintf(t, "plan\t%s\t%s of %s %s\n", p.Hash.Short(), p.Event.Type, what, short(p.Event.Commit))
	fmt.Fprintf(t, "service\t%s\t%s\n", p.Service, because(why["service"]))
	fmt.Fprintf(t, "environment\t%s\t%s\n", dash(p.Environment), because(why["environment"]))
	fmt.Fprintf(t, "strategy\t%s\t%s\n", p.Strategy, because(why["strategy"]))
	for _, cell := range []struct{ name, value string }{
		{"security", p.Profile.Security},
		{"tests", p.Profile.Tests},
		{"monitoring", p.Profile.Monitoring},
		{"cost", p.Profile.Cost},
		{"compliance", p.Profile.Compliance},
	} {
		fmt.Fprintf(t, "%s\t%s\t%s\n", cell.name, dash(cell.value), because(why["profile "+cell.name]))
	}
	fmt.Fprintf(t, "\ntask\ttype\tneeds\twhy\n")
	for _, task := range p.Tasks {
		fmt.Fprintf(t, "  %s\t%s\t%s\t%s\n", task.ID, task.Type, dash(strings.Join(task.Needs, ", ")), task.Reason)
	}
	fmt.Fprintf(t, "\ngate\toutcome\twhy\trule\n")
	for _, g := range p.Gates {
		fmt.Fprintf(t, "  %s\t%s\t%s\t%s\n", g.Name, g.Outcome, g.Source, g.Rule)
	}
	writeSafeguards(t, p, why)
	for i, part := range p.Parts() {
		c.writeRelease(t, p, part, i+1, why)
	}
	if p.Lock.Mode != "" {
		fmt.Fprintf(t, "\nlock\t%s\t%s%s\n", p.Lock.Mode, lockWords(p.Lock), from(why["lock"]))
	}
	for _, r := range p.Reasons {
		if strings.HasPrefix(r.Subject, "target ") {
			notes = append(notes, r.Subject+": "+r.Choice)
		}
		if r.Subject == "detection" || strings.HasPrefix(r.Subject, "task ") && r.Choice == "left out" {
			notes = append(notes, r.Subject+": "+r.Choice+": "+r.Detail)
		}
	}
	fmt.Fprintln(t)
	for _, n := range notes {
		fmt.Fprintf(t, "note: %s\n", n)
	}
	return t.Flush()
}

// writeSafeguards lists whose approval is asked and when nothing is released.
func writeSafeguards(w io.Writer, p fairlead.Plan, why map[string]fairlead.Reason) {
	s := p.Safeguards
	if s == nil || p.Release == nil {
		return
	}
	if len(s.Approvals) > 0 {
		fmt.Fprintf(w, "\napproval\tby\texpires\twhy\n")
	}
	for _, a := range s.Approvals {
		from := strings.Join(a.From, ", ")
		if from == "" {
			from = "anybody known"
		}
		reason := why["gate "+a.Name]
		fmt.Fprintf(w, "  %s\t%s of %s\t%s\t%s\n", a.Name, reason.Choice, from, a.Expires, because(reason))
	}
	if len(s.Freezes) > 0 {
		fmt.Fprintf(w, "\nfreeze\ttime\ttz\twhy\n")
	}
	for _, f := range s.Freezes {
		reason := why["freeze "+f.ID]
		fmt.Fprintf(w, "  %s\t%s\t%s\t%s: %s\n", f.ID, freezeTime(f), f.TZ, reason.Choice, because(reason))
	}
}

// freezeTime gives the times of a freeze in a few words.
func freezeTime(f fairlead.Freeze) string {
	var parts []string
	if f.RRule != "" {
		every := f.RRule
		if f.Duration > 0 {
			every += " for " + f.Duration.String()
		}
		if len(f.ExDate) > 0 {
			every += " except " + strings.Join(f.ExDate, ", ")
		}
		if len(f.RDate) > 0 {
			every += " and on " + strings.Join(f.RDate, ", ")
		}
		parts = append(parts, every)
	}
	if f.From != "" {
		parts = append(parts, "from "+f.From)
	}
	if f.To != "" {
		parts = append(parts, "to "+f.To)
	}
	if len(parts) == 0 {
		return "until it is lifted"
	}
	return strings.Join(parts, " ")
}

func because(r fairlead.Reason) string {
	switch {
	case r.Source == "":
		return ""
	case r.Detail == "":
		return r.Source
	default:
		return r.Source + ": " + r.Detail
	}
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func short(commit string) string { return commit[:min(len(commit), 10)] }
