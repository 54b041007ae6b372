package cli

import (
	"context"

	"github.com/spf13/cobra"
)

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
