// Package secrets is the step type scan.secrets: it looks for keys, tokens and
// passwords in the files of a change or of the whole tree. It is the only
// place that knows gitleaks.
package secrets

import (
	"context"
	_ "embed"
	"fmt"
	"io/fs"
	"os"

	"fairlead.dev"
	"fairlead.dev/step"
)

// Name is the step type's name, and the tool of its findings.
const Name = "scan.secrets"

// The scopes of a scan.
const (
	scopeChange = "change"
	scopeTree   = "tree"
)

const mebibyte = 1 << 20

//go:embed secrets.md
var doc string

// Config is the step's configuration.
type Config struct {
	Scope       string   `json:"scope" doc:"what is scanned: the files of the change, or the whole tree" enum:"change,tree"`
	Allow       []string `json:"allow" doc:"globs of paths that are not scanned"`
	Known       []string `json:"known" doc:"fingerprints of findings that are known and accepted"`
	InlineAllow bool     `json:"inline-allow" doc:"whether a line with the comment gitleaks:allow is passed over"`
	MaxMiB      int      `json:"max-mib" doc:"files larger than this many MiB are not scanned" min:"1" max:"64"`
}

// Type describes scan.secrets.
func Type() step.Type {
	return step.Type{
		Version:  version(),
		Name:     Name,
		Title:    "look for secrets in the source",
		Doc:      doc,
		Needs:    step.Needs{Workspace: true, Change: true, Memory: 512, Confined: true},
		Produces: []string{fairlead.PredicateScan},
		Config:   Config{Scope: scopeChange, Allow: []string{}, Known: []string{}, MaxMiB: 4},
		Run:      run,
	}
}

// predicate is what the scan claims. It names findings, never values.
type predicate struct {
	Tool     string           `json:"tool"`
	Version  string           `json:"version"`
	Rules    int              `json:"rules"`
	Scope    string           `json:"scope"`
	Scanned  int              `json:"files_scanned"`
	Skipped  int              `json:"files_skipped"`
	Known    int              `json:"findings_known"`
	Findings []findingSummary `json:"findings"`
}

type findingSummary struct {
	Rule        string            `json:"rule"`
	Severity    fairlead.Severity `json:"severity"`
	Path        string            `json:"path"`
	Line        int               `json:"line"`
	Fingerprint string            `json:"fingerprint"`
}

func run(ctx context.Context, in step.In) (step.Out, error) {
	config := step.ConfigOf[Config](in)
	s, err := newScan(config)
	if err != nil {
		return step.Out{}, err
	}
	root, err := os.OpenRoot(in.Workspace)
	if err != nil {
		return step.Out{}, problem(fairlead.KindUnavailable, "", err)
	}
	defer root.Close()
	s.root, s.output = root, in.Output
	if config.Scope == scopeTree {
		err = fs.WalkDir(root.FS(), ".", s.visit(ctx))
	} else {
		err = s.paths(ctx, in.Event.Change.Paths)
	}
	if err := context.Cause(ctx); err != nil {
		return step.Out{}, problem(fairlead.KindCancelled, "", err)
	}
	if err != nil {
		return step.Out{}, problem(fairlead.KindUnavailable, "", err)
	}
	return s.out(config), nil
}

// out reports what the scan found. Findings do not fail the step: the gate
// decides what they mean.
func (s *scan) out(config Config) step.Out {
	findings := s.sorted()
	p := predicate{
		Tool: "gitleaks", Version: version(), Rules: len(s.detector.Config.Rules), Scope: config.Scope,
		Scanned: s.scanned, Skipped: s.skipped, Known: s.knownSeen, Findings: []findingSummary{},
	}
	for _, f := range findings {
		p.Findings = append(p.Findings, findingSummary{f.Rule, f.Severity, f.Location.Path, f.Location.Line, f.Fingerprint})
		fmt.Fprintf(s.output, "%s:%d:%d: %s: %s\n", f.Location.Path, f.Location.Line, f.Location.Column, f.Rule, f.Message)
	}
	fmt.Fprintf(s.output, "%d files scanned, %d skipped, %d findings\n", s.scanned, s.skipped, len(findings))
	return step.Out{
		Outcome:  step.Done,
		Findings: findings,
		Claims:   []fairlead.Claim{{PredicateType: fairlead.PredicateScan, Predicate: step.Predicate(p)}},
		Measurements: []fairlead.Measurement{
			{Name: "files_scanned", Value: float64(s.scanned), Unit: "1"},
			{Name: "files_skipped", Value: float64(s.skipped), Unit: "1"},
			{Name: "bytes_scanned", Value: float64(s.bytes), Unit: "By"},
			{Name: "findings_known", Value: float64(s.knownSeen), Unit: "1"},
		},
	}
}

func problem(kind fairlead.Kind, hint string, err error) error {
	return &fairlead.Problem{Op: "scan for secrets", Kind: kind, Hint: hint, Err: err}
}
