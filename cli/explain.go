package cli

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"fairlead.dev"
)

func (c *commands) explainCommand() *cobra.Command {
	var rbac bool
	var environment string
	cmd := &cobra.Command{
		Use:   "explain [TYPE]",
		Short: "describe a step type, a target or a gate's rule; without a name, list them",
		Long: "Describes a step type, a target or a gate's rule. `fairlead explain target kubernetes --rbac` prints the\n" +
			"smallest Role with which the target does its work for this repository's configuration.",
		Args: cobra.MaximumNArgs(2),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			var names []string
			for _, k := range c.Kinds {
				names = append(names, k.Name)
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			args, err := unsorted(args)
			if err != nil {
				return err
			}
			if rbac {
				return c.show(c.Access(cmd.Context(), c.set, first(args), environment))
			}
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
	cmd.Flags().BoolVar(&rbac, "rbac", false, "print the smallest Role that the target needs in the cluster")
	cmd.Flags().StringVar(&environment, "environment", "", "with --rbac: for this environment only")
	return cmd
}

// unsorted takes the sort of thing off in front of its name: "target kubernetes".
func unsorted(args []string) ([]string, error) {
	if len(args) < 2 {
		return args, nil
	}
	if args[0] != "target" && args[0] != "step" && args[0] != "rule" {
		return nil, &fairlead.Problem{
			Op: "explain", Kind: fairlead.KindInvalid, Err: fmt.Errorf("%q is no sort of thing", args[0]),
			Hint: "step, target and rule are; or give the name alone",
		}
	}
	return args[1:], nil
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
