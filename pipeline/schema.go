package pipeline

import (
	"encoding/json"
	"reflect"
	"strconv"

	"fairlead.dev"
)

// SchemaID is the identifier of the configuration's JSON Schema.
const SchemaID = "https://" + fairlead.Host + "/schema/fairlead.json"

// Schema gives the JSON Schema (2020-12) of fairlead.yaml, made from the
// structs that Read decodes into. It accepts everything that Read accepts;
// what holds between keys, and CEL, only Read can check. Equal catalogs give
// equal bytes.
func Schema(cat Catalog) ([]byte, error) {
	s := schemer{cat}
	root := s.structure(reflect.TypeFor[Config](), reflect.Value{})
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["$id"] = SchemaID
	root["title"] = "fairlead.yaml"
	b, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		return nil, &fairlead.Problem{Op: "make schema", Kind: fairlead.KindInternal, Err: err}
	}
	return b, nil
}

// object is a schema; encoding/json sorts its keys.
type object = map[string]any

type schemer struct{ cat Catalog }

// structure is the schema of a struct; defaults, when valid, is a value of it.
func (s schemer) structure(t reflect.Type, defaults reflect.Value) object {
	properties, required := object{}, []string{}
	for _, f := range fieldsOf(t) {
		value := reflect.Value{}
		if defaults.IsValid() {
			value = defaults.FieldByIndex(f.index)
		}
		properties[f.name] = s.field(f, value)
		if f.required && (!value.IsValid() || value.IsZero()) {
			required = append(required, f.name)
		}
	}
	o := object{"type": "object", "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		o["required"] = required
	}
	if t == reflect.TypeFor[Step]() {
		o["allOf"] = s.withs()
	}
	return o
}

// withs ties the key with to the step type that the key use names.
func (s schemer) withs() []object {
	var all []object
	for _, info := range s.cat.Steps {
		config := s.structure(reflect.TypeOf(info.Config), reflect.ValueOf(info.Config))
		then := object{"properties": object{"with": config}}
		if _, must := config["required"]; must {
			then["required"] = []string{"with"}
		}
		all = append(all, object{
			"if":   object{"properties": object{"use": object{"const": info.Name}}, "required": []string{"use"}},
			"then": then,
		})
	}
	return all
}

// field is the schema of one key.
func (s schemer) field(f field, value reflect.Value) object {
	o := s.value(f, f.typ, value)
	if f.doc != "" {
		o["description"] = f.doc
		if f.def != "" {
			o["description"] = f.doc + " Default: " + f.def + "."
		}
	}
	if value.IsValid() && !value.IsZero() && value.Kind() != reflect.Struct {
		o["default"] = value.Interface()
	}
	return o
}

// value is the schema of a type under a field's rules.
func (s schemer) value(f field, t reflect.Type, value reflect.Value) object {
	switch t {
	case targetType:
		return s.targets()
	case withType:
		return object{"type": "object"}
	}
	switch {
	case t.Kind() == reflect.Pointer:
		return s.value(f, t.Elem(), reflect.Value{})
	case isText(t) || t == cellType:
		return s.scalar(f, t)
	case t.Kind() == reflect.Struct:
		return s.structure(t, value)
	case t.Kind() == reflect.Map:
		o := object{"type": "object", "additionalProperties": s.value(f.element(t.Elem()), t.Elem(), reflect.Value{})}
		if form, ok := forms[f.keys]; ok {
			o["propertyNames"] = object{"pattern": form.expr.String()}
		}
		return o
	case t.Kind() == reflect.Slice:
		o := object{"type": "array", "items": s.value(f.element(t.Elem()), t.Elem(), reflect.Value{})}
		number(o, "minItems", f.min)
		number(o, "maxItems", f.max)
		return o
	}
	return s.scalar(f, t)
}

// targets is the schema of exactly one target type with its keys.
func (s schemer) targets() object {
	properties := object{}
	for _, info := range s.cat.Targets {
		o := s.structure(reflect.TypeOf(info.Config), reflect.ValueOf(info.Config))
		o["description"] = info.Title
		properties[info.Name] = o
	}
	return object{
		"type": "object", "properties": properties, "additionalProperties": false,
		"minProperties": 1, "maxProperties": 1,
	}
}

// scalar is the schema of a single value.
func (s schemer) scalar(f field, t reflect.Type) object {
	o := object{}
	switch {
	case t == durationType:
		return object{"type": "string", "pattern": durationExpr}
	case t == percentType:
		return object{"type": "string", "pattern": percentExpr}
	case t == cellType:
		o["type"] = []string{"string", "number"}
	case isText(t):
		o["type"] = "string"
	case t.Kind() == reflect.Bool:
		o["type"] = "boolean"
	case reflect.Zero(t).CanInt() || reflect.Zero(t).CanUint():
		o["type"] = "integer"
	case reflect.Zero(t).CanFloat():
		o["type"] = "number"
	default:
		o["type"] = "string"
		if f.required {
			o["minLength"] = 1
		}
	}
	if o["type"] == "integer" || o["type"] == "number" {
		number(o, "minimum", f.min)
		number(o, "maximum", f.max)
	}
	if form, ok := forms[f.pattern]; ok {
		o["pattern"] = form.expr.String()
	}
	if allowed := s.cat.allowed(f); allowed != nil {
		o["enum"] = enumOf(allowed, o["type"])
	}
	return o
}

// enumOf gives the allowed values in the schema's type.
func enumOf(allowed []string, kind any) []any {
	values := make([]any, len(allowed))
	for i, a := range allowed {
		values[i] = a
		if n, err := strconv.Atoi(a); err == nil && kind == "integer" {
			values[i] = n
		}
	}
	return values
}

// number sets a keyword from a min or max tag, when there is one.
func number(o object, keyword, tag string) {
	if x, err := strconv.ParseFloat(tag, 64); err == nil {
		o[keyword] = x
	}
}
