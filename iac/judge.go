package iac

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"

	"fairlead.dev"
)

// maxFurther is how many further places of one finding are kept.
const maxFurther = 100

// hit is one thing that a check said.
type hit struct {
	rule     Rule
	resource string
	message  string
	at       fairlead.Location
}

// judge runs the checks of the unit's kind. What one check says about one
// resource is one finding, at however many places.
func (c *Checker) judge(ctx context.Context, u unit) ([]fairlead.Finding, error) {
	input, err := ast.InterfaceToValue(u.input)
	if err != nil {
		return nil, problem(fmt.Errorf("input of %s: %w", u.at.loc.Path, err))
	}
	results, err := c.queries[u.kind].Eval(ctx, rego.EvalParsedInput(input))
	if ctx.Err() != nil {
		return nil, &fairlead.Problem{Op: "check infrastructure", Kind: fairlead.KindCancelled, Err: context.Cause(ctx)}
	}
	if err != nil {
		return nil, problem(err)
	}
	var hits []hit
	for _, r := range results {
		found, _ := r.Bindings["found"].([]any)
		for _, f := range found {
			h, err := c.hit(u, f)
			if err != nil {
				return nil, problem(err)
			}
			hits = append(hits, h)
		}
	}
	slices.SortFunc(hits, func(a, b hit) int {
		return cmp.Or(
			cmp.Compare(a.rule.ID, b.rule.ID), cmp.Compare(a.at.Path, b.at.Path), cmp.Compare(a.resource, b.resource),
			cmp.Compare(a.at.Line, b.at.Line), cmp.Compare(a.at.Column, b.at.Column), cmp.Compare(a.message, b.message),
		)
	})
	return merge(hits), nil
}

func problem(err error) error {
	return &fairlead.Problem{Op: "check infrastructure", Kind: fairlead.KindInternal, Err: err}
}

// hit reads what a check said: {"at": [...], "resource": "...", "message": "..."}.
func (c *Checker) hit(u unit, found any) (hit, error) {
	pair, _ := found.([]any)
	if len(pair) != 2 {
		return hit{}, fmt.Errorf("a check gave %v", found)
	}
	id := string(u.kind) + "-" + strings.ReplaceAll(text(pair[0]), "_", "-")
	said, _ := pair[1].(map[string]any)
	path, ok := said["at"].([]any)
	h := hit{rule: c.rules[id], resource: text(said["resource"]), message: text(said["message"])}
	if !ok || h.rule.ID == "" || h.message == "" {
		return hit{}, fmt.Errorf("check %s gave %v, want an object with at, resource and message", id, pair[1])
	}
	h.at = u.at.find(path)
	return h, nil
}

// merge makes findings of sorted hits.
func merge(hits []hit) []fairlead.Finding {
	var out []fairlead.Finding
	for i, h := range hits {
		if i > 0 && h.rule.ID == hits[i-1].rule.ID && h.resource == hits[i-1].resource && h.at.Path == hits[i-1].at.Path {
			last := &out[len(out)-1]
			if h.at != last.Location && !slices.Contains(last.Further, h.at) && len(last.Further) < maxFurther {
				last.Further = append(last.Further, h.at)
			}
			continue
		}
		out = append(out, fairlead.Finding{
			Fingerprint: Fingerprint(h.rule.ID, h.at.Path, h.resource),
			Category:    fairlead.CategoryIaC, Rule: h.rule.ID,
			Severity: h.rule.Severity, SeveritySource: "rule", CWE: h.rule.CWE,
			Message: h.message, Location: h.at, Resource: h.resource, Fix: h.rule.Fix,
		})
	}
	return out
}

// Fingerprint is the identity of what the rule says about a resource in a
// file. Another tool's finding that means the same has the same one.
func Fingerprint(rule, path, resource string) string {
	return fairlead.Fingerprint(fairlead.CategoryIaC, rule, path, resource)
}
