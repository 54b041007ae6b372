package dast

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// crawler collects entry points.
type crawler struct {
	*scan
	seen  map[string]bool
	queue []entry
}

// crawl visits what the OpenAPI document and the pages name, looks at each answer,
// and gives the entry points in the order in which they were met.
func (s *scan) crawl(ctx context.Context, first *answer) ([]entry, error) {
	c := &crawler{scan: s, seen: map[string]bool{}}
	if e, ok := linked(s.Base); ok {
		c.offer(e)
	}
	doc, err := s.document(ctx)
	if err != nil {
		return nil, err
	}
	for _, e := range doc {
		c.offer(e)
	}
	c.page(first)
	var out []entry
	for len(c.queue) > 0 {
		if len(out) >= s.Pages {
			s.report.Stopped = cmp.Or(s.report.Stopped, "pages")
			break
		}
		e := c.queue[0]
		c.queue = c.queue[1:]
		a, err := s.ask(ctx, e, -1, "")
		if err != nil {
			return out, err
		}
		if a == nil {
			continue
		}
		out = append(out, e)
		s.report.Routes = append(s.report.Routes, e.method+" "+e.route)
		s.passive(e, a)
		c.page(a)
	}
	return out, nil
}

// offer queues an entry that was not met before.
func (c *crawler) offer(e entry) {
	if leaving.MatchString(e.route) && !slices.Contains(c.Methods, e.method) {
		return // by its name it changes or removes
	}
	// What waits is bounded too: a page may hold a million links.
	if c.sends(e.method) && !c.seen[e.key()] && len(c.seen) < 10*c.Pages {
		c.seen[e.key()] = true
		c.queue = append(c.queue, e)
	}
}

// page takes the links and forms of a page, and where an answer redirects to.
func (c *crawler) page(a *answer) {
	if to := a.header.Get("Location"); to != "" {
		c.link(a.url, to)
	}
	if !a.html() {
		return
	}
	doc, err := html.Parse(strings.NewReader(a.body))
	if err != nil {
		return
	}
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		switch n.Data {
		case "a", "area", "iframe", "frame", "img", "script", "link":
			c.link(a.url, cmp.Or(attr(n, "href"), attr(n, "src")))
		case "form":
			c.form(a.url, n)
		}
	}
}

// link takes an address that a page names, when it is below the base.
func (c *crawler) link(from *url.URL, to string) {
	if u := c.below(from, to); u != nil {
		if e, ok := linked(u); ok {
			c.offer(e)
		}
	}
}

func (c *crawler) below(from *url.URL, to string) *url.URL {
	u, err := from.Parse(strings.TrimSpace(to))
	if err != nil || to == "" || u.Scheme != c.Base.Scheme || !strings.EqualFold(u.Host, c.Base.Host) ||
		!beneath(u.Path, c.Base) || len(u.String()) > 2048 {
		return nil
	}
	return u
}

// form makes an entry of a form, with the values that it comes with.
func (c *crawler) form(from *url.URL, n *html.Node) {
	u := c.below(from, cmp.Or(attr(n, "action"), from.String()))
	if u == nil {
		return
	}
	e, ok := linked(u)
	if !ok {
		return
	}
	in := "query"
	if strings.EqualFold(attr(n, "method"), http.MethodPost) {
		e.method, in = http.MethodPost, "form"
	}
	fields := url.Values{}
	for f := range n.Descendants() {
		if f.Type == html.ElementNode && (f.Data == "input" || f.Data == "textarea" || f.Data == "select") && attr(f, "name") != "" {
			fields.Set(attr(f, "name"), cmp.Or(attr(f, "value"), chosen(f), "1"))
		}
	}
	e.params = append(e.params, values(fields, in)...)
	c.offer(e)
}

// chosen is the first value of a selection.
func chosen(n *html.Node) string {
	for o := range n.Descendants() {
		if o.Type == html.ElementNode && o.Data == "option" {
			return attr(o, "value")
		}
	}
	return ""
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}
