package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"fairlead.dev"
)

// Findings reads what scanners found over time, and what people let pass of it.
type Findings interface {
	// List gives findings by due date, with the exceptions in force.
	List(ctx context.Context, q FindingQuery) (View, error)
	// Show explains one finding, named by its id or the beginning of it.
	Show(ctx context.Context, id string) (View, error)
	// SARIF gives findings as SARIF 2.1.0.
	SARIF(ctx context.Context, q FindingQuery) ([]byte, error)
	// IDs lists the ids of the findings that are there.
	IDs(ctx context.Context) ([]string, error)
	// Exceptions lists exceptions, with all those that are over, too.
	Exceptions(ctx context.Context, all bool) (View, error)
	// ExceptionIDs lists the ids of the exceptions that are not over.
	ExceptionIDs(ctx context.Context) ([]string, error)
	Close()
}

// FindingQuery selects findings. An empty field selects every value.
type FindingQuery struct {
	Service, Environment string
	States, Severities   []string // empty: all that are there
	Categories           []string
	Overdue, All         bool // All: those that are fixed, too
}

func (c *commands) findingsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "findings", Short: "show what scanners found over time",
		Long: "Every run follows what its scanners see of a service in an environment: one finding for one thing, whoever saw\n" +
			"it, with its state and the time by which it has to be gone. A pull request is looked at and not kept.",
	}
	cmd.AddCommand(c.findingsListCommand(), c.findingsShowCommand(), c.findingsExportCommand())
	return cmd
}

func (c *commands) findingsListCommand() *cobra.Command {
	var q FindingQuery
	cmd := &cobra.Command{
		Use: "list", Short: "list findings, what is due first at the top", Args: cobra.NoArgs,
		Example: "  fairlead findings list --environment production --severity critical,high\n  fairlead findings list --overdue --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := q.check(); err != nil {
				return err
			}
			return c.withFindings(cmd.Context(), func(ctx context.Context, f Findings) error { return c.show(f.List(ctx, q)) })
		},
	}
	c.findingFlags(cmd, &q)
	return cmd
}

func (c *commands) findingsShowCommand() *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: "explain one finding: who saw it, since when, what to do", Args: cobra.ExactArgs(1),
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			return c.completeFindings(cmd, args, Findings.IDs)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.withFindings(cmd.Context(), func(ctx context.Context, f Findings) error { return c.show(f.Show(ctx, args[0])) })
		},
	}
}

func (c *commands) findingsExportCommand() *cobra.Command {
	var q FindingQuery
	var file string
	cmd := &cobra.Command{
		Use: "export --sarif FILE", Short: "write findings as SARIF 2.1.0", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if file == "" {
				return usage(errors.New("--sarif names the file, - for standard output"))
			}
			if err := q.check(); err != nil {
				return err
			}
			return c.withFindings(cmd.Context(), func(ctx context.Context, f Findings) error {
				b, err := f.SARIF(ctx, q)
				if err != nil {
					return err
				}
				if file == "-" {
					_, err = c.Out.Write(b)
					return err
				}
				if err := os.WriteFile(file, b, 0o644); err != nil { //nolint:gosec // a report, for whoever may read the directory
					return &fairlead.Problem{Op: "write SARIF", Kind: fairlead.KindInvalid, Err: err, Hint: "--sarif names a file in a directory that you may write to"}
				}
				return nil
			})
		},
	}
	c.findingFlags(cmd, &q)
	cmd.Flags().StringVar(&file, "sarif", "", "file to write, - for standard output")
	return cmd
}

func (c *commands) findingFlags(cmd *cobra.Command, q *FindingQuery) {
	f := cmd.Flags()
	f.StringVar(&q.Service, "service", "", "of this service (default: all)")
	f.StringVar(&q.Environment, "environment", "", "in this environment (default: all)")
	f.StringSliceVar(&q.States, "state", nil, "in these states: "+strings.Join(states(), ", "))
	f.StringSliceVar(&q.Severities, "severity", nil, "of these severities: critical, high, unknown, medium, low")
	f.StringSliceVar(&q.Categories, "category", nil, "of these categories: secret, sca, sast, iac, licence, image, dast")
	f.BoolVar(&q.Overdue, "overdue", false, "only those whose time has run out")
	f.BoolVar(&q.All, "all", false, "those that are fixed, too")
	_ = cmd.RegisterFlagCompletionFunc("state", cobra.FixedCompletions(states(), cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("severity", cobra.FixedCompletions(withUnknown(), cobra.ShellCompDirectiveNoFileComp))
}

func states() []string {
	var out []string
	for _, s := range fairlead.FindingStates() {
		out = append(out, string(s))
	}
	return out
}

func withUnknown() []string { return []string{"critical", "high", "unknown", "medium", "low"} }

// check says which word is not known.
func (q FindingQuery) check() error {
	for _, list := range []struct {
		flag        string
		have, known []string
	}{{"--state", q.States, states()}, {"--severity", q.Severities, withUnknown()}} {
		for _, word := range list.have {
			if !slices.Contains(list.known, word) {
				return usage(fmt.Errorf("%s takes %s, not %q", list.flag, strings.Join(list.known, ", "), word))
			}
		}
	}
	return nil
}

func (c *commands) withFindings(ctx context.Context, do func(context.Context, Findings) error) error {
	f, err := c.Findings(ctx, c.set)
	if err != nil {
		return err
	}
	defer f.Close()
	return do(ctx, f)
}

func (c *commands) completeFindings(cmd *cobra.Command, args []string, ids func(Findings, context.Context) ([]string, error)) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var found []string
	_ = c.withFindings(cmd.Context(), func(ctx context.Context, f Findings) error {
		var err error
		found, err = ids(f, ctx)
		return err
	})
	return found, cobra.ShellCompDirectiveNoFileComp
}
