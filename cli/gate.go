package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"fairlead.dev"
)

// GateQuery says what policy to try on which decisions.
type GateQuery struct {
	Config      string // fairlead.yaml; "" = that of the work tree
	Policy      string // directory of the organisation's policy; "" = the one in force
	Environment string // "" = every one
	Last        int    // how many decisions, newest first
}

// GateTried is what a policy would have decided.
type GateTried struct {
	Decisions []GateChange `json:"decisions"` // newest first
	Changed   int          `json:"changed"`   // how many would have come out otherwise
	Left      []string     `json:"left,omitempty"`
}

// GateChange is one decision, as it was and as it would have been.
type GateChange struct {
	RunID       string                 `json:"run_id"`
	Environment string                 `json:"environment"`
	Commit      string                 `json:"commit"`
	Was         fairlead.Outcome       `json:"was"`
	Would       fairlead.Outcome       `json:"would"`
	Rules       []fairlead.RuleOutcome `json:"rules,omitempty"` // those of which the outcome differs, as they would be
}

// Gates tries policies.
type Gates interface {
	Try(ctx context.Context, q GateQuery) (GateTried, error)
}

func (c *commands) gateCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "gate", Short: "try what gates would decide"}
	var q GateQuery
	test := &cobra.Command{
		Use: "test", Short: "run a policy against recorded decisions and show what would have changed", Args: cobra.NoArgs,
		Long: "Decides anew what was decided before, on what was weighed then: with the gates of a fairlead.yaml and an\n" +
			"organisation's policy as they are now. The gates of the matrix stay as they were, since other work was not done.\n" +
			"The exit code is 1 when a decision would have come out otherwise.",
		Example: "  fairlead gate test\n  fairlead gate test --policy ../policy --environment production --last 200 --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if q.Last < 1 {
				return usage(fmt.Errorf("--last is at least 1"))
			}
			tried, err := c.Gates(c.set).Try(cmd.Context(), q)
			if err != nil {
				return err
			}
			if c.set.JSON {
				err = c.encode(tried)
			} else {
				c.tried(tried)
			}
			if err == nil && tried.Changed > 0 {
				err = c.done(fairlead.ExitFailed)
			}
			return err
		},
	}
	f := test.Flags()
	f.StringVar(&q.Config, "config", "", "fairlead.yaml with the gates to try (default: the work tree's)")
	f.StringVar(&q.Policy, "policy", "", "directory with the organisation's policy to try (default: the one in force)")
	f.StringVar(&q.Environment, "environment", "", "decisions about this environment (default: all)")
	f.IntVar(&q.Last, "last", 100, "how many decisions, newest first")
	cmd.AddCommand(test)
	return cmd
}

// tried tells people what would have changed.
func (c *commands) tried(t GateTried) {
	for _, d := range t.Decisions {
		if d.Was == d.Would && len(d.Rules) == 0 {
			continue
		}
		fmt.Fprintf(c.Out, "%s  %s to %s: %s, would be %s\n", d.RunID, short(d.Commit), d.Environment, d.Was, d.Would)
		for _, r := range d.Rules {
			fmt.Fprintf(c.Out, "  %s %s: %s (%s)\n", r.Outcome, r.Name, r.Reason, r.Source)
		}
	}
	for _, l := range t.Left {
		fmt.Fprintln(c.Err, "left out: "+l)
	}
	fmt.Fprintf(c.Out, "%d of %d decisions would have come out otherwise\n", t.Changed, len(t.Decisions))
}
