package dast

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// document is what of an OpenAPI 3 document says where the service takes what.
type document struct {
	OpenAPI string                                `json:"openapi"`
	Paths   map[string]map[string]json.RawMessage `json:"paths"`
}

type operation struct {
	Parameters  []parameter `json:"parameters"`
	RequestBody struct {
		Content map[string]struct {
			Schema schema `json:"schema"`
		} `json:"content"`
	} `json:"requestBody"`
}

type parameter struct {
	Name    string `json:"name"`
	In      string `json:"in"`
	Example any    `json:"example"`
	Schema  schema `json:"schema"`
}

type schema struct {
	Type       any               `json:"type"` // a word, or since 3.1 a list of words
	Example    any               `json:"example"`
	Default    any               `json:"default"`
	Enum       []any             `json:"enum"`
	Properties map[string]schema `json:"properties"`
}

// document fetches and reads the OpenAPI document. A service without one has no
// entries from it.
func (s *scan) document(ctx context.Context) ([]entry, error) {
	a, err := s.tryGet(ctx, cmp.Or(s.OpenAPI, strings.TrimSuffix(s.Base.Path, "/")+"/openapi.json"))
	if err != nil || a == nil || a.status != http.StatusOK {
		return nil, err
	}
	return readDocument([]byte(a.body)), nil
}

// readDocument gives the entries of a document, by path and method; none when it
// is no OpenAPI 3 document in JSON.
func readDocument(content []byte) []entry {
	var d document
	if json.Unmarshal(content, &d) != nil || !strings.HasPrefix(d.OpenAPI, "3.") {
		return nil
	}
	var out []entry
	for _, path := range slices.Sorted(maps.Keys(d.Paths)) {
		if !strings.HasPrefix(path, "/") {
			continue
		}
		var shared []parameter
		_ = json.Unmarshal(d.Paths[path]["parameters"], &shared) // without them there are fewer
		for _, method := range []string{"get", "post", "put", "patch", "delete"} {
			var o operation
			if raw, ok := d.Paths[path][method]; ok && json.Unmarshal(raw, &o) == nil {
				out = append(out, o.entry(strings.ToUpper(method), path, shared))
			}
		}
	}
	return out
}

// entry makes an entry of an operation. A path parameter that the document does
// not describe is one all the same.
func (o operation) entry(method, path string, shared []parameter) entry {
	e := entry{method: method, route: path}
	for _, p := range append(shared, o.Parameters...) {
		if p.In == "query" || (p.In == "path" && strings.Contains(path, "{"+p.Name+"}")) {
			e.params = append(e.params, param{name: p.Name, in: p.In, value: text(p.Example, p.Schema)})
		}
	}
	for _, m := range braced.FindAllStringSubmatch(path, -1) {
		if !slices.ContainsFunc(e.params, func(p param) bool { return p.in == "path" && p.name == m[1] }) {
			e.params = append(e.params, param{name: m[1], in: "path", value: "1"})
		}
	}
	for kind, in := range map[string]string{"application/json": "json", "application/x-www-form-urlencoded": "form"} {
		properties := o.RequestBody.Content[kind].Schema.Properties
		if in == "form" && len(o.RequestBody.Content["application/json"].Schema.Properties) > 0 {
			continue // one kind of body is enough
		}
		for _, name := range slices.Sorted(maps.Keys(properties)) {
			e.params = append(e.params, param{name: name, in: in, value: text(nil, properties[name])})
		}
	}
	return e
}

// text is a value that fits a schema.
func text(example any, s schema) string {
	for _, v := range append([]any{example, s.Example, s.Default}, s.Enum...) {
		if v != nil {
			return fmt.Sprint(v)
		}
	}
	return "1"
}

// tryGet asks for a path below the host.
func (s *scan) tryGet(ctx context.Context, path string) (*answer, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.Base.Scheme+"://"+s.Base.Host+path, http.NoBody)
	if err != nil {
		return nil, nil //nolint:nilnil,nilerr // no such path can be asked for
	}
	return s.try(r)
}
