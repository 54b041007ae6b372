// Package command runs one command of a task safely: in a clean environment,
// in a process tree that is killed whole, out of sight of the directories it
// must not read, and unable to change those it must not write.
//
// What it can still reach is the rest of the machine as its user: the network,
// and HOME, which is shared so that caches work. A command can leave a
// ~/.gitconfig or a ~/.profile there that the user's own programs read later.
//
// A command never runs as a direct child. The program starts itself again as a
// guard, a small process whose only work is to watch the command and its
// maker: when the command ends, everything it left behind is killed; when the
// maker dies, even by kill -9, the command dies with it. A program that runs
// commands therefore calls [Guard] first in main, and a test binary first in
// TestMain.
package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"fairlead.dev"
)

// DefaultGrace is how long a command has between TERM and KILL when its Spec
// does not say.
const DefaultGrace = 5 * time.Second

// Spec says what to run and how. Exactly one of Shell and Args is set.
//
// Hide and ReadOnly name absolute directories that exist; ReadOnly may name
// files too. A hidden directory is empty for the command, a read-only one cannot
// be changed by it, and neither they nor the directories above them can be
// renamed or removed by it. What is read-only below a hidden one is there to
// read. Dir and what is Writable, when they lie below one of them, are there as
// they are and can be written.
type Spec struct {
	Shell    string        // a script for "sh -e -c": it ends at the first command that fails
	Args     []string      // or an argument vector; Args[0] is looked up in the PATH of Env
	Dir      string        // absolute working directory
	Env      []string      // "NAME=value": the complete environment
	Hide     []string      // directories that the command must not see
	ReadOnly []string      // directories that it must not change
	Writable []string      // directories that it may change, though around them it may not
	Output   io.Writer     // stdout and stderr as they come; nil discards. A slow writer slows the command
	Timeout  time.Duration // 0: as long as the context allows
	Grace    time.Duration // between TERM and KILL; 0: DefaultGrace
	Input    string        // absolute path of the file that is its standard input; "": nothing to read
	Offline  bool          // in a network of its own that leads nowhere
	Sealed   bool          // whatever it sees is read-only, but for Dir and Writable, and it has no sockets but those of a network
	Landlock bool          // of a sealed command: by Landlock and a filter of system calls instead of namespaces, which may not be made everywhere. It sees names, though no content, of what is hidden
	Limits   Limits
}

// Limits end a command that takes more. A limit of 0 is none.
type Limits struct {
	Memory int64         // bytes that all its processes hold together, without mapped files
	CPU    time.Duration // of all its processes together, in whole seconds
	File   int64         // bytes of the largest file it may write
}

// What a command can be ended for taking too much of.
const (
	ExceededMemory = "memory"
	ExceededCPU    = "processor time"
)

// Result is how a command ended.
type Result struct {
	ExitCode  int    // -1 when a signal ended it
	Signal    string // "killed", "terminated"; "" when it exited
	Duration  time.Duration
	TimedOut  bool   // Timeout or the context's deadline passed
	Cancelled bool   // the context was cancelled
	Peak      int64  // bytes of the largest process of the tree; never less than the guard's own, about 15 MB
	Exceeded  string // the limit for which it was ended: ExceededMemory, ExceededCPU; "" for none
}

// Succeeded tells whether the command did all it was asked to.
func (r Result) Succeeded() bool {
	return r.ExitCode == 0 && r.Signal == "" && !r.TimedOut && !r.Cancelled && r.Exceeded == ""
}

// String says in words how the command ended: "exit code 2", "killed".
func (r Result) String() string {
	switch {
	case r.TimedOut:
		return fmt.Sprintf("timed out after %s", r.Duration.Round(time.Millisecond))
	case r.Cancelled:
		return "cancelled"
	case r.Exceeded != "":
		return "ended for taking too much " + r.Exceeded
	case r.Signal != "":
		return "ended by signal: " + r.Signal
	}
	return fmt.Sprintf("exit code %d", r.ExitCode)
}

// Interrupted is nil for a command that ended by itself, and otherwise the
// KindTimeout or KindCancelled problem that its step ends with.
func (r Result) Interrupted() error {
	switch {
	case r.TimedOut:
		return &fairlead.Problem{
			Op: opRun, Kind: fairlead.KindTimeout, Err: errors.New(r.String()),
			Hint: "see where its output stops; raise the task's timeout if it needs longer",
		}
	case r.Cancelled:
		return &fairlead.Problem{Op: opRun, Kind: fairlead.KindCancelled, Err: errors.New("cancelled")}
	}
	return nil
}

const opRun = "run command"

// Run runs the command and waits until it and everything it started are gone.
// The error is for a command that could not be run: KindInvalid for a bad
// Spec, KindNotFound and KindDenied for a program that is missing or not
// executable, KindUnavailable when Hide and ReadOnly cannot be honoured on this machine. A
// command that ran and failed is a Result.
func Run(ctx context.Context, s Spec) (Result, error) {
	s, err := s.prepare()
	if err != nil {
		return Result{}, err
	}
	if err := ctx.Err(); err != nil {
		return Result{ExitCode: -1, Cancelled: errors.Is(err, context.Canceled), TimedOut: errors.Is(err, context.DeadlineExceeded)}, nil
	}
	return run(ctx, s, false)
}

// Isolation tells what hiding is available here: "namespace", or "none" with
// the reason as a KindUnavailable problem.
func Isolation() (kind string, err error) {
	dir, err := os.MkdirTemp("", "fairlead-isolation-")
	if err != nil {
		return "none", &fairlead.Problem{Op: "probe isolation", Kind: fairlead.KindUnavailable, Err: err}
	}
	defer os.Remove(dir)
	if err := Probe(Spec{Hide: []string{dir}}); err != nil {
		return "none", err
	}
	return "namespace", nil
}

// Probe tells whether what the spec asks of a command's surroundings can be had
// on this machine, without running anything: nil, or the reason as a
// KindUnavailable problem. Dir may be left out.
func Probe(s Spec) error {
	s.Shell, s.Args = "", []string{"probe"}
	if s.Dir == "" {
		s.Dir = "/"
	}
	s, err := s.prepare()
	if err == nil {
		_, err = run(context.Background(), s, true)
	}
	return err
}

// prepare checks the spec and fills in its defaults.
func (s Spec) prepare() (Spec, error) {
	if (s.Shell == "") == (len(s.Args) == 0) {
		return s, invalid("either a shell script or arguments must be given, not both")
	}
	if s.Shell != "" {
		s.Args = []string{"sh", "-e", "-c", s.Shell}
	}
	for _, v := range slices.Concat(s.Args, s.Env) {
		if strings.ContainsRune(v, 0) {
			return s, invalid("arguments and environment must not contain a zero byte")
		}
	}
	if !filepath.IsAbs(s.Dir) {
		return s, invalid(fmt.Sprintf("working directory %q is not absolute", s.Dir))
	}
	if info, err := os.Stat(s.Dir); err != nil {
		return s, &fairlead.Problem{Op: opRun, Kind: fairlead.KindNotFound, Err: fmt.Errorf("working directory: %w", err)}
	} else if !info.IsDir() {
		return s, invalid(fmt.Sprintf("working directory %s is not a directory", s.Dir))
	}
	if s.Input != "" && !filepath.IsAbs(s.Input) {
		return s, invalid(fmt.Sprintf("input %q is not absolute", s.Input))
	}
	if s.Sealed && s.Dir == "/" && s.Args[0] != "probe" {
		return s, invalid("a sealed command needs a working directory of its own")
	}
	if s.Landlock && !s.Sealed {
		return s, invalid("only a sealed command can do with Landlock")
	}
	if s.Output == nil {
		s.Output = io.Discard
	}
	if s.Grace <= 0 {
		s.Grace = DefaultGrace
	}
	return s, nil
}

func invalid(text string) error {
	return &fairlead.Problem{Op: opRun, Kind: fairlead.KindInvalid, Err: errors.New(text)}
}
