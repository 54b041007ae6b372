package licence

import (
	"bytes"
	"slices"
	"strings"

	"fairlead.dev/format/spdx"
)

// mostCopyright is how much of a copyright file is read, in bytes.
const mostCopyright = 1 << 20

// Debian gives the licences that a package's copyright file declares in the
// machine-readable form of Debian (DEP 5), each once and sorted: as expressions
// of SPDX where every word of one is known, else as written. All of them hold
// together. A file in another form declares none.
func Debian(content []byte) []string {
	content = content[:min(len(content), mostCopyright)]
	head, _, _ := bytes.Cut(bytes.TrimSpace(content), []byte("\n"))
	if form := strings.ToLower(string(head)); !strings.HasPrefix(form, "format:") && !strings.HasPrefix(form, "format-specification:") {
		return nil
	}
	var out []string
	files := false // in a paragraph about files; one that stands alone has the text of a licence
	for line := range bytes.Lines(content) {
		name, value, ok := strings.Cut(strings.TrimRight(string(line), " \t\r\n"), ":")
		switch {
		case name == "":
			files = false
		case !ok || line[0] == ' ' || line[0] == '\t':
		case strings.EqualFold(name, "Files"):
			files = !packaging(value)
		case files && strings.EqualFold(name, "License"):
			if said := expression(strings.TrimSpace(value)); said != "" && !slices.Contains(out, said) {
				out = append(out, said)
			}
		}
	}
	slices.Sort(out)
	return out
}

// packaging tells whether files are those that make the package, which are not in it.
func packaging(files string) bool { return strings.TrimSpace(files) == "debian/*" }

// expression makes an expression of SPDX of what Debian writes: short names, with
// "or", "and" and a comma that binds less than both.
func expression(said string) string {
	var all []string
	for part := range strings.SplitSeq(said, ",") {
		part = strings.TrimSpace(part)
		for _, word := range []string{"and ", "or "} {
			if rest, ok := strings.CutPrefix(part, word); ok && len(all) > 0 {
				if word == "or " {
					return said // of a whole, which is rare
				}
				part = rest
			}
		}
		if part == "" {
			continue
		}
		e, ok := words(part)
		if !ok {
			return said
		}
		all = append(all, e)
	}
	if len(all) == 1 {
		return all[0]
	}
	for i, e := range all {
		if strings.Contains(e, " OR ") {
			all[i] = "(" + e + ")"
		}
	}
	text := strings.Join(all, " AND ")
	if _, err := spdx.Parse(text); err != nil {
		return said
	}
	return text
}

// words makes an expression of names joined by "or" and "and".
func words(part string) (string, bool) {
	var choice []string
	for or := range strings.SplitSeq(part, " or ") {
		var both []string
		for and := range strings.SplitSeq(or, " and ") {
			e, ok := shortName(strings.TrimSpace(and))
			if !ok {
				return "", false
			}
			both = append(both, e)
		}
		choice = append(choice, strings.Join(both, " AND "))
	}
	return strings.Join(choice, " OR "), true
}

// shortName gives what a short name of Debian's stands for.
func shortName(name string) (string, bool) {
	switch folded := fold(name); folded {
	case "perl": // as Perl itself
		return "(Artistic-1.0-Perl OR GPL-1.0-or-later)", true
	case "artistic":
		return "Artistic-1.0", true
	case "gpl 1":
		return "GPL-1.0-only", true
	case "gpl 1+":
		return "GPL-1.0-or-later", true
	case "lgpl 2":
		return "LGPL-2.0-only", true
	case "lgpl 2+":
		return "LGPL-2.0-or-later", true
	case "agpl 3":
		return "AGPL-3.0-only", true
	case "agpl 3+":
		return "AGPL-3.0-or-later", true
	case "gfdl 1.2+":
		return "GFDL-1.2-or-later", true
	case "gfdl 1.3+":
		return "GFDL-1.3-or-later", true
	case "cc0":
		return "CC0-1.0", true
	}
	e, ok := Declared(name)
	return e.String(), ok
}
