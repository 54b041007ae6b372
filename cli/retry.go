package cli

import (
	"context"

	"github.com/spf13/cobra"
)

func (c *commands) retryCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "retry [RUN]",
		Short: "run the same plan again from what failed (default: the newest run)",
		Args:  cobra.MaximumNArgs(1), ValidArgsFunction: c.completeRuns,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.withControl(cmd.Context(), func(ctx context.Context, ctl Control, rec Records) error {
				run, err := rec.FindRun(ctx, first(args))
				if err != nil {
					return err
				}
				id, err := ctl.Retry(ctx, run.ID)
				if err != nil {
					return err
				}
				return c.follow(ctx, ctl, rec, id)
			})
		},
	}
	c.waitFlag(cmd)
	return cmd
}
