package cli

import (
	"fmt"

	"github.com/spf13/cobra"
)

func (c *commands) configCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "config", Short: "check and explain the configuration"}
	var file string
	lint := &cobra.Command{
		Use:   "lint [FILE]",
		Short: "report every problem of fairlead.yaml at once",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				file = args[0]
			}
			if err := c.Config(c.set).Lint(cmd.Context(), file); err != nil {
				return err
			}
			if c.set.JSON {
				return c.encode(map[string]any{"problems": []string{}})
			}
			return nil
		},
	}
	cmd.AddCommand(lint,
		&cobra.Command{
			Use: "schema", Short: "print the JSON Schema of fairlead.yaml", Args: cobra.NoArgs,
			RunE: func(*cobra.Command, []string) error {
				b, err := c.Config(c.set).Schema()
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(c.Out, "%s\n", b)
				return err
			},
		},
		&cobra.Command{
			Use: "explain KEY", Short: "explain one key, for example deploy.canary.bake", Args: cobra.ExactArgs(1),
			RunE: func(_ *cobra.Command, args []string) error {
				text, data, err := c.Config(c.set).Explain(args[0])
				if err != nil {
					return err
				}
				if c.set.JSON {
					return c.encode(data)
				}
				_, err = fmt.Fprintln(c.Out, text)
				return err
			},
		},
	)
	return cmd
}
