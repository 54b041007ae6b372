// Package iac judges infrastructure that is written down: Dockerfiles,
// Kubernetes manifests, Compose files, Terraform as source or as a plan, and
// workflows of GitHub Actions. What is wrong is said by checks in Rego, one
// per file below packs; this package parses, runs them, and tells in which
// line and resource what they found is. It does no I/O.
package iac

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"fairlead.dev"
)

// Kind is a kind of infrastructure file.
type Kind string

// The kinds.
const (
	Dockerfile Kind = "dockerfile"
	Kubernetes Kind = "kubernetes"
	Compose    Kind = "compose"
	Terraform  Kind = "terraform"
	Actions    Kind = "actions"
)

// Unreadable is the rule of a finding about a file that cannot be judged.
// Its severity is unknown, which gates take as high.
const Unreadable = "iac-unreadable"

// MaxBytes is the size of a file up to which it is parsed.
const MaxBytes = 8 << 20

// File is one file to judge.
type File struct {
	Path    string // slash-separated, relative to the repository root
	Content []byte
}

// Report is what was found.
type Report struct {
	Findings []fairlead.Finding // sorted by place; Tool and ToolVersion are the caller's
	Judged   map[Kind]int       // how many files of each kind were looked at
}

// Check judges the files. The same files give the same findings in the same
// order, in whatever order they come. An error is the context's, or a defect
// of a check.
func (c *Checker) Check(ctx context.Context, files []File) (Report, error) {
	out := Report{Judged: map[Kind]int{}}
	files = slices.Clone(files)
	slices.SortFunc(files, func(a, b File) int { return cmp.Compare(a.Path, b.Path) })
	modules := map[string][]File{}
	for _, f := range files {
		kind := KindOf(f.Path, f.Content)
		if isHCL(f.Path) {
			dir := strings.TrimSuffix(f.Path, base(f.Path))
			modules[dir] = append(modules[dir], f)
		}
		if kind != "" {
			out.Judged[kind]++
		}
		if kind == "" || isHCL(f.Path) {
			continue
		}
		// One file after the other: what a parser makes of a file is many times its size.
		u, err := parseFile(kind, f)
		switch {
		case errors.Is(err, errNone):
			out.Judged[kind]--
		case err != nil:
			out.Findings = append(out.Findings, unreadable(f.Path, err))
		default:
			if err := c.add(ctx, u, &out); err != nil {
				return Report{}, err
			}
		}
	}
	for _, dir := range slices.Sorted(maps.Keys(modules)) {
		u, bad := parseModule(modules[dir])
		out.Findings = append(out.Findings, bad...)
		if err := c.add(ctx, u, &out); err != nil {
			return Report{}, err
		}
	}
	slices.SortStableFunc(out.Findings, func(a, b fairlead.Finding) int {
		return cmp.Or(
			cmp.Compare(a.Location.Path, b.Location.Path), cmp.Compare(a.Location.Line, b.Location.Line),
			cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Resource, b.Resource),
		)
	})
	return out, nil
}

// unit is what is judged at once: a file, or the Terraform files of one
// directory.
type unit struct {
	kind  Kind
	input map[string]any // what checks see
	at    *place         // where input's parts are
}

func (c *Checker) add(ctx context.Context, u unit, to *Report) error {
	found, err := c.judge(ctx, u)
	to.Findings = append(to.Findings, found...)
	return err
}

func parseFile(kind Kind, f File) (unit, error) {
	if len(f.Content) > MaxBytes {
		return unit{}, fmt.Errorf("it has %d MiB, the limit is %d", len(f.Content)>>20, MaxBytes>>20)
	}
	switch {
	case kind == Dockerfile:
		return parseDockerfile(f)
	case kind == Terraform:
		return parsePlan(f)
	default:
		return parseYAML(kind, f)
	}
}

func unreadable(path string, err error) fairlead.Finding {
	return fairlead.Finding{
		Fingerprint: fairlead.Fingerprint(fairlead.CategoryIaC, Unreadable, path),
		Category:    fairlead.CategoryIaC, Rule: Unreadable, Severity: fairlead.SeverityUnknown, SeveritySource: "not judged",
		Message:  "the file cannot be judged: " + firstLine(err.Error()),
		Location: fairlead.Location{Path: path},
		Fix:      "correct the file, or name it under allow when it is a template",
	}
}

// firstLine keeps what one line of a parser's error says, without control
// characters of a hostile file.
func firstLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '.'
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	if r := []rune(s); len(r) > 300 {
		s = string(r[:300]) + "..."
	}
	return s
}

func base(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }
