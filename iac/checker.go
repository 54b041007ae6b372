package iac

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"

	"fairlead.dev"
)

//go:embed packs
var packs embed.FS

const library = "github.com/open-policy-agent/opa"

// Rule is what a check says about itself, in the METADATA of its package.
type Rule struct {
	ID         string // "kubernetes-privileged"
	Kind       Kind
	Title      string // what is wrong, in one line
	Reason     string // why it matters
	Severity   fairlead.Severity
	CWE        []string
	References []string // "CIS Kubernetes 1.8 5.2.1"
	Fix        string
}

// Checker runs checks. It is safe for concurrent use.
type Checker struct {
	rules   map[string]Rule
	queries map[Kind]rego.PreparedEvalQuery
}

// New makes a checker with the built-in checks and further ones: Rego modules
// by their path. A module that is no check, or asks for what checks must not
// do, is a Problem of the kind invalid.
func New(ctx context.Context, further map[string]string) (*Checker, error) {
	caps := capabilities()
	modules, err := builtin(caps)
	if err != nil {
		return nil, err
	}
	for _, path := range slices.Sorted(maps.Keys(further)) {
		m, err := parseCheck(path, further[path], caps)
		if err == nil {
			err = own(m)
		}
		if err != nil {
			return nil, &fairlead.Problem{Op: "read check " + path, Kind: fairlead.KindInvalid, Hint: "docs/guide/infrastructure.md shows a check", Err: err}
		}
		modules = append(modules, m)
	}
	c := &Checker{rules: map[string]Rule{}, queries: map[Kind]rego.PreparedEvalQuery{}}
	for _, m := range modules {
		if err := c.describe(m); err != nil {
			return nil, &fairlead.Problem{Op: "read check " + m.Package.Location.File, Kind: fairlead.KindInvalid, Hint: "docs/guide/infrastructure.md shows a check", Err: err}
		}
	}
	if err := c.compile(ctx, modules, caps); err != nil {
		return nil, &fairlead.Problem{Op: "compile checks", Kind: fairlead.KindInvalid, Hint: "checks may neither reach the network nor ask for time, chance or the environment", Err: err}
	}
	return c, nil
}

// Rules gives the checks, by ID.
func (c *Checker) Rules() []Rule {
	out := make([]Rule, 0, len(c.rules))
	for _, id := range slices.Sorted(maps.Keys(c.rules)) {
		out = append(out, c.rules[id])
	}
	return out
}

// capabilities are what checks may call: functions of their input, and
// nothing that reaches out of it. Verification of tokens and certificates is
// not what files are judged by, and parsing Rego is a way around this list.
func capabilities() *ast.Capabilities {
	caps := ast.CapabilitiesForThisVersion()
	caps.Builtins = slices.DeleteFunc(caps.Builtins, func(b *ast.Builtin) bool {
		return b.IsNondeterministic() || slices.ContainsFunc([]string{"http.", "net.lookup", "opa.", "io.jwt", "crypto.x509", "rego.", "providers.", "uuid.", "trace"}, func(prefix string) bool {
			return strings.HasPrefix(b.Name, prefix)
		})
	})
	caps.AllowNet = []string{}
	return caps
}

func builtin(caps *ast.Capabilities) ([]*ast.Module, error) {
	var modules []*ast.Module
	err := fs.WalkDir(packs, "packs", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := packs.ReadFile(path)
		if err != nil {
			return err
		}
		m, err := parseCheck(path, string(b), caps)
		modules = append(modules, m)
		return err
	})
	return modules, err
}

func parseCheck(path, text string, caps *ast.Capabilities) (*ast.Module, error) {
	m, err := ast.ParseModuleWithOpts(path, text, ast.ParserOptions{ProcessAnnotation: true, Capabilities: caps, RegoVersion: ast.RegoV1})
	switch {
	case err != nil:
		return nil, err
	case m == nil:
		return nil, errors.New("it is empty")
	}
	return m, nil
}

// own makes sure that a further check does not change the built-in ones.
func own(m *ast.Module) error {
	if words := packageWords(m); len(words) != 3 || !isKind(words[1]) || !strings.HasPrefix(words[2], "own_") {
		return fmt.Errorf("package %s: want package fairlead.KIND.own_NAME, with KIND one of %s, %s, %s, %s, %s", strings.Join(words, "."), Actions, Compose, Dockerfile, Kubernetes, Terraform)
	}
	return nil
}

func isKind(s string) bool {
	return slices.Contains([]Kind{Dockerfile, Kubernetes, Compose, Terraform, Actions}, Kind(s))
}

// packageWords gives a package's name below data.
func packageWords(m *ast.Module) []string {
	var words []string
	for _, t := range m.Package.Path[1:] {
		words = append(words, strings.Trim(t.Value.String(), `"`))
	}
	return words
}

var cwe = regexp.MustCompile(`^CWE-[0-9]+$`)

// describe takes a check's METADATA. A package of helpers has no rule deny.
func (c *Checker) describe(m *ast.Module) error {
	words := packageWords(m)
	if words[0] == "lib" {
		return nil
	}
	var note *ast.Annotations
	for _, a := range m.Annotations {
		if a.Scope == "package" {
			note = a
		}
	}
	if len(words) != 3 || note == nil {
		return errors.New("its package has no METADATA, or is not fairlead.KIND.NAME")
	}
	r := Rule{
		ID: words[1] + "-" + strings.ReplaceAll(words[2], "_", "-"), Kind: Kind(words[1]),
		Title: note.Title, Reason: note.Description, Severity: fairlead.Severity(text(note.Custom["severity"])), Fix: text(note.Custom["fix"]),
		CWE: texts(note.Custom["cwe"]), References: texts(note.Custom["references"]),
	}
	switch {
	case r.Title == "" || r.Fix == "":
		return errors.New("its METADATA lacks title or custom.fix")
	case !slices.Contains([]fairlead.Severity{fairlead.SeverityCritical, fairlead.SeverityHigh, fairlead.SeverityMedium, fairlead.SeverityLow}, r.Severity):
		return fmt.Errorf("custom.severity is %q, want critical, high, medium or low", r.Severity)
	case slices.ContainsFunc(r.CWE, func(s string) bool { return !cwe.MatchString(s) }):
		return fmt.Errorf("custom.cwe is %v, want such as CWE-250", r.CWE)
	case c.rules[r.ID].ID != "":
		return fmt.Errorf("there are two checks %s", r.ID)
	}
	c.rules[r.ID] = r
	return nil
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

func texts(v any) []string {
	list, _ := v.([]any)
	var out []string
	for _, item := range list {
		out = append(out, text(item))
	}
	return out
}

func (c *Checker) compile(ctx context.Context, modules []*ast.Module, caps *ast.Capabilities) error {
	options := []func(*rego.Rego){rego.Capabilities(caps), rego.SetRegoVersion(ast.RegoV1)}
	compiler := ast.NewCompiler().WithCapabilities(caps).WithStrict(true)
	byPath := map[string]*ast.Module{}
	for _, m := range modules {
		byPath[m.Package.Location.File] = m
	}
	if compiler.Compile(byPath); compiler.Failed() {
		return compiler.Errors
	}
	options = append(options, rego.Compiler(compiler))
	for _, kind := range []Kind{Dockerfile, Kubernetes, Compose, Terraform, Actions} {
		// found is a set of [check, what it says], over all checks of the kind.
		query := rego.Query(fmt.Sprintf(`found = {[check, x] | some check; some x in data.fairlead.%s[check].deny}`, kind))
		prepared, err := rego.New(append(slices.Clone(options), query)...).PrepareForEval(ctx)
		if err != nil {
			return err
		}
		c.queries[kind] = prepared
	}
	return nil
}

// Version is the version of OPA in this binary.
func Version() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if m.Path == library {
				return m.Version
			}
		}
	}
	return "unknown"
}
