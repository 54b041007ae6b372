// Package cli is the command line: one file per command. It parses words,
// asks the rooms it is wired to, and renders what they answer; it decides
// nothing and touches no store.
package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"fairlead.dev"
	"fairlead.dev/record"
)

// Stdio is where a command reads and writes.
type Stdio struct {
	In       io.Reader
	Out, Err io.Writer
}

// Settings are the flags every command has.
type Settings struct {
	Dir      string // where the repository is
	State    string // where state is kept; "" = .fairlead at the repository's top
	Database string // "" = SQLite below State
	VulnDB   string // file with the known vulnerabilities; "" = vulndb.sqlite below State
	JSON     bool
	Verbose  bool
}

// Run executes one command line, writes what it has to say, and gives the exit
// code: 0 passed, 1 a gate or the work failed, 2 usage or configuration,
// 3 waiting for a human, 4 the infrastructure failed.
func Run(ctx context.Context, args []string, io Stdio, app App) int {
	c := &commands{App: app, Stdio: io}
	root := c.root()
	root.SetArgs(args)
	root.SetIn(io.In)
	root.SetOut(io.Out)
	root.SetErr(io.Err)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return fairlead.ExitPassed
	}
	var s said
	if errors.As(err, &s) {
		return s.code
	}
	c.report(err)
	return fairlead.ExitCode(err)
}

// said ends a command whose answer has been written and is its exit code too.
type said struct{ code int }

func (s said) Error() string { return fmt.Sprintf("exit code %d", s.code) }

// commands holds what the commands share.
type commands struct {
	App
	Stdio
	set    Settings
	stream bool // what is written is one JSON object a line, to its end
	stay   bool // a run that waits is followed all the same
}

func (c *commands) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "fairlead",
		Short: "take every change from commit to a judged, recorded release",
		Long: "Fairlead works out for every change which environment it is for, what must be proven about it and how\n" +
			"to release it; runs that as one durable graph; refuses with a reason and a fix; and keeps the record.",
		SilenceErrors: true, SilenceUsage: true,
		Version: c.App.Version,
	}
	root.SetVersionTemplate("fairlead {{.Version}}\n")
	f := root.PersistentFlags()
	f.StringVarP(&c.set.Dir, "dir", "C", ".", "directory of the repository")
	f.StringVar(&c.set.State, "state", "", "directory where state is kept (default: .fairlead at the repository's top)")
	f.StringVar(&c.set.Database, "database", "", "PostgreSQL URL; without it SQLite in the state directory (env FAIRLEAD_DATABASE)")
	f.StringVar(&c.set.VulnDB, "vulndb", "", "file with the known vulnerabilities; without it vulndb.sqlite in the state directory (env FAIRLEAD_VULNDB)")
	f.BoolVar(&c.set.JSON, "json", false, "write JSON")
	f.BoolVarP(&c.set.Verbose, "verbose", "v", false, "log what happens inside to standard error")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return mistyped(err, nearFlags(cmd, err))
	})
	root.AddCommand(
		c.planCommand(), c.runCommand(), c.statusCommand(), c.whyCommand(), c.logsCommand(), c.watchCommand(),
		c.envCommand(), c.promoteCommand(), c.evidenceCommand(), c.cancelCommand(), c.retryCommand(), c.resumeCommand(), c.rollbackCommand(),
		c.approveCommand(), c.rejectCommand(), c.freezeCommand(), c.breakGlassCommand(),
		c.configCommand(), c.explainCommand(), c.doctorCommand(), c.serveCommand(), c.vulndbCommand(), c.agentCommand(), c.judgeCommand(),
		c.scanCommand(), c.fixCommand(), c.sbomCommand(), c.findingsCommand(), c.exceptionCommand(), c.gateCommand(),
	)
	for _, sub := range root.Commands() {
		strictArgs(sub)
	}
	group(root)
	return root
}

// group makes a command that only has subcommands refuse an unknown one.
func group(cmd *cobra.Command) {
	cmd.Args = cobra.ArbitraryArgs
	cmd.SuggestionsMinimumDistance = typos
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			near := cmd.SuggestionsFor(args[0])
			for i, name := range near {
				near[i] = cmd.CommandPath() + " " + name
			}
			return mistyped(fmt.Errorf("unknown command %q", strings.Join(append(strings.Fields(cmd.CommandPath())[1:], args[0]), " ")), near)
		}
		return cmd.Help()
	}
}

// strictArgs makes a wrong number of arguments a usage problem like any other.
func strictArgs(cmd *cobra.Command) {
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return usage(fmt.Errorf("%s: %w", cmd.CommandPath(), err))
			}
			return nil
		}
	}
	for _, sub := range cmd.Commands() {
		strictArgs(sub)
	}
	if cmd.HasSubCommands() && !cmd.Runnable() {
		group(cmd)
	}
}

func usage(err error) error { return mistyped(err, nil) }

// typos is by how many letters a word may differ from what it is taken for.
const typos = 2

// mistyped is a usage problem with what was probably meant.
func mistyped(err error, near []string) error {
	hint := "`fairlead help` lists the commands, `fairlead COMMAND --help` its flags"
	if len(near) > 0 {
		hint = "did you mean `" + strings.Join(near, "` or `") + "`? " + hint
	}
	return &fairlead.Problem{Op: "read command line", Kind: fairlead.KindInvalid, Err: err, Hint: hint}
}

// nearFlags gives the flags of a command that look like one it does not have, as
// cobra finds commands: none when err is about something else.
func nearFlags(cmd *cobra.Command, err error) []string {
	var about interface{ GetSpecifiedName() string }
	if !errors.As(err, &about) || len(about.GetSpecifiedName()) < typos || cmd.Flags().Lookup(about.GetSpecifiedName()) != nil {
		return nil
	}
	names := &cobra.Command{SuggestionsMinimumDistance: typos}
	add := func(f *pflag.Flag) {
		if !f.Hidden {
			names.AddCommand(&cobra.Command{Use: f.Name, Run: func(*cobra.Command, []string) {}})
		}
	}
	cmd.Flags().VisitAll(add)
	near := names.SuggestionsFor(about.GetSpecifiedName())
	for i, name := range near {
		near[i] = "--" + name
	}
	return near
}

// report writes a problem for people, or as JSON when that was asked for.
func (c *commands) report(err error) {
	if c.set.JSON {
		problem := map[string]any{"problem": fairlead.FaultOf(err)}
		said := c.encode
		if c.stream {
			said = c.line
		}
		if said(problem) == nil {
			return
		} // else nobody reads it there
	}
	fmt.Fprintf(c.Err, "fairlead: %s\n", strings.Join(record.Printable(strings.Split(strings.TrimSpace(err.Error()), "\n")), "\n"))
	if hint := fairlead.HintOf(err); hint != "" {
		fmt.Fprintf(c.Err, "hint: %s\n", hint)
	}
}

// encode writes v as one JSON document.
func (c *commands) encode(v any) error {
	e := json.NewEncoder(c.Out)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// line writes one JSON object on one line, for streams of events.
func (c *commands) line(v any) error {
	c.stream = true
	e := json.NewEncoder(c.Out)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}
