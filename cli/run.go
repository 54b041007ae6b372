package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"fairlead.dev"
)

func (c *commands) runCommand() *cobra.Command {
	var q PlanQuery
	cmd := &cobra.Command{
		Use:   "run",
		Short: "plan a change and take it all the way",
		Long: "Plans like `fairlead plan`, then executes: builds, tests, scans, decides, releases, judges, and rolls back\n" +
			"by itself when the release is worse. Ctrl-C once cancels in order; twice leaves at once, and\n" +
			"`fairlead resume` goes on later. Without --commit the work tree must be clean. Where people have to approve, or a\n" +
			"freeze holds, it says so and ends with code 3; the run waits on by itself.",
		Example: "  fairlead run\n  fairlead run --branch develop\n  fairlead run --event manual --environment staging --strategy canary",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			q.Strict = q.Commit == ""
			plan, notes, err := c.Planner(c.set).Plan(cmd.Context(), q)
			if err != nil {
				return err
			}
			c.loud(notes)
			return c.withControl(cmd.Context(), func(ctx context.Context, ctl Control, rec Records) error {
				id, err := ctl.Start(ctx, plan)
				if err != nil {
					return err
				}
				return c.follow(ctx, ctl, rec, id)
			})
		},
	}
	q.flags(cmd)
	c.waitFlag(cmd)
	return cmd
}

// loud shows the notes about broken glass before anything runs.
func (c *commands) loud(notes []string) {
	for _, n := range notes {
		if strings.Contains(n, "BREAK-GLASS") || strings.Contains(n, "break-glass review") {
			fmt.Fprintln(c.Err, n)
		}
	}
}

// withControl opens the control plane and the records for one command.
func (c *commands) withControl(ctx context.Context, do func(context.Context, Control, Records) error) error {
	ctl, err := c.Control(ctx, c.set)
	if err != nil {
		return err
	}
	defer ctl.Close()
	rec, err := c.Records(ctx, c.set)
	if err != nil {
		return err
	}
	defer rec.Close()
	return do(ctx, ctl, rec)
}

// patience is how long the record may be out of reach before the command gives up.
const patience = 10 * time.Second

// follow shows a run that this process executes until it ends. The first
// interrupt cancels the run, the second leaves it where it is.
// A run that waits, for people or for a freeze, is left to wait, unless --wait
// was given.
func (c *commands) follow(ctx context.Context, ctl Control, rec Records, runID string) error {
	return c.followFrom(ctx, ctl, c.newProgress(rec, runID))
}

func (c *commands) followFrom(ctx context.Context, ctl Control, show *progress) error {
	runID := show.runID
	ended := make(chan error, 1)
	var run fairlead.Run
	stay, leave := context.WithCancel(context.WithoutCancel(ctx))
	defer leave()
	go func() {
		var err error
		run, err = ctl.Wait(stay, runID)
		ended <- err
	}()
	tick := time.NewTicker(show.every)
	defer tick.Stop()
	interrupted := ctx.Done()
	var trouble troubled
	for {
		select {
		case err := <-ended:
			if fairlead.KindOf(err).Retryable() {
				return (&troubled{err: err}).problem(runID)
			}
			if err != nil {
				return err
			}
			if err := show.update(stay); err != nil {
				return err
			}
			return c.ended(stay, show, run)
		case <-tick.C:
			if err := show.update(stay); err != nil && trouble.lasting(err) {
				return trouble.problem(runID)
			}
			if err := c.waits(stay, ctl, show); err != nil {
				return err
			}
		case err := <-ctl.Trouble():
			if trouble.lasting(err) {
				return trouble.problem(runID)
			}
		case <-interrupted:
			interrupted = nil
			show.say("cancelling; interrupt again to leave it for `fairlead resume`")
			if _, err := ctl.Cancel(stay, runID, "interrupted"); err != nil && fairlead.KindOf(err) != fairlead.KindConflict {
				return err
			}
		}
	}
}

// waits gives the error with which a command leaves a run that waits; nil when
// it does not, or is to be followed all the same.
func (c *commands) waits(ctx context.Context, ctl Control, show *progress) error {
	if c.stay || !show.waiting {
		return nil
	}
	run, err := show.rec.FindRun(ctx, show.runID)
	if err != nil {
		return nil //nolint:nilerr // what cannot be read is looked at again
	}
	w, err := ctl.Waits(ctx, run)
	if err != nil || w == nil {
		return nil //nolint:nilerr // as above
	}
	show.erase()
	if c.set.JSON {
		_ = c.line(map[string]any{"waiting": w, "run": run})
	}
	return waitError{show.runID, *w}
}

// waitFlag lets a command follow a run that waits.
func (c *commands) waitFlag(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&c.stay, "wait", false, "stay while the run waits for people or for a freeze to end")
}

// troubled remembers since when the record is out of reach.
type troubled struct {
	since, last time.Time
	err         error
}

// lasting notes a failure and tells whether failures have gone on for too long.
func (t *troubled) lasting(err error) bool {
	at := time.Now()
	if at.Sub(t.last) > patience {
		t.since = at
	}
	t.last, t.err = at, err
	return at.Sub(t.since) > patience
}

func (t *troubled) problem(runID string) error {
	return &fairlead.Problem{
		Op: "run " + runID, Kind: fairlead.KindUnavailable, Err: t.err,
		Hint: "nothing is lost: mend it, then `fairlead resume " + runID + "`",
	}
}

// ended writes how a run ended and gives the error that sets the exit code.
func (c *commands) ended(ctx context.Context, show *progress, run fairlead.Run) error {
	show.done(run)
	if run.Result == fairlead.ResultSuccess {
		if at := show.rec.Address(ctx, run); at != "" {
			show.say("         live at " + at)
		}
		return nil
	}
	return runError{run}
}

// runError is the ending of a run that did not succeed; its text was already shown.
type runError struct{ run fairlead.Run }

func (e runError) Error() string {
	return fmt.Sprintf("run %s ended with %s", e.run.ID, e.run.Result)
}

// Unwrap gives a problem whose kind sets the exit code and whose hint helps.
func (e runError) Unwrap() error {
	kind, hint := fairlead.KindFailed, "`fairlead why "+e.run.ID+"` explains, `fairlead retry "+e.run.ID+"` tries again"
	switch {
	case e.run.Superseded != "":
		kind, hint = fairlead.KindCancelled, "`fairlead watch "+e.run.Superseded+"` follows the run that goes instead; `fairlead retry "+e.run.ID+"` releases this one all the same"
	case e.run.Result == fairlead.ResultCancellation:
		kind = fairlead.KindCancelled
	case e.run.Fault != nil:
		kind = e.run.Fault.Kind
		if e.run.Fault.Hint != "" {
			hint = e.run.Fault.Hint + " (`fairlead why " + e.run.ID + "` explains)"
		}
	}
	return &fairlead.Problem{Op: "run " + e.run.ID, Kind: kind, Err: errors.New(e.run.Reason), Hint: hint}
}
