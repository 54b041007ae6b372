package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// GlassQuery asks for a grant to go past safeguards.
type GlassQuery struct {
	Environment, Commit string
	Reason, Incident    string
	TTL                 time.Duration // 0 = as long as the policy allows
	Skips               []string      // nil = all that the policy allows
	Key                 string
}

// ReviewQuery asks for the follow-up of a grant to be closed.
type ReviewQuery struct {
	Grant        string // its id or the beginning of it
	Reason       string // what was found
	WithoutTests bool   // although slow tests that were skipped with it have not been run since
	Key          string
}

func (c *commands) breakGlassCommand() *cobra.Command {
	var q GlassQuery
	cmd := &cobra.Command{
		Use:   "break-glass",
		Short: "go past approvals, freezes and slow tests in an emergency",
		Long: "Makes a grant for one commit in one environment: runs of that commit there go past what the grant skips, for as\n" +
			"long as it lasts. Signatures and the gates about secrets are never skipped; of the tests only the suites of the\n" +
			"levels standard and complete are, where the policy names slow-tests, and until the commit is live. Every use is\n" +
			"recorded. Another person has to review the grant until its follow-up is due, which asks for the tests that were\n" +
			"skipped: `fairlead break-glass review`.",
		Example: "  fairlead break-glass --environment production --commit HEAD --reason 'checkout is down' --incident INC-42\n  fairlead run",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if q.Environment == "" || q.Commit == "" {
				return usage(errors.New("a grant is for one commit in one environment: --commit and --environment"))
			}
			return c.withControl(cmd.Context(), func(ctx context.Context, ctl Control, _ Records) error {
				g, err := ctl.BreakGlass(ctx, q)
				if err != nil {
					return err
				}
				if c.set.JSON {
					return c.encode(g)
				}
				fmt.Fprintf(c.Out, "BREAK-GLASS %s: %s may go past %s with %s in %s until %s\n", g.ID, g.Person, strings.Join(g.Skips, ", "),
					short(g.Commit), g.Environment, g.Expires.UTC().Format(time.RFC3339))
				fmt.Fprintf(c.Out, "another person has to review it until %s: `fairlead break-glass review %s --reason ...`\n", g.Due.UTC().Format(time.RFC3339), g.ID)
				return nil
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&q.Environment, "environment", "", "environment it is for")
	f.StringVar(&q.Commit, "commit", "", "commit it is for")
	f.StringVar(&q.Reason, "reason", "", "what is on fire")
	f.StringVar(&q.Incident, "incident", "", "the incident's number")
	f.DurationVar(&q.TTL, "ttl", 0, "how long it lasts (default: as long as the policy allows, 4h at most)")
	f.StringSliceVar(&q.Skips, "skip", nil, "what it goes past (default: all that the policy allows)")
	keyFlag(cmd, &q.Key)
	cmd.AddCommand(c.glassListCommand(), c.glassReviewCommand())
	return cmd
}

func (c *commands) glassListCommand() *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use: "list", Short: "list grants whose follow-up is open", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.withRecords(cmd.Context(), func(ctx context.Context, rec Records) error { return c.show(rec.GrantList(ctx, all)) })
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "those that were reviewed, too")
	return cmd
}

func (c *commands) glassReviewCommand() *cobra.Command {
	var q ReviewQuery
	cmd := &cobra.Command{
		Use: "review ID", Short: "close the follow-up of a grant, as another person than its holder", Args: cobra.ExactArgs(1),
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			return c.completeIDs(cmd, args, func(ctx context.Context, rec Records) ([]string, error) { return rec.GrantIDs(ctx) })
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.withControl(cmd.Context(), func(ctx context.Context, ctl Control, _ Records) error {
				q.Grant = args[0]
				g, err := ctl.Review(ctx, q)
				if err != nil {
					return err
				}
				if c.set.JSON {
					return c.encode(g)
				}
				fmt.Fprintf(c.Out, "break-glass %s is reviewed by %s\n", g.ID, g.Review.Person)
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&q.Reason, "reason", "", "what was found")
	cmd.Flags().BoolVar(&q.WithoutTests, "without-tests", false, "although slow tests that were skipped with it have not been run since")
	keyFlag(cmd, &q.Key)
	return cmd
}
