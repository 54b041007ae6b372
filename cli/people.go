package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"fairlead.dev"
)

// People is what people decide about runs.
type People interface {
	Vote(ctx context.Context, b Ballot) (Voted, error)
	// Waits tells what a run waits for at this moment; nil when for nothing.
	Waits(ctx context.Context, run fairlead.Run) (*fairlead.Waiting, error)
	Emergency
}

// Emergency is stopping everything, and going past what stops one.
type Emergency interface {
	AddFreeze(ctx context.Context, q FreezeQuery) (fairlead.StandingFreeze, error)
	LiftFreeze(ctx context.Context, id, reason, key string) (fairlead.StandingFreeze, error)
	BreakGlass(ctx context.Context, q GlassQuery) (fairlead.Grant, error)
	Review(ctx context.Context, q ReviewQuery) (fairlead.Grant, error)
}

// PeopleViews shows what people decided.
type PeopleViews interface {
	FreezeList(ctx context.Context, all bool) (View, error)
	FreezeIDs(ctx context.Context) ([]string, error) // of those that hold
	GrantList(ctx context.Context, all bool) (View, error)
	GrantIDs(ctx context.Context) ([]string, error)    // of those whose follow-up is open
	WaitingRuns(ctx context.Context) ([]string, error) // ids of the runs that wait
}

// Ballot is a vote to be given.
type Ballot struct {
	RunID  string
	Vote   fairlead.Vote
	Reason string
	Key    string // private key file; "" = the usual places
}

// Voted is what a vote came to.
type Voted struct {
	Approval fairlead.Approval `json:"approval"`
	Waiting  *fairlead.Waiting `json:"waiting,omitempty"` // what the run still waits for
	Over     string            `json:"over,omitempty"`    // why it ends
	Own      bool              `json:"own"`               // this state directory can go on with the run
	Again    bool              `json:"again,omitempty"`   // the person had said so before, and Approval is that vote
}

func (c *commands) approveCommand() *cobra.Command {
	return c.voteCommand(fairlead.VoteApprove, "approve RUN", "approve what a run waits for",
		"Answers the question that a run waits for with yes. You are recognised by your SSH key (--key, FAIRLEAD_KEY, an\n"+
			"agent, ~/.ssh/id_ed25519) or, when none is configured for you, by the account of the operating system, which\n"+
			"proves less. Neither an author of the change nor whoever started the run can approve. When nothing else is\n"+
			"missing, this process takes the run over and follows it to its end; --no-wait leaves that to `fairlead serve`.")
}

func (c *commands) rejectCommand() *cobra.Command {
	return c.voteCommand(fairlead.VoteReject, "reject RUN", "reject what a run waits for",
		"Answers the question that a run waits for with no, which ends it. --reason is required.")
}

func (c *commands) voteCommand(vote fairlead.Vote, use, short, long string) *cobra.Command {
	b := Ballot{Vote: vote}
	var leave bool
	cmd := &cobra.Command{
		Use: use, Short: short, Long: long, Args: cobra.ExactArgs(1), ValidArgsFunction: c.completeWaiting,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.withControl(cmd.Context(), func(ctx context.Context, ctl Control, rec Records) error {
				run, err := rec.FindRun(ctx, args[0])
				if err != nil {
					return err
				}
				b.RunID = run.ID
				voted, err := ctl.Vote(ctx, b)
				if err != nil {
					return err
				}
				return c.afterVote(ctx, ctl, rec, voted, leave)
			})
		},
	}
	cmd.Flags().StringVar(&b.Reason, "reason", "", "why, for the record")
	keyFlag(cmd, &b.Key)
	cmd.Flags().BoolVar(&leave, "no-wait", false, "do not go on with the run in this process")
	return cmd
}

// keyFlag lets the user say by which key he proves who he is.
func keyFlag(cmd *cobra.Command, key *string) {
	cmd.Flags().StringVar(key, "key", "", "your SSH private key (default: FAIRLEAD_KEY, the SSH agent, ~/.ssh/id_ed25519)")
}

// afterVote says what a vote came to and goes on with a run that waits for
// nothing any more.
func (c *commands) afterVote(ctx context.Context, ctl Control, rec Records, v Voted, leave bool) error {
	a := v.Approval
	if c.set.JSON {
		if err := c.line(v); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(c.Out, "%s %s %s (%s)\n", a.Person, votedWords(v), a.RunID, a.Question)
		if v.Waiting != nil {
			fmt.Fprintf(c.Out, "still waiting: %s\n", v.Waiting.Text)
		}
	}
	if v.Waiting != nil {
		return nil
	}
	if v.Again { // whoever came first goes on with it
		if !c.set.JSON {
			fmt.Fprintf(c.Out, "`fairlead watch %s` shows what it does\n", a.RunID)
		}
		return nil
	}
	if leave || !v.Own {
		if !c.set.JSON {
			fmt.Fprintf(c.Out, "`fairlead resume %s` or a running `fairlead serve` goes on with it\n", a.RunID)
		}
		return nil
	}
	if _, err := ctl.Resume(ctx, a.RunID); err != nil {
		return err
	}
	err := c.followFrom(ctx, ctl, c.progressFromNow(ctx, rec, a.RunID))
	if a.Vote == fairlead.VoteReject && fairlead.KindOf(err) == fairlead.KindDenied {
		return nil // it ended as it was told to
	}
	return err
}

// votedWords says what somebody does, or did before.
func votedWords(v Voted) string {
	what := map[fairlead.Vote][2]string{fairlead.VoteApprove: {"approves", "has approved"}, fairlead.VoteReject: {"rejects", "has rejected"}}[v.Approval.Vote]
	if v.Again {
		return what[1] + " already"
	}
	return what[0]
}

// waitError ends a command whose run waits; its text was already shown.
type waitError struct {
	runID string
	w     fairlead.Waiting
}

func (e waitError) Error() string { return "run " + e.runID + " waits: " + e.w.Text }

// Unwrap gives a problem whose kind sets the exit code and whose hint says who must do what.
func (e waitError) Unwrap() error {
	hint := "one of them: `fairlead approve " + e.runID + "`"
	if !e.w.Human {
		hint = "a running `fairlead serve` goes on by itself; without one, `fairlead resume " + e.runID + "` then"
	}
	return &fairlead.Problem{Op: "run " + e.runID, Kind: fairlead.KindWaiting, Err: fmt.Errorf("it waits: %s", e.w.Text), Hint: hint}
}

// completeWaiting completes the runs that wait.
func (c *commands) completeWaiting(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	return c.completeIDs(cmd, args, func(ctx context.Context, rec Records) ([]string, error) { return rec.WaitingRuns(ctx) })
}
