package licence

import (
	"strings"
	"unicode"

	"fairlead.dev/format/cyclonedx"
	"fairlead.dev/format/spdx"
)

// spellings are names that packages declare licences by, for those of the list;
// the names are folded, see fold. What is ambiguous, as "BSD", is not in it.
var spellings = [...][2]string{
	{"apache 2", "Apache-2.0"},
	{"apache 2.0", "Apache-2.0"},
	{"apache license 2", "Apache-2.0"},
	{"apache license 2.0", "Apache-2.0"},
	{"apache license version 2.0", "Apache-2.0"},
	{"apache software license 2.0", "Apache-2.0"},
	{"apache software license version 2.0", "Apache-2.0"},
	{"asl 2.0", "Apache-2.0"},
	{"mit license", "MIT"},
	{"the mit license", "MIT"},
	{"mit x11", "MIT"},
	{"expat", "MIT"},
	{"isc license", "ISC"},
	{"bsd 2 clause", "BSD-2-Clause"},
	{"bsd 2 clause license", "BSD-2-Clause"},
	{"simplified bsd", "BSD-2-Clause"},
	{"bsd 3 clause", "BSD-3-Clause"},
	{"bsd 3 clause license", "BSD-3-Clause"},
	{"new bsd", "BSD-3-Clause"},
	{"new bsd license", "BSD-3-Clause"},
	{"modified bsd license", "BSD-3-Clause"},
	{"the bsd 3 clause license", "BSD-3-Clause"},
	{"mozilla public license 2.0", "MPL-2.0"},
	{"mozilla public license version 2.0", "MPL-2.0"},
	{"mozilla public license 2.0 mpl 2.0", "MPL-2.0"},
	{"eclipse public license 1.0", "EPL-1.0"},
	{"eclipse public license 2.0", "EPL-2.0"},
	{"eclipse public license v1.0", "EPL-1.0"},
	{"eclipse public license v2.0", "EPL-2.0"},
	{"python software foundation license", "PSF-2.0"},
	{"the unlicense", "Unlicense"},
	{"zlib license", "Zlib"},
	{"gplv2", "GPL-2.0-only"},
	{"gplv2+", "GPL-2.0-or-later"},
	{"gplv3", "GPL-3.0-only"},
	{"gplv3+", "GPL-3.0-or-later"},
	{"gpl 2", "GPL-2.0-only"},
	{"gpl 2+", "GPL-2.0-or-later"},
	{"gpl 3", "GPL-3.0-only"},
	{"gpl 3+", "GPL-3.0-or-later"},
	{"gnu gpl v3", "GPL-3.0-only"},
	{"gnu general public license v2.0", "GPL-2.0-only"},
	{"gnu general public license v3.0", "GPL-3.0-only"},
	{"lgplv2", "LGPL-2.0-only"},
	{"lgplv2+", "LGPL-2.0-or-later"},
	{"lgplv2.1", "LGPL-2.1-only"},
	{"lgplv3", "LGPL-3.0-only"},
	{"lgplv3+", "LGPL-3.0-or-later"},
	{"lgpl 2.1", "LGPL-2.1-only"},
	{"lgpl 2.1+", "LGPL-2.1-or-later"},
	{"lgpl 3", "LGPL-3.0-only"},
	{"lgpl 3+", "LGPL-3.0-or-later"},
	{"agplv3", "AGPL-3.0-only"},
	{"agplv3+", "AGPL-3.0-or-later"},
	{"public domain", "LicenseRef-public-domain"},
}

// Declared reads a licence as a package declares it: an expression of SPDX, or a
// usual name of a licence. ok tells whether it is one.
func Declared(text string) (e spdx.Expression, ok bool) {
	text = strings.TrimSpace(text)
	if e, err := spdx.Parse(text); err == nil {
		return e, true
	}
	folded := fold(text)
	for _, s := range spellings {
		if s[0] == folded {
			return spdx.Expression{License: s[1]}, true
		}
	}
	return spdx.Expression{}, false
}

// fold leaves of a name its words in lower case.
func fold(text string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '.' && r != '+'
	}), " ")
}

// ofComponent gives what a component's document says: all of what is concluded,
// else all of what is declared. Text is what it says in words; known tells
// whether every word is a licence.
func ofComponent(c cyclonedx.Component) (e spdx.Expression, text string, known bool) {
	var said []string
	for _, concluded := range []bool{true, false} {
		for _, l := range c.Licenses {
			if l.Concluded == concluded && l.Text() != "" && l.Text() != "NOASSERTION" && l.Text() != "NONE" {
				said = append(said, l.Text())
			}
		}
		if len(said) > 0 {
			break
		}
	}
	var terms []spdx.Expression
	for _, s := range said {
		e, ok := Declared(s)
		if !ok {
			return spdx.Expression{}, strings.Join(said, ", "), false
		}
		terms = append(terms, e)
	}
	return together(terms), strings.Join(said, ", "), len(terms) > 0
}

// together is what holds when all terms do.
func together(terms []spdx.Expression) spdx.Expression {
	var out []spdx.Expression
	seen := map[string]bool{}
	for _, t := range terms {
		parts := []spdx.Expression{t}
		if t.Op == spdx.And {
			parts = t.Terms
		}
		for _, part := range parts {
			if text := part.String(); !seen[text] {
				seen[text] = true
				out = append(out, part)
			}
		}
	}
	switch len(out) {
	case 0:
		return spdx.Expression{}
	case 1:
		return out[0]
	}
	return spdx.Expression{Op: spdx.And, Terms: out}
}
