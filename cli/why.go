package cli

import (
	"context"

	"github.com/spf13/cobra"
)

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
