// Package iac is the step type scan.iac: it judges Dockerfiles, Kubernetes
// manifests, Compose files, Terraform and workflows in the source by the
// checks of the room iac.
package iac

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"fairlead.dev"
	"fairlead.dev/iac"
	"fairlead.dev/step"
)

// Name is the step type's name.
const Name = "scan.iac"

//go:embed iac.md
var doc string

// Config is what a user sets.
type Config struct {
	Allow  []string `json:"allow" doc:"globs of paths that are not judged" example:"[examples/**]"`
	Checks []string `json:"checks" doc:"globs of Rego files in the source with checks of your own" example:"[policy/*.rego]"`
}

// Type is the step type.
func Type() step.Type {
	return step.Type{
		Name: Name, Version: "opa " + iac.Version() + " checks 1",
		Title:    "judge infrastructure in the source",
		Doc:      doc,
		Needs:    step.Needs{Workspace: true, Memory: 512, Confined: true},
		Produces: []string{fairlead.PredicateScan},
		Config:   Config{Allow: []string{}, Checks: []string{}},
		Run:      run,
	}
}

func run(ctx context.Context, in step.In) (step.Out, error) {
	c := step.ConfigOf[Config](in)
	for _, g := range append(slices.Clone(c.Allow), c.Checks...) {
		if !doublestar.ValidatePattern(g) {
			return step.Out{}, problem(fairlead.KindInvalid, "globs are like deploy/**/*.yaml", fmt.Errorf("%q is not a glob", g))
		}
	}
	root, err := os.OpenRoot(in.Workspace)
	if err != nil {
		return step.Out{}, problem(fairlead.KindInternal, "", err)
	}
	defer root.Close()
	r := reader{root: root, config: c, own: map[string]string{}}
	if err := fs.WalkDir(root.FS(), ".", r.visit(ctx)); err != nil {
		return step.Out{}, problem(kindOf(err), "", err)
	}
	checker, err := iac.New(ctx, r.own)
	if err != nil {
		return step.Out{}, err
	}
	report, err := checker.Check(ctx, r.files)
	if err != nil {
		return step.Out{}, err
	}
	out := step.Out{Outcome: step.Done, Findings: report.Findings}
	for i := range out.Findings {
		out.Findings[i].Tool, out.Findings[i].ToolVersion = Name, "opa "+iac.Version()
	}
	total := 0
	for _, kind := range []iac.Kind{iac.Actions, iac.Compose, iac.Dockerfile, iac.Kubernetes, iac.Terraform} {
		total += report.Judged[kind]
		fmt.Fprintf(in.Output, "%s: %d files\n", kind, report.Judged[kind])
	}
	for _, f := range out.Findings {
		fmt.Fprintf(in.Output, "%s:%d: %s: %s (%s)\n", f.Location.Path, f.Location.Line, f.Severity, f.Message, f.Rule)
	}
	out.Measurements = []fairlead.Measurement{
		{Name: "files_judged", Value: float64(total), Unit: "1"},
		{Name: "checks", Value: float64(len(checker.Rules())), Unit: "1"},
		{Name: "findings", Value: float64(len(out.Findings)), Unit: "1"},
	}
	out.Claims = []fairlead.Claim{{PredicateType: fairlead.PredicateScan, Predicate: step.Predicate(predicate{
		Scanner: "opa " + iac.Version(), Checks: len(checker.Rules()), Files: total, Findings: len(out.Findings), Rules: counts(out.Findings),
	})}}
	return out, nil
}

// predicate is what the claim says about the scan.
type predicate struct {
	Scanner  string         `json:"scanner"`
	Checks   int            `json:"checks"`
	Files    int            `json:"files"`
	Findings int            `json:"findings"`
	Rules    map[string]int `json:"rules"` // findings by rule
}

func counts(findings []fairlead.Finding) map[string]int {
	n := map[string]int{}
	for _, f := range findings {
		n[f.Rule]++
	}
	return n
}

// reader collects what is judged.
type reader struct {
	root   *os.Root
	config Config
	files  []iac.File
	own    map[string]string
}

// visit takes one entry of the tree. Links are passed over: what they point to
// is judged under its own name. What others brought along is not the source.
func (r *reader) visit(ctx context.Context) fs.WalkDirFunc {
	return func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case d.IsDir() && slices.Contains([]string{".git", "node_modules", ".terraform", "vendor"}, d.Name()):
			return fs.SkipDir
		case !d.Type().IsRegular():
			return nil
		}
		own := matches(r.config.Checks, p)
		if !own && (!iac.Wanted(p) || matches(r.config.Allow, p)) {
			return nil
		}
		content, err := r.read(p)
		if err != nil {
			return err
		}
		if own {
			r.own[path.Clean(p)] = string(content)
			return nil
		}
		r.files = append(r.files, iac.File{Path: p, Content: content})
		return nil
	}
}

// read gives a file, cut off behind what the room would refuse anyway.
func (r *reader) read(p string) ([]byte, error) {
	f, err := r.root.Open(p)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, iac.MaxBytes+1))
	if err != nil {
		return nil, err
	}
	if iac.KindOf(p, content) == "" && !strings.HasSuffix(p, ".rego") {
		return nil, nil // it need not be kept
	}
	return content, nil
}

func matches(globs []string, p string) bool {
	return slices.ContainsFunc(globs, func(g string) bool { return doublestar.MatchUnvalidated(g, p) })
}

func kindOf(err error) fairlead.Kind {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return fairlead.KindCancelled
	}
	return cmp.Or(fairlead.KindOf(err), fairlead.KindInternal)
}

func problem(kind fairlead.Kind, hint string, err error) error {
	return &fairlead.Problem{Op: "judge infrastructure", Kind: kind, Hint: hint, Err: err}
}
