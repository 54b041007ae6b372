package gate

import (
	"fmt"
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"
)

// Limits of one evaluation of an organisation's policy, in counts like those of
// a rule. They bound what it takes of the machine by what it does.
const (
	stepLimit = 1_000_000 // steps of the evaluation
	textLimit = 1 << 20   // bytes of a text that a function is given, or elements of a list
	madeLimit = 16 << 20  // bytes that a function can make of two texts by putting one into the other
)

// meter ends an evaluation that takes too much: it panics with exceeded, before
// the step that would.
type meter struct{ steps int }

// exceeded says what was too much.
type exceeded string

// Enabled is part of topdown.QueryTracer.
func (m *meter) Enabled() bool { return true }

// Config is part of topdown.QueryTracer.
func (m *meter) Config() topdown.TraceConfig { return topdown.TraceConfig{} }

// TraceEvent is part of topdown.QueryTracer: it counts a step, and looks at what
// a function is about to be given.
func (m *meter) TraceEvent(e topdown.Event) {
	if m.steps++; m.steps > stepLimit {
		panic(exceeded(fmt.Sprintf("it takes more than %d steps", stepLimit)))
	}
	x, ok := e.Node.(*ast.Expr)
	if !ok || e.Op != topdown.EvalOp || !x.IsCall() {
		return
	}
	most, product := 0, 1
	for _, o := range x.Operands() {
		n := sizeOf(e.Plug(o))
		most, product = max(most, n), min(product*max(n, 1), madeLimit+1)
	}
	if most > textLimit || product > madeLimit && multiplies(x.Operator().String()) {
		panic(exceeded(fmt.Sprintf("line %d gives %s more than it may work on", x.Location.Row, x.Operator())))
	}
}

// sizeOf is the length of a text, or how many elements a collection has with the
// length of those that are texts.
func sizeOf(t *ast.Term) int {
	n := lengthOf(t)
	add := func(e *ast.Term) { n += lengthOf(e) }
	switch v := t.Value.(type) {
	case *ast.Array:
		v.Foreach(add)
	case ast.Set:
		v.Foreach(add)
	case ast.Object:
		v.Foreach(func(_, e *ast.Term) { add(e) })
	}
	return n
}

func lengthOf(t *ast.Term) int {
	switch v := t.Value.(type) {
	case ast.String:
		return len(v)
	case ast.Number:
		return len(v)
	case interface{ Len() int }: // array, object, set
		return v.Len()
	}
	return 1
}

// multiplies tells whether a function can make of its operands something as
// large as their product.
func multiplies(function string) bool {
	return slices.Contains([]string{"replace", "strings.replace_n", "regex.replace", "concat", "sprintf", "mul"}, function)
}
