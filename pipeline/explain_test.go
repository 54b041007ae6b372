package pipeline

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"fairlead.dev"
)

func TestExplain(t *testing.T) {
	for _, c := range []struct{ key, at, kind, fallback, allowed, keys string }{
		{"deploy.canary.bake", "deploy.canary.bake", "a duration such as 90s or 5m", "10m where monitoring is full, otherwise 0s", "", ""},
		{"tests", "tests", "a mapping of names, each a mapping", "detected for Go, Node and Python", "", "run"},
		{"tests.unit.level", "tests.<name>.level", "text", "fast", "fast, standard, complete", ""},
		{"steps.<name>.use", "steps.<name>.use", "text", "", "build.command, check.http, sbom.source, scan.secrets, test.command", ""},
		{"steps.x.with", "steps.<name>.with", "a mapping", "", "", "check.http"},
		{"environments.production.target", "environments.<name>.target", "a mapping", "", "", "process"},
		{"environments.<name>.target.process.replicas", "environments.<name>.target.process.replicas", "a whole number", "2", "", ""},
		{"environments.x.target.process.ready.http", "environments.<name>.target.process.ready.http", "text", "", "", ""},
		{"deploy.canary.steps[0].weight", "deploy.canary.steps.weight", "a whole number", "", "", ""},
		{"routes.when", "routes.when", "text", "", "", ""},
		{"check.http", "check.http", "a mapping", "", "", "paths"},
		{"check.http.timeout", "check.http.timeout", "a duration such as 90s or 5m", "5s", "", ""},
		{"process.listen", "process.listen", "text", "127.0.0.1:8080", "", ""},
		{"deploy.rolling.judge.false-alarm", "deploy.rolling.judge.false-alarm", "a percentage such as 1%", "1%", "", ""},
		{"", "", "a mapping", "", "", "version"},
	} {
		t.Run(c.key, func(t *testing.T) {
			h, err := Explain(testCatalog(), c.key)
			if err != nil {
				t.Fatal(err)
			}
			if h.Key != c.at || h.Type != c.kind || h.Default != c.fallback || listed(h.Allowed) != c.allowed || h.Doc == "" {
				t.Errorf("have %+v", h)
			}
			if c.keys != "" && !slices.ContainsFunc(h.Keys, func(k KeyBrief) bool { return k.Name == c.keys }) {
				t.Errorf("no key %s below it: %+v", c.keys, h.Keys)
			}
			if !strings.Contains(h.String(), h.Type) {
				t.Errorf("text is %s", h)
			}
		})
	}
}

func TestExplainSuggests(t *testing.T) {
	for key, hint := range map[string]string{
		"test":                             `did you mean "tests"?`,
		"deploy.cannary.bake":              `did you mean "canary"?`,
		"environments.x.target.proces.env": `did you mean "process"?`,
		"steps.x.with.paths":               "ask for a step type's own key, for example check.http.paths; the types are build.command, test.command, scan.secrets, sbom.source, check.http",
		"version.more":                     "there are no keys below version",
		"check.http.banana":                "known keys are paths, status, timeout, insecure",
	} {
		_, err := Explain(testCatalog(), key)
		if fairlead.KindOf(err) != fairlead.KindNotFound || fairlead.HintOf(err) != hint {
			t.Errorf("%s: %v, hint %q", key, err, fairlead.HintOf(err))
		}
	}
}

// Every key of the file is explained, and its example is one that Read takes.
func TestEveryKeyIsDocumented(t *testing.T) {
	var walk func(t *testing.T, of reflect.Type, key string)
	walk = func(t *testing.T, of reflect.Type, key string) {
		of = inner(of)
		if of.Kind() == reflect.Map {
			of, key = inner(of.Elem()), key+".x"
		}
		if of.Kind() != reflect.Struct || isText(of) || of == targetType || of == withType {
			return
		}
		for _, f := range fieldsOf(of) {
			at := strings.TrimPrefix(key+"."+f.name, ".")
			h, err := Explain(testCatalog(), at)
			if err != nil || !strings.HasSuffix(h.Doc, ".") {
				t.Errorf("%s: %q %v", at, h.Doc, err)
			}
			walk(t, f.typ, at)
		}
	}
	walk(t, reflect.TypeFor[Config](), "")
}

func TestExamplesAreAccepted(t *testing.T) {
	for _, f := range fieldsOf(reflect.TypeFor[Config]()) {
		if f.example == "" {
			continue
		}
		t.Run(f.name, func(t *testing.T) {
			mustRead(t, "version: 1\n"+known(f.name)+f.name+": "+f.example+"\n")
		})
	}
	for section, of := range map[string]reflect.Type{
		"build": reflect.TypeFor[Build](), "tests.unit": reflect.TypeFor[Test](), "environments.dev": reflect.TypeFor[Environment](),
	} {
		for _, f := range fieldsOf(of) {
			if f.example == "" || f.name == "needs" {
				continue
			}
			run := ""
			if f.name != "run" && section != "environments.dev" {
				run = "run: x, "
			}
			text := "{" + run + f.name + ": " + quoted(f) + "}"
			if outer, name, ok := strings.Cut(section, "."); ok {
				mustRead(t, "version: 1\n"+known(outer)+outer+": {"+name+": "+text+"}\n")
			} else {
				mustRead(t, "version: 1\n"+section+": "+text+"\n")
			}
		}
	}
}

// known gives people for the examples that name some.
func known(section string) string {
	var lines string
	for name, text := range map[string]string{
		"people": "{alice: {emails: [a@x.org], accounts: [alice]}, bob: {emails: [b@x.org], accounts: [bob]}}",
		"groups": "{dba: [alice, bob], oncall: [alice]}",
	} {
		if name != section && section != "people" {
			lines += name + ": " + text + "\n"
		}
	}
	return lines
}

func quoted(f field) string {
	if f.typ.Kind() == reflect.String {
		return "'" + f.example + "'"
	}
	return f.example
}
