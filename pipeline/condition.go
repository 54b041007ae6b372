package pipeline

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"

	"cel.dev/cel-go/cel"

	"fairlead.dev"
)

// ConditionVariable is something that the conditions of routes and gates can
// ask about.
type ConditionVariable struct {
	Name   string // "event.branch"
	Type   string // "string" or "list of strings"
	Doc    string // one sentence
	Routes bool   // known before the environment is, so also to routes
}

// ConditionVariables lists what the key `when` can ask about.
func ConditionVariables() []ConditionVariable {
	return []ConditionVariable{
		{"event.type", "string", "push, pull_request, tag, schedule or manual", true},
		{"event.branch", "string", "short name of the branch, or empty", true},
		{"event.tag", "string", "short name of the tag, or empty", true},
		{"event.commit", "string", "full object id of the commit", true},
		{"event.author", "string", "e-mail address of the commit's author", true},
		{"event.trigger", "string", "who caused the event", true},
		{"event.repository", "string", "base name of the repository", true},
		{"change.paths", "list of strings", "paths the commit changes, relative to the repository's root", true},
		{"environment", "string", "environment that the change is for", false},
		{"strategy", "string", "none, rolling, canary or blue-green", false},
	}
}

// conditionCost bounds one evaluation, in CEL's units of work.
const conditionCost = 1_000_000

// condition is a compiled CEL condition.
type condition struct{ program cel.Program }

// The two environments differ in what is known: routes are matched before
// there is an environment. Each is made when it is first needed, since a
// configuration without conditions needs neither.
var (
	routeEnv = sync.OnceValues(func() (*cel.Env, error) { return newEnv(false) })
	gateEnv  = sync.OnceValues(func() (*cel.Env, error) { return newEnv(true) })
)

func newEnv(forGates bool) (*cel.Env, error) {
	var opts []cel.EnvOption
	for _, v := range ConditionVariables() {
		if !v.Routes && !forGates {
			continue
		}
		t := cel.StringType
		if v.Type != "string" {
			t = cel.ListType(cel.StringType)
		}
		opts = append(opts, cel.Variable(v.Name, t))
	}
	return cel.NewEnv(opts...)
}

// compile type-checks an expression. The error is one line for people.
func compile(expr string, env func() (*cel.Env, error)) (*condition, error) {
	e, err := env()
	if err != nil {
		return nil, err
	}
	ast, issues := e.Compile(expr)
	if issues != nil && issues.Err() != nil {
		return nil, explainIssue(issues)
	}
	if ast.OutputType() != cel.BoolType {
		return nil, fmt.Errorf("gives %s, not true or false", ast.OutputType())
	}
	program, err := e.Program(ast, cel.CostLimit(conditionCost))
	if err != nil {
		return nil, err
	}
	return &condition{program}, nil
}

var undeclared = regexp.MustCompile(`undeclared reference to '([^']*)'`)

// unknownVariable is the error of a condition that names what does not exist.
type unknownVariable struct {
	name   string
	column int
}

func (u *unknownVariable) Error() string {
	return fmt.Sprintf("character %d: nothing is called %q here", u.column, u.name)
}

// explainIssue words the first thing that is wrong with an expression.
func explainIssue(issues *cel.Issues) error {
	first := issues.Errors()[0]
	column := first.Location.Column() + 1
	if m := undeclared.FindStringSubmatch(first.Message); m != nil {
		return &unknownVariable{m[1], column}
	}
	text := oneLine(first.Message)
	if strings.HasPrefix(text, "Syntax error: ") {
		text, _, _ = strings.Cut(strings.ToLower(text[:1])+text[1:], " expecting {") // a list of every token there is
	}
	return fmt.Errorf("character %d: %s", column, text)
}

// suggestVariable names the variable that was probably meant, or all of them;
// "" when the error is about something else.
func suggestVariable(err error, forGates bool) string {
	var u *unknownVariable
	if !errors.As(err, &u) {
		return ""
	}
	var names []string
	for _, v := range ConditionVariables() {
		if v.Routes || forGates {
			names = append(names, v.Name)
		}
	}
	if hint := didYouMean(u.name, names); hint != "" {
		return hint
	}
	return "known are " + listed(names)
}

// holds evaluates the condition for an event.
func (c *condition) holds(ev fairlead.Event, environment string, strategy fairlead.Strategy) (bool, error) {
	paths := ev.Change.Paths
	if paths == nil {
		paths = []string{}
	}
	out, _, err := c.program.Eval(map[string]any{
		"event.type": string(ev.Type), "event.branch": ev.Branch, "event.tag": ev.Tag, "event.commit": ev.Commit,
		"event.author": ev.Author, "event.trigger": ev.Trigger, "event.repository": ev.Repository,
		"change.paths": paths, "environment": environment, "strategy": string(strategy),
	})
	if err != nil {
		return false, err
	}
	holds, ok := out.Value().(bool)
	if !ok {
		return false, fmt.Errorf("gave %v, not true or false", out.Value())
	}
	return holds, nil
}
