package dast

import (
	"context"
	"strings"

	"golang.org/x/net/html"

	"fairlead.dev"
)

// reflected is what a page runs because somebody wrote it into a link.
func reflected() kind {
	return kind{
		rule: "dast-xss", title: "a parameter becomes part of the page's markup or script", cwe: "CWE-79", severity: fairlead.SeverityHigh,
		fix: "escape the value for the place it is put in: HTML text, attribute, script or address",
	}
}

// xss sends markers with the characters that end the contexts a value may stand
// in, and reads the answer as a browser would: only a marker that became an
// element, an attribute or code counts.
func (s *scan) xss(ctx context.Context, e entry, i int) error {
	m := s.mark()
	a, err := s.ask(ctx, e, i, m)
	if err != nil || a == nil || !a.html() || !strings.Contains(a.body, m) {
		return err
	}
	for _, payload := range []string{
		`x"'></script></style></textarea></title>--><` + m + `>`, `x<` + m + `>`,
		`x" ` + m + `="1`, `x' ` + m + `='1`, `x ` + m + `=1`,
		`x';` + m + `;//`, `x";` + m + `;//`, "x`;" + m + ";//", `x${` + m + `}`, `x\';` + m + `;//`, m + `;x`,
		`x');` + m + `;//`, `x");` + m + `;//`,
		`javascript:` + m,
	} {
		a, err := s.ask(ctx, e, i, payload)
		if err != nil {
			return err
		}
		if a == nil || !a.html() {
			continue
		}
		if where := runs(a.body, m); where != "" {
			s.add(reflected(), e, e.params[i].name, short(e.params[i].name+"="+payload)+" became "+where, "confirmed")
			return nil
		}
	}
	return nil
}

// runs tells as what a browser takes the marker; "" for mere text.
func runs(page, m string) string {
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		return ""
	}
	for n := range doc.Descendants() {
		if n.Type == html.TextNode && n.Parent != nil && n.Parent.Data == "script" && scripted(n.Parent) && code(n.Data, m) {
			return "code of a script"
		}
		if n.Type != html.ElementNode {
			continue
		}
		if n.Data == m {
			return "an element"
		}
		for _, a := range n.Attr {
			v := strings.ToLower(strings.TrimSpace(a.Val))
			switch {
			case a.Key == m:
				return "an attribute"
			case strings.HasPrefix(a.Key, "on") && code(a.Val, m):
				return "code of a handler"
			case (a.Key == "href" || a.Key == "src" || a.Key == "action" || a.Key == "formaction") && strings.HasPrefix(v, "javascript:"+m):
				return "an address that is code"
			}
		}
	}
	return ""
}

// scripted tells whether a script element's text is code rather than data.
func scripted(n *html.Node) bool {
	t := strings.ToLower(attr(n, "type"))
	return t == "" || t == "module" || strings.Contains(t, "javascript") || strings.Contains(t, "ecmascript")
}

// code tells whether the marker stands in JavaScript outside of strings, comments
// and the text of templates.
func code(script, m string) bool {
	var quote byte // ' " ` or 0; / for a line's comment, * for a block's
	var nested int // of ${ in a template
	for i := 0; i < len(script); i++ {
		c := script[i]
		next := byte(0)
		if i+1 < len(script) {
			next = script[i+1]
		}
		switch {
		case quote == '/' && c == '\n', (quote == '\'' || quote == '"') && c == '\n':
			quote = 0
		case quote == '*' && c == '*' && next == '/':
			quote, i = 0, i+1
		case quote == '/' || quote == '*':
		case quote != 0 && c == '\\':
			i++
		case quote == '`' && c == '$' && next == '{':
			quote, nested, i = 0, nested+1, i+1
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
		case c == '}' && nested > 0:
			quote, nested = '`', nested-1
		case c == '\'' || c == '"' || c == '`':
			quote = c
		case c == '/' && (next == '/' || next == '*'):
			if quote = '*'; next == '/' {
				quote = '/'
			}
			i++
		case strings.HasPrefix(script[i:], m):
			return true
		}
	}
	return false
}
