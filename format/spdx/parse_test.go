package spdx_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"fairlead.dev/format/spdx"
)

func TestParse(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"mit", "MIT"},
		{"MIT OR Apache-2.0 AND ISC", "MIT OR (Apache-2.0 AND ISC)"},
		{"(MIT OR Apache-2.0) AND ISC", "(MIT OR Apache-2.0) AND ISC"},
		{"MIT OR (ISC AND (Apache-2.0 OR LicenseRef-own))", "MIT OR (ISC AND (Apache-2.0 OR LicenseRef-own))"},
		{"gpl-2.0-only WITH classpath-exception-2.0", "GPL-2.0-only WITH Classpath-exception-2.0"},
		{"((GPL-2.0+))", "GPL-2.0+"},
		{"MIT OR MIT", "MIT OR MIT"},
	} {
		e, err := spdx.Parse(c.text)
		if err != nil || e.String() != c.want {
			t.Errorf("%s gives %s, %v; want %s", c.text, e, err, c.want)
		}
	}
	for _, bad := range []string{"", "the MIT licence", "MIT AND", "(MIT", "MIT)", "MIT Apache-2.0", "MIT WITH", "AND", strings.Repeat("(", 1000)} {
		if e, err := spdx.Parse(bad); !errors.Is(err, spdx.ErrExpression) {
			t.Errorf("%.40q gives %s, %v", bad, e, err)
		}
	}
}

// TestParseStaysQuick: what would be 2^40 combinations is a small tree.
func TestParseStaysQuick(t *testing.T) {
	text := strings.TrimSuffix(strings.Repeat("(MIT OR ISC) AND ", 40), " AND ")
	e, err := spdx.Parse(text)
	if err != nil || len(e.Terms) != 40 || !slices.Equal(e.Licenses(), []string{"MIT", "ISC"}) {
		t.Errorf("%d terms, %v, %v", len(e.Terms), e.Licenses(), err)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"MIT", "A OR (B AND C)", "(MIT OR ISC) AND GPL-2.0-only WITH Classpath-exception-2.0", "GPL-2.0+", "LicenseRef-x", "DocumentRef-a:LicenseRef-b", "MIT WITH", "(((", "ORACLE"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := spdx.Parse(text)
		if err != nil {
			return
		}
		again, err := spdx.Parse(e.String())
		if err != nil || again.String() != e.String() {
			t.Errorf("%q is written %q, which is read as %q, %v", text, e, again, err)
		}
	})
}
