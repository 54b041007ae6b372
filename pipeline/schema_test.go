package pipeline

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

func compiledSchema(t testing.TB, cat Catalog) *jsonschema.Schema {
	t.Helper()
	b, err := Schema(cat)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource(SchemaID, doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile(SchemaID)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// generic reads YAML as an editor would, for the schema.
func generic(t testing.TB, data []byte) any {
	t.Helper()
	var v any
	if err := yaml.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	out, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestSchemaAcceptsWhatReadAccepts(t *testing.T) {
	s := compiledSchema(t, testCatalog())
	for name, data := range goodFiles(t) {
		if _, err := Read(Source{Name: name, Data: data}, testCatalog()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := s.Validate(generic(t, data)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSchemaRefuses(t *testing.T) {
	s := compiledSchema(t, testCatalog())
	for name, text := range map[string]string{
		"no version":         "service: shop",
		"other version":      "version: 2",
		"unknown key":        "{version: 1, banana: 1}",
		"unknown nested key": "{version: 1, build: {run: x, banana: 1}}",
		"missing run":        "{version: 1, build: {artifacts: [x]}}",
		"bad duration":       "{version: 1, build: {run: x, timeout: 5}}",
		"bad percent":        "{version: 1, deploy: {canary: {judge: {error-floor: 5}}}}",
		"bad enum":           "{version: 1, tests: {unit: {run: x, level: slow}}}",
		"bad weight":         "{version: 1, deploy: {canary: {steps: [{weight: 101, for: 1m}]}}}",
		"no stages":          "{version: 1, deploy: {canary: {steps: []}}}",
		"bad name":           "{version: 1, tests: {Unit: {run: x}}}",
		"unknown step type":  "{version: 1, steps: {a: {use: nothing.here}}}",
		"bad with":           "{version: 1, steps: {a: {use: check.http, with: {paths: [/], banana: 1}}}}",
		"required with":      "{version: 1, steps: {a: {use: test.command}}}",
		"unknown target":     "{version: 1, environments: {dev: {target: {moon: {}}}}}",
		"two targets":        "{version: 1, environments: {dev: {target: {process: {command: [x]}, moon: {}}}}}",
		"target key":         "{version: 1, environments: {dev: {target: {process: {command: [x], banana: 1}}}}}",
	} {
		if err := s.Validate(generic(t, []byte(text))); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestSchemaIsDeterministic(t *testing.T) {
	a, errA := Schema(testCatalog())
	b, errB := Schema(testCatalog())
	if errA != nil || errB != nil || !bytes.Equal(a, b) {
		t.Errorf("two calls differ: %v %v", errA, errB)
	}
}
