package external

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"fairlead.dev"
	"fairlead.dev/command"
	"fairlead.dev/step"
)

// Bounds of what is kept of a program's words.
const (
	tailBytes  = 16 << 10
	tailLines  = 12
	askVersion = time.Minute
)

// program is one run of a scanner on its way.
type program struct {
	in     step.In
	config Config
	tool   tool
}

// run runs the scanner and reads its report. A scanner that is not there makes
// the step skipped, unless it is required.
func (p program) run(ctx context.Context) (step.Out, error) {
	if p.tool.running && p.in.Endpoint == "" {
		return step.Out{Outcome: step.Skipped, Reason: "no release is running that " + p.config.Tool + " could look at: it belongs into `phase: preview`"}, nil
	}
	version, err := p.version(ctx)
	if fairlead.KindOf(err) == fairlead.KindNotFound {
		reason := fmt.Sprintf("%s is not installed: there is no program %s", p.name(), p.tool.program)
		if p.config.Required {
			return step.Out{Outcome: step.Failed, Reason: reason}, nil
		}
		return step.Out{Outcome: step.Skipped, Reason: reason}, nil
	}
	if err != nil {
		return step.Out{}, err
	}
	fmt.Fprintf(p.in.Output, "%s %s\n", p.name(), version)
	at := places{report: filepath.Join(p.in.Scratch, p.tool.file), scratch: p.in.Scratch, target: p.config.Target, endpoint: p.in.Endpoint}
	_ = os.Remove(at.report) // of an attempt before
	extra := p.tool.extras(p.config.Extra)
	if p.tool.prepare != nil {
		if out, err := p.command(ctx, at.fill(p.tool.prepare(p.config), nil), ""); err != nil || out.Outcome != "" {
			return out, err
		}
	}
	out, err := p.command(ctx, at.fill(p.tool.args, extra), at.report)
	if err != nil || out.Outcome != "" {
		return out, err
	}
	return p.read(ctx, version)
}

// name is what people call the scanner.
func (p program) name() string {
	if p.config.Tool != "" {
		return p.config.Tool
	}
	return filepath.Base(p.tool.program)
}

// spec is what every command of a scanner has in common.
func (p program) spec(args []string) command.Spec {
	return command.Spec{
		Args: args, Dir: p.in.Workspace, Env: p.in.Env, Hide: p.in.Hide, ReadOnly: p.in.ReadOnly, Writable: []string{p.in.Scratch},
		Timeout: p.config.Time.D(), Offline: !p.config.Network,
		Limits: command.Limits{Memory: int64(p.config.MaxMiB) << 20},
	}
}

var versionIn = regexp.MustCompile(`[0-9]+\.[0-9]+(\.[0-9]+)*([-+][0-9A-Za-z.+-]+)?`)

// version asks the scanner for its version. One that does not tell has none.
func (p program) version(ctx context.Context) (string, error) {
	var said bytes.Buffer
	s := p.spec(append([]string{p.tool.program}, p.tool.version...))
	s.Timeout = min(s.Timeout, askVersion)
	s.Output = &limited{w: &said, left: tailBytes}
	r, err := command.Run(ctx, s)
	if err != nil {
		return "", err
	}
	if r.Cancelled {
		return "", r.Interrupted()
	}
	return versionIn.FindString(said.String()), nil
}

// limited keeps the beginning of what is written.
type limited struct {
	w    io.Writer
	left int
}

// Write takes everything and keeps what there is room for.
func (l *limited) Write(b []byte) (int, error) {
	n := min(len(b), l.left)
	l.left -= n
	if _, err := l.w.Write(b[:n]); err != nil {
		return 0, err
	}
	return len(b), nil
}

// command runs one command of the scanner. An outcome is how the step ends; none
// means that the report is there, or that there is nothing to report.
func (p program) command(ctx context.Context, args []string, reported string) (step.Out, error) {
	args = append([]string{p.tool.program}, args...)
	if p.tool.stdout { // apart from what it complains of
		args = append([]string{"sh", "-c", `out=$1; shift; exec "$@" >"$out"`, "sh", reported}, args...)
	}
	tail := command.NewTail(tailBytes)
	s := p.spec(args)
	s.Output = io.MultiWriter(p.in.Output, tail)
	r, err := command.Run(ctx, s)
	if err != nil {
		return step.Out{}, err
	}
	if err := r.Interrupted(); err != nil {
		return step.Out{}, err
	}
	fine := r.Succeeded() || r.Signal == "" && r.Exceeded == "" && (slices.Contains(p.tool.found, r.ExitCode) || slices.Contains(p.tool.nothing, r.ExitCode))
	if !fine {
		reason := strings.TrimSpace(fmt.Sprintf("%s: %s\n%s", p.name(), r, tail.Lines(tailLines)))
		return step.Out{Outcome: step.Failed, Reason: command.Redact(reason, p.in.Secrets), Partial: true}, nil
	}
	if !slices.Contains(p.tool.nothing, r.ExitCode) {
		return step.Out{}, nil
	}
	if _, err := os.Stat(reported); err == nil {
		return step.Out{}, nil
	}
	return step.Out{Outcome: step.Skipped, Reason: p.name() + " found nothing that it could look at"}, nil
}

// read takes the report in. It need not be a file: whoever reads it looks.
func (p program) read(ctx context.Context, version string) (step.Out, error) {
	name := filepath.Join(p.in.Scratch, p.tool.file)
	_, err := os.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist) && p.tool.silent:
		err = os.WriteFile(name, nil, 0o600)
	case errors.Is(err, fs.ErrNotExist):
		return step.Out{Outcome: step.Failed, Reason: p.name() + " left no report", Partial: true}, nil
	}
	if err != nil {
		return step.Out{}, problem(fairlead.KindUnavailable, "", err)
	}
	c := Config{Tool: p.name(), Version: version, Report: p.tool.file, Format: p.config.Format, Roots: p.config.Roots, Time: p.config.Time}
	if c.Format == auto && len(p.config.Args) == 0 && p.tool.format != "" {
		c.Format = string(p.tool.format)
	}
	return take(ctx, p.in, p.in.Scratch, c)
}
