package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
)

// AgentTools are the commands about the agent of the process target.
type AgentTools interface {
	// Serve is the agent, until ctx ends.
	Serve(ctx context.Context, dir, trust string, idle time.Duration) error
	// Start starts this state directory's agent in the background, unless it runs.
	Start(ctx context.Context) error
	// Stop ends it, and in order everything that it runs; false when none ran.
	Stop(ctx context.Context) (bool, error)
}

func (c *commands) agentCommand() *cobra.Command {
	var dir, trust string
	var idle time.Duration
	cmd := &cobra.Command{
		Use:   "agent",
		Short: "the agent that keeps releases running (a release starts it by itself)",
		Long: "The agent owns the processes of the process target and the proxy in front of them, apart from the control\n" +
			"plane: stopping or killing that cuts no traffic. Ending the agent ends what it runs; when it starts it brings\n" +
			"up, verified anew, what was live. Without a subcommand this is the agent itself, in the foreground, as a\n" +
			"service manager wants it.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.Agent(c.set).Serve(cmd.Context(), dir, trust, idle)
		},
	}
	cmd.Flags().StringVar(&dir, "agent-dir", "", "directory of the agent's state and socket (default: in the state directory)")
	cmd.Flags().StringVar(&trust, "trust", "", "directory of the public keys it trusts (default: the state directory's own)")
	cmd.Flags().DurationVar(&idle, "idle", 0, "end after nothing has run for so long; 0 stays")
	cmd.AddCommand(
		&cobra.Command{
			Use: "start", Short: "start it in the background; what was live comes up again", Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error { return c.Agent(c.set).Start(cmd.Context()) },
		},
		&cobra.Command{
			Use: "stop", Short: "end it, and in order everything that it runs", Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error {
				ran, err := c.Agent(c.set).Stop(cmd.Context())
				switch {
				case err != nil:
					return err
				case c.set.JSON:
					return c.encode(map[string]bool{"stopped": ran})
				case ran:
					fmt.Fprintln(c.Out, "stopped")
				default:
					fmt.Fprintln(c.Out, "no agent runs")
				}
				return nil
			},
		},
	)
	return cmd
}
