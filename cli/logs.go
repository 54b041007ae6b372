package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"fairlead.dev"
)

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

func printable(b []byte) string {
	out := make([]byte, 0, len(b))
	for _, ch := range b {
		if ch >= ' ' && ch != 0x7f || ch == '\n' || ch == '\t' {
			out = append(out, ch)
		}
	}
	return string(out)
}
