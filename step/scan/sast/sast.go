// Package sast is the step type scan.sast: it looks for flaws in Go code with
// gosec, which is part of the program.
package sast

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"fairlead.dev"
	"fairlead.dev/step"
)

// Name is the step type's name.
const Name = "scan.sast"

// engine is what finds the flaws, with its version in go.mod.
const engine = "gosec 2.30.0"

// uncompiled is the rule of what could not be looked at.
const uncompiled = "sast-uncompiled"

//go:embed sast.md
var doc string

// Config is what a user sets.
type Config struct {
	Allow      []string `json:"allow" doc:"globs of paths that are not judged" example:"[internal/legacy/**]"`
	Skip       []string `json:"skip" doc:"gosec rules that are not applied" example:"[G104]"`
	Confidence string   `json:"confidence" doc:"the least confidence of gosec that makes a finding" enum:"low,medium,high"`
}

// Type is the step type.
func Type() step.Type {
	return step.Type{
		Name: Name, Version: engine + " rules 3",
		Title:    "look for flaws in Go code",
		Doc:      doc,
		Needs:    step.Needs{Workspace: true, Memory: 1024, Confined: true, Cache: true},
		Produces: []string{fairlead.PredicateScan},
		Config:   Config{Allow: []string{}, Skip: []string{}, Confidence: "low"},
		Run:      run,
	}
}

func run(ctx context.Context, in step.In) (step.Out, error) {
	c := step.ConfigOf[Config](in)
	if err := c.check(); err != nil {
		return step.Out{}, err
	}
	modules, loose, err := survey(ctx, in.Workspace, c)
	if err != nil {
		return step.Out{}, err
	}
	if len(modules) == 0 && loose == "" {
		return step.Out{Outcome: step.Done, Reason: "there is no Go code to look at"}, nil
	}
	j := newJudge(in, c)
	for _, dir := range modules {
		if err := j.module(ctx, dir); err != nil {
			return step.Out{}, err
		}
	}
	if loose != "" {
		j.miss(loose, "Go files outside of every module are not looked at")
		j.blind = append(j.blind, loose)
	}
	return j.out(in), nil
}

// check refuses settings that would have no effect.
func (c Config) check() error {
	for _, g := range c.Allow {
		if !doublestar.ValidatePattern(g) {
			return problem(fairlead.KindInvalid, "globs are like internal/**", fmt.Errorf("%q is not a glob", g))
		}
	}
	known := rules()
	for _, id := range c.Skip {
		if !slices.Contains(known, id) {
			return problem(fairlead.KindInvalid, "gosec's rules are named like G104", fmt.Errorf("there is no rule %q", id))
		}
	}
	if _, ok := confidences()[c.Confidence]; !ok {
		return problem(fairlead.KindInvalid, "it is low, medium or high", fmt.Errorf("there is no confidence %q", c.Confidence))
	}
	return nil
}

// survey lists the directories of the modules, and the first Go file that is in
// none, "" when there is no such file. Links are not followed, and what others
// brought along is passed over.
func survey(ctx context.Context, workspace string, c Config) (modules []string, loose string, err error) {
	root, err := os.OpenRoot(workspace)
	if err != nil {
		return nil, "", problem(fairlead.KindInternal, "", err)
	}
	defer root.Close()
	var files []string
	err = fs.WalkDir(root.FS(), ".", func(p string, d fs.DirEntry, err error) error {
		base := path.Base(p)
		switch {
		case err != nil:
			return err
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case d.IsDir() && p != "." && (slices.Contains([]string{"node_modules", "vendor", "testdata"}, base) || base[0] == '.' || base[0] == '_'):
			return fs.SkipDir
		case !d.Type().IsRegular() || c.allowed(p):
		case base == "go.mod":
			modules = append(modules, path.Dir(p))
		case path.Ext(p) == ".go" && !strings.HasSuffix(p, "_test.go"):
			files = append(files, p)
		}
		return nil
	})
	if err != nil {
		kind := fairlead.KindInternal
		if ctx.Err() != nil {
			kind = fairlead.KindCancelled
		}
		return nil, "", problem(kind, "", err)
	}
	with := modules[:0:0]
	for _, m := range modules { // a module without code needs no looking at
		if slices.ContainsFunc(files, func(f string) bool { return within(f, m) }) {
			with = append(with, m)
		}
	}
	if i := slices.IndexFunc(files, func(f string) bool {
		return !slices.ContainsFunc(modules, func(m string) bool { return within(f, m) })
	}); i >= 0 {
		loose = files[i]
	}
	return with, loose, nil
}

func within(file, dir string) bool { return dir == "." || strings.HasPrefix(file, dir+"/") }

func (c Config) allowed(p string) bool {
	return slices.ContainsFunc(c.Allow, func(g string) bool { return doublestar.MatchUnvalidated(g, p) })
}

// unread is the finding of code that could not be looked at. It says where, and
// weighs little: the gate that asks scanners to have looked at everything has the
// say about it.
func unread(place, message string) fairlead.Finding {
	return fairlead.Finding{
		Fingerprint: fairlead.Fingerprint(fairlead.CategorySAST, uncompiled, place), Category: fairlead.CategorySAST,
		Rule: uncompiled, Tool: Name, ToolVersion: engine, Severity: fairlead.SeverityLow, SeveritySource: "rule",
		Message: message, Location: fairlead.Location{Path: place},
		Fix: "let the code compile with the modules that are in the module cache or vendored, or leave it out with allow",
	}
}

func problem(kind fairlead.Kind, hint string, err error) error {
	var p *fairlead.Problem
	if errors.As(err, &p) {
		return err
	}
	return &fairlead.Problem{Op: "look for flaws in code", Kind: kind, Hint: hint, Err: err}
}
