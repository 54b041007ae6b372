package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
)

func (c *commands) evidenceCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "evidence", Short: "show what was proven, until when it counts, and take it back"}
	cmd.AddCommand(
		&cobra.Command{
			Use: "list [RUN]", Short: "list the evidence that a run left (default: the newest run)",
			Args: cobra.MaximumNArgs(1), ValidArgsFunction: c.completeRuns,
			RunE: func(cmd *cobra.Command, args []string) error {
				return c.withRecords(cmd.Context(), func(ctx context.Context, rec Records) error {
					run, err := rec.FindRun(ctx, first(args))
					if err != nil {
						return err
					}
					return c.show(rec.Evidence(ctx, run))
				})
			},
		},
		&cobra.Command{
			Use: "show ID", Short: "show one piece of evidence: the signed statement and whether it counts", Args: cobra.ExactArgs(1),
			RunE: func(cmd *cobra.Command, args []string) error {
				return c.withRecords(cmd.Context(), func(ctx context.Context, rec Records) error {
					return c.show(rec.EvidenceShow(ctx, args[0]))
				})
			},
		},
		c.revokeCommand(),
	)
	return cmd
}

func (c *commands) revokeCommand() *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: "revoke ID --reason TEXT", Short: "take evidence back: it never counts again, in no run and no promotion",
		Long: "Recorded with who and why, and final. What other runs have taken over from it does not count any more\n" +
			"either. What is live stays live: `fairlead rollback` moves traffic.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.withControl(cmd.Context(), func(ctx context.Context, ctl Control, _ Records) error {
				r, err := ctl.Revoke(ctx, args[0], reason)
				if err != nil {
					return err
				}
				if c.set.JSON {
					return c.encode(r)
				}
				fmt.Fprintf(c.Out, "evidence %s of %s in run %s is revoked\n", r.Evidence.Short(), r.TaskID, r.RunID)
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why it does not count any more, for the record")
	return cmd
}
