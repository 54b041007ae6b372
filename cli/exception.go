package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"fairlead.dev"
)

// ExceptionQuery asks for findings to be let pass for a time.
type ExceptionQuery struct {
	Environment   string // "" = every one of the service
	Scope         fairlead.ExceptionScope
	Reason        string
	Justification string
	Ticket        string
	For           time.Duration // 0 = as long as the policy allows
	Key           string
}

// AnswerQuery approves or revokes an exception.
type AnswerQuery struct{ ID, Reason, Key string }

// Exceptions steers what findings may pass.
type Exceptions interface {
	RequestException(ctx context.Context, q ExceptionQuery) (fairlead.Exception, error)
	ApproveException(ctx context.Context, q AnswerQuery) (fairlead.Exception, error)
	RevokeException(ctx context.Context, q AnswerQuery) (fairlead.Exception, error)
}

func (c *commands) exceptionCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "exception", Short: "let findings pass for a time, with another person's approval",
		Long: "An exception is about findings and always ends; break-glass is about one release in an emergency and never lets a\n" +
			"finding pass. With --justification the findings do not apply and are suppressed, without one the risk is accepted.\n" +
			"It counts as soon as enough people approved it, as exceptions in fairlead.yaml says, and from the next decision on.",
	}
	cmd.AddCommand(c.exceptionRequestCommand(), c.exceptionListCommand(),
		c.answerCommand("approve", "approve an exception, as another person than its requester", "why it may pass", Exceptions.ApproveException, func(x fairlead.Exception) string {
			return fmt.Sprintf("%s approves exception %s, which ends %s", x.Approvals[len(x.Approvals)-1].Person, x.ID, x.Expires.UTC().Format(time.RFC3339))
		}),
		c.answerCommand("revoke", "end an exception before its time", "why it ends", Exceptions.RevokeException, func(x fairlead.Exception) string {
			return fmt.Sprintf("%s revokes exception %s", x.Revoked.Person, x.ID)
		}))
	return cmd
}

func (c *commands) exceptionRequestCommand() *cobra.Command {
	var q ExceptionQuery
	cmd := &cobra.Command{
		Use: "request", Short: "ask for findings to be let pass", Args: cobra.NoArgs,
		Example: "  fairlead exception request --vulnerability GO-2024-2687 --component pkg:golang/golang.org/x/net --for 168h --reason 'the update breaks uploads, TEAM-12'\n" +
			"  fairlead exception request --rule G404 --path 'testdata/**' --justification vulnerable_code_not_in_execute_path --reason 'only tests'",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.withControl(cmd.Context(), func(ctx context.Context, ctl Control, _ Records) error {
				x, err := ctl.RequestException(ctx, q)
				if err != nil {
					return err
				}
				if c.set.JSON {
					return c.encode(x)
				}
				fmt.Fprintf(c.Out, "exception %s is asked for by %s; another person has to approve it: `fairlead exception approve %s`\n", x.ID, x.Person, x.ID)
				return nil
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&q.Scope.Finding, "finding", "", "this finding: its id or the beginning of it")
	f.StringVar(&q.Scope.Vulnerability, "vulnerability", "", "this vulnerability, under any of its names")
	f.StringVar(&q.Scope.Rule, "rule", "", "what this rule finds")
	f.StringVar(&q.Scope.Component, "component", "", "only in this component: its package URL, every version without one")
	f.StringVar(&q.Scope.Path, "path", "", "only in files that fit this glob")
	f.StringVar(&q.Environment, "environment", "", "only in this environment (default: all)")
	f.StringVar(&q.Reason, "reason", "", "why it may pass")
	f.StringVar(&q.Justification, "justification", "", "why it does not apply: "+strings.Join(fairlead.Justifications(), ", ")+" (default: it applies and the risk is taken)")
	f.StringVar(&q.Ticket, "ticket", "", "where it is followed up")
	f.DurationVar(&q.For, "for", 0, "how long it lasts (default: as long as the policy allows)")
	keyFlag(cmd, &q.Key)
	_ = cmd.RegisterFlagCompletionFunc("justification", cobra.FixedCompletions(fairlead.Justifications(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (c *commands) answerCommand(word, short, why string, do func(Exceptions, context.Context, AnswerQuery) (fairlead.Exception, error), say func(fairlead.Exception) string) *cobra.Command {
	var q AnswerQuery
	cmd := &cobra.Command{
		Use: word + " ID", Short: short, Args: cobra.ExactArgs(1),
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			return c.completeFindings(cmd, args, Findings.ExceptionIDs)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.withControl(cmd.Context(), func(ctx context.Context, ctl Control, _ Records) error {
				q.ID = args[0]
				x, err := do(ctl, ctx, q)
				if err != nil {
					return err
				}
				if c.set.JSON {
					return c.encode(x)
				}
				fmt.Fprintln(c.Out, say(x))
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&q.Reason, "reason", "", why)
	keyFlag(cmd, &q.Key)
	return cmd
}

func (c *commands) exceptionListCommand() *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use: "list", Short: "list exceptions that are asked for or in force", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.withFindings(cmd.Context(), func(ctx context.Context, f Findings) error { return c.show(f.Exceptions(ctx, all)) })
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "those that expired or were revoked, too")
	return cmd
}
