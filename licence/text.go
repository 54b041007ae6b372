package licence

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/google/licensecheck"

	"fairlead.dev/format/spdx"
)

// maxText is the largest licence text that is read, in bytes.
const maxText = 1 << 20

// enough is how much of a text must be that of known licences, in percent: less,
// and something else may be asked in the rest.
const enough = 75

// Recognise tells which licences a text is. percent is how much of it they
// cover; ok is whether that is enough to rely on.
func Recognise(text []byte) (e spdx.Expression, percent float64, ok bool) {
	if len(text) > maxText {
		return spdx.Expression{}, 0, false
	}
	if id, ok := bySum[sha256.Sum256(bytes.Join(bytes.Fields(bytes.ToLower(text)), []byte(" ")))]; ok {
		return spdx.Expression{License: id}, 100, true
	}
	found := look(text)
	var ids []string
	for _, m := range found.Match {
		if !m.IsURL {
			ids = append(ids, m.ID)
		}
	}
	if len(ids) == 0 { // it only points to them
		for _, m := range found.Match {
			ids = append(ids, m.ID)
		}
	}
	slices.Sort(ids)
	var terms []spdx.Expression
	for _, id := range slices.Compact(ids) {
		if spdx.Identifier(id) == "" {
			id = "LicenseRef-" + id
		}
		terms = append(terms, spdx.Expression{License: plain(id)})
	}
	return together(terms), found.Percent, len(terms) > 0 && found.Percent >= enough
}

// bySum are texts that the scanner does not know, by the SHA-256 of their words
// in lower case with one space between.
var bySum = map[[sha256.Size]byte]string{
	// SQLite's dedication to the public domain, which stands beside it as SQLITE-LICENSE.
	[sha256.Size]byte(digest("a5fe8e5b495e9ed210c57ebd0f37e3e632136a1a941b7cc94d45d9490da48d1a")): "blessing",
}

func digest(sum string) []byte {
	b, err := hex.DecodeString(sum)
	if err != nil || len(b) != sha256.Size {
		panic("not a SHA-256: " + sum)
	}
	return b
}

// usual are the licences of most texts. A scanner for them is made in 10 ms, one
// for all takes 2 s.
const usual = " Apache-2.0 MIT BSD-2-Clause BSD-3-Clause ISC MPL-2.0 0BSD Unlicense Zlib MIT-0 "

var usualScanner = sync.OnceValues(func() (*licensecheck.Scanner, error) {
	return licensecheck.NewScanner(slices.DeleteFunc(licensecheck.BuiltinLicenses(), func(l licensecheck.License) bool {
		return l.LRE == "" || !among(usual, l.ID)
	}))
})

// nearly is how much of a text must be that of usual licences, in percent, so
// that no other is looked for: the rest is a title or a name.
const nearly = 98

// look matches a text. What is more than usual ones is matched with all.
func look(text []byte) licensecheck.Coverage {
	if s, err := usualScanner(); err == nil {
		if found := s.Scan(text); found.Percent >= nearly {
			return found
		}
	}
	return licensecheck.Scan(text)
}

// Version names what recognises texts.
func Version() string { return "licensecheck 0.3.1" }

// Text is a file with terms.
type Text struct {
	Path    string // slash-separated, below where it was found
	Content string // valid UTF-8, lines end with \n
	Notice  bool   // it is to be passed on, and grants nothing: NOTICE
	Part    bool   // it is about a part only, or about what is not code: LICENSE-3RD-PARTY, LICENSE-LOGO
}

// words of names, and the endings of files that are no texts.
const (
	licenceWords = " license licence unlicense unlicence copying copyright "
	noticeWords  = " notice notices "
	textEndings  = " txt md rst text markdown "
	partWords    = " 3rd third thirdparty party logo logos artwork docs fonts "
	codeEndings  = " go js mjs cjs ts tsx jsx py rb rs c cc cpp h java kt cs php sh json yaml yml toml xml html htm css svg png tmpl tpl" +
		" lock sum rego tf sql bin exe so zip gz "
)

// wordsOf splits a name.
func wordsOf(name string) []string {
	return strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return r == '-' || r == '_' || r == '.' })
}

// isPart tells by its name whether a licence is about a part only.
func isPart(name string) bool {
	return slices.ContainsFunc(wordsOf(name), func(word string) bool { return among(partWords, word) })
}

// kindOf tells by its name whether a file holds a licence or a notice.
func kindOf(name string) (licence, notice bool) {
	words := wordsOf(name)
	if len(words) == 0 {
		return false, false
	}
	first, last := words[0], words[len(words)-1]
	if len(words) > 1 {
		if among(codeEndings, last) {
			return false, false
		}
		if among(textEndings, last) {
			last = words[len(words)-2]
		}
	}
	return among(licenceWords, first) || among(licenceWords, last), among(noticeWords, first)
}

func among(words, word string) bool { return strings.Contains(words, " "+word+" ") }

// IsTextName tells whether a file of that name holds a licence or a notice.
func IsTextName(name string) bool {
	licence, notice := kindOf(name)
	return licence || notice
}

// TextsIn reads the licences and notices in one directory, by name; none
// where there is no directory.
func TextsIn(files fs.FS, dir string) []Text {
	entries, err := fs.ReadDir(files, dir)
	if err != nil {
		return nil
	}
	var out []Text
	for _, e := range entries {
		if !e.Type().IsRegular() || !IsTextName(e.Name()) {
			continue
		}
		f, err := files.Open(path.Join(dir, e.Name()))
		if err != nil {
			continue
		}
		if t, ok := readText(f, e.Name()); ok {
			out = append(out, t)
		}
		f.Close()
	}
	return out
}

func readText(r io.Reader, name string) (Text, bool) {
	b, err := io.ReadAll(io.LimitReader(r, maxText+1))
	if err != nil || len(b) > maxText || len(b) == 0 {
		return Text{}, false
	}
	isLicence, _ := kindOf(path.Base(name))
	return Text{Path: name, Content: clean(string(b)), Notice: !isLicence, Part: isPart(path.Base(name))}, true
}

// clean makes text that can be shown: valid, without control characters.
func clean(text string) string {
	text = strings.ReplaceAll(strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\r\n", "\n"), "\r", "\n")
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || r >= 0x20 && (r < 0x7f || r > 0x9f) {
			return r
		}
		return -1
	}, text)
}
