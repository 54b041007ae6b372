package pipeline

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxDepth bounds how deep a configuration may nest.
const maxDepth = 32

// maxProblems bounds how many problems are reported at once.
const maxProblems = 500

// decoder fills Go values from YAML nodes and collects every problem instead
// of stopping at the first.
type decoder struct {
	file     string
	cat      Catalog
	problems Problems
	places   map[string]place
	fields   map[reflect.Type][]field
	depth    int
}

func newDecoder(file string, cat Catalog) *decoder {
	return &decoder{file: file, cat: cat, places: map[string]place{}, fields: map[reflect.Type][]field{}}
}

// selfDecoder is a value that is decoded in a way of its own.
type selfDecoder interface {
	decode(d *decoder, n *yaml.Node, key string)
}

// finisher is a struct with keys whose meaning depends on other keys; finish
// is called once all of them are decoded.
type finisher interface {
	finish(d *decoder, n *yaml.Node, key string)
}

// report adds a problem at a node; beyond maxProblems nobody reads on.
func (d *decoder) report(n *yaml.Node, key, rule, got, suggestion string) {
	if len(d.problems) >= maxProblems {
		return
	}
	d.problems = append(d.problems, ConfigProblem{
		File: d.file, Line: n.Line, Col: n.Column, Key: key, Rule: rule, Got: got, Suggestion: suggestion,
	})
}

// reportAt adds a problem at a key that was decoded before.
func (d *decoder) reportAt(key, rule, got, suggestion string) {
	p := d.places[key]
	d.report(&yaml.Node{Line: p.line, Column: p.col}, key, rule, got, suggestion)
}

// value decodes n into v, which f describes.
func (d *decoder) value(n *yaml.Node, v reflect.Value, key string, f field) {
	if !d.plain(n, key) {
		return
	}
	d.depth++
	defer func() { d.depth-- }()
	if d.depth > maxDepth {
		d.report(n, key, fmt.Sprintf("must not nest deeper than %d levels", maxDepth), "", "")
		return
	}
	if self, ok := v.Addr().Interface().(selfDecoder); ok {
		self.decode(d, n, key)
		return
	}
	switch {
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		f.typ = v.Type().Elem()
		d.value(n, v.Elem(), key, f)
	case isText(v.Type()):
		d.scalar(n, v, key, f)
	case v.Kind() == reflect.Struct:
		d.structure(n, v, key)
	case v.Kind() == reflect.Map:
		d.mapping(n, v, key, f)
	case v.Kind() == reflect.Slice:
		d.list(n, v, key, f)
	default:
		d.scalar(n, v, key, f)
	}
}

// plain refuses what a configuration has no use for: aliases, tags and
// missing values.
func (d *decoder) plain(n *yaml.Node, key string) bool {
	switch {
	case n.Kind == yaml.AliasNode:
		d.report(n, key, "must not be a YAML alias", got("*"+n.Value), "write the value out")
	case n.Style&yaml.TaggedStyle != 0:
		d.report(n, key, "must not carry a YAML tag", got(n.Tag), "remove the tag")
	case n.Tag == "!!null":
		d.report(n, key, "must have a value", "", "give it one or remove the key")
	default:
		return true
	}
	return false
}

// structure decodes a mapping into a struct: known keys only, each once, the
// required ones present.
func (d *decoder) structure(n *yaml.Node, v reflect.Value, key string) {
	if n.Kind != yaml.MappingNode {
		d.report(n, key, "must be a mapping of keys to values", describe(n), "")
		return
	}
	fields := d.fieldsOf(v.Type())
	seen := map[string]bool{}
	for _, f := range fields {
		seen[f.name] = f.required && !v.FieldByIndex(f.index).IsZero() // a default is a value
	}
	for k, val := range d.pairs(n, key) {
		i := slices.IndexFunc(fields, func(f field) bool { return f.name == k.Value })
		if i < 0 {
			d.unknownKey(k, join(key, k.Value), fields)
			continue
		}
		seen[k.Value] = true
		d.value(val, v.FieldByIndex(fields[i].index), join(key, k.Value), fields[i])
	}
	for _, f := range fields {
		if f.required && !seen[f.name] && !merges(n) {
			d.report(n, join(key, f.name), "is required", "", example(f))
		}
	}
	if fin, ok := v.Addr().Interface().(finisher); ok {
		fin.finish(d, n, key)
	}
}

// mapping decodes a mapping with free keys into a Go map.
func (d *decoder) mapping(n *yaml.Node, v reflect.Value, key string, f field) {
	if n.Kind != yaml.MappingNode {
		d.report(n, key, "must be a mapping of names to values", describe(n), "")
		return
	}
	t := v.Type()
	if t.Key().Kind() != reflect.String {
		d.report(n, key, "cannot be decoded: its keys are not strings", "", "")
		return
	}
	v.Set(reflect.MakeMapWithSize(t, len(n.Content)/2))
	for k, val := range d.pairs(n, key) {
		at := join(key, k.Value)
		if form, ok := forms[f.keys]; ok && !form.expr.MatchString(k.Value) {
			d.report(k, at, form.words, got(k.Value), "")
			continue
		}
		e := reflect.New(t.Elem()).Elem()
		d.value(val, e, at, f.element(t.Elem()))
		v.SetMapIndex(reflect.ValueOf(k.Value).Convert(t.Key()), e)
	}
}

// list decodes a sequence into a slice.
func (d *decoder) list(n *yaml.Node, v reflect.Value, key string, f field) {
	if n.Kind != yaml.SequenceNode {
		suggestion := ""
		if n.Kind == yaml.ScalarNode {
			suggestion = "write [" + brief(n.Value) + "]"
		}
		d.report(n, key, "must be a list", describe(n), suggestion)
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
	for i, c := range n.Content {
		at := fmt.Sprintf("%s[%d]", key, i)
		d.places[at] = place{c.Line, c.Column}
		d.value(c, v.Index(i), at, f.element(v.Type().Elem()))
	}
	d.length(n, len(n.Content), key, f)
}

// pairs walks a mapping's keys and values, reports keys that are not plain
// text or appear twice, and remembers where each stands.
func (d *decoder) pairs(n *yaml.Node, key string) func(yield func(k, v *yaml.Node) bool) {
	return func(yield func(k, v *yaml.Node) bool) {
		first := make(map[string]int, len(n.Content)/2)
		for i := 0; i+1 < len(n.Content); i += 2 {
			k, v := n.Content[i], n.Content[i+1]
			if k.Tag == "!!merge" {
				d.report(k, join(key, k.Value), "must not be a YAML merge key", "", "write the keys out")
				continue
			}
			if k.Kind != yaml.ScalarNode || k.Style&yaml.TaggedStyle != 0 || k.Tag == "!!null" {
				d.report(k, key, "must have plain text as its keys", describe(k), "")
				continue
			}
			at := join(key, k.Value)
			if line, twice := first[k.Value]; twice {
				d.report(k, at, fmt.Sprintf("must appear once; it is also on line %d", line), "", "")
				continue
			}
			first[k.Value] = k.Line
			d.places[at] = place{k.Line, k.Column}
			if !yield(k, v) {
				return
			}
		}
	}
}

// unknownKey reports a key that the struct does not have, with the nearest one
// that it does have.
func (d *decoder) unknownKey(k *yaml.Node, key string, fields []field) {
	if instead, was := removed[k.Value]; was && strings.HasSuffix(key, ".judge."+k.Value) {
		d.report(k, key, "is no longer a key", "", instead)
		return
	}
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.name
	}
	suggestion := didYouMean(k.Value, names)
	if suggestion == "" && len(names) > 0 {
		suggestion = "known keys are " + listed(names)
	}
	d.report(k, key, "is not a known key", "", suggestion)
}

// removed holds keys of judge that earlier versions had, with what to do now.
var removed = map[string]string{
	"min-requests":  "remove it: the judge knows by itself how much is enough; `fairlead plan` says",
	"error-margin":  "say judge.margin, which is relative (100% is twice as many errors), and judge.negligible",
	"latency-ratio": "say judge.margin: how many more slow requests have to be ruled out",
	"quantile":      "give judge.metrics a latency with the bounds that matter: {name: latency, at: [0.3]}",
}

// isReadable tells whether a name can stand in a dotted key as it is.
func isReadable(name string) bool {
	for _, r := range name {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("_.<>/@-", r) {
			return false
		}
	}
	return name != "" && len(name) <= 64
}

func (d *decoder) fieldsOf(t reflect.Type) []field {
	fs, ok := d.fields[t]
	if !ok {
		fs = fieldsOf(t)
		d.fields[t] = fs
	}
	return fs
}

// join gives the dotted key of a name below a key. A name that would make the
// key hard to read is quoted.
func join(key, name string) string {
	if !isReadable(name) {
		name = got(name)
	}
	if key == "" {
		return name
	}
	return key + "." + name
}

// merges tells whether a mapping has a merge key, which may stand for any key.
func merges(n *yaml.Node) bool {
	return slices.ContainsFunc(n.Content, func(c *yaml.Node) bool { return c.Tag == "!!merge" })
}

func example(f field) string {
	if f.example == "" {
		return ""
	}
	return "for example " + f.name + ": " + f.example
}

// describe names what a node holds, for problems.
func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias"
	default:
		return got(n.Value)
	}
}
