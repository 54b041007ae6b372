package iac

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"fairlead.dev"
)

// A Terraform unit has the same input whether it was read from source or from
// a plan, so that one check judges both:
//
//	resources: [{mode: "managed"|"data", type, name, address, values: {...}}]
//	blocks:    [{type: "provider"|"terraform"|..., labels: [...], values: {...}}]
//
// Nested blocks are lists of objects, as in plans. A value that is known only
// when Terraform runs is a text with the expression: "${aws_kms_key.a.arn}".

// Bounds of what is parsed: the parser calls itself for every one of these.
const (
	maxNesting = 400
	maxSource  = 2 << 20 // bytes of one file
)

// parseModule reads the Terraform files of one directory. A file that cannot
// be read is a finding; the others are judged all the same.
func parseModule(files []File) (unit, []fairlead.Finding) {
	var broken []fairlead.Finding
	var bodies []source
	for _, f := range files {
		body, err := parseHCL(f)
		if err != nil {
			broken = append(broken, unreadable(f.Path, err))
			continue
		}
		bodies = append(bodies, source{f, body})
	}
	m := module{scope: newScope(bodies), resources: &place{}, blocks: &place{}}
	for _, b := range bodies {
		if !strings.HasSuffix(b.file.Path, ".tfvars") {
			m.read(b)
		}
	}
	at := &place{}
	at.set("resources", m.resources).set("blocks", m.blocks)
	input := map[string]any{"resources": list(m.input.resources), "blocks": list(m.input.blocks)}
	return unit{Terraform, input, at}, broken
}

// list is never nil: checks walk over it.
func list(l []any) []any {
	if l == nil {
		return []any{}
	}
	return l
}

// source is one parsed file.
type source struct {
	file File
	body *hclsyntax.Body
}

func parseHCL(f File) (*hclsyntax.Body, error) {
	switch {
	case len(f.Content) > maxSource:
		return nil, fmt.Errorf("it has %d MiB, the limit is %d", len(f.Content)>>20, maxSource>>20)
	case !utf8.Valid(f.Content):
		return nil, errors.New("it is not UTF-8")
	case deep(f.Content):
		return nil, fmt.Errorf("its expressions are nested more than %d deep", maxNesting)
	}
	parsed, diags := hclsyntax.ParseConfig(f.Content, base(f.Path), hcl.InitialPos)
	if diags.HasErrors() {
		d := diags[0]
		line := 0
		if d.Subject != nil {
			line = d.Subject.Start.Line
		}
		return nil, fmt.Errorf("line %d: %s", line, d.Summary)
	}
	return parsed.Body.(*hclsyntax.Body), nil
}

// deep tells whether a source may nest deeper than the parser should follow.
// It looks at characters only, so that text counts too.
func deep(b []byte) bool {
	depth, operators, conditions := 0, 0, 0
	for _, c := range b {
		switch c {
		case '(', '[', '{':
			depth++
			operators = 0
		case ')', ']', '}':
			depth = max(depth-1, 0)
			operators = 0
		case '!', '-':
			operators++
		case '?':
			conditions++
		case ' ', '\t':
		case '#', '/', '=', '*':
			operators = 0 // rules of dashes in comments
		default:
			operators = 0
		}
		if depth > maxNesting || operators > 2000 || conditions > 10_000 {
			return true
		}
	}
	return false
}

// module collects what the files of a directory declare.
type module struct {
	scope     scope
	resources *place
	blocks    *place
	input     struct{ resources, blocks []any }
}

func (m *module) read(s source) {
	blocks := slices.Clone(s.body.Blocks)
	slices.SortStableFunc(blocks, func(a, b *hclsyntax.Block) int {
		return cmp.Compare(a.TypeRange.Start.Byte, b.TypeRange.Start.Byte)
	})
	for _, b := range blocks {
		values, inside := m.scope.body(s.file, b.Body)
		here := at(s.file.Path, b.TypeRange.Start.Line, b.TypeRange.Start.Column).set("values", inside)
		if (b.Type == "resource" || b.Type == "data") && len(b.Labels) == 2 {
			mode, prefix := "managed", ""
			if b.Type == "data" {
				mode, prefix = "data", "data."
			}
			m.input.resources = append(m.input.resources, map[string]any{
				"mode": mode, "type": b.Labels[0], "name": b.Labels[1],
				"address": prefix + b.Labels[0] + "." + b.Labels[1], "values": values,
			})
			m.resources.items = append(m.resources.items, here)
			continue
		}
		labels := make([]any, 0, len(b.Labels))
		for _, l := range b.Labels {
			labels = append(labels, l)
		}
		m.input.blocks = append(m.input.blocks, map[string]any{"type": b.Type, "labels": labels, "values": values})
		m.blocks.items = append(m.blocks.items, here)
	}
}

// body gives what a block says, with the places of it.
func (s scope) body(f File, b *hclsyntax.Body) (map[string]any, *place) {
	values, here := map[string]any{}, &place{}
	for name, attr := range b.Attributes {
		v, p := s.value(f, attr.Expr)
		p.loc.Line, p.loc.Column = attr.NameRange.Start.Line, attr.NameRange.Start.Column
		values[name] = v
		here.set(name, p)
	}
	for _, block := range b.Blocks {
		name, body := block.Type, block.Body
		if name == "dynamic" && len(block.Labels) == 1 {
			name = block.Labels[0]
			for _, inner := range block.Body.Blocks {
				if inner.Type == "content" {
					body = inner.Body
				}
			}
		}
		v, p := s.body(f, body)
		p.loc = fairlead.Location{Path: f.Path, Line: block.TypeRange.Start.Line, Column: block.TypeRange.Start.Column}
		same, _ := values[name].([]any)
		values[name] = append(same, v)
		if here.fields[name] == nil {
			here.set(name, at(f.Path, p.loc.Line, p.loc.Column))
		}
		here.fields[name].items = append(here.fields[name].items, p)
	}
	return values, here
}
