package cli

import (
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"fairlead.dev"
)

func (c *commands) doctorCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "check that the tools this configuration needs are there",
		Long:  "Lists required and optional tools with the versions found and wanted. Ends with 4 when a tool is missing\nthat this configuration needs.",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			tools, err := c.Doctor(cmd.Context(), c.set)
			if err != nil {
				return err
			}
			if err := c.writeTools(tools); err != nil {
				return err
			}
			var missing, hints []string
			for _, t := range tools {
				if t.Required && !t.OK {
					missing = append(missing, t.Name)
					hints = append(hints, t.Hint)
				}
			}
			if len(missing) == 0 {
				return nil
			}
			return &fairlead.Problem{
				Op: "check tools", Kind: fairlead.KindUnavailable, Hint: strings.Join(hints, "; "),
				Err: errors.New("missing or too old: " + strings.Join(missing, ", ")),
			}
		},
	}
}

func (c *commands) writeTools(tools []Tool) error {
	if c.set.JSON {
		return c.encode(tools)
	}
	t := tabwriter.NewWriter(c.Out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "tool\tfound\twanted\tneeded\tfor")
	for _, tool := range tools {
		needed := "optional"
		if tool.Required {
			needed = "required"
		}
		found := tool.Found
		switch {
		case found == "":
			found = "missing"
		case !tool.OK:
			found += " (too old)"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", tool.Name, found, dash(tool.Wanted), needed, tool.For)
	}
	return t.Flush()
}
