package dast

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"

	"fairlead.dev"
)

// document is what of an OpenAPI 3 document says where the service takes what.
type document struct {
	OpenAPI string `json:"openapi"`
	Servers []struct {
		URL string `json:"url"`
	} `json:"servers"`
	Paths map[string]map[string]json.RawMessage `json:"paths"`
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

// mostDocument is how many bytes of an OpenAPI document are read: it names what
// a service has, and is no page.
const mostDocument = 32 << 20

// document fetches and reads the OpenAPI document. A service without one has no
// entries from it, but one that is named and not there is KindInvalid.
func (s *scan) document(ctx context.Context) ([]entry, error) {
	usual := s.Body
	s.Body = max(usual, mostDocument)
	a, err := s.tryGet(ctx, cmp.Or(s.OpenAPI, strings.TrimSuffix(s.Base.Path, "/")+"/openapi.json"))
	s.Body = usual
	if err != nil {
		return nil, err
	}
	var out []entry
	readable := a != nil && a.status == http.StatusOK
	if readable {
		out, readable = readDocument([]byte(a.body), s.Base)
	}
	if !readable && s.OpenAPI != "" {
		return nil, &fairlead.Problem{
			Op: "scan service", Kind: fairlead.KindInvalid, Err: fmt.Errorf("%s is no OpenAPI 3 document in JSON", s.OpenAPI),
			Hint: "name the path at the service under which it gives one, or leave openapi out",
		}
	}
	return out, nil
}

// readDocument gives the entries of a document about a service at an address, by
// path and method; not ok when it is no OpenAPI 3 document in JSON. What it says
// of other hosts, and of what is above the address, is passed over.
func readDocument(content []byte, base *url.URL) (out []entry, ok bool) {
	var d document
	if json.Unmarshal(content, &d) != nil || !strings.HasPrefix(d.OpenAPI, "3.") {
		return nil, false
	}
	prefix := d.prefix(base)
	for _, route := range slices.Sorted(maps.Keys(d.Paths)) {
		if !strings.HasPrefix(route, "/") {
			continue
		}
		var shared []parameter
		_ = json.Unmarshal(d.Paths[route]["parameters"], &shared) // without them there are fewer
		for _, method := range []string{"get", "post", "put", "patch", "delete"} {
			var o operation
			if raw, ok := d.Paths[route][method]; ok && json.Unmarshal(raw, &o) == nil {
				if e := o.entry(strings.ToUpper(method), prefix+route, shared); beneath(e.route, base) {
					out = append(out, e)
				}
			}
		}
	}
	return out, true
}

// prefix is the path that those of the document are below: that of its first
// server, when it is this one.
func (d document) prefix(base *url.URL) string {
	if len(d.Servers) == 0 {
		return ""
	}
	u, err := base.Parse(d.Servers[0].URL)
	if err != nil || !strings.EqualFold(u.Host, base.Host) { // where it is deployed, not where this one runs
		u, err = url.Parse(d.Servers[0].URL)
	}
	if err != nil || strings.ContainsAny(u.Path, "{}") {
		return strings.TrimSuffix(base.Path, "/")
	}
	return strings.TrimSuffix(u.Path, "/")
}

// beneath tells whether a path is that of an address or below it, wherever dots
// in it lead.
func beneath(to string, base *url.URL) bool {
	top := strings.TrimSuffix(base.Path, "/")
	to = path.Clean("/" + to)
	return to == cmp.Or(top, "/") || strings.HasPrefix(to, top+"/")
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
