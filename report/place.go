package report

import (
	"net/url"
	"path"
	"strings"

	"fairlead.dev"
)

// place makes a path of the source tree of what a tool names: a relative path,
// one that leads to a root, or a file URI. What is no path is "".
func (c *collector) place(named string) string {
	if len(named) > 4096 || strings.ContainsAny(named, "\x00\n\r") {
		return ""
	}
	if rest, ok := strings.CutPrefix(named, "file://"); ok {
		u, err := url.Parse("file://" + rest)
		if err != nil {
			return ""
		}
		named = u.Path
	}
	named = strings.ReplaceAll(named, `\`, "/")
	if len(named) > 2 && named[1] == ':' && named[2] == '/' { // C:/work
		named = named[2:]
	}
	named = path.Clean(named)
	up := strings.HasPrefix(named, "../") // from wherever the tool was started
	for strings.HasPrefix(named, "../") {
		named = named[len("../"):]
	}
	if up {
		named = "/" + named
	}
	if strings.HasPrefix(named, "/") {
		named = c.relative(named)
	}
	if named == "" || named == "." || named == ".." {
		return ""
	}
	return named
}

// relative cuts the root off an absolute path; without one that fits the path
// counts from the outermost directory, as it does in an image.
func (c *collector) relative(absolute string) string {
	for _, root := range c.options.Roots {
		if rest, ok := strings.CutPrefix(absolute, strings.TrimRight(root, "/")+"/"); ok {
			return rest
		}
	}
	return strings.TrimLeft(absolute, "/")
}

// where is a location from a path and numbers that may be missing or nonsense.
func (c *collector) where(named string, line, column int) fairlead.Location {
	l := fairlead.Location{Path: c.place(named)}
	if l.Path != "" && line > 0 {
		l.Line = line
		l.Column = max(column, 0)
	}
	return l
}

// request names an entry point of a service without what was sent: "GET
// /items?id". Values may be attacks or secrets.
func request(method, address, param string) string {
	u, err := url.Parse(strings.TrimSpace(address))
	if err != nil {
		return clean(method, 20)
	}
	p := u.EscapedPath()
	if p == "" {
		p = "/"
	}
	out := strings.TrimSpace(clean(strings.ToUpper(method), 20) + " " + p)
	if param != "" {
		out += "?" + clean(param, 100)
	}
	return out
}
