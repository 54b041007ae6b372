package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
)

func (c *commands) resumeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "resume [RUN]",
		Short: "take over runs whose process died, and see them to their end",
		Args:  cobra.MaximumNArgs(1), ValidArgsFunction: c.completeRuns,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.withControl(cmd.Context(), func(ctx context.Context, ctl Control, rec Records) error {
				var only string
				if len(args) > 0 {
					run, err := rec.FindRun(ctx, args[0])
					if err != nil {
						return err
					}
					only = run.ID
				}
				ids, err := ctl.Resume(ctx, only)
				if err != nil {
					return err
				}
				if len(ids) == 0 && !c.set.JSON {
					fmt.Fprintln(c.Out, "nothing to resume: no run is without a process")
				}
				var worst error
				for _, id := range ids {
					if err := c.follow(ctx, ctl, rec, id); err != nil {
						worst = err
					}
				}
				return worst
			})
		},
	}
	c.waitFlag(cmd)
	return cmd
}
