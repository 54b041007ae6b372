package gate

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/ext"

	"fairlead.dev"
)

// Limits of one evaluation. They are counts, not times, so that a decision
// does not depend on how busy the machine is.
const (
	costLimit = 2_000_000 // CEL cost units: about the number of operations, or ten bytes moved each
	sizeLimit = 10_000    // characters of a rule
)

// environment is made once, when the first rule needs it.
var environment = sync.OnceValues(func() (*cel.Env, error) {
	options := []cel.EnvOption{
		cel.CrossTypeNumericComparisons(true),
		cel.ParserExpressionSizeLimit(sizeLimit),
		ext.NativeTypes(append([]any{ext.ParseStructTags(true)}, nativeTypes()...)...),
	}
	for _, v := range Variables() {
		options = append(options, cel.Variable(v.Name, v.cel))
	}
	return cel.NewEnv(options...)
})

func nativeTypes() []any {
	return []any{
		reflect.TypeFor[taskFacts](), reflect.TypeFor[testFacts](), reflect.TypeFor[caseFacts](),
		reflect.TypeFor[findingFacts](), reflect.TypeFor[artifactFacts](), reflect.TypeFor[evidenceFacts](),
		reflect.TypeFor[eventFacts](), reflect.TypeFor[changeFacts](), reflect.TypeFor[profileFacts](),
	}
}

// Check tells whether a rule is a well-typed condition over the variables.
// Every mistake of the rule is in the error, KindInvalid, as "column: what".
func Check(rule string) error {
	if _, err := check(rule); err != nil {
		return &fairlead.Problem{
			Op: "check rule", Kind: fairlead.KindInvalid,
			Hint: "see the variables with: fairlead explain gate", Err: err,
		}
	}
	return nil
}

func check(rule string) (*cel.Ast, error) {
	if strings.TrimSpace(rule) == "" {
		return nil, errors.New("the rule is empty")
	}
	env, err := environment()
	if err != nil {
		return nil, fmt.Errorf("prepare rules: %w", err)
	}
	ast, issues := env.Compile(rule)
	if issues.Err() != nil {
		return nil, describe(issues)
	}
	if ast.OutputType() != cel.BoolType {
		return nil, fmt.Errorf("the rule is of type %s, not a condition", ast.OutputType())
	}
	return ast, nil
}

// describe says what is wrong in the words of the rule, with a suggestion for
// a misspelt name.
func describe(issues *cel.Issues) error {
	var all []error
	for _, e := range issues.Errors() {
		message := strings.ReplaceAll(e.Message, " (in container '')", "")
		if i := strings.IndexByte(message, '\n'); i >= 0 {
			message = message[:i]
		}
		if near := nearest(quoted(message)); near != "" && !strings.Contains(message, "did you mean") {
			message += fmt.Sprintf(", did you mean %q?", near)
		}
		at := fmt.Sprintf("column %d", e.Location.Column()+1)
		if e.Location.Line() > 1 {
			at = fmt.Sprintf("line %d %s", e.Location.Line(), at)
		}
		all = append(all, fmt.Errorf("%s: %s", at, message))
	}
	return errors.Join(all...)
}

// quoted gives the first name in single quotes.
func quoted(message string) string {
	_, rest, _ := strings.Cut(message, "'")
	name, _, ok := strings.Cut(rest, "'")
	if !ok {
		return ""
	}
	return name
}

// rule is a condition that can be evaluated.
type rule struct{ program cel.Program }

func compile(text string) (rule, error) {
	ast, err := check(text)
	if err != nil {
		return rule{}, err
	}
	env, err := environment()
	if err != nil {
		return rule{}, err
	}
	p, err := env.Program(ast, cel.CostLimit(costLimit))
	if err != nil {
		return rule{}, err
	}
	return rule{program: p}, nil
}

// holds evaluates the rule and tells what that cost. A rule that needs more
// than the limit is an error.
func (r rule) holds(variables map[string]any) (answer bool, cost uint64, err error) {
	value, details, err := r.program.Eval(variables)
	if details != nil && details.ActualCost() != nil {
		cost = *details.ActualCost()
	}
	if err != nil {
		return false, cost, err
	}
	answer, ok := value.Value().(bool)
	if !ok {
		return false, cost, fmt.Errorf("the answer is a %T", value.Value())
	}
	return answer, cost, nil
}
