package cli

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"fairlead.dev"
)

// ReplayQuery says what to replay and by which policy.
type ReplayQuery struct {
	File    string  // "-" = standard input
	Alpha   float64 // false alarms allowed, 0..1
	Margin  float64 // relative increase that not_worse rules out
	Horizon time.Duration
	WarmUp  time.Duration
	Share   float64 // of traffic meant for the canary, 0..1; 0 = not known
}

// Replayed is what the judge says of a recording.
type Replayed struct {
	Answer    fairlead.Answer         `json:"answer"`
	DecidedAt *float64                `json:"decided_at"` // in the recording's seconds; null while undecided
	Metrics   []fairlead.MetricAnswer `json:"metrics"`
	Reason    string                  `json:"reason"`
	// SplitChecked tells whether the share of the traffic that was meant for the
	// canary was known, and held against what it got.
	SplitChecked bool `json:"split_checked"`
}

func (c *commands) judgeCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "judge", Short: "ask the judge about recorded traffic"}
	cmd.AddCommand(c.judgeReplayCommand())
	return cmd
}

func (c *commands) judgeReplayCommand() *cobra.Command {
	q := ReplayQuery{}
	cmd := &cobra.Command{
		Use:   "replay FILE",
		Short: "decide on recorded traffic of two releases, and explain",
		Long: "Reads JSON Lines, one object for each interval and arm, with the interval's own counts, in order of time:\n\n" +
			`  {"t": 60, "arm": "baseline", "requests": 300, "errors": 1, "latency": {"le": [0.1, 1], "count": [280, 299]}}` + "\n" +
			`  {"t": 60, "arm": "canary",   "requests": 298, "errors": 9, "latency": {"le": [0.1, 1], "count": [275, 297]}}` + "\n\n" +
			"t is in seconds, from any origin; latency may be left out; an arm that is missing at a time is a missing\n" +
			"scrape. FILE may be - for standard input. Exits with 0 for not_worse, 1 for worse, 3 for undecided, since\n" +
			"then a person has to decide.",
		Example: "  fairlead judge replay canary.jsonl\n  fairlead judge replay --alpha 0.001 --margin 0.5 --json canary.jsonl",
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			q.File = args[0]
			if err := q.check(); err != nil {
				return err
			}
			r, err := c.Replay(q)
			if err != nil {
				return err
			}
			r.SplitChecked = q.Share > 0
			return c.answer(r)
		},
	}
	f := cmd.Flags()
	f.Float64Var(&q.Alpha, "alpha", 0.01, "how many healthy releases may be called worse, over all metrics and looks")
	f.Float64Var(&q.Margin, "margin", 1, "relative increase that not_worse rules out; 1 is twice as bad")
	f.DurationVar(&q.Horizon, "horizon", 0, "how long the analysis is planned to take; what comes later is not judged (default: an hour, and all is judged)")
	f.DurationVar(&q.WarmUp, "warm-up", 0, "time at the beginning that is not judged")
	f.Float64Var(&q.Share, "share", 0, "share of traffic that was meant for the canary; with it the split is checked")
	return cmd
}

// check refuses numbers that no policy can have.
func (q ReplayQuery) check() error {
	switch {
	case !(q.Alpha > 0 && q.Alpha < 1):
		return usage(fmt.Errorf("--alpha: want more than 0 and less than 1 (got %v)", q.Alpha))
	case !(q.Margin > 0 && q.Margin <= 20):
		return usage(fmt.Errorf("--margin: want more than 0 and at most 20 (got %v)", q.Margin))
	case q.Horizon < 0:
		return usage(fmt.Errorf("--horizon: want no less than 0 (got %v)", q.Horizon))
	case q.WarmUp < 0:
		return usage(fmt.Errorf("--warm-up: want no less than 0 (got %v)", q.WarmUp))
	case !(q.Share >= 0 && q.Share < 1):
		return usage(fmt.Errorf("--share: want from 0 to less than 1 (got %v)", q.Share))
	}
	return nil
}

// answer writes what the judge says. What is worse or undecided is the
// command's exit code too, without being a problem of its own.
func (c *commands) answer(r Replayed) error {
	var err error
	if c.set.JSON {
		err = c.encode(r)
	} else {
		err = c.writeAnswer(r)
	}
	if err != nil {
		return err
	}
	switch r.Answer {
	case fairlead.AnswerWorse:
		return said{fairlead.ExitFailed}
	case fairlead.AnswerUndecided:
		return said{fairlead.ExitWaiting}
	default:
		return nil
	}
}

func (c *commands) writeAnswer(r Replayed) error {
	at := ""
	if r.DecidedAt != nil {
		at = fmt.Sprintf(" at %gs", *r.DecidedAt)
	}
	fmt.Fprintf(c.Out, "%s%s: %s\n", strings.ReplaceAll(string(r.Answer), "_", " "), at, r.Reason)
	t := tabwriter.NewWriter(c.Out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "metric\tanswer\teffect\tinterval\te-value\tworse from")
	for _, m := range r.Metrics {
		if m.Alpha == 0 {
			continue // needs no statistics
		}
		fmt.Fprintf(t, "%s\t%s\t%.3g\t%.3g to %.3g\t%.3g\t%.3g\n", m.Name, m.Answer, m.Effect, m.Interval[0], m.Interval[1], m.EValue, 1/m.Alpha)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if !r.SplitChecked {
		fmt.Fprintln(c.Out, "the split of traffic was not checked: --share says what was meant for the new release")
	}
	return nil
}
