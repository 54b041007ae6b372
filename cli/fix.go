package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
)

// FixQuery says what to mend.
type FixQuery struct {
	Path  string // "" = the current directory
	Write bool   // change the manifests; without it they are only shown
}

// Fixed is what was mended, or would be.
type Fixed struct {
	Path    string    `json:"path"`
	Written bool      `json:"written"`
	Fixes   []FixLine `json:"fixes"`
	Left    []FixLine `json:"left"`
	Then    []string  `json:"then"` // commands that are to follow, with the directory to run them in

	Lines []string `json:"-"` // for people
}

// FixLine is one component in one manifest.
type FixLine struct {
	File            string   `json:"file,omitempty"`
	Package         string   `json:"package"`
	From            string   `json:"from"`
	To              string   `json:"to,omitempty"` // "" when it stays
	Vulnerabilities []string `json:"vulnerabilities"`
	Reason          string   `json:"reason,omitempty"` // why it stays
	Advice          string   `json:"advice,omitempty"`
}

// Fixer mends manifests.
type Fixer interface {
	Fix(ctx context.Context, q FixQuery) (Fixed, error)
}

func (c *commands) fixCommand() *cobra.Command {
	var q FixQuery
	cmd := &cobra.Command{
		Use:   "fix [PATH]",
		Short: "bring vulnerable dependencies to versions without known vulnerabilities",
		Long: "Looks up the dependencies below PATH, and shows for each that the project names itself the smallest version\n" +
			"that clears everything known about it. With --write it puts those versions into go.mod, package.json and\n" +
			"requirements*.txt, and changes nothing else in them. When one of the changes cannot be made, none is.\n\n" +
			"Lock files and go.sum are not changed: the commands that bring them up to date are shown, and need the\n" +
			"network. Dependencies of dependencies are left, with the advice that `fairlead scan` gives.",
		Example: "  fairlead fix\n  fairlead fix services/api --write",
		Args:    cobra.MaximumNArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveFilterDirs
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			q.Path = first(args)
			f, err := c.Fixer(c.set).Fix(cmd.Context(), q)
			if err != nil {
				return err
			}
			if c.set.JSON {
				return c.encode(f)
			}
			for _, l := range f.Lines {
				fmt.Fprintln(c.Out, l)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&q.Write, "write", false, "change the manifests")
	return cmd
}
