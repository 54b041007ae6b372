package gate

import (
	"reflect"
	"slices"

	"cel.dev/cel-go/cel"
)

// Variable is something that rules can ask about.
type Variable struct {
	Name string
	Type string // as people write it: "list of {rule, tool, severity}"
	Doc  string

	cel   *cel.Type
	shape reflect.Type // of one value; nil for a plain string
}

// Variables lists what rules can ask about, in the order help texts show it.
func Variables() []Variable {
	return []Variable{
		variable[taskFacts]("tasks", mapOf, "the run's tasks by id; result is success, failure, error, timeout, cancellation or skip; partial when a scanner looked at a part only"),
		variable[testFacts]("tests", one, "all test cases of the run; result of a case is passed, failed, flaky or skipped"),
		variable[findingFacts]("findings", listOf, "what the scanners saw and no exception excuses; severity is critical, high, medium or low, and unknown counts as high; state is new, open or reopened; reachable unless it is proven not to be"),
		variable[artifactFacts]("artifacts", listOf, "files the run produced; size in bytes"),
		variable[evidenceFacts]("evidence", listOf, "signed statements the run left"),
		variable[eventFacts]("event", one, "what started the run; type is push, pull_request, tag, schedule or manual"),
		variable[changeFacts]("change", one, "paths the commit changes, relative to the repository root"),
		{Name: "environment", Type: "string", Doc: "where the release is to go", cel: cel.StringType},
		variable[profileFacts]("profile", one, "the matrix row in force"),
	}
}

// shapes of a variable.
const (
	one    = ""
	listOf = "list of "
	mapOf  = "map of "
)

func variable[T any](name, shape, doc string) Variable {
	t := reflect.TypeFor[T]()
	c := cel.ObjectType("gate." + t.Name())
	switch shape {
	case listOf:
		c = cel.ListType(c)
	case mapOf:
		c = cel.MapType(cel.StringType, c)
	}
	return Variable{Name: name, Type: shape + describeType(t), Doc: doc, cel: c, shape: t}
}

// describeType writes a struct as {field, field}, with the fields of list
// elements inside.
func describeType(t reflect.Type) string {
	text := "{"
	for i := range t.NumField() {
		f := t.Field(i)
		if i > 0 {
			text += ", "
		}
		text += f.Tag.Get("cel")
		if f.Type.Kind() == reflect.Slice && f.Type.Elem().Kind() == reflect.Struct {
			text += ": " + listOf + describeType(f.Type.Elem())
		}
	}
	return text + "}"
}

// names lists every name that a rule can use.
func names() []string {
	var all []string
	var collect func(t reflect.Type)
	collect = func(t reflect.Type) {
		for i := range t.NumField() {
			f := t.Field(i)
			all = append(all, f.Tag.Get("cel"))
			if f.Type.Kind() == reflect.Slice && f.Type.Elem().Kind() == reflect.Struct {
				collect(f.Type.Elem())
			}
		}
	}
	for _, v := range Variables() {
		all = append(all, v.Name)
		if v.shape != nil {
			collect(v.shape)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// nearest gives the name that name is most likely to mean, or "".
func nearest(name string) string {
	best, limit := "", 1+len(name)/4
	for _, n := range names() {
		if d := distance(name, n); d <= limit && n != name {
			best, limit = n, d-1
		}
	}
	return best
}

// distance counts the letters to insert, remove or replace between a and b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
