package pipeline

import (
	"encoding"
	"fmt"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"time"

	"go.yaml.in/yaml/v3"

	"fairlead.dev"
)

// scalar decodes a single value and checks it against the field's rules.
func (d *decoder) scalar(n *yaml.Node, v reflect.Value, key string, f field) {
	t := v.Type()
	if n.Kind != yaml.ScalarNode {
		d.report(n, key, "must be "+kindOf(t), describe(n), "")
		return
	}
	if rule, suggestion := assign(n, v); rule != "" {
		d.report(n, key, rule, got(n.Value), suggestion)
		return
	}
	if allowed := d.cat.allowed(f); allowed != nil && !slices.Contains(allowed, n.Value) {
		d.report(n, key, "must be one of "+listed(allowed), got(n.Value), didYouMean(n.Value, allowed))
		return
	}
	if form, ok := forms[f.pattern]; ok && !form.expr.MatchString(n.Value) {
		d.report(n, key, form.words, got(n.Value), "")
		return
	}
	if v.Kind() == reflect.String && f.required && n.Value == "" {
		d.report(n, key, "must not be empty", "", example(f))
		return
	}
	d.bounds(n, v, key, f)
}

// assign stores the scalar in v, or says which rule it breaks.
func assign(n *yaml.Node, v reflect.Value) (rule, suggestion string) {
	t := v.Type()
	wrong := "must be " + kindOf(t)
	switch {
	case t == cellType:
		if n.Tag == "!!str" || n.Tag == "!!int" || n.Tag == "!!float" {
			v.SetString(n.Value)
			return "", ""
		}
		return wrong, "quote it"
	case isText(t):
		return assignText(n, v)
	}
	switch t.Kind() {
	case reflect.String:
		if n.Tag != "!!str" {
			return wrong, "quote it: " + got(n.Value)
		}
		v.SetString(n.Value)
	case reflect.Bool:
		if n.Tag != "!!bool" || (n.Value != "true" && n.Value != "false") {
			return wrong, "write true or false"
		}
		v.SetBool(n.Value == "true")
	default:
		return assignNumber(n, v), ""
	}
	return "", ""
}

// assignNumber stores a number that fits v's type.
func assignNumber(n *yaml.Node, v reflect.Value) (rule string) {
	t := v.Type()
	var err error
	switch {
	case v.CanInt():
		var i int64
		i, err = strconv.ParseInt(n.Value, 10, t.Bits())
		v.SetInt(i)
	case v.CanUint():
		var u uint64
		u, err = strconv.ParseUint(n.Value, 10, t.Bits())
		v.SetUint(u)
	case v.CanFloat():
		var x float64
		x, err = strconv.ParseFloat(n.Value, t.Bits())
		if math.IsNaN(x) || math.IsInf(x, 0) {
			err = strconv.ErrRange
		}
		v.SetFloat(x)
	default:
		return fmt.Sprintf("cannot be decoded: %s is not a type of configuration", t)
	}
	if err != nil || (n.Tag != "!!int" && (n.Tag != "!!float" || !v.CanFloat())) {
		v.SetZero()
		return "must be " + kindOf(t)
	}
	return ""
}

var (
	durationForm = regexp.MustCompile(durationExpr)
	percentForm  = regexp.MustCompile(percentExpr)
	daysForm     = regexp.MustCompile(`^([0-9]{1,4})d$`)
)

// assignText stores a value that has a text form of its own.
func assignText(n *yaml.Node, v reflect.Value) (rule, suggestion string) {
	t := v.Type()
	rule = "must be " + kindOf(t)
	switch {
	case t == durationType && !durationForm.MatchString(n.Value):
		if m := daysForm.FindStringSubmatch(n.Value); m != nil {
			days, _ := strconv.Atoi(m[1]) // the form holds four digits at most
			return rule, fmt.Sprintf("write %dh", 24*days)
		}
		if n.Tag == "!!int" {
			return rule, "give it a unit: " + brief(n.Value) + "s"
		}
		return rule, ""
	case t == percentType && !percentForm.MatchString(n.Value):
		if n.Tag == "!!int" || n.Tag == "!!float" {
			return rule, "write it with a percent sign"
		}
		return rule, ""
	}
	if err := v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(n.Value)); err != nil {
		if t == durationType || t == percentType {
			return rule, ""
		}
		return "must be valid: " + err.Error(), ""
	}
	return "", ""
}

// kindOf names the kind of value a type wants, for people.
func kindOf(t reflect.Type) string {
	switch {
	case t == durationType:
		return "a duration such as 90s or 5m"
	case t == percentType:
		return "a percentage such as 1%"
	case t == cellType:
		return "text or a number"
	case isText(t):
		return "text"
	}
	switch t.Kind() {
	case reflect.Pointer:
		return kindOf(t.Elem())
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "a whole number"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.Slice:
		return "a list"
	case reflect.Struct, reflect.Map:
		return "a mapping"
	default:
		return "text"
	}
}

// bounds checks min and max of a number or a duration.
func (d *decoder) bounds(n *yaml.Node, v reflect.Value, key string, f field) {
	low, high := bound(v.Type(), f.min), bound(v.Type(), f.max)
	x, ok := amount(v)
	if !ok {
		return
	}
	if (low == nil || x >= *low) && (high == nil || x <= *high) {
		return
	}
	d.report(n, key, "must be "+span(f), got(n.Value), "")
}

// length checks min and max of a list.
func (d *decoder) length(n *yaml.Node, count int, key string, f field) {
	low, high := bound(reflect.TypeFor[int](), f.min), bound(reflect.TypeFor[int](), f.max)
	if (low != nil && float64(count) < *low) || (high != nil && float64(count) > *high) {
		d.report(n, key, "must list "+span(f), strconv.Itoa(count), "")
	}
}

// span words the bounds of a field: "between 1 and 100".
func span(f field) string {
	switch {
	case f.min != "" && f.max != "":
		return "between " + f.min + " and " + f.max
	case f.min != "":
		return "at least " + f.min
	default:
		return "at most " + f.max
	}
}

// amount is a number or a duration as a float, for comparison.
func amount(v reflect.Value) (float64, bool) {
	switch {
	case v.CanInt():
		return float64(v.Int()), true
	case v.CanUint():
		return float64(v.Uint()), true
	case v.CanFloat():
		return v.Float(), true
	}
	return 0, false
}

// bound reads a min or max tag in the terms of t; nil when there is none.
func bound(t reflect.Type, tag string) *float64 {
	if tag == "" {
		return nil
	}
	if t == durationType {
		if x, err := time.ParseDuration(tag); err == nil {
			f := float64(fairlead.Duration(x))
			return &f
		}
		return nil
	}
	if t == percentType {
		var p Percent
		if p.UnmarshalText([]byte(tag)) == nil {
			f := float64(p)
			return &f
		}
	}
	if x, err := strconv.ParseFloat(tag, 64); err == nil {
		return &x
	}
	return nil
}
