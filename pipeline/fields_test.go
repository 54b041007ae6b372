package pipeline

import (
	"reflect"
	"testing"
)

// walkFields visits every key of the file, without the catalog's.
func walkFields(of reflect.Type, visit func(f field)) {
	of = inner(of)
	if of.Kind() == reflect.Map {
		of = inner(of.Elem())
	}
	if of.Kind() != reflect.Struct || isText(of) || of == targetType || of == withType {
		return
	}
	for _, f := range fieldsOf(of) {
		visit(f)
		walkFields(f.typ, visit)
	}
}

func TestTagsSaySomethingTheDecoderKnows(t *testing.T) {
	count := 0
	walkFields(reflect.TypeFor[Config](), func(f field) {
		count++
		for _, name := range []string{f.pattern, f.keys} {
			if _, ok := forms[name]; name != "" && !ok {
				t.Errorf("%s: there is no form %q", f.name, name)
			}
		}
		of := f.typ
		for of.Kind() == reflect.Pointer {
			of = of.Elem()
		}
		if of.Kind() == reflect.Slice {
			of = reflect.TypeFor[int]()
		}
		for _, tag := range []string{f.min, f.max} {
			if tag != "" && bound(of, tag) == nil {
				t.Errorf("%s: %q is not a bound of %s", f.name, tag, of)
			}
		}
	})
	if count < 60 {
		t.Errorf("only %d keys were visited", count)
	}
}

// Plan applies the defaults that the file's documentation promises.
func TestDocumentedDefaultsAreReal(t *testing.T) {
	p := mustPlan(t, shop, push("develop"))
	unit, judge := task(t, p, "unit"), p.Release.Judge
	have := map[string]any{
		"timeout": unit.Timeout.D().Minutes(), "retries": unit.Retries,
		"ready": p.Release.Ready.D().Minutes(), "hold": judge.Hold.D().Minutes(),
		"false-alarm": judge.FalseAlarm, "negligible": judge.Negligible, "error-floor": judge.ErrorFloor,
	}
	want := map[string]any{
		"timeout": 15.0, "retries": 2, "ready": 2.0, "hold": 2.0,
		"false-alarm": 0.01, "negligible": 0.001, "error-floor": 0.2,
	}
	documented := map[string]string{
		"timeout": "15m", "retries": "2", "ready": "2m", "hold": "2m",
		"false-alarm": "1%", "negligible": "0.1%", "error-floor": "20%",
	}
	for name := range want {
		if have[name] != want[name] {
			t.Errorf("%s is %v, want %v", name, have[name], want[name])
		}
	}
	walkFields(reflect.TypeFor[Config](), func(f field) {
		if text, ok := documented[f.name]; ok && f.def != text && f.def != "5s" { // 5s: of sources.prometheus, see TestReleaseIsConfigured
			t.Errorf("%s is documented as %q, want %q", f.name, f.def, text)
		}
	})
}
