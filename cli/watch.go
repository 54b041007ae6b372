package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"fairlead.dev"
)

func (c *commands) watchCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "watch [RUN]",
		Short: "follow a run that another process executes (default: the newest)",
		Args:  cobra.MaximumNArgs(1), ValidArgsFunction: c.completeRuns,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.withRecords(cmd.Context(), func(ctx context.Context, rec Records) error {
				run, err := rec.FindRun(ctx, first(args))
				if err != nil {
					return err
				}
				return c.watch(ctx, rec, run.ID)
			})
		},
	}
}

func (c *commands) watch(ctx context.Context, rec Records, runID string) error {
	show := c.newProgress(rec, runID)
	for {
		run, err := rec.FindRun(ctx, runID)
		if err != nil {
			return err
		}
		if err := show.update(ctx); err != nil {
			return err
		}
		if run.State == fairlead.StateFinished {
			return c.ended(ctx, show, run)
		}
		select {
		case <-ctx.Done():
			show.erase()
			return nil
		case <-time.After(show.every):
		}
	}
}

func (c *commands) completeRuns(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	rec, err := c.Records(cmd.Context(), c.set)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer rec.Close()
	run, err := rec.FindRun(cmd.Context(), "")
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return []string{run.ID}, cobra.ShellCompDirectiveNoFileComp
}
