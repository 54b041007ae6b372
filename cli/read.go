package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"fairlead.dev"
)

// withRecords opens the records for one command.
func (c *commands) withRecords(ctx context.Context, do func(context.Context, Records) error) error {
	rec, err := c.Records(ctx, c.set)
	if err != nil {
		return err
	}
	defer rec.Close()
	return do(ctx, rec)
}

// show writes a view as lines or as JSON.
func (c *commands) show(v View, err error) error {
	if err != nil {
		return err
	}
	if c.set.JSON {
		return c.encode(v.Data)
	}
	for _, l := range v.Lines {
		fmt.Fprintln(c.Out, l)
	}
	return nil
}

func (c *commands) statusCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "show what is live where, what is moving, and what needs a hand",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.withRecords(cmd.Context(), func(ctx context.Context, rec Records) error { return c.show(rec.Status(ctx)) })
		},
	}
}

func (c *commands) whyCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "why [RUN | RUN/TASK | DECISION | VERDICT]",
		Short:   "explain how something came about, with the numbers (default: the newest run)",
		Example: "  fairlead why\n  fairlead why r1123-0512\n  fairlead why r1123-0512/unit\n  fairlead why r1123-0512/decision",
		Args:    cobra.MaximumNArgs(1), ValidArgsFunction: c.completeRuns,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.withRecords(cmd.Context(), func(ctx context.Context, rec Records) error { return c.show(rec.Why(ctx, first(args))) })
		},
	}
}

func (c *commands) envCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "env", Short: "show environments"}
	cmd.AddCommand(
		&cobra.Command{
			Use: "list", Short: "list environments and what is live in them", Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error {
				return c.withRecords(cmd.Context(), func(ctx context.Context, rec Records) error { return c.show(rec.Environments(ctx)) })
			},
		},
		&cobra.Command{
			Use: "show ENVIRONMENT", Short: "show one environment: what runs, what was live before", Args: cobra.ExactArgs(1),
			RunE: func(cmd *cobra.Command, args []string) error {
				return c.withRecords(cmd.Context(), func(ctx context.Context, rec Records) error {
					return c.show(rec.Environment(ctx, args[0]))
				})
			},
		},
	)
	return cmd
}

func (c *commands) logsCommand() *cobra.Command {
	var follow bool
	var environment string
	cmd := &cobra.Command{
		Use:   "logs [RUN [TASK]]",
		Short: "print what tasks wrote (default: the newest run, all tasks), or what an environment's replicas write",
		Args:  cobra.MaximumNArgs(2), ValidArgsFunction: c.completeRuns,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.withRecords(cmd.Context(), func(ctx context.Context, rec Records) error {
				if environment != "" {
					lines, err := rec.ReplicaLog(ctx, environment)
					return c.show(View{Lines: lines, Data: lines}, err)
				}
				run, err := rec.FindRun(ctx, first(args))
				if err != nil {
					return err
				}
				var only string
				if len(args) > 1 {
					only = args[1]
				}
				return c.outputs(ctx, rec, run.ID, only, follow)
			})
		},
	}
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on until the run has ended")
	cmd.Flags().StringVar(&environment, "environment", "", "print what the replicas of this environment wrote instead")
	return cmd
}

// outputs writes the stored output of a run's tasks, task by task, as it grows.
func (c *commands) outputs(ctx context.Context, rec Records, runID, only string, follow bool) error {
	after := map[string]int64{}
	var last string
	for {
		run, err := rec.FindRun(ctx, runID)
		if err != nil {
			return err
		}
		tasks, err := rec.Tasks(ctx, runID)
		if err != nil {
			return err
		}
		found := only == ""
		for _, t := range tasks {
			if only != "" && t.ID != only {
				continue
			}
			found = true
			if after[t.ID], err = c.output(ctx, rec, t, after[t.ID], &last, only == ""); err != nil {
				return err
			}
		}
		if !follow || run.State == fairlead.StateFinished {
			return taskFound(found, runID, only, tasks)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func taskFound(found bool, runID, only string, tasks []fairlead.TaskRun) error {
	if found {
		return nil
	}
	var names []string
	for _, t := range tasks {
		names = append(names, t.ID)
	}
	return &fairlead.Problem{
		Op: "read logs", Kind: fairlead.KindNotFound, Err: fmt.Errorf("run %s has no task %q", runID, only),
		Hint: fmt.Sprintf("its tasks are %v", names),
	}
}

// output writes what one task wrote after a position, with a heading when the task changes.
func (c *commands) output(ctx context.Context, rec Records, t fairlead.TaskRun, after int64, last *string, heading bool) (int64, error) {
	run := t.RunID
	if t.ReusedFrom != "" {
		run = t.ReusedFrom
	}
	for {
		chunks, err := rec.Output(ctx, run, t.ID, after)
		if err != nil || len(chunks) == 0 {
			return after, err
		}
		if heading && !c.set.JSON && *last != t.ID {
			fmt.Fprintf(c.Out, "== %s of %s\n", t.ID, run)
			*last = t.ID
		}
		for _, ch := range chunks {
			after = ch.Seq
			if c.set.JSON {
				if err := c.line(map[string]any{"task": t.ID, "attempt": ch.Attempt, "time": ch.Time, "text": string(ch.Data)}); err != nil {
					return after, err
				}
			} else if _, err := io.WriteString(c.Out, printable(ch.Data)); err != nil {
				return after, err
			}
		}
	}
}

// printable drops control characters that could rewrite the reader's terminal.
func printable(b []byte) string {
	out := make([]byte, 0, len(b))
	for _, ch := range b {
		if ch >= ' ' && ch != 0x7f || ch == '\n' || ch == '\t' {
			out = append(out, ch)
		}
	}
	return string(out)
}

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

// completeRuns offers run ids to the shell.
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
