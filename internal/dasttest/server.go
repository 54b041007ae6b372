// Package dasttest is a web service with flaws that are known, each with a safe
// twin that does the same thing right. Names, places and contexts follow a seed.
// Behind it are a real database and real files.
package dasttest

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"

	_ "modernc.org/sqlite" // the database behind the statements
)

// Place is where a flaw is, or where its twin does without.
type Place struct {
	Rule  string // of the check: "dast-xss"
	Kind  string // what it is about, for people: "attribute"
	Route string // "GET /search", "GET /items/{id}"
	Param string // "" for none
}

// String is the place as findings name it.
func (p Place) String() string {
	if p.Param == "" {
		return p.Route
	}
	return p.Route + "?" + p.Param
}

// Server is the service, running on the loopback interface.
type Server struct {
	*httptest.Server
	Flaws, Twins []Place
	Changed      atomic.Int64 // requests by PUT, PATCH or DELETE

	db     *sql.DB
	dir    string
	mux    *http.ServeMux
	chance *rand.Rand
	places []*place
	routes map[string]bool
}

// place is one parameter of one route.
type place struct {
	Place
	method, path string
	in, value    string
	listed       bool // in the OpenAPI document only
	serve        func(w http.ResponseWriter, r *http.Request, v string)
}

// Start starts the service for a seed with its files below dir. The caller closes it.
func Start(seed uint64, dir string) (*Server, error) {
	s := &Server{mux: http.NewServeMux(), chance: rand.New(rand.NewPCG(seed, 7)), routes: map[string]bool{}, dir: dir} //nolint:gosec // it must be the same again
	if err := s.data(); err != nil {
		return nil, err
	}
	for _, add := range []func(){s.xss, s.sql, s.files, s.away, s.browser, s.left} {
		add()
	}
	for _, p := range s.places {
		s.mux.HandleFunc(p.method+" "+p.path, func(w http.ResponseWriter, r *http.Request) { p.serve(w, r, p.given(r)) })
	}
	s.mux.HandleFunc("GET /{$}", s.index)
	s.mux.HandleFunc("GET /openapi.json", s.document)
	soft := seed%2 == 1
	s.mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		if soft { // says yes to everything, with words that leaks are known by
			w.Header().Set("Content-Type", "text/plain")
			fmt.Fprint(w, "NAME=not found\nCREATE TABLE nothing\nservices: none\n")
			return
		}
		http.NotFound(w, nil)
	})
	s.Server = httptest.NewServer(http.HandlerFunc(s.handle))
	return s, nil
}

// Close ends the service.
func (s *Server) Close() {
	s.Server.Close()
	_ = s.db.Close()
}

func (s *Server) handle(w http.ResponseWriter, r *http.Request) {
	if slices.Contains([]string{http.MethodPut, http.MethodPatch, http.MethodDelete}, r.Method) {
		s.Changed.Add(1)
	}
	for name, value := range careful() {
		w.Header().Set(name, value)
	}
	s.mux.ServeHTTP(w, r)
}

func careful() map[string]string {
	return map[string]string{"Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'", "X-Content-Type-Options": "nosniff"}
}

// data makes the database and the files.
func (s *Server) data() error {
	db, err := sql.Open("sqlite", filepath.Join(s.dir, "shop.db"))
	if err != nil {
		return err
	}
	s.db = db
	_, err = db.ExecContext(context.Background(), `CREATE TABLE goods (id INTEGER PRIMARY KEY, name TEXT, about TEXT);
		INSERT INTO goods VALUES (1,'rope','braided line'), (2,'block','single sheave'), (3,'cleat','holds fast')`)
	public := filepath.Join(s.dir, "public")
	return errors.Join(err, os.MkdirAll(public, 0o700), os.WriteFile(filepath.Join(public, "a.txt"), []byte("public text"), 0o600))
}

// word gives a name that was not given before.
func (s *Server) word() string {
	parts := []string{"item", "view", "find", "list", "show", "page", "shop", "user", "note", "part", "team", "unit"}
	for {
		w := parts[s.chance.IntN(len(parts))] + "-" + parts[s.chance.IntN(len(parts))] + string(rune('a'+s.chance.IntN(26)))
		if !s.routes[w] {
			s.routes[w] = true
			return w
		}
	}
}

// both adds a flaw and a twin of it, which take their value in the same way.
func (s *Server) both(rule, kind, value string, flawed, safe func(http.ResponseWriter, *http.Request, string)) {
	ways := []string{"query", "query", "form", "path", "json"}
	in := ways[s.chance.IntN(len(ways))]
	s.add(rule, kind, in, value, true, flawed)
	s.add(rule, kind, in, value, false, safe)
}

func (s *Server) add(rule, kind, in, value string, flaw bool, serve func(http.ResponseWriter, *http.Request, string)) {
	names := []string{"q", "id", "name", "term", "to", "ref", "value", "key"}
	p := &place{method: http.MethodGet, path: "/" + s.word(), in: in, value: value, serve: serve, listed: in == "json" || in == "path" || s.chance.IntN(2) == 0}
	p.Rule, p.Kind, p.Param = rule, kind, names[s.chance.IntN(len(names))]
	switch in {
	case "form", "json":
		p.method = http.MethodPost
	case "path":
		p.path += "/{" + p.Param + "}"
	case "":
		p.Param = ""
	}
	p.Route = p.method + " " + p.path
	s.places = append(s.places, p)
	if flaw {
		s.Flaws = append(s.Flaws, p.Place)
	} else {
		s.Twins = append(s.Twins, p.Place)
	}
}

// given is the parameter's value in a request.
func (p *place) given(r *http.Request) string {
	switch p.in {
	case "query":
		return r.URL.Query().Get(p.Param)
	case "form":
		return r.PostFormValue(p.Param)
	case "path":
		return r.PathValue(p.Param)
	case "json":
		var object map[string]string
		_ = json.NewDecoder(r.Body).Decode(&object)
		return object[p.Param]
	}
	return ""
}

// index links to what is not only in the document.
func (s *Server) index(w http.ResponseWriter, _ *http.Request) {
	page(w, func() string {
		var b strings.Builder
		for _, p := range s.places {
			if p.listed {
				continue
			}
			if p.in == "form" {
				fmt.Fprintf(&b, `<form method="post" action="%s"><input name="%s" value="%s"></form>`, p.path, p.Param, html.EscapeString(p.value))
				continue
			}
			to := p.path
			if p.in == "query" {
				to += "?" + url.Values{p.Param: {p.value}}.Encode()
			}
			fmt.Fprintf(&b, `<a href="%s">%s</a> `, html.EscapeString(to), p.Kind)
		}
		return b.String() + `<a href="/logout">out</a><a href="https://example.invalid/">elsewhere</a>`
	}())
}

// document is the OpenAPI document. It names methods that destroy, too.
func (s *Server) document(w http.ResponseWriter, _ *http.Request) {
	paths := map[string]any{"/goods/{id}": map[string]any{"delete": map[string]any{}, "put": map[string]any{}, "patch": map[string]any{}}}
	for _, p := range s.places {
		if !p.listed {
			continue
		}
		o := map[string]any{}
		content := map[string]any{"schema": map[string]any{"type": "object", "properties": map[string]any{p.Param: map[string]any{"type": "string", "example": p.value}}}}
		switch p.in {
		case "query", "path":
			o["parameters"] = []any{map[string]any{"name": p.Param, "in": p.in, "example": p.value, "schema": map[string]any{"type": "string"}}}
		case "form":
			o["requestBody"] = map[string]any{"content": map[string]any{"application/x-www-form-urlencoded": content}}
		case "json":
			o["requestBody"] = map[string]any{"content": map[string]any{"application/json": content}}
		}
		paths[p.path] = map[string]any{strings.ToLower(p.method): o}
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"openapi": "3.0.3", "paths": paths})
}

func page(w http.ResponseWriter, body string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	fmt.Fprintf(w, "<!doctype html><html><head><title>shop</title></head><body>%s</body></html>", body)
}
