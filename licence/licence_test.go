package licence_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"fairlead.dev/format/cyclonedx"
	"fairlead.dev/format/spdx"
	"fairlead.dev/licence"
)

func parse(t *testing.T, text string) spdx.Expression {
	t.Helper()
	e, err := spdx.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestClasses(t *testing.T) {
	for id, want := range map[string]licence.Class{
		"MIT": "permissive", "BSD-3-Clause": "permissive", "Apache-2.0": "permissive", "0BSD": "permissive", "CC-BY-4.0": "permissive",
		"MPL-2.0": "weak-copyleft", "LGPL-2.1-or-later": "weak-copyleft", "EPL-2.0": "weak-copyleft", "CECILL-C": "weak-copyleft", "CC-BY-SA-4.0": "weak-copyleft",
		"GPL-2.0-only WITH Classpath-exception-2.0": "weak-copyleft", "GPL-2.0-only WITH GPL-CC-1.0": "strong-copyleft",
		"GPL-2.0+": "strong-copyleft", "GPL-3.0-or-later": "strong-copyleft", "CECILL-2.1": "strong-copyleft", "BSD-Protection": "strong-copyleft",
		"AGPL-3.0-only": "network-copyleft", "SSPL-1.0": "network-copyleft", "EUPL-1.2": "network-copyleft", "OSL-3.0": "network-copyleft",
		"CC-BY-NC-4.0": "restricted", "BUSL-1.1": "restricted", "JSON": "restricted", "LicenseRef-CommonsClause": "restricted",
		"LicenseRef-own": "other", "Glulxe": "other", "": "unknown",
	} {
		if got := licence.ClassOf(id); got != want {
			t.Errorf("%s is %s, want %s", id, got, want)
		}
	}
}

func TestPolicy(t *testing.T) {
	p := licence.Policy{
		Allow: []string{"permissive", "weak-copyleft", "GPL-3.0-only WITH GCC-exception-3.1", "AGPL-*"}, Ask: []string{"LGPL-*"},
		Deny: []string{"strong-copyleft", "network-copyleft", "AGPL-1.0*", "LGPL-2.0"}, Otherwise: licence.Ask,
	}
	for _, c := range []struct {
		text    string
		want    licence.Verdict
		because string
	}{
		{"MIT", "allow", "MIT"},
		{"MPL-2.0", "allow", "MPL-2.0"},
		{"LGPL-3.0-only", "ask", "LGPL-3.0-only"},   // a glob goes before a class
		{"LGPL-2.0-only", "deny", "LGPL-2.0-only"},  // an identifier before a glob, under its old name, too
		{"AGPL-3.0-only", "allow", "AGPL-3.0-only"}, // a glob before a class
		{"AGPL-1.0-only", "deny", "AGPL-1.0-only"},  // of two globs the heavier
		{"Glulxe", "ask", "Glulxe"},                 // what nothing names
		{"GPL-3.0-only", "deny", "GPL-3.0-only"},
		{"GPL-3.0-only WITH GCC-exception-3.1", "allow", "GPL-3.0-only WITH GCC-exception-3.1"},
		{"GPL-3.0-only OR MIT", "allow", "MIT"},
		{"GPL-3.0-only AND MIT", "deny", "GPL-3.0-only"},
		{"MIT OR (GPL-3.0-only AND (ISC OR Glulxe))", "allow", "MIT"},
		{"Glulxe OR (GPL-3.0-only AND MIT)", "ask", "Glulxe"},
		{"(MIT OR GPL-2.0-only) AND (LGPL-3.0-only OR GPL-2.0-only)", "ask", "LGPL-3.0-only"},
		{"GPL-2.0-only OR GPL-3.0-only", "deny", "GPL-2.0-only,GPL-3.0-only"},
	} {
		v, because := p.Judge(parse(t, c.text))
		if v != c.want || strings.Join(because, ",") != c.because {
			t.Errorf("%s: %s because of %q; want %s because of %s", c.text, v, because, c.want, c.because)
		}
	}
	if v := p.JudgeUnknown(); v != licence.Ask {
		t.Errorf("unknown is %s", v)
	}
	if v := (licence.Policy{Allow: []string{"*"}, Deny: []string{"unknown"}}).JudgeUnknown(); v != licence.Deny {
		t.Errorf("unknown is %s, a glob names licences only", v)
	}
	if v, _ := licence.Default().Judge(parse(t, "GPL-3.0-only")); v != licence.Ask {
		t.Errorf("by default GPL-3.0-only is %s", v)
	}
}

func TestCheckEntry(t *testing.T) {
	for entry, ok := range map[string]bool{
		"MIT": true, "mit": true, "permissive": true, "unknown": true, "GPL-*": true, "LicenseRef-own": true, "GPL-2.0-only WITH Classpath-exception-2.0": true,
		"GLP-3.0": false, "": false, "MIT OR ISC": false, "copyleft": false, "[": false, "a/*": false,
	} {
		if err := licence.CheckEntry(entry); (err == nil) != ok {
			t.Errorf("%q: %v", entry, err)
		}
	}
	if (licence.Policy{Otherwise: "maybe"}).Check() == nil {
		t.Error("maybe is a verdict")
	}
}

func TestDeclared(t *testing.T) {
	for text, want := range map[string]string{
		"MIT": "MIT", " (MIT OR Apache-2.0) ": "MIT OR Apache-2.0", "Apache License, Version 2.0": "Apache-2.0", "The MIT License": "MIT",
		"GPLv3+": "GPL-3.0-or-later", "BSD 3-Clause": "BSD-3-Clause", "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
		"BSD": "", "SEE LICENSE IN LICENSE": "", "": "", "\xff": "",
	} {
		e, ok := licence.Declared(text)
		if ok != (want != "") || ok && e.String() != want {
			t.Errorf("%q is %s, %v; want %q", text, e, ok, want)
		}
	}
}

// own is the text of this project's licence.
func own(t testing.TB) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "LICENSE"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestRecognise(t *testing.T) {
	text := own(t)
	if e, percent, ok := licence.Recognise(text); !ok || e.String() != "Apache-2.0" || percent < 99 {
		t.Errorf("%s, %.0f %%, %v", e, percent, ok)
	}
	more := append(slices.Clone(text), []byte(strings.Repeat(" But on Sundays you must dance before you copy anything at all.", 500))...)
	if e, percent, ok := licence.Recognise(more); ok || percent > 75 {
		t.Errorf("with further terms it is %s, %.0f %%", e, percent)
	}
	for _, none := range []string{"", "all rights reserved", strings.Repeat("x ", 1<<20), "\xff\xfe\x00"} {
		if e, _, ok := licence.Recognise([]byte(none)); ok {
			t.Errorf("%.20q is %s", none, e)
		}
	}
}

func TestNamesOfTexts(t *testing.T) {
	for name, want := range map[string]bool{
		"LICENSE": true, "license.txt": true, "LICENCE.md": true, "COPYING.LESSER": true, "MIT-LICENSE": true, "LICENSE-APACHE": true, "UNLICENSE": true,
		"NOTICE": true, "Notice.txt": true, "license.go": false, "licences.md": false, "LICENSE.html": false, "copying": true, "readme.md": false, "": false, "...": false,
	} {
		if licence.IsTextName(name) != want {
			t.Errorf("%q: %v", name, !want)
		}
	}
}

// TestParts: the licence of a logo or of what others gave neither makes the whole
// unknown nor known; what is recognised of it holds as well.
func TestParts(t *testing.T) {
	apache := string(own(t))
	f := licence.NewFinder(licence.Places{})
	part := func(content string) licence.Text {
		return licence.Text{Path: "LICENSE-LOGO", Content: content, Part: true}
	}
	whole := licence.Text{Path: "LICENSE", Content: apache}
	if got := f.Judge([]licence.Text{part("https://example.test/logo.png"), whole}, "m", ""); !got.Known || got.Expression.String() != "Apache-2.0" || got.Why != "" {
		t.Errorf("a logo's: %+v", got)
	}
	if got := f.Judge([]licence.Text{part(apache)}, "m", ""); got.Known || !strings.Contains(got.Why, "m/LICENSE-LOGO") {
		t.Errorf("a part's alone: %+v", got)
	}
	gpl := "This program is free software: see https://www.gnu.org/licenses/gpl-3.0-standalone.html " + strings.Repeat("words of its own ", 99)
	if got := f.Judge([]licence.Text{whole, part(gpl)}, "m", ""); !got.Known || !strings.Contains(got.Expression.String(), "GPL-3.0") {
		t.Errorf("a part under another licence: %+v", got)
	}
	texts := licence.TextsIn(fstest.MapFS{"LICENSE": {Data: []byte("x")}, "LICENSE-3RD-PARTY.md": {Data: []byte("y")}}, ".")
	if len(texts) != 2 || texts[0].Part || !texts[1].Part {
		t.Errorf("by name: %+v", texts)
	}
}

// TestFind: what is declared goes before the text, what is declared in words that
// are no licence does not; what others have in their directories is not taken.
func TestFind(t *testing.T) {
	text := &fstest.MapFile{Data: own(t)}
	f := licence.NewFinder(licence.Places{
		Tree:    fstest.MapFS{"web/node_modules/a/LICENSE": text, "web/node_modules/a/NOTICE": {Data: []byte("by us\r\n\x1b[31mred")}, "LICENSE": text, "sub/LICENSE": text},
		Modules: fstest.MapFS{"example.test/m@v1.0.0/LICENSE": text, "LICENSE": text},
		Go:      fstest.MapFS{"LICENSE": {Data: []byte("Go's own")}, "PATENTS": {Data: []byte("x")}},
	})
	at := []cyclonedx.Occurrence{{Path: "web/package-lock.json"}}
	for _, c := range []struct {
		name      string
		component cyclonedx.Component
		want, why string
		texts     int
	}{
		{"declared", cyclonedx.Component{PURL: "pkg:npm/a@1", Name: "a", Licenses: []cyclonedx.License{{ID: "ISC"}}, Found: at}, "ISC", "", 2},
		{"concluded goes before", cyclonedx.Component{PURL: "pkg:npm/x@1", Name: "x", Licenses: []cyclonedx.License{{ID: "ISC"}, {ID: "MIT", Concluded: true}}}, "MIT", "", 0},
		{"several hold together", cyclonedx.Component{PURL: "pkg:npm/x@1", Name: "x", Licenses: []cyclonedx.License{{ID: "ISC"}, {Expression: "MIT AND ISC"}}}, "ISC AND MIT", "", 0},
		{"words, and a text", cyclonedx.Component{PURL: "pkg:npm/a@1", Name: "a", Licenses: []cyclonedx.License{{Name: "SEE LICENSE"}}, Found: at}, "Apache-2.0", "", 2},
		{"words alone", cyclonedx.Component{PURL: "pkg:npm/x@1", Name: "x", Licenses: []cyclonedx.License{{Name: "BSD"}}}, "", `declares "BSD"`, 0},
		{"out of the directory", cyclonedx.Component{PURL: "pkg:npm/x@1", Name: "../../sub", Found: at}, "", "", 0},
		{"a module", cyclonedx.Component{PURL: "pkg:golang/example.test/m@v1.0.0", Name: "example.test/m"}, "Apache-2.0", "", 1},
		{"a module out of the cache", cyclonedx.Component{PURL: "pkg:golang/../..@v1.0.0", Name: "../.."}, "", "", 0},
		{"a module by a directory", cyclonedx.Component{PURL: "pkg:golang/sub", Name: "./sub", Found: []cyclonedx.Occurrence{{Path: "go.mod"}}}, "Apache-2.0", "", 1},
		{"Go itself", cyclonedx.Component{PURL: "pkg:golang/stdlib@v1.26.0", Name: "stdlib"}, "BSD-3-Clause", "", 1},
		{"no purl", cyclonedx.Component{Name: "x"}, "", "no package URL", 0},
	} {
		got := f.Find(c.component)
		if got.Known != (c.want != "") || got.Known && got.Expression.String() != c.want || !strings.Contains(got.Why, c.why) || c.name != "out of the directory" && len(got.Texts) != c.texts {
			t.Errorf("%s: %+v", c.name, got)
		}
		for _, text := range got.Texts {
			if strings.ContainsAny(text.Content, "\x1b\r") {
				t.Errorf("%s: %q", c.name, text.Content)
			}
		}
	}
}

func TestNotices(t *testing.T) {
	apache := licence.Text{Path: "LICENSE", Content: "the text"}
	found := licence.Found{Expression: spdx.Expression{License: "Apache-2.0"}, Known: true, Texts: []licence.Text{apache}}
	all := []licence.Noted{{"b", "1", found}, {"a\n  forged  MIT", "2", found}, {"c", "", licence.Found{}}}
	write := func() string {
		var b strings.Builder
		if err := licence.WriteNotices(&b, "shop", all); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	first := write()
	slices.Reverse(all)
	if again := write(); again != first {
		t.Errorf("in another order:\n%s\n%s", first, again)
	}
	const want = "Third-party notices of shop\n\n3 components:\n\n  a forged MIT 2  Apache-2.0\n  b 1  Apache-2.0\n  c  licence not known  (no text found)\n"
	if !strings.HasPrefix(first, want) || strings.Count(first, "the text") != 1 || !strings.Contains(first, "a forged MIT 2 (LICENSE)\nb 1 (LICENSE)\n") {
		t.Errorf("%s", first)
	}
}

func FuzzDeclared(f *testing.F) {
	for _, s := range []string{"MIT", "Apache License, Version 2.0", "BSD", "(((", "GPL-2.0+ WITH x", "\xff"} {
		f.Add(s)
	}
	p := licence.Default()
	f.Fuzz(func(t *testing.T, text string) {
		if e, ok := licence.Declared(text); ok {
			if v, because := p.Judge(e); v == "" || len(because) == 0 {
				t.Errorf("%q: %s because of %q", text, v, because)
			}
		}
		_ = licence.CheckEntry(text)
	})
}

func FuzzRecognise(f *testing.F) {
	f.Add(own(f)[:4000])
	f.Add([]byte("Licensed under the MIT license, see https://opensource.org/licenses/MIT"))
	f.Add([]byte("Copyright\xff (c) \x00 2020"))
	licence.Recognise([]byte("MIT")) // making the scanner takes seconds, which would count as a hang
	f.Fuzz(func(t *testing.T, text []byte) {
		e, _, ok := licence.Recognise(text)
		if again, _, ok2 := licence.Recognise(text); ok != ok2 || again.String() != e.String() {
			t.Errorf("%q is %s and %s", text, e, again)
		}
		if ok {
			if _, err := spdx.Parse(e.String()); err != nil {
				t.Error(err)
			}
		}
	})
}

// FuzzArchive: whatever a module's archive in the cache holds, it is read or
// told.
func FuzzArchive(f *testing.F) {
	f.Add([]byte("PK\x03\x04"))
	f.Add([]byte("PK\x05\x06" + strings.Repeat("\x00", 18)))
	c := cyclonedx.Component{PURL: "pkg:golang/example.test/m@v1.0.0", Name: "example.test/m"}
	f.Fuzz(func(t *testing.T, b []byte) {
		dir := t.TempDir()
		name := filepath.Join(dir, "cache", "download", "example.test", "m", "@v", "v1.0.0.zip")
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
		root, err := os.OpenRoot(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer root.Close()
		if found := licence.NewFinder(licence.Places{Modules: root.FS()}).Find(c); !found.Known && found.Why == "" {
			t.Errorf("%+v", found)
		}
	})
}
