package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"fairlead.dev"
)

func (c *commands) cancelCommand() *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use:   "cancel RUN",
		Short: "stop a run in order; a release on its way is rolled back",
		Args:  cobra.ExactArgs(1), ValidArgsFunction: c.completeRuns,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.withControl(cmd.Context(), func(ctx context.Context, ctl Control, rec Records) error {
				run, err := rec.FindRun(ctx, args[0])
				if err != nil {
					return err
				}
				if run, err = ctl.Cancel(ctx, run.ID, reason); err != nil {
					return err
				}
				if run.Waiting != nil { // perhaps no process is there to notice
					if _, err := ctl.Resume(ctx, run.ID); err != nil {
						return err
					}
					if run, err = ctl.Wait(ctx, run.ID); err != nil {
						return err
					}
				}
				if c.set.JSON {
					return c.encode(run)
				}
				if run.State == fairlead.StateFinished {
					fmt.Fprintf(c.Out, "%s has ended with %s: %s\n", run.ID, run.Result, run.Reason)
					if run.Fault != nil && run.Fault.Hint != "" {
						fmt.Fprintln(c.Out, "hint: "+run.Fault.Hint)
					}
					return nil
				}
				fmt.Fprintf(c.Out, "%s is asked to stop; `fairlead watch %s` shows how it ends\n", run.ID, run.ID)
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the record")
	return cmd
}
