package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"fairlead.dev"
	"fairlead.dev/command"
	"fairlead.dev/step"
)

// Bounds of what a failed command leaves in its reason.
const (
	tailBytes = 16 << 10
	tailLines = 12
)

const opReport = "read test report"

// try is what one run of the command told.
type try struct {
	result command.Result
	tail   *command.Tail
	cases  []fairlead.TestCase
	broken []string // what failed besides cases: builds, crashes, missing reports
}

func (t try) failed() []fairlead.TestCase {
	var failed []fairlead.TestCase
	for _, c := range t.cases {
		if c.Result == fairlead.CaseFailed {
			failed = append(failed, c)
		}
	}
	return failed
}

// check refuses what the schema cannot express.
func (c Config) check() error {
	p := c.ReportFile
	switch {
	case p == "":
		return nil
	case !doublestar.ValidatePattern(p) || path.IsAbs(p) || slices.Contains(strings.Split(p, "/"), ".."):
		return &fairlead.Problem{
			Op: opReport, Kind: fairlead.KindInvalid, Err: fmt.Errorf("report-file %q is not a path or glob inside the checkout", p),
			Hint: "write it relative to the root of the repository, without ..",
		}
	case c.Report == reportNone:
		return &fairlead.Problem{
			Op: opReport, Kind: fairlead.KindInvalid, Err: errors.New("report-file is given but report is none"),
			Hint: "say in report which form the file has",
		}
	}
	return nil
}

// attempt runs the command once and reads its report.
func attempt(ctx context.Context, in step.In, cfg Config) (try, error) {
	root, err := os.OpenRoot(in.Workspace) // refuses links that lead out
	if err != nil {
		return try{}, &fairlead.Problem{Op: opReport, Kind: fairlead.KindInternal, Err: err}
	}
	defer root.Close()
	if cfg.ReportFile != "" {
		if err := removeStale(root, cfg.ReportFile); err != nil {
			return try{}, err
		}
	}
	t := try{tail: command.NewTail(tailBytes)}
	printed := io.WriteCloser(discard{})
	var parsed <-chan parsing
	if cfg.ReportFile == "" && cfg.Report != reportNone {
		printed, parsed = parseStream(cfg.Report)
	}
	t.result, err = command.Run(ctx, command.Spec{
		Shell: cfg.Run, Dir: in.Workspace, Env: in.Env, Hide: in.Hide, ReadOnly: in.ReadOnly, Output: io.MultiWriter(in.Output, t.tail, printed),
	})
	_ = printed.Close()
	var found parsing
	if parsed != nil {
		found = <-parsed
	}
	if err != nil {
		return try{}, err
	}
	if err := t.result.Interrupted(); err != nil {
		return try{}, err
	}
	if cfg.ReportFile != "" {
		found = parseFiles(root, cfg)
	}
	t.cases, t.broken = found.cases, found.broken
	for i := range t.cases {
		t.cases[i] = finish(t.cases[i], root, in.Secrets)
	}
	for i, text := range t.broken {
		t.broken[i] = command.Redact(firstLines(text, tailLines), in.Secrets)
	}
	return t, nil
}

// removeStale takes away reports of an earlier try, or of another machine.
func removeStale(root *os.Root, pattern string) error {
	files, err := reportFiles(root, pattern)
	for _, f := range files {
		err = errors.Join(err, root.Remove(f))
	}
	if err != nil {
		return &fairlead.Problem{Op: "remove old test report", Kind: fairlead.KindUnavailable, Err: err}
	}
	return nil
}

func reportFiles(root *os.Root, pattern string) ([]string, error) {
	files, err := doublestar.Glob(root.FS(), path.Clean(pattern), doublestar.WithNoFollow(), doublestar.WithFilesOnly())
	slices.Sort(files)
	return files, err
}

// discard takes everything.
type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) Close() error                { return nil }
