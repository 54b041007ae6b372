package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"fairlead.dev"
)

func (c *commands) rollbackCommand() *cobra.Command {
	var q RollbackQuery
	cmd := &cobra.Command{
		Use:   "rollback [ENVIRONMENT]",
		Short: "give all traffic back to a release that was good (default environment: production)",
		Long: "Turns the traffic first and tidies up afterwards. A release on its way is stopped and rolled back;\n" +
			"otherwise the release before the current one becomes live again, or the one named with --to.\n" +
			"Services that were released together go back together, the last one first; --service takes one of them.",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			q.Environment = "production"
			if len(args) > 0 {
				q.Environment = args[0]
			}
			return c.withControl(cmd.Context(), func(ctx context.Context, ctl Control, rec Records) error {
				return c.rollback(ctx, ctl, rec, q)
			})
		},
	}
	cmd.Flags().StringVar(&q.To, "to", "", "release to go back to: its id, or the beginning of it")
	cmd.Flags().StringVar(&q.Service, "service", "", "service that is meant (default: the repository's own, all of them when they were released together)")
	cmd.Flags().StringVar(&q.Reason, "reason", "", "why, for the record")
	return cmd
}

// rollback shows what happens until the rollback is done.
func (c *commands) rollback(ctx context.Context, ctl Control, rec Records, q RollbackQuery) error {
	began, ended := make(chan *progress, 1), make(chan error, 1)
	if !c.set.JSON {
		q.Began = func(runID string) { began <- c.progressFromNow(ctx, rec, runID) }
	}
	var done RolledBack
	go func() {
		var err error
		done, err = ctl.Rollback(ctx, q)
		close(began)
		ended <- err
	}()
	show := <-began // nil when it was refused, or is done already
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			show.glance(ctx)
		case err := <-ended:
			show.glance(ctx)
			if err != nil {
				return err
			}
			if c.set.JSON {
				return c.encode(done)
			}
			fmt.Fprintf(c.Out, "%s  %s\n", done.RunID, done.Reason)
			return nil
		}
	}
}

// progressFromNow shows a run's further records only.
func (c *commands) progressFromNow(ctx context.Context, rec Records, runID string) *progress {
	p := c.newProgress(rec, runID)
	p.live = false // a rollback has no tasks
	for {
		old, err := rec.Events(ctx, runID, p.after)
		if err != nil || len(old) == 0 {
			return p
		}
		p.after = old[len(old)-1].Seq
		for _, r := range old {
			p.waiting = r.Type == fairlead.RecordRunWaiting || p.waiting && r.Type != fairlead.RecordRunGoesOn
		}
	}
}

// glance shows what has happened; that it cannot be shown is no reason to stop.
func (p *progress) glance(ctx context.Context) {
	if p != nil {
		_ = p.update(ctx)
	}
}
