package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"fairlead.dev"
)

func (c *commands) promoteCommand() *cobra.Command {
	var q PromoteQuery
	cmd := &cobra.Command{
		Use:   "promote --from ENVIRONMENT --to ENVIRONMENT",
		Short: "release to one environment exactly what is live in another",
		Long: "Releases the same artifacts, digest by digest, that are live in --from (or the good release named with\n" +
			"--release) to --to, with the strategy, gates, tests and scans of --to. Nothing is built again. What was\n" +
			"proven already is taken over while it is valid; what has expired, was revoked, failed since or was never\n" +
			"asked for is done. --dry-run shows which is which, and why.",
		Example: "  fairlead promote --from staging --to production --dry-run\n  fairlead promote --from staging --to production\n" +
			"  fairlead promote --from staging --to production --release 4f1c",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if q.From == "" || q.To == "" {
				return usage(errors.New("promote: --from and --to are needed"))
			}
			return c.withControl(cmd.Context(), func(ctx context.Context, ctl Control, rec Records) error {
				return c.promote(ctx, ctl, rec, q)
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&q.From, "from", "", "environment that the release is good in")
	f.StringVar(&q.To, "to", "", "environment that it goes to")
	f.StringVar(&q.Service, "service", "", "service that is meant (default: the repository's own; services that were released as one are promoted as one)")
	f.StringVar(&q.Release, "release", "", "release that was good in --from: its id, or the beginning of it (default: what is live there)")
	f.BoolVar(&q.DryRun, "dry-run", false, "show what would be taken over and what asked for again, and why; change nothing")
	c.waitFlag(cmd)
	for _, name := range []string{"from", "to"} {
		_ = cmd.RegisterFlagCompletionFunc(name, completeEnvironments)
	}
	return cmd
}

func completeEnvironments(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return []string{"staging", "production", "dev"}, cobra.ShellCompDirectiveNoFileComp
}

func (c *commands) promote(ctx context.Context, ctl Control, rec Records, q PromoteQuery) error {
	p, err := ctl.Promote(ctx, q)
	switch {
	case err != nil:
		return err
	case p.RunID != "":
		return c.follow(ctx, ctl, rec, p.RunID)
	case c.set.JSON:
		err = c.encode(p)
	case p.Live:
		fmt.Fprintf(c.Out, "%s live in %s already: nothing to do\n", p.ofTo(), p.To)
	default:
		err = writePromoted(c.Out, p)
	}
	if err == nil && q.DryRun {
		return p.Blocked()
	}
	return err
}

// Blocked is why the promotion cannot be made, nil when it can.
func (p Promoted) Blocked() error {
	for _, t := range p.Tasks {
		if t.Blocks {
			return &fairlead.Problem{
				Op: "promote " + t.Task, Kind: fairlead.KindDenied, Err: errors.New(t.Why),
				Hint: "a promotion never builds: deliver the commit to " + p.From + " again and promote that release",
			}
		}
	}
	return nil
}

// ofTo names what is live where the promotion goes to.
func (p Promoted) ofTo() string {
	if len(p.Releases) == 0 {
		return "release " + p.Release.Short() + " is"
	}
	ids := make([]string, 0, len(p.Releases))
	for _, id := range p.Releases {
		ids = append(ids, id.Short())
	}
	return "releases " + strings.Join(ids, ", ") + " are"
}

// writePromoted renders what a promotion would do.
func writePromoted(w io.Writer, p Promoted) error {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintf(t, "promote\t%s\t%s from %s to %s, %s of run %s\n",
		p.Service, short(p.Commit), p.From, p.To, p.Promotion.Words(), p.Promotion.Run)
	for _, a := range p.Promotion.Artifacts {
		fmt.Fprintf(t, "artifact\t%s\t%s\n", a.Name, a.Digest)
	}
	fmt.Fprint(t, "\ntask\t\twhy\n")
	for _, a := range p.Tasks {
		what, why := "done again", a.Why
		switch {
		case a.Blocks:
			what = "missing"
		case a.Reused:
			what, why = "taken over", "proven by run "+a.Run+" at "+a.ProvenAt.Format("2006-01-02 15:04:05Z07:00")+evidenceOf(a)
		}
		fmt.Fprintf(t, "  %s\t%s\t%s\n", a.Task, what, why)
	}
	for i, n := range p.Notes {
		if i == 0 {
			fmt.Fprintln(t)
		}
		fmt.Fprintf(t, "note: %s\n", n)
	}
	return t.Flush()
}

func evidenceOf(a Asked) string {
	text := ""
	if !a.Until.IsZero() {
		text = ", valid until " + a.Until.Format("2006-01-02 15:04:05Z07:00")
	}
	ids := make([]string, 0, len(a.Evidence))
	for _, id := range a.Evidence {
		ids = append(ids, id.Short())
	}
	if len(ids) > 0 {
		text += ", evidence " + strings.Join(ids, ", ")
	}
	return text
}
