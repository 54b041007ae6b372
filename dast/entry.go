package dast

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// entry is a place of the service that takes parameters.
type entry struct {
	method string
	route  string // template, below the host: "/items/{id}"
	params []param
}

// param is one parameter with a value that the service takes.
type param struct {
	name, value string
	in          string // query, path, form, json
}

// key tells entries apart.
func (e entry) key() string {
	names := make([]string, 0, len(e.params))
	for _, p := range e.params {
		names = append(names, p.in+" "+p.name)
	}
	slices.Sort(names)
	return e.method + " " + e.route + " " + strings.Join(names, ",")
}

// with gives the request with one parameter changed; i below 0 changes none.
func (e entry) with(ctx context.Context, base *url.URL, i int, value string) (*http.Request, error) {
	query, form, object := url.Values{}, url.Values{}, map[string]any{}
	path := e.route
	for n, p := range e.params {
		if n == i {
			p.value = value
		}
		switch p.in {
		case "query":
			query.Set(p.name, p.value)
		case "form":
			form.Set(p.name, p.value)
		case "json":
			object[p.name] = p.value
		case "path":
			path = strings.ReplaceAll(path, "{"+p.name+"}", url.PathEscape(p.value))
		}
	}
	raw := base.Scheme + "://" + base.Host + path
	if len(query) > 0 {
		raw += "?" + query.Encode()
	}
	body, kind := "", ""
	switch {
	case len(object) > 0:
		b, err := json.Marshal(object)
		if err != nil {
			return nil, err
		}
		body, kind = string(b), "application/json"
	case e.method != http.MethodGet:
		body, kind = form.Encode(), "application/x-www-form-urlencoded"
	}
	r, err := http.NewRequestWithContext(ctx, e.method, raw, strings.NewReader(body))
	if err == nil && kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	return r, err
}

// ask sends an entry with one parameter changed. Without an answer it is nil.
func (s *scan) ask(ctx context.Context, e entry, i int, value string) (*answer, error) {
	r, err := e.with(ctx, s.Base, i, value)
	if err != nil {
		return nil, nil //nolint:nilnil,nilerr // a value that makes no request asks nothing
	}
	return s.try(r)
}

var (
	numeric  = regexp.MustCompile(`^(\d+|[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}|[0-9a-fA-F]{16,})$`)
	leaving  = regexp.MustCompile(`(?i)(log-?out|sign-?out|delete|remove|destroy|drop|shutdown)`)
	braced   = regexp.MustCompile(`\{([^{}/]+)\}`)
	notClean = regexp.MustCompile(`[\x00-\x20{}]`)
)

// linked makes an entry of an address: segments that look like identifiers are
// parameters, so that /items/1 and /items/2 are one route.
func linked(u *url.URL) (entry, bool) {
	if leaving.MatchString(u.Path) || notClean.MatchString(u.Path) {
		return entry{}, false
	}
	e := entry{method: http.MethodGet}
	segments := strings.Split(u.EscapedPath(), "/")
	for i, s := range segments {
		if numeric.MatchString(s) {
			name := "id"
			if n := len(e.params); n > 0 {
				name = fmt.Sprintf("id%d", n+1)
			}
			segments[i] = "{" + name + "}"
			e.params = append(e.params, param{name: name, value: s, in: "path"})
		}
	}
	e.route = strings.Join(segments, "/")
	if e.route == "" {
		e.route = "/"
	}
	e.params = append(e.params, values(u.Query(), "query")...)
	return e, true
}

// values makes parameters of what a query or a form holds, by name.
func values(all url.Values, in string) []param {
	var out []param
	for name, v := range all {
		p := param{name: name, in: in}
		if len(v) > 0 {
			p.value = v[0]
		}
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b param) int { return strings.Compare(a.name, b.name) })
	return out
}
