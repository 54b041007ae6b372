package cli

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"
)

func (c *commands) serveCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "stay, and take over the runs of processes that die",
		Long: "Executes nothing of its own: it watches the processes that share this database and takes over the\n" +
			"runs of one that dies, within seconds on PostgreSQL. Ends in order on interrupt; what it was doing is taken\n" +
			"over by the next one.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctl, err := c.Control(cmd.Context(), c.set)
			if err != nil {
				return err
			}
			defer ctl.Close()
			if !c.set.JSON {
				fmt.Fprintln(c.Out, "ready")
			}
			return ctl.Serve(cmd.Context(), func(id string) {
				if c.set.JSON {
					_ = c.line(map[string]string{"took_over": id})
					return
				}
				fmt.Fprintf(c.Out, "took over %s\n", id)
			})
		},
	}
}

func (c *commands) agentCommand() *cobra.Command {
	var dir, trust string
	var idle time.Duration
	cmd := &cobra.Command{
		Use:   "agent",
		Short: "run the agent that keeps releases running (started by itself when needed)",
		Long: "The agent owns the processes of the process target and the proxy in front of them, apart from the control\n" +
			"plane: stopping or killing that cuts no traffic. Ending the agent ends what it runs.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.Agent(cmd.Context(), dir, trust, idle) },
	}
	cmd.Flags().StringVar(&dir, "agent-dir", "", "directory of the agent's state and socket")
	cmd.Flags().StringVar(&trust, "trust", "", "directory of the public keys it trusts")
	cmd.Flags().DurationVar(&idle, "idle", 0, "end after nothing has run for so long; 0 stays")
	_ = cmd.MarkFlagRequired("agent-dir")
	_ = cmd.MarkFlagRequired("trust")
	return cmd
}
