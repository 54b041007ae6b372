package pipeline

import (
	"encoding"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"fairlead.dev"
)

// field is one key of a config struct, as its tags describe it:
//
//	json      the key
//	doc       one sentence for people
//	required  "true" when the key must be there
//	enum      comma-separated values; "@steps" and "@targets" stand for the catalog's
//	min, max  inclusive bounds of a number or a duration; of the length of a list
//	pattern   name of the form that a string, or each string of a list, must have
//	keys      name of the form that a map's keys must have
//	default   for people, where the default is not a value of the struct
//	example   YAML
type field struct {
	name     string
	index    []int
	typ      reflect.Type
	doc      string
	required bool
	enum     []string
	min, max string
	pattern  string
	keys     string
	def      string
	example  string
}

// fieldsOf lists a struct's keys in declaration order; embedded structs
// without a key of their own contribute theirs in place.
func fieldsOf(t reflect.Type) []field {
	var fs []field
	for i := range t.NumField() {
		sf := t.Field(i)
		name, _, _ := strings.Cut(sf.Tag.Get("json"), ",")
		switch {
		case sf.Anonymous && name == "" && sf.Type.Kind() == reflect.Struct:
			for _, inner := range fieldsOf(sf.Type) {
				inner.index = append([]int{i}, inner.index...)
				fs = append(fs, inner)
			}
		case !sf.IsExported() || name == "-":
		default:
			fs = append(fs, fieldOf(sf, name, i))
		}
	}
	return fs
}

func fieldOf(sf reflect.StructField, name string, i int) field {
	f := field{
		name:     name,
		index:    []int{i},
		typ:      sf.Type,
		doc:      sf.Tag.Get("doc"),
		required: sf.Tag.Get("required") == "true",
		min:      sf.Tag.Get("min"),
		max:      sf.Tag.Get("max"),
		pattern:  sf.Tag.Get("pattern"),
		keys:     sf.Tag.Get("keys"),
		def:      sf.Tag.Get("default"),
		example:  sf.Tag.Get("example"),
	}
	if name == "" {
		f.name = sf.Name
	}
	if enum := sf.Tag.Get("enum"); enum != "" {
		f.enum = strings.Split(enum, ",")
	}
	return f
}

// element is the field as it applies to each element of a list or map.
func (f field) element(t reflect.Type) field {
	return field{typ: t, enum: f.enum, pattern: f.pattern, doc: f.doc}
}

// allowed resolves the values that a field accepts; nil when it has no list.
func (c Catalog) allowed(f field) []string {
	if len(f.enum) != 1 {
		return f.enum
	}
	switch f.enum[0] {
	case "@steps":
		return slices.Sorted(slices.Values(c.stepNames()))
	case "@targets":
		return slices.Sorted(slices.Values(c.targetNames()))
	}
	return f.enum
}

var (
	durationType = reflect.TypeFor[fairlead.Duration]()
	percentType  = reflect.TypeFor[Percent]()
	cellType     = reflect.TypeFor[Cell]()
	targetType   = reflect.TypeFor[TargetConfig]()
	withType     = reflect.TypeFor[With]()
	textType     = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// isText tells whether values of t are written as text of their own form.
func isText(t reflect.Type) bool { return reflect.PointerTo(t).Implements(textType) }

// form is a shape that a string must have, with its words for people.
type form struct {
	expr  *regexp.Regexp
	words string
}

const durationExpr = `^([0-9]+(\.[0-9]+)?(ns|us|ms|s|m|h))+$`

const percentExpr = `^[0-9]+(\.[0-9]+)?%$`

// forms are the shapes that the pattern and keys tags may name.
var forms = map[string]form{
	"name": {
		regexp.MustCompile(`^[a-z][a-z0-9-]{0,62}$`),
		"must start with a lower-case letter and hold at most 63 lower-case letters, digits and hyphens",
	},
	"env": {
		regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`),
		"must be the name of an environment variable, without its value",
	},
	"cell": {
		regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+-]{0,62}$`),
		"must start with a letter or digit and hold at most 63 letters, digits, dots, hyphens, plus signs and underscores",
	},
	"who": {
		regexp.MustCompile(`^(group:)?[a-z][a-z0-9-]{0,62}$`),
		"must be the name of a person, or group: and the name of a group",
	},
	"email": {
		regexp.MustCompile(`^[^@\s]+@[^@\s]+$`),
		"must be an e-mail address",
	},
	"account": {
		regexp.MustCompile(`^[^\s]{1,128}$`),
		"must be the name of an account, without spaces",
	},
	"path": {
		regexp.MustCompile(`^[^/\\\x00][^\\\x00]*$`),
		"must be a slash-separated path or glob below the repository's root",
	},
}
