package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"fairlead.dev"
	"fairlead.dev/record"
)

// ScanQuery says what to scan, and for what.
type ScanQuery struct {
	Path     string   // or reference of an image; "" = the current directory
	Only     []string // engines; empty: all
	Ignored  bool     // files that git ignores, too
	Defaults bool     // what fairlead.yaml says of the engines does not count
	SARIF    string   // file to be written; "" = none
	Platform string   // of an image for several, "" = linux/amd64
	From     []string // files that other scanners reported into
	Base     string   // path or reference of the base image, "scratch", or "" when it is not known
}

// Scanner runs the engines over a tree.
type Scanner interface {
	// Words are what --only may name.
	Words() []string
	// Scan tells each engine's end as soon as it is there.
	Scan(ctx context.Context, q ScanQuery, said func(Engine)) (Scanned, error)
}

// Engine is how one engine of a scan ended.
type Engine struct {
	Name     string          `json:"engine"`
	Type     string          `json:"type"`
	Version  string          `json:"version,omitempty"`
	Result   fairlead.Result `json:"result"`
	Reason   string          `json:"reason,omitempty"`
	Findings int             `json:"findings"`
	Seconds  float64         `json:"seconds"`
}

// Scanned is what a scan found.
type Scanned struct {
	Path       string               `json:"path"`
	Service    string               `json:"service"`
	Commit     string               `json:"commit,omitempty"` // that the files are based on
	Engines    []Engine             `json:"engines"`
	Advisories *fairlead.Advisories `json:"advisories,omitempty"`
	Findings   []fairlead.Tracked   `json:"findings"` // heaviest first
	Summary    []SeverityCount      `json:"summary"`

	Lines []string `json:"-"` // for people
}

// SeverityCount counts the findings of one severity that nothing excuses.
type SeverityCount struct {
	Severity fairlead.Severity `json:"severity"`
	Count    int               `json:"count"`
	Overdue  int               `json:"overdue"`
	Excused  int               `json:"excused"`      // by an exception, beside Count
	Due      string            `json:"due,omitzero"` // of the most urgent one, RFC 3339
}

func (c *commands) scanCommand() *cobra.Command {
	var q ScanQuery
	var failOn string
	cmd := &cobra.Command{
		Use:   "scan [PATH|IMAGE|URL]",
		Short: "run every scanner over a tree, an image or a running service, as it is now",
		Long: "Copies the files below PATH and runs all engines over the copy: secrets, vulnerable dependencies (sca),\n" +
			"flaws in Go code (sast), their licences, and infrastructure as code (iac). The engines are built in and need no network; sca needs the database that\n" +
			"`fairlead vulndb import` makes, and is skipped without one. In a git checkout what git ignores is left out.\n\n" +
			"An IMAGE is an OCI layout directory, a tar file as docker save writes it, or a reference with its tag or digest,\n" +
			"which is fetched from its registry. It is looked into by image and sca.\n\n" +
			"A URL is a running service that may be attacked, such as http://127.0.0.1:8080: dast looks for flaws of it from\n" +
			"outside, within its host and within bounds. It sends GET and POST, and nothing that changes or removes by name.\n\n" +
			"--from takes in what other scanners reported, as SARIF or in their own formats, beside what the engines find: the\n" +
			"same thing seen by both is one finding.\n\n" +
			"A scan by hand remembers nothing: every finding is new, and due as if it had been found first now.",
		Example: "  fairlead scan\n  fairlead scan ../shop --only secrets,sca --sarif shop.sarif\n" +
			"  fairlead scan --from semgrep.sarif,trivy.json\n  fairlead scan --fail-on none --json",
		Args: cobra.MaximumNArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveFilterDirs
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			q.Path = first(args)
			limit, err := failsOn(failOn)
			if err != nil {
				return err
			}
			return c.scan(cmd.Context(), q, limit)
		},
	}
	f := cmd.Flags()
	f.StringSliceVar(&q.Only, "only", nil, "engines to run: image, secrets, sca, sast, iac, licences, dast, external (default: all that look at PATH)")
	f.BoolVar(&q.Ignored, "ignored", false, "scan the files that git ignores, too")
	f.BoolVar(&q.Defaults, "defaults", false, "leave out what the steps of fairlead.yaml say of the engines, as for a tree of somebody else's")
	f.StringSliceVar(&q.From, "from", nil, "reports of other scanners to be taken in; --only external reads nothing else")
	f.StringVar(&q.SARIF, "sarif", "", "write the findings as SARIF 2.1.0 to this file")
	f.StringVar(&q.Platform, "platform", "", "which image of one for several platforms (default linux/amd64)")
	f.StringVar(&q.Base, "base", "", "base image that the image was built from: path, reference or scratch (default: annotations and history tell)")
	f.StringVar(&failOn, "fail-on", "high", "lightest severity that makes the exit code 1: critical, high, medium, low or none; unknown counts as high")
	_ = cmd.RegisterFlagCompletionFunc("only", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return c.Scanner(c.set).Words(), cobra.ShellCompDirectiveNoFileComp
	})
	_ = cmd.RegisterFlagCompletionFunc("fail-on", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return failWords(), cobra.ShellCompDirectiveNoFileComp
	})
	return cmd
}

// scan runs the engines, tells progress on standard error, and what was found.
func (c *commands) scan(ctx context.Context, q ScanQuery, limit int) error {
	said := func(e Engine) {
		if !c.set.JSON {
			fmt.Fprintln(c.Err, engineLine(e))
		}
	}
	s, err := c.Scanner(c.set).Scan(ctx, q, said)
	if err != nil {
		return err
	}
	if c.set.JSON {
		err = c.encode(s)
	} else {
		for _, l := range s.Lines {
			fmt.Fprintln(c.Out, l)
		}
	}
	if err == nil && fails(s, limit) {
		err = c.done(fairlead.ExitFailed)
	}
	return err
}

func (c *commands) done(code int) error { return said{code} }

func engineLine(e Engine) string {
	line := fmt.Sprintf("%-9s %-8s %6.1fs  ", e.Name, e.Result, e.Seconds)
	switch {
	case e.Result != fairlead.ResultSuccess:
		line += strings.SplitN(e.Reason, "\n", 2)[0]
	case e.Findings == 1:
		line += "1 finding"
	default:
		line += fmt.Sprintf("%d findings", e.Findings)
	}
	if e.Result == fairlead.ResultSuccess && e.Reason != "" {
		line += "; " + strings.SplitN(e.Reason, "\n", 2)[0]
	}
	return record.Printable([]string{strings.TrimRight(line, " ")})[0]
}

// fails tells whether a scan is no success: something counts that weighs
// enough, or an engine did not get through.
func fails(s Scanned, limit int) bool {
	for _, e := range s.Engines {
		if e.Result != fairlead.ResultSuccess && e.Result != fairlead.ResultSkip {
			return true
		}
	}
	return slices.ContainsFunc(s.Summary, func(n SeverityCount) bool {
		weight := slices.Index(severities(), n.Severity)
		if n.Severity == fairlead.SeverityUnknown || weight < 0 {
			weight = slices.Index(severities(), fairlead.SeverityHigh)
		}
		return n.Count > 0 && weight <= limit
	})
}

func severities() []fairlead.Severity {
	return []fairlead.Severity{fairlead.SeverityCritical, fairlead.SeverityHigh, fairlead.SeverityMedium, fairlead.SeverityLow}
}

func failWords() []string { return []string{"critical", "high", "medium", "low", "none"} }

// failsOn reads --fail-on: the position of the lightest severity that counts, -1 for none.
func failsOn(word string) (int, error) {
	i := slices.Index(failWords(), word)
	if i < 0 {
		return 0, usage(errors.New("--fail-on takes " + strings.Join(failWords(), ", ")))
	}
	if word == "none" {
		return -1, nil
	}
	return i, nil
}
