package cli

import (
	"context"

	"github.com/spf13/cobra"
)

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
