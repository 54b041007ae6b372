package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"fairlead.dev"
)

// FreezeQuery is a freeze to be added.
type FreezeQuery struct {
	fairlead.Freeze
	Now bool // it begins now
}

func (c *commands) freezeCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "freeze", Short: "stop releases for a time, or at once"}
	cmd.AddCommand(c.freezeAddCommand(), c.freezeListCommand(), c.freezeLiftCommand())
	return cmd
}

func (c *commands) freezeAddCommand() *cobra.Command {
	var q FreezeQuery
	var absolute bool
	var duration time.Duration
	cmd := &cobra.Command{
		Use: "add", Short: "add a freeze, which holds until its end or until it is lifted", Args: cobra.NoArgs,
		Long: "Nothing new is released while a freeze holds: runs wait and go on when it is over. A release whose rollout has\n" +
			"begun finishes or rolls back, and a rollback is never held. Anybody may add a freeze; where people are\n" +
			"configured, one of them has to lift it. Times are wall-clock times of --tz.",
		Example: "  fairlead freeze add --now --reason 'incident 42'\n" +
			"  fairlead freeze add --from 2026-12-24T12:00 --to 2026-12-26 --tz Europe/Berlin --environment production --reason holidays\n" +
			"  fairlead freeze add --rrule 'FREQ=WEEKLY;BYDAY=FR' --from 2026-01-02T16:00 --duration 64h --exdate 2026-12-18 --reason weekends",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !q.Now && q.From == "" && q.To == "" && q.RRule == "" {
				return usage(errors.New("say when: --now, --from, --to or --rrule"))
			}
			if q.Now && (q.From != "" || q.RRule != "") {
				return usage(errors.New("--now stands alone or with --to"))
			}
			q.Except = []string{"break-glass"}
			if absolute {
				q.Except = []string{}
			}
			q.Duration = fairlead.Duration(duration)
			return c.withControl(cmd.Context(), func(ctx context.Context, ctl Control, _ Records) error {
				f, err := ctl.AddFreeze(ctx, q)
				if err != nil {
					return err
				}
				if c.set.JSON {
					return c.encode(f)
				}
				fmt.Fprintf(c.Out, "freeze %s is added; `fairlead freeze list` says when it holds, `fairlead freeze lift %s --reason ...` ends it\n", f.ID, f.ID)
				return nil
			})
		},
	}
	f := cmd.Flags()
	f.BoolVar(&q.Now, "now", false, "from now on: stop the line")
	f.StringVar(&q.From, "from", "", "when it begins: 2026-12-24 or 2026-12-24T12:00")
	f.StringVar(&q.To, "to", "", "when it ends; a date is the whole day (default: when it is lifted)")
	f.StringVar(&q.RRule, "rrule", "", "RFC 5545 rule after which it comes back")
	f.StringSliceVar(&q.ExDate, "exdate", nil, "occurrences of --rrule that are left out, by date or time")
	f.StringSliceVar(&q.RDate, "rdate", nil, "occurrences beside those of --rrule, by date or time")
	f.DurationVar(&duration, "duration", 0, "how long each occurrence of --rrule lasts (default 24h)")
	f.StringVar(&q.TZ, "tz", "UTC", "time zone")
	f.StringSliceVar(&q.Environments, "environment", nil, "environments (default: all)")
	f.StringVar(&q.Reason, "reason", "", "why, told to everybody who waits")
	f.BoolVar(&absolute, "no-break-glass", false, "not even break-glass goes past it")
	return cmd
}

func (c *commands) freezeListCommand() *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use: "list", Short: "list the freezes that people added", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.withRecords(cmd.Context(), func(ctx context.Context, rec Records) error { return c.show(rec.FreezeList(ctx, all)) })
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "those that were lifted, too")
	return cmd
}

func (c *commands) freezeLiftCommand() *cobra.Command {
	var reason, key string
	cmd := &cobra.Command{
		Use: "lift ID", Short: "end a freeze that somebody added", Args: cobra.ExactArgs(1), ValidArgsFunction: c.completeFreezes,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.withControl(cmd.Context(), func(ctx context.Context, ctl Control, _ Records) error {
				f, err := ctl.LiftFreeze(ctx, args[0], reason, key)
				if err != nil {
					return err
				}
				if c.set.JSON {
					return c.encode(f)
				}
				fmt.Fprintf(c.Out, "%s lifts %s; what waited for it goes on under `fairlead serve` or by `fairlead resume`\n", f.LiftedBy, f.ID)
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why releases may go on")
	keyFlag(cmd, &key)
	return cmd
}

func (c *commands) completeFreezes(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	return c.completeIDs(cmd, args, func(ctx context.Context, rec Records) ([]string, error) { return rec.FreezeIDs(ctx) })
}

// completeIDs completes the first argument by ids from the record.
func (c *commands) completeIDs(cmd *cobra.Command, args []string, ids func(context.Context, Records) ([]string, error)) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	rec, err := c.Records(cmd.Context(), c.set)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer rec.Close()
	found, _ := ids(cmd.Context(), rec)
	return found, cobra.ShellCompDirectiveNoFileComp
}
