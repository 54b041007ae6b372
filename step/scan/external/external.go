// Package external is the step type scan.external: it takes in what another
// scanner found, by running its program or by reading the report that it left.
package external

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"fairlead.dev"
	"fairlead.dev/command"
	"fairlead.dev/report"
	"fairlead.dev/step"
)

// Name is the step type's name, and the tool of its findings.
const Name = "scan.external"

// version is that of the readers: raise it when they find something else.
const version = "1"

//go:embed external.md
var doc string

// Config is the step's configuration.
type Config struct {
	Tool     string            `json:"tool" doc:"scanner that is run" enum:"semgrep,opengrep,codeql,trivy,grype,osv-scanner,checkov,kics,snyk,zap,nuclei"`
	Program  string            `json:"program" doc:"program that is run, by its name or its path in the workspace (default: the scanner's own)" example:"tools/trivy"`
	Args     []string          `json:"args" doc:"arguments instead of the scanner's own; {report}, {scratch}, {target} and {endpoint} stand for places" example:"[image, --format=json, --output={report}, shop.tar]"`
	Extra    []string          `json:"extra" doc:"further arguments" example:"[--config=rules]"`
	Target   string            `json:"target" doc:"what is looked at, in the workspace"`
	Found    []int             `json:"found" doc:"exit codes beside 0 that say that something was found (default: the scanner's own)" example:"[1]"`
	Required bool              `json:"required" doc:"whether a scanner that is not installed is a failure, and no skipped task"`
	Network  bool              `json:"network" doc:"whether the scanner may use the network"`
	MaxMiB   int               `json:"max-mib" doc:"memory that the scanner may take" min:"16" max:"262144"`
	Time     fairlead.Duration `json:"time" doc:"how long the scanner may take"`
	Report   string            `json:"report" doc:"path of a report in the workspace that is read instead of running anything" example:"reports/semgrep.sarif"`
	Version  string            `json:"version" doc:"version of the scanner whose report is read, where it does not tell it" example:"1.2.3"`
	Format   string            `json:"format" doc:"format of the report: auto tells it by the content" enum:"auto,sarif,cyclonedx,osv-scanner,trivy,grype,checkov,kics,zap,nuclei,snyk"`
	Roots    []string          `json:"roots" doc:"absolute directories that paths in the report are below, where it was made elsewhere" example:"[/src]"`
}

// Type describes scan.external.
func Type() step.Type {
	return step.Type{
		Name: Name, Version: version,
		Title:    "take in what another scanner found",
		Doc:      doc,
		Needs:    step.Needs{Workspace: true, Network: true, Memory: 4096},
		Produces: []string{fairlead.PredicateScan},
		Config: Config{
			Args: []string{}, Extra: []string{}, Found: []int{}, Target: ".", Network: true, MaxMiB: 4096,
			Time: fairlead.Duration(30 * time.Minute), Format: auto, Roots: []string{},
		},
		Run: run,
	}
}

const auto = "auto"

func run(ctx context.Context, in step.In) (step.Out, error) {
	c := step.ConfigOf[Config](in)
	if err := c.check(); err != nil {
		return step.Out{}, err
	}
	if err := ctx.Err(); err != nil {
		return step.Out{}, problem(fairlead.KindCancelled, "", err)
	}
	if c.Report == "" {
		return program{in: in, config: c, tool: c.known()}.run(ctx)
	}
	return take(ctx, in, in.Workspace, c)
}

// Bounds of the process that reads a report.
const (
	readMemory = 1536 // MiB
	readTime   = 10 * time.Minute
)

// take takes the report of a config in, which lies in a directory. A report is
// what a stranger wrote, so it is read in a child process where there are any.
func take(ctx context.Context, in step.In, dir string, c Config) (step.Out, error) {
	ctx, done := context.WithTimeout(ctx, readTime)
	defer done()
	c.Roots = append(slices.Clone(c.Roots), in.Workspace)
	alone := in
	alone.Workspace, alone.Config, alone.Confine = dir, c, nil
	if in.Confine == nil {
		return readReport(alone)
	}
	alone.Scratch = filepath.Join(in.Scratch, "read") // what lies beside it, the report too, is not to be changed
	if err := os.MkdirAll(alone.Scratch, 0o700); err != nil {
		return step.Out{}, problem(fairlead.KindUnavailable, "is the disk full or read-only?", err)
	}
	reader := Type()
	reader.Run = nil
	reader.Needs = step.Needs{Workspace: true, Confined: true, Memory: readMemory}
	out, err := in.Confine(ctx, reader, alone)
	for i := range out.Findings { // the child knows no secrets
		redact(&out.Findings[i], in.Secrets)
	}
	return out, err
}

// readReport reads the report of the step's config in its workspace.
func readReport(in step.In) (step.Out, error) {
	c := step.ConfigOf[Config](in)
	root, err := os.OpenRoot(in.Workspace)
	if err != nil {
		return step.Out{}, problem(fairlead.KindUnavailable, "", err)
	}
	defer root.Close()
	b, err := read(root, c.Report)
	if err != nil {
		return step.Out{}, err
	}
	r, err := report.Read(b, c.options())
	if err != nil {
		return step.Out{}, err
	}
	return conclude(in, r), nil
}

// check refuses what the schema cannot.
func (c Config) check() error {
	switch {
	case c.Time <= 0:
		return problem(fairlead.KindInvalid, "say time: 30m", errors.New("time: a scanner needs some"))
	case c.Report == "" && c.Tool == "" && c.Program == "":
		return problem(fairlead.KindInvalid, "say tool: semgrep, or report: reports/tool.sarif", errors.New("there is neither a scanner nor a report"))
	case c.Report == "" && c.Tool == "" && len(c.Args) == 0:
		return problem(fairlead.KindInvalid, "say tool, for the arguments of a scanner that is known", errors.New("args: a program needs some"))
	case c.Report == "" && c.Version != "":
		return problem(fairlead.KindInvalid, "leave it out", errors.New("version: a scanner that is run is asked for it"))
	case c.Report != "" && (c.Program != "" || len(c.Args)+len(c.Extra)+len(c.Found) > 0):
		return problem(fairlead.KindInvalid, "leave either out", errors.New("report: nothing is run where a report is read"))
	}
	return nil
}

func (c Config) options() report.Options {
	o := report.Options{Tool: c.Tool, Version: c.Version, Roots: c.Roots}
	if c.Format != auto {
		o.Format = report.Format(c.Format)
	}
	return o
}

// read gives the content of a file below root, which is never left.
func read(root *os.Root, name string) ([]byte, error) {
	f, err := root.Open(name)
	if err != nil {
		hint := ""
		if errors.Is(err, fs.ErrNotExist) {
			hint = "name a file of the workspace, as the source or an earlier task has left it"
		}
		return nil, problem(fairlead.KindInvalid, hint, err)
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err == nil && !info.Mode().IsRegular():
		err = fmt.Errorf("%s is no file", name)
	case err == nil && info.Size() > report.MaxBytes:
		err = fmt.Errorf("%s is larger than %d MiB", name, report.MaxBytes>>20)
	}
	if err != nil {
		return nil, problem(fairlead.KindInvalid, "", err)
	}
	b, err := io.ReadAll(io.LimitReader(f, report.MaxBytes+1))
	if err != nil {
		return nil, problem(fairlead.KindUnavailable, "", err)
	}
	return b, nil
}

// predicate is what the claim says about the scan.
type predicate struct {
	Tools    []string       `json:"tools"`
	Format   string         `json:"format"`
	Findings int            `json:"findings"`
	Rules    map[string]int `json:"rules"`   // findings by rule
	Excused  int            `json:"excused"` // by the tool
}

// conclude reports what was found. Findings do not fail the step: the gate
// decides what they mean. A tool that did not get through does.
func conclude(in step.In, r report.Report) step.Out {
	rules := map[string]int{}
	for i := range r.Findings {
		f := &r.Findings[i]
		f.Tool = Name
		redact(f, in.Secrets)
		rules[f.Rule]++
		fmt.Fprintf(in.Output, "%s: %s: %s (%s)\n", place(*f), f.Severity, f.Message, f.Rule)
	}
	reason := strings.Join(r.Tools, ", ")
	if !strings.HasPrefix(reason, string(r.Format)) {
		reason = strings.TrimPrefix(reason+", as "+string(r.Format), ", ")
	}
	if r.Excused > 0 {
		reason += fmt.Sprintf("; %d results left out as the tool was told to", r.Excused)
	}
	fmt.Fprintf(in.Output, "%s; %d findings, %d notes\n", reason, len(r.Findings), r.Notes)
	out := step.Out{
		Outcome: step.Done, Reason: reason, Findings: r.Findings, Partial: r.Failed != "" || r.Partial,
		Measurements: []fairlead.Measurement{
			{Name: "findings", Value: float64(len(r.Findings)), Unit: "1"},
			{Name: "excused", Value: float64(r.Excused), Unit: "1"},
			{Name: "notes", Value: float64(r.Notes), Unit: "1"},
		},
		Claims: []fairlead.Claim{{PredicateType: fairlead.PredicateScan, Predicate: step.Predicate(predicate{
			Tools: r.Tools, Format: string(r.Format), Findings: len(r.Findings), Rules: rules, Excused: r.Excused,
		})}},
	}
	if r.Failed != "" {
		out.Outcome, out.Reason = step.Failed, "the tool did not get through: "+r.Failed
	}
	return out
}

func redact(f *fairlead.Finding, secrets []string) {
	for _, text := range []*string{&f.Message, &f.Fix, &f.Resource, &f.Rule, &f.Location.Path} {
		*text = command.Redact(*text, secrets)
	}
}

// place is where a finding is, for people.
func place(f fairlead.Finding) string {
	switch {
	case f.Location.Line > 0:
		return fmt.Sprintf("%s:%d", f.Location.Path, f.Location.Line)
	case f.Location.Path != "":
		return f.Location.Path
	case f.Resource != "":
		return f.Resource
	}
	return f.Component.PURL
}

func problem(kind fairlead.Kind, hint string, err error) error {
	return &fairlead.Problem{Op: "take in another scanner's findings", Kind: kind, Hint: hint, Err: err}
}
