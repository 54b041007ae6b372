package dast

import (
	"context"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"fairlead.dev"
)

// forms are the ways in which a page may show what it was sent.
func forms(sent string) []string {
	return []string{sent, html.EscapeString(sent), url.QueryEscape(sent), url.PathEscape(sent), strings.ReplaceAll(html.EscapeString(sent), "&#39;", "'"), strings.ReplaceAll(sent, "'", "&#039;")}
}

// secretFile is what a file that every Unix has begins with.
var secretFile = regexp.MustCompile(`(?m)^root:[^:\n]*:0:0:`)

// traversal asks for a file outside of where the service keeps its own. A name
// that goes nowhere must not give the same.
func (s *scan) traversal(ctx context.Context, e entry, i int) error {
	const up = "../../../../../../../../../.."
	for _, payload := range []string{
		up + "/etc/passwd", "/etc/passwd", strings.ReplaceAll(up, "../", "....//") + "//etc/passwd", "file:///etc/passwd",
		strings.ReplaceAll(up, "/", "%2f") + "%2fetc%2fpasswd", strings.ReplaceAll(up, "..", "..;") + "/etc/passwd",
	} {
		a, err := s.ask(ctx, e, i, payload)
		if err != nil {
			return err
		}
		if a == nil || !secretFile.MatchString(a.body) {
			continue
		}
		for _, control := range []string{e.params[i].value, s.mark() + "etc/passwd", strings.ReplaceAll(payload, "passwd", s.mark())} {
			c, err := s.ask(ctx, e, i, control)
			if err != nil {
				return err
			}
			if c != nil && secretFile.MatchString(c.body) {
				return nil // on the page whatever is asked for
			}
		}
		s.add(kind{
			rule: "dast-path-traversal", title: "a parameter reads files of the machine", cwe: "CWE-22", severity: fairlead.SeverityCritical,
			fix: "open files below a fixed root only, such as by os.Root, and refuse names with ..",
		}, e, e.params[i].name, short(e.params[i].name+"="+payload)+" gave a line of /etc/passwd", "confirmed")
		return nil
	}
	return nil
}

// redirect looks whether a parameter decides where a browser goes.
func (s *scan) redirect(ctx context.Context, e entry, i int) error {
	host := s.mark() + ".invalid"
	for _, payload := range []string{
		"https://" + host + "/", "//" + host + "/", `/\` + host + "/", "https:" + host, s.Base.Scheme + "://" + s.Base.Host + "@" + host + "/",
		s.Base.Scheme + "://" + s.Base.Hostname() + "." + host + "/",
	} {
		a, err := s.ask(ctx, e, i, payload)
		if err != nil {
			return err
		}
		if a == nil || a.status < http.StatusMultipleChoices || a.status >= http.StatusBadRequest {
			continue
		}
		if to := target(a.url, a.header.Get("Location")); to == host || strings.HasSuffix(to, "."+host) {
			s.add(kind{
				rule: "dast-open-redirect", title: "a parameter sends browsers to any site", cwe: "CWE-601", severity: fairlead.SeverityMedium,
				fix: "redirect to paths of the service only, or to a fixed list of sites",
			}, e, e.params[i].name, short(e.params[i].name+"="+payload)+" is redirected to", "confirmed")
			return nil
		}
	}
	return nil
}

// target is the host that a browser would go to: it takes backslashes for
// slashes, and a scheme without them for one with.
func target(from *url.URL, location string) string {
	location = strings.ReplaceAll(strings.TrimSpace(location), `\`, "/")
	for _, scheme := range []string{"https:", "http:"} {
		rest, ok := strings.CutPrefix(location, scheme)
		switch {
		case ok && scheme == from.Scheme+":" && !strings.HasPrefix(rest, "/"):
			location = rest // a path beside the page
		case ok:
			location = scheme + "//" + strings.TrimLeft(rest, "/")
		}
	}
	if strings.HasPrefix(location, "//") {
		location = "//" + strings.TrimLeft(location, "/")
	}
	u, err := from.Parse(location)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Hostname())
}

// question is one that the canary knows the answer to.
type question struct {
	token string
	entry entry
	param string
}

// ssrf gives the canary's address to a parameter.
func (s *scan) ssrf(ctx context.Context, e entry, i int) error {
	if s.Canary == nil {
		return nil
	}
	token := s.mark()
	s.asked = append(s.asked, question{token, e, e.params[i].name})
	_, err := s.ask(ctx, e, i, s.Canary.URL(token))
	return err
}

// answered notes what the canary heard of. It is asked last, when what the
// service does after it answered has had its time.
func (s *scan) answered() {
	for _, q := range s.asked {
		if s.Canary.Called(q.token) {
			s.add(kind{
				rule: "dast-ssrf", title: "a parameter makes the service call any address", cwe: "CWE-918", severity: fairlead.SeverityHigh,
				fix: "call a fixed list of hosts only, and check the address when connecting",
			}, q.entry, q.param, "the canary was called", "confirmed")
		}
	}
}
