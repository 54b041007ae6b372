package steptest

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"fairlead.dev/step"
)

var (
	typeName = regexp.MustCompile(`^[a-z]+(\.[a-z][a-z0-9-]*)+$`)
	keyName  = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)
)

// describe checks that help, reference and schema can be made from the value.
func describe(t *testing.T, typ step.Type) {
	if !typeName.MatchString(typ.Name) {
		t.Errorf("name %q is not lower-case words with dots between them", typ.Name)
	}
	if typ.Title == "" || strings.ContainsAny(typ.Title, "\n") || strings.HasSuffix(typ.Title, ".") || strings.ToLower(typ.Title[:1]) != typ.Title[:1] {
		t.Errorf("title %q is not one lower-case line without a full stop", typ.Title)
	}
	if typ.Run == nil {
		t.Error("there is nothing to run")
	}
	if strings.TrimSpace(typ.Doc) == "" {
		t.Error("the documentation is empty")
	}
	if entries, err := os.ReadDir("testdata"); err != nil || len(entries) == 0 {
		t.Errorf("there is no testdata: %v", err)
	}
	if typ.Config == nil || reflect.TypeOf(typ.Config).Kind() != reflect.Struct {
		t.Fatalf("config is a %T, want a struct value", typ.Config)
	}
	for key, field := range fields(t, reflect.TypeOf(typ.Config)) {
		if !strings.Contains(typ.Doc, "`"+key+"`") {
			t.Errorf("the documentation does not mention `%s`", key)
		}
		if strings.TrimSpace(field.Tag.Get("doc")) == "" {
			t.Errorf("config key %s has no doc tag", key)
		}
		value := reflect.ValueOf(typ.Config).FieldByIndex(field.Index)
		if enum := field.Tag.Get("enum"); enum != "" && value.Kind() == reflect.String && value.String() != "" &&
			!slices.Contains(strings.Split(enum, ","), value.String()) {
			t.Errorf("the default of %s, %q, is not one of %s", key, value, enum)
		}
		for _, bound := range []string{"min", "max"} {
			if tag, ok := field.Tag.Lookup(bound); ok {
				if _, err := strconv.ParseFloat(tag, 64); err != nil {
					t.Errorf("the %s of %s is %q, not a number", bound, key, tag)
				}
			}
		}
	}
}

// fields gives a config's fields by their key.
func fields(t *testing.T, typ reflect.Type) map[string]reflect.StructField {
	t.Helper()
	byKey := map[string]reflect.StructField{}
	for _, f := range reflect.VisibleFields(typ) {
		if f.Anonymous {
			continue
		}
		key, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !f.IsExported() || !keyName.MatchString(key) {
			t.Errorf("config field %s has no key in lower-case words: %q", f.Name, key)
			continue
		}
		byKey[key] = f
	}
	return byKey
}

// config checks that the defaults survive JSON and that unknown keys do not.
func config(t *testing.T, typ step.Type) {
	raw, err := json.Marshal(typ.Config)
	if err != nil {
		t.Fatalf("the config has no JSON encoding: %v", err)
	}
	back := reflect.New(reflect.TypeOf(typ.Config))
	if err := decode(raw, back.Interface()); err != nil {
		t.Fatalf("the config does not read its own encoding: %v", err)
	}
	if !reflect.DeepEqual(back.Elem().Interface(), typ.Config) {
		t.Errorf("the config is %+v after a round trip, was %+v", back.Elem(), typ.Config)
	}
	unknown := append(bytes.TrimSuffix(raw, []byte("}")), `,"no-such-key":1}`...)
	if len(raw) == len("{}") {
		unknown = []byte(`{"no-such-key":1}`)
	}
	if decode(unknown, reflect.New(reflect.TypeOf(typ.Config)).Interface()) == nil {
		t.Error("the config accepts a key that it does not know")
	}
}

// decode reads strictly, as the worker does.
func decode(raw []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return err
	}
	if _, err := dec.Token(); err != io.EOF {
		return err
	}
	return nil
}
