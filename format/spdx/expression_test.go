package spdx_test

import (
	"strings"
	"testing"

	"fairlead.dev/format/spdx"
)

func TestExpressions(t *testing.T) {
	for _, c := range []struct {
		text, id string
		ok       bool
	}{
		{"MIT", "MIT", true},
		{"mit", "MIT", true},
		{"Apache-2.0 OR MIT", "", true},
		{"(GPL-2.0-only WITH Classpath-exception-2.0) AND LicenseRef-own", "", true},
		{"LicenseRef-own", "", true},
		{"GPL-2.0+", "GPL-2.0+", true},
		{"the MIT licence", "", false},
		{"BSD", "", false},
		{"", "", false},
		{"\xff\xfe", "", false},
		{strings.Repeat("(", 100_000), "", false},
		{"MIT AND", "", false},
		{"MIT WITH", "", false},
	} {
		if got := spdx.IsExpression(c.text); got != c.ok {
			t.Errorf("IsExpression(%.40q) = %v", c.text, got)
		}
		if got := spdx.Identifier(c.text); got != c.id {
			t.Errorf("Identifier(%.40q) = %q, want %q", c.text, got, c.id)
		}
	}
}

func FuzzExpression(f *testing.F) {
	for _, s := range []string{"MIT", "A OR (B AND C)", "GPL-2.0+", "LicenseRef-x", "DocumentRef-a:LicenseRef-b", "MIT WITH", "((("} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if id := spdx.Identifier(text); id != "" && !spdx.IsExpression(id) {
			t.Errorf("%q gives %q, which is none", text, id)
		}
	})
}
