// Package secrets is the step type scan.secrets: it looks for keys, tokens and
// passwords in the files of a change, in the whole tree, or in all that git
// remembers. What a credential looks like is known by the room credential.
package secrets

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"fairlead.dev"
	"fairlead.dev/credential"
	"fairlead.dev/step"
)

// Name is the step type's name, and the tool of its findings.
const Name = "scan.secrets"

// The scopes of a scan.
const (
	scopeChange  = "change"
	scopeTree    = "tree"
	scopeHistory = "history"
)

const mebibyte = 1 << 20

// engine is our own engine's version: it rises when it finds something else.
const engine = "credential 1"

//go:embed secrets.md
var doc string

// Config is the step's configuration.
type Config struct {
	Scope       string   `json:"scope" doc:"what is scanned: the files of the change, the whole tree, or every version of every file in the history" enum:"change,tree,history"`
	Allow       []string `json:"allow" doc:"globs of paths that are not scanned"`
	Known       []string `json:"known" doc:"fingerprints of findings that are known and accepted"`
	InlineAllow bool     `json:"inline-allow" doc:"whether a line with the comment gitleaks:allow is passed over"`
	MaxMiB      int      `json:"max-mib" doc:"files larger than this many MiB are not scanned" min:"1" max:"64"`
	Salt        string   `json:"salt" doc:"any words of your own that fingerprints are keyed with, so that nobody can prepare guesses"`
}

// Type describes scan.secrets.
func Type() step.Type {
	return step.Type{
		Version:  credential.Version() + " " + engine,
		Name:     Name,
		Title:    "look for secrets in the source",
		Doc:      doc,
		Needs:    step.Needs{Workspace: true, Change: true, Memory: 512, Confined: true},
		Produces: []string{fairlead.PredicateScan},
		Config:   Config{Scope: scopeChange, Allow: []string{}, Known: []string{}, MaxMiB: 16},
		Run:      run,
	}
}

// predicate is what the scan claims. It names findings, never values.
type predicate struct {
	Tool     string           `json:"tool"`
	Version  string           `json:"version"`
	Engine   string           `json:"engine"` // our own, beside it
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
	if s.root, err = os.OpenRoot(in.Workspace); err != nil {
		return step.Out{}, problem(fairlead.KindUnavailable, "", err)
	}
	defer s.root.Close()
	past := history{in: in, limit: s.limit, skip: s.allowed}
	switch config.Scope {
	case scopeHistory:
		if !past.isRepository() {
			return step.Out{Outcome: step.Skipped, Reason: "there is no history: not the top of a git repository"}, nil
		}
		err = s.each(ctx, past.blobs)
	case scopeTree:
		err = s.each(ctx, s.tree)
	default:
		err = s.each(ctx, s.paths(in.Event.Change.Paths))
	}
	if err := context.Cause(ctx); err != nil {
		return step.Out{}, problem(fairlead.KindCancelled, "", err)
	}
	if err != nil {
		return step.Out{}, asProblem(err)
	}
	findings := s.findings()
	if config.Scope == scopeHistory {
		if err := past.tell(ctx, findings); err != nil {
			return step.Out{}, asProblem(err)
		}
	}
	return s.out(config, findings, in.Output), nil
}

// out reports what the scan found. Findings do not fail the step: the gate
// decides what they mean.
func (s *scan) out(config Config, findings []fairlead.Finding, output io.Writer) step.Out {
	p := predicate{
		Tool: "gitleaks", Version: credential.Version(), Engine: engine, Rules: s.finder.Rules(), Scope: config.Scope,
		Scanned: s.scanned, Skipped: s.skipped, Known: s.knownSeen, Findings: []findingSummary{},
	}
	slices.Sort(s.notes)
	slices.Sort(s.large)
	var missed []string
	if config.Scope == scopeTree { // of a change it cannot tell what else there is
		missed = s.large
	}
	for _, note := range s.notes {
		fmt.Fprintln(output, note)
	}
	for _, f := range findings {
		p.Findings = append(p.Findings, findingSummary{f.Rule, f.Severity, f.Location.Path, f.Location.Line, f.Fingerprint})
		more := ""
		if len(f.Further) > 0 {
			more = fmt.Sprintf(", and at %d further places", len(f.Further))
		}
		fmt.Fprintf(output, "%s:%d:%d: %s: %s%s\n", f.Location.Path, f.Location.Line, f.Location.Column, f.Rule, f.Message, more)
	}
	fmt.Fprintf(output, "%d files scanned, %d skipped, %d findings\n", s.scanned, s.skipped, len(findings))
	return step.Out{
		Partial:  config.Scope == scopeChange || len(s.notes) > 0,
		Outcome:  step.Done,
		Missed:   missed,
		Reason:   s.left(),
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

// left says in words which files were too large to be looked at, "" for none.
func (s *scan) left() string {
	switch n := len(s.notes); n {
	case 0:
		return ""
	case 1:
		return s.notes[0]
	default:
		return fmt.Sprintf("%s; and %d more files that are too large", s.notes[0], n-1)
	}
}

// asProblem keeps a problem and makes one of any other error.
func asProblem(err error) error {
	var p *fairlead.Problem
	if errors.As(err, &p) {
		return err
	}
	return problem(fairlead.KindUnavailable, "", err)
}

func problem(kind fairlead.Kind, hint string, err error) error {
	return &fairlead.Problem{Op: "scan for secrets", Kind: kind, Hint: hint, Err: err}
}
