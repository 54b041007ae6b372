package licence_test

import (
	"slices"
	"strings"
	"testing"

	"fairlead.dev/licence"
)

const form = "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n"

func TestDebian(t *testing.T) {
	for said, want := range map[string][]string{
		"":                                    nil,
		"This package was debianized by X.\n": nil,
		form + "Files: *\nCopyright: X\nLicense: GPL-2+\n This is\n License: Expat\n":                               {"GPL-2.0-or-later"},
		form + "Files: *\nLicense: Expat\n\nFiles: a/*\nLicense: BSD-3-clause\n\nFiles: debian/*\nLicense: GPL-3\n": {"BSD-3-Clause", "MIT"},
		form + "Files: *\nLicense: GPL-2+ or Artistic-2.0, and BSD-3-clause\n":                                      {"(GPL-2.0-or-later OR Artistic-2.0) AND BSD-3-Clause"},
		form + "Files: *\nLicense: Perl\n\nLicense: GPL-3\n the text\n":                                             {"(Artistic-1.0-Perl OR GPL-1.0-or-later)"},
		form + "Files: *\nLicense: LGPL-2.1+ and ISC\n":                                                             {"LGPL-2.1+ AND ISC"},
		form + "Files: *\nLicense: GAP~FSF\n":                                                                       {"GAP~FSF"},
		form + "Files: *\r\nLicense: Apache-2.0\r\n\r\nFiles: b\r\nLicense: Apache-2.0\r\n":                         {"Apache-2.0"},
		strings.ToLower(form) + "files: *\nlicense: mit\n":                                                          {"MIT"},
		form + "Files: *\nLicense: GPL-2 with OpenSSL exception\n":                                                  {"GPL-2 with OpenSSL exception"},
	} {
		if got := licence.Debian([]byte(said)); !slices.Equal(got, want) {
			t.Errorf("%q declares %q, want %q", said, got, want)
		}
	}
}

// Whatever a copyright file holds, what it declares is sorted, and each once.
func FuzzDebian(f *testing.F) {
	f.Add([]byte(form + "Files: *\nLicense: GPL-2+ or Artistic-2.0, and BSD-3-clause\n"))
	f.Add([]byte(form + "Files: *\nLicense: , or and ,,\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		got := licence.Debian(b)
		if !slices.IsSorted(got) || len(slices.Compact(slices.Clone(got))) != len(got) || slices.Contains(got, "") {
			t.Errorf("%q", got)
		}
	})
}
