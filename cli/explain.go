package cli

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"fairlead.dev"
)

func (c *commands) explainCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "explain [TYPE]",
		Short: "describe a step type, a target or a gate's rule; without a name, list them",
		Args:  cobra.MaximumNArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			var names []string
			for _, k := range c.Kinds {
				names = append(names, k.Name)
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return c.listKinds()
			}
			for _, k := range c.Kinds {
				if k.Name != args[0] {
					continue
				}
				if c.set.JSON {
					return c.encode(k)
				}
				_, err := fmt.Fprintln(c.Out, strings.TrimSpace(k.Doc))
				return err
			}
			return &fairlead.Problem{
				Op: "explain", Kind: fairlead.KindNotFound, Err: fmt.Errorf("nothing is called %q", args[0]),
				Hint: "`fairlead explain` lists them; `fairlead config explain KEY` is about fairlead.yaml",
			}
		},
	}
}

func (c *commands) listKinds() error {
	if c.set.JSON {
		return c.encode(c.Kinds)
	}
	t := tabwriter.NewWriter(c.Out, 0, 4, 2, ' ', 0)
	for _, k := range c.Kinds {
		fmt.Fprintf(t, "%s\t%s\t%s\n", k.Sort, k.Name, k.Title)
	}
	return t.Flush()
}
