package cli

import (
	"fmt"

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
