package pipeline

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"strings"

	"fairlead.dev"
)

// KeyHelp explains one key of fairlead.yaml.
type KeyHelp struct {
	Key      string     `json:"key"` // as asked for, names of the user's own as <name>
	Type     string     `json:"type"`
	Doc      string     `json:"doc"`
	Required bool       `json:"required"`
	Default  string     `json:"default,omitempty"`
	Example  string     `json:"example,omitempty"` // YAML
	Allowed  []string   `json:"allowed,omitempty"`
	Min      string     `json:"min,omitempty"`
	Max      string     `json:"max,omitempty"`
	Form     string     `json:"form,omitempty"` // what text must look like
	Keys     []KeyBrief `json:"keys,omitempty"` // what stands below it
}

// KeyBrief is one line about a key.
type KeyBrief struct {
	Name string `json:"name"`
	Type string `json:"type"`
	Doc  string `json:"doc"`
}

// spot is where a walk over the configuration's types has come to.
type spot struct {
	field
	value reflect.Value // the default, where there is one
	key   string
}

var listIndex = regexp.MustCompile(`\[[0-9]*\]`)

// Explain tells about a key: "tests", "tests.unit.timeout",
// "deploy.canary.bake", "environments.production.target.process.replicas", or
// a step type's own key as "check.http.paths". The empty key is the whole
// file. An unknown key is a KindNotFound Problem that names what is there.
func Explain(cat Catalog, key string) (KeyHelp, error) {
	at, rest := start(cat, listIndex.ReplaceAllString(strings.TrimSpace(key), ""))
	for _, name := range rest {
		next, names := below(cat, at, name)
		if next == nil && inner(at.typ) == withType {
			return KeyHelp{}, &fairlead.Problem{
				Op: "explain", Kind: fairlead.KindNotFound, Err: fmt.Errorf("the keys below %s depend on the step type", at.key),
				Hint: "ask for a step type's own key, for example check.http.paths; the types are " + listed(cat.stepNames()),
			}
		}
		if next == nil {
			return KeyHelp{}, unknown(at.key, name, names)
		}
		at = *next
	}
	return help(cat, at), nil
}

// start finds where a key begins: at a step type, a target type, or the file.
func start(cat Catalog, key string) (spot, []string) {
	for _, s := range cat.Steps {
		if rest, ok := strings.CutPrefix(key+".", s.Name+"."); ok {
			return configSpot(s.Config, s.Name, s.Title), segments(rest)
		}
	}
	for _, t := range cat.Targets {
		if rest, ok := strings.CutPrefix(key+".", t.Name+"."); ok {
			return configSpot(t.Config, t.Name, t.Title), segments(rest)
		}
	}
	return spot{field: field{typ: reflect.TypeFor[Config](), doc: "The configuration of a service's delivery."}}, segments(key)
}

func segments(key string) []string {
	key = strings.Trim(key, ".")
	if key == "" {
		return nil
	}
	return strings.Split(key, ".")
}

func configSpot(config any, key, title string) spot {
	return spot{field: field{typ: reflect.TypeOf(config), doc: title}, value: reflect.ValueOf(config), key: key}
}

// below goes one key down; nil when there is no such key, with what is there.
func below(cat Catalog, at spot, name string) (next *spot, names []string) {
	t := inner(at.typ)
	switch {
	case t == targetType:
		if info, ok := cat.target(name); ok {
			s := configSpot(info.Config, join(at.key, name), info.Title)
			return &s, nil
		}
		return nil, cat.targetNames()
	case t.Kind() == reflect.Map:
		f := at.element(t.Elem())
		return &spot{field: f, key: join(at.key, "<name>")}, nil
	case t.Kind() == reflect.Struct && t != withType && !isText(t):
		for _, f := range fieldsOf(t) {
			if f.name == name {
				s := spot{field: f, key: join(at.key, name)}
				if at.value.IsValid() && at.value.Kind() == reflect.Struct {
					s.value = at.value.FieldByIndex(f.index)
				}
				return &s, nil
			}
			names = append(names, f.name)
		}
	}
	return nil, names
}

// inner looks through pointers and lists.
func inner(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	return t
}

func unknown(key, name string, names []string) error {
	hint := didYouMean(name, names)
	switch {
	case hint != "":
	case len(names) == 0:
		hint = "there are no keys below " + key
	default:
		hint = "known keys are " + listed(names)
	}
	return &fairlead.Problem{
		Op: "explain", Kind: fairlead.KindNotFound, Hint: hint,
		Err: fmt.Errorf("there is no key %q", join(key, name)),
	}
}

// help describes a spot.
func help(cat Catalog, at spot) KeyHelp {
	h := KeyHelp{
		Key: at.key, Type: typeName(at.typ), Doc: at.doc, Required: at.required && (!at.value.IsValid() || at.value.IsZero()), Default: at.def, Example: at.example,
		Allowed: cat.allowed(at.field), Min: at.min, Max: at.max, Form: forms[at.pattern].words,
	}
	if h.Default == "" && at.value.IsValid() && at.value.Kind() != reflect.Struct {
		if b, err := json.Marshal(at.value.Interface()); err == nil && !at.value.IsZero() {
			h.Default = strings.Trim(string(b), `"`)
		}
	}
	t := inner(at.typ)
	if t.Kind() == reflect.Map {
		t = inner(t.Elem())
	}
	switch {
	case t == targetType:
		for _, info := range cat.Targets {
			h.Keys = append(h.Keys, KeyBrief{info.Name, "a mapping", info.Title})
		}
	case t == withType:
		for _, info := range cat.Steps {
			h.Keys = append(h.Keys, KeyBrief{info.Name, "a mapping", info.Title})
		}
	case t.Kind() == reflect.Struct && !isText(t):
		for _, f := range fieldsOf(t) {
			h.Keys = append(h.Keys, KeyBrief{f.name, typeName(f.typ), f.doc})
		}
	}
	return h
}

// typeName names a type for people.
func typeName(t reflect.Type) string {
	switch {
	case t == targetType, t == withType:
		return "a mapping"
	case isText(t), t == cellType:
		return kindOf(t)
	case t.Kind() == reflect.Slice:
		return "a list, each " + typeName(t.Elem())
	case t.Kind() == reflect.Map:
		return "a mapping of names, each " + typeName(t.Elem())
	case t.Kind() == reflect.Pointer:
		return typeName(t.Elem())
	}
	return kindOf(t)
}

// String is the help as text for a terminal.
func (h KeyHelp) String() string {
	var b strings.Builder
	line := func(label, text string) {
		if text != "" {
			fmt.Fprintf(&b, "%-10s%s\n", label, text)
		}
	}
	line("key", h.Key)
	line("type", h.Type)
	line("about", h.Doc)
	if h.Required {
		line("required", "yes")
	}
	line("default", h.Default)
	line("allowed", listed(h.Allowed))
	if h.Min != "" || h.Max != "" {
		line("range", span(field{min: h.Min, max: h.Max}))
	}
	line("form", h.Form)
	line("example", h.Example)
	if len(h.Keys) > 0 {
		b.WriteString("keys\n")
	}
	for _, k := range h.Keys {
		fmt.Fprintf(&b, "  %-16s%s\n", k.Name, strings.TrimSpace(k.Type+". "+k.Doc))
	}
	return strings.TrimRight(b.String(), "\n")
}
