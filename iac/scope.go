package iac

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

// maxValue bounds a value that is made of others, in bytes of JSON: locals can
// double each other.
const maxValue = 64 << 10

// scope knows what expressions may refer to: variables with a value, and
// locals made of them.
type scope struct {
	context *hcl.EvalContext
}

func newScope(files []source) scope {
	vars := map[string]cty.Value{}
	locals := map[string]hclsyntax.Expression{}
	s := scope{&hcl.EvalContext{Functions: functions(), Variables: map[string]cty.Value{}}}
	for _, f := range files {
		for _, b := range f.body.Blocks {
			if d, ok := b.Body.Attributes["default"]; ok && b.Type == "variable" && len(b.Labels) == 1 {
				if v, ok := s.eval(d.Expr); ok {
					vars[b.Labels[0]] = v
				}
			}
			if b.Type == "locals" {
				for name, attr := range b.Body.Attributes {
					locals[name] = attr.Expr
				}
			}
		}
	}
	for _, f := range files {
		if name := base(f.file.Path); name == "terraform.tfvars" || strings.HasSuffix(name, ".auto.tfvars") {
			for name, attr := range f.body.Attributes {
				if v, ok := s.eval(attr.Expr); ok {
					vars[name] = v
				}
			}
		}
	}
	s.context.Variables["var"] = cty.ObjectVal(vars)
	s.resolve(locals)
	return s
}

// resolve evaluates locals until no further one can be: they may refer to each
// other in any order.
func (s scope) resolve(pending map[string]hclsyntax.Expression) {
	done := map[string]cty.Value{}
	for range 10 {
		before := len(done)
		for _, name := range slices.Sorted(maps.Keys(pending)) {
			if v, ok := s.eval(pending[name]); ok {
				done[name] = v
				delete(pending, name)
			}
		}
		s.context.Variables["local"] = cty.ObjectVal(done)
		if len(done) == before {
			return
		}
	}
}

// functions are those of Terraform that neither read anything nor can make
// much out of little.
func functions() map[string]function.Function {
	return map[string]function.Function{
		"concat": stdlib.ConcatFunc, "merge": stdlib.MergeFunc, "join": stdlib.JoinFunc, "split": stdlib.SplitFunc,
		"lower": stdlib.LowerFunc, "upper": stdlib.UpperFunc, "coalesce": stdlib.CoalesceFunc, "lookup": stdlib.LookupFunc,
		"element": stdlib.ElementFunc, "length": stdlib.LengthFunc, "jsonencode": stdlib.JSONEncodeFunc, "contains": stdlib.ContainsFunc,
		"tostring": stdlib.MakeToFunc(cty.String), "tobool": stdlib.MakeToFunc(cty.Bool), "tonumber": stdlib.MakeToFunc(cty.Number),
		"tolist": stdlib.MakeToFunc(cty.List(cty.DynamicPseudoType)), "toset": stdlib.MakeToFunc(cty.Set(cty.DynamicPseudoType)),
	}
}

// eval gives an expression's value when all of it is known and small.
func (s scope) eval(e hclsyntax.Expression) (cty.Value, bool) {
	if loops(e) {
		return cty.NilVal, false
	}
	v, diags := e.Value(s.context)
	if diags.HasErrors() || !v.IsWhollyKnown() || v.IsMarked() {
		return cty.NilVal, false
	}
	b, err := ctyjson.Marshal(v, v.Type())
	return v, err == nil && len(b) <= maxValue
}

// loops tells whether an expression holds a loop. Loops in loops over lists
// make anything out of little, and are left as they are written.
func loops(e hclsyntax.Expression) bool {
	found := false
	_ = hclsyntax.VisitAll(e, func(n hclsyntax.Node) hcl.Diagnostics {
		switch n.(type) {
		case *hclsyntax.ForExpr, *hclsyntax.SplatExpr:
			found = true
		}
		return nil
	})
	return found
}

// value gives what an expression says, as JSON has it: what is known as it
// is, what is not as its source in ${}.
func (s scope) value(f File, e hclsyntax.Expression) (any, *place) {
	start := e.Range().Start
	here := at(f.Path, start.Line, start.Column)
	switch e := e.(type) {
	case *hclsyntax.ParenthesesExpr:
		return s.value(f, e.Expression)
	case *hclsyntax.ObjectConsExpr:
		m := map[string]any{}
		for _, item := range e.Items {
			key := s.text(f, item.KeyExpr)
			v, p := s.value(f, item.ValueExpr)
			p.loc.Line, p.loc.Column = item.KeyExpr.Range().Start.Line, item.KeyExpr.Range().Start.Column
			m[key] = v
			here.set(key, p)
		}
		return m, here
	case *hclsyntax.TupleConsExpr:
		items := make([]any, 0, len(e.Exprs))
		for _, item := range e.Exprs {
			v, p := s.value(f, item)
			items, here.items = append(items, v), append(here.items, p)
		}
		return items, here
	case *hclsyntax.FunctionCallExpr:
		if e.Name == "jsonencode" && len(e.Args) == 1 { // keeps what is known of a policy
			v, _ := s.value(f, e.Args[0])
			if b, err := json.Marshal(v); err == nil {
				return string(b), here
			}
		}
	}
	if v, ok := s.eval(e); ok {
		return plain(v), here
	}
	return s.text(f, e), here
}

// text gives an expression as text: a template with what is known put in.
func (s scope) text(f File, e hclsyntax.Expression) string {
	if v, ok := s.eval(e); ok {
		if text, ok := plain(v).(string); ok {
			return text
		}
	}
	if t, ok := e.(*hclsyntax.TemplateExpr); ok {
		var b strings.Builder
		for _, part := range t.Parts {
			b.WriteString(s.text(f, part))
		}
		return b.String()
	}
	r := e.Range()
	return "${" + strings.TrimSpace(string(r.SliceBytes(f.Content))) + "}"
}

// plain turns a known value into what JSON has.
func plain(v cty.Value) any {
	b, err := ctyjson.Marshal(v, v.Type())
	if err != nil {
		return nil
	}
	var out any
	if json.Unmarshal(b, &out) != nil {
		return nil
	}
	return out
}
