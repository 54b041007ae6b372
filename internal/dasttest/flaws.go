package dasttest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

type serve = func(http.ResponseWriter, *http.Request, string)

// shows makes a page of a value.
func shows(format string, escape func(string) string) serve {
	return func(w http.ResponseWriter, _ *http.Request, v string) { page(w, fmt.Sprintf(format, escape(v))) }
}

func asIs(s string) string    { return s }
func noTags(s string) string  { return strings.NewReplacer("<", "&lt;", ">", "&gt;").Replace(s) }
func literal(s string) string { b, _ := json.Marshal(s); return string(b) } // escapes < and >, too
func webOnly(s string) string {
	if strings.HasPrefix(s, "https://") {
		return html.EscapeString(s)
	}
	return "/"
}

// quotes is for a string of a script: quotes and backslashes are escaped.
func quotes(s string) string {
	return strings.NewReplacer(`\`, `\\`, `'`, `\'`, `"`, `\"`, "\n", " ", "<", `\u003c`, "`", "\\`", "$", `\u0024`).Replace(s)
}

func (s *Server) xss() {
	all := []struct {
		kind, flawed string
		escape       func(string) string
		safe         string
		right        func(string) string
	}{
		{"text", "<p>%s</p>", asIs, "<p>%s</p>", html.EscapeString},
		{"title", "<textarea>%s</textarea>", asIs, "<textarea>%s</textarea>", html.EscapeString},
		{"attribute", `<input value="%s">`, noTags, `<input value="%s">`, html.EscapeString},
		{"single-quoted attribute", `<input value='%s'>`, noTags, `<input value='%s'>`, html.EscapeString},
		{"bare attribute", `<input value=%s>`, html.EscapeString, `<input value="%s">`, html.EscapeString},
		{"comment", `<!-- %s -->`, asIs, `<!-- %s -->`, html.EscapeString},
		{"script", `<script>var a = '%s';</script>`, noTags, `<script>var a = '%s';</script>`, quotes},
		{"script, half escaped", `<script>var a = '%s';</script>`, func(v string) string { return noTags(strings.ReplaceAll(v, "'", `\'`)) }, `<script>var a = %s;</script>`, literal},
		{"template", "<script>var a = `%s`;</script>", func(v string) string { return noTags(strings.ReplaceAll(v, "`", "")) }, "<script>var a = `%s`;</script>", quotes},
		{"handler", `<b onclick="f('%s')">x</b>`, html.EscapeString, `<b data-v="%s">x</b>`, html.EscapeString},
		{"address", `<a href="%s">x</a>`, html.EscapeString, `<a href="%s">x</a>`, webOnly},
		{"data", `<p>%s</p>`, asIs, `<script type="application/json">{"a": %s}</script>`, literal},
	}
	for _, x := range all {
		s.both("dast-xss", x.kind, "hello", shows(x.flawed, x.escape), shows(x.safe, x.right))
	}
	s.add("dast-xss", "plain text", "query", "hello", false, func(w http.ResponseWriter, _ *http.Request, v string) {
		w.Header().Set("Content-Type", "text/plain")
		fmt.Fprint(w, v)
	})
	s.add("dast-xss", "JSON", "query", "hello", false, func(w http.ResponseWriter, _ *http.Request, v string) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(v)
	})
}

// goods shows what a statement finds; an error as said by tell.
func (s *Server) goods(w http.ResponseWriter, tell bool, statement string, args ...any) {
	rows, err := s.db.QueryContext(context.Background(), statement, args...) //nolint:gosec // the flaw that is to be found
	var found []string
	if err == nil {
		defer rows.Close()
		for rows.Next() {
			var name, about string
			if err = rows.Scan(&name, &about); err != nil {
				break
			}
			found = append(found, name+" "+about)
		}
		err = errors.Join(err, rows.Err())
	}
	switch {
	case err != nil && tell:
		w.WriteHeader(http.StatusInternalServerError)
		page(w, "<pre>"+html.EscapeString(err.Error())+"</pre>")
	case err != nil || len(found) == 0:
		page(w, "nothing here")
	default:
		page(w, "<ul><li>"+strings.Join(found, "</li> <li>")+"</li></ul>")
	}
}

func (s *Server) sql() {
	for _, tell := range []bool{true, false} {
		kind := map[bool]string{true: "said, ", false: "silent, "}[tell]
		for _, x := range []struct{ kind, value, flawed, safe string }{
			{"string", "rope", "name = '%s'", "name = ?"},
			{"number", "2", "id = %s", "id = ?"},
			{"like", "o", "name LIKE '%%%s%%'", "name LIKE '%' || ? || '%'"},
			{"parentheses", "block", "(name = '%s')", "(name = ?)"},
		} {
			const from = "SELECT name, about FROM goods WHERE "
			s.both("dast-sql-injection", kind+x.kind, x.value,
				func(w http.ResponseWriter, _ *http.Request, v string) {
					s.goods(w, tell, from+fmt.Sprintf(x.flawed, v))
				},
				func(w http.ResponseWriter, _ *http.Request, v string) { s.goods(w, tell, from+x.safe, v) })
		}
	}
	twin := func(kind, value string, f serve) { s.add("dast-sql-injection", kind, "query", value, false, f) }
	twin("page about errors", "rope", shows(`<p>near "'": syntax error</p>%s`, html.EscapeString))
	twin("error for every sign", "rope", func(w http.ResponseWriter, _ *http.Request, v string) {
		if strings.ContainsAny(v, `'"-\`) {
			page(w, `near "": syntax error`)
			return
		}
		page(w, "fine")
	})
	twin("number", "2", func(w http.ResponseWriter, _ *http.Request, v string) {
		n, err := strconv.Atoi(v)
		if err != nil {
			http.Error(w, "not a number", http.StatusBadRequest)
			return
		}
		s.goods(w, true, "SELECT name, about FROM goods WHERE id = ?", n)
	})
	twin("number, then anything", "2", func(w http.ResponseWriter, _ *http.Request, v string) {
		s.goods(w, true, "SELECT name, about FROM goods WHERE id = ?", strings.SplitN(v, " ", 2)[0])
	})
	twin("moving page", "rope", func(w http.ResponseWriter, _ *http.Request, v string) {
		page(w, fmt.Sprintf("<p>%s</p> <p>visit w%dw %s</p>", html.EscapeString(v), time.Now().UnixNano()%97, time.Now()))
	})
	twin("filter", "rope", func(w http.ResponseWriter, _ *http.Request, v string) {
		if strings.Contains(strings.ToUpper(v), " AND ") {
			http.Error(w, "blocked", http.StatusForbidden)
			return
		}
		page(w, "all goods")
	})
}

func (s *Server) files() {
	public := filepath.Join(s.dir, "public")
	read := func(name func(string) string) serve {
		return func(w http.ResponseWriter, _ *http.Request, v string) {
			w.Header().Set("Content-Type", "text/plain")
			b, err := os.ReadFile(name(v)) //nolint:gosec // the flaw that is to be found
			if err != nil {
				http.Error(w, "no such file", http.StatusNotFound)
				return
			}
			_, _ = w.Write(b)
		}
	}
	safe := func(w http.ResponseWriter, _ *http.Request, v string) {
		root, err := os.OpenRoot(public)
		if err == nil {
			defer root.Close()
			var b []byte
			if b, err = root.ReadFile(v); err == nil {
				w.Header().Set("Content-Type", "text/plain")
				_, _ = w.Write(b)
				return
			}
		}
		http.Error(w, "no such file", http.StatusNotFound)
	}
	s.both("dast-path-traversal", "joined", "a.txt", read(func(v string) string { return filepath.Join(public, v) }), safe)
	s.both("dast-path-traversal", "cut once", "a.txt", read(func(v string) string { return public + "/" + strings.ReplaceAll(v, "../", "") }), safe)
	s.both("dast-path-traversal", "absolute", "a.txt", read(func(v string) string {
		if filepath.IsAbs(v) {
			return v
		}
		return filepath.Join(public, filepath.Base(v))
	}), safe)
	s.both("dast-path-traversal", "decoded twice", "a.txt", read(func(v string) string {
		if strings.Contains(v, "/") {
			return ""
		}
		v, _ = url.PathUnescape(v)
		return filepath.Join(public, v)
	}), safe)
	s.add("dast-path-traversal", "page about passwd", "query", "a.txt", false, func(w http.ResponseWriter, _ *http.Request, v string) {
		page(w, "<pre>\n"+"root:x:0:0:\n</pre>"+html.EscapeString(v))
	})
}

func (s *Server) away() {
	sends := func(allowed func(r *http.Request, v string) bool) serve {
		return func(w http.ResponseWriter, r *http.Request, v string) {
			if !allowed(r, v) {
				v = "/"
			}
			w.Header().Set("Location", v)
			w.WriteHeader(http.StatusFound)
		}
	}
	local := sends(func(_ *http.Request, v string) bool {
		u, err := url.Parse(v)
		return err == nil && u.Scheme == "" && u.Host == "" && strings.HasPrefix(v, "/") && !strings.HasPrefix(v, "//") && !strings.Contains(v, `\`)
	})
	s.both("dast-open-redirect", "anything", "/", sends(func(*http.Request, string) bool { return true }), local)
	s.both("dast-open-redirect", "two slashes", "/", sends(func(_ *http.Request, v string) bool { return strings.HasPrefix(v, "/") }), local)
	s.both("dast-open-redirect", "own address first", "/", sends(func(r *http.Request, v string) bool { return strings.HasPrefix(v, "http://"+r.Host) }), local)
	s.add("dast-open-redirect", "page between", "query", "/", false, sends(func(_ *http.Request, v string) bool { return false }))
	s.add("dast-open-redirect", "own address with it", "query", "/", false, func(w http.ResponseWriter, _ *http.Request, v string) {
		w.Header().Set("Location", "/leave?url="+url.QueryEscape(v))
		w.WriteHeader(http.StatusFound)
	})
	client := &http.Client{Timeout: 5 * time.Second}
	calls := func(w http.ResponseWriter, r *http.Request, v string) {
		req, err := http.NewRequestWithContext(r.Context(), http.MethodGet, v, http.NoBody)
		if err == nil && (req.URL.Scheme == "http" || req.URL.Scheme == "https") && !strings.HasSuffix(req.URL.Hostname(), ".invalid") {
			if resp, err := client.Do(req); err == nil {
				_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<10))
				_ = resp.Body.Close()
			}
		}
		page(w, "asked")
	}
	s.both("dast-ssrf", "any address", "x", calls, func(w http.ResponseWriter, r *http.Request, v string) {
		if u, err := url.Parse(v); err == nil && u.Hostname() == "api.example.invalid" {
			calls(w, r, v)
			return
		}
		page(w, html.EscapeString(v))
	})
}

func (s *Server) browser() {
	cors := func(kind, rule string, flaw bool, set func(h http.Header, origin string)) {
		s.add(rule, kind, "", "", flaw, func(w http.ResponseWriter, r *http.Request, _ string) {
			set(w.Header(), r.Header.Get("Origin"))
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, "{}")
		})
	}
	allow := func(h http.Header, origin string) { h.Set("Access-Control-Allow-Origin", origin) }
	cors("any origin", "dast-cors-reflected", true, func(h http.Header, origin string) {
		if origin != "" && origin != "null" {
			allow(h, origin)
			h.Set("Access-Control-Allow-Credentials", "true")
		}
	})
	cors("fixed origin", "dast-cors-reflected", false, func(h http.Header, _ string) { allow(h, "https://shop.example") })
	cors("public", "dast-cors-reflected", false, func(h http.Header, _ string) { allow(h, "*") })
	cors("null origin", "dast-cors-null", true, func(h http.Header, origin string) {
		if origin == "null" {
			allow(h, origin)
		}
	})
	cors("no origin", "dast-cors-null", false, func(http.Header, string) {})
	for _, header := range []string{"content-security-policy", "x-content-type-options", "x-frame-options"} {
		s.headerless(header)
	}
	cookie := func(rule string, c http.Cookie) {
		for _, flaw := range []bool{true, false} {
			set := c
			set.Name, set.Value = "c"+strings.ReplaceAll(s.word(), "-", ""), "value-of-cookie"
			if !flaw {
				set.Secure, set.HttpOnly, set.SameSite = true, true, http.SameSiteLaxMode
			}
			s.add(rule, "cookie", "", "", flaw, func(w http.ResponseWriter, _ *http.Request, _ string) {
				http.SetCookie(w, &set)
				page(w, "hello")
			})
		}
	}
	cookie("dast-cookie-secure", http.Cookie{HttpOnly: true, SameSite: http.SameSiteStrictMode})
	cookie("dast-cookie-httponly", http.Cookie{Secure: true, SameSite: http.SameSiteStrictMode})
	cookie("dast-cookie-samesite", http.Cookie{Secure: true, HttpOnly: true})
}

// headerless adds a page that lacks one header, and one that has all.
func (s *Server) headerless(header string) {
	s.add("dast-header-"+header, "page", "", "", true, func(w http.ResponseWriter, _ *http.Request, _ string) {
		switch header {
		case "content-security-policy":
			w.Header().Del(header)
			w.Header().Set("X-Frame-Options", "DENY")
		case "x-frame-options":
			w.Header().Set("Content-Security-Policy", "default-src 'self'")
		default:
			w.Header().Del(header)
		}
		page(w, "hello")
	})
	s.add("dast-header-"+header, "page", "", "", false, func(w http.ResponseWriter, _ *http.Request, _ string) { page(w, "hello") })
}

// left leaves files lying about, and pages that only speak of such.
func (s *Server) left() {
	files := [][2]string{
		{"/.git/HEAD", "ref: refs/heads/main\n"},
		{"/.env", "APP_KEY=abc\nDB_PASSWORD=not-shown\n"},
		{"/backup.sql", "-- dump\nCREATE TABLE goods (id int);\n"},
		{"/actuator/env", `{"propertySources": []}`},
		{"/debug/vars", `{"cmdline": [], "memstats": {}}`},
		{"/docker-compose.yml", "services:\n  shop: {}\n"},
	}
	s.chance.Shuffle(len(files), func(i, j int) { files[i], files[j] = files[j], files[i] })
	for i, f := range files {
		s.places = append(s.places, &place{method: http.MethodGet, path: f[0], listed: true, Place: Place{Rule: "dast-exposed-file", Kind: "file", Route: "GET " + f[0]}})
		p := s.places[len(s.places)-1]
		if i%2 == 0 {
			s.Flaws = append(s.Flaws, p.Place)
			p.serve = func(w http.ResponseWriter, _ *http.Request, _ string) {
				w.Header().Set("Content-Type", "application/octet-stream")
				fmt.Fprint(w, f[1])
			}
			continue
		}
		s.Twins = append(s.Twins, p.Place)
		p.serve = func(w http.ResponseWriter, _ *http.Request, _ string) {
			page(w, "<pre>\n"+html.EscapeString(f[1])+"</pre>")
		}
	}
}
