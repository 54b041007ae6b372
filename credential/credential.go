// Package credential finds keys, tokens and passwords in the bytes of a file.
// Two engines look: gitleaks' rules, for what has a form of its own, and one of
// ours, for what only its place gives away, such as a password in a
// configuration file. It is the only place that knows gitleaks.
//
// Bytes and a path go in, hits come out, with the value: whoever calls must see
// to it that values go no further. The same bytes give the same hits.
package credential

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"maps"
	"slices"
	"unicode/utf16"
	"unicode/utf8"

	"fairlead.dev"
)

// Hit is one credential in a file.
type Hit struct {
	Rule     string
	Message  string            // what it is, without its value
	Severity fairlead.Severity // critical when it opens infrastructure or code
	Fix      string            // what to do about it
	Value    string            // "" when the file itself is the credential
	Line     int               // from 1; 0 for the file itself
	Column   int               // from 1, in bytes
	at       int               // offset of the value, -1 for the file itself or a decoded one
}

// Options are what a caller decides.
type Options struct {
	InlineAllow bool // a line with the comment gitleaks:allow is passed over
}

// Finder looks for credentials. It is safe for concurrent use.
type Finder struct {
	leaks *leaks
	words *words // of both engines
	uses  [][]use
	own   []wordKind
}

// New reads the rules.
func New(o Options) (*Finder, error) {
	l, err := newLeaks(o.InlineAllow)
	if err != nil {
		return nil, &fairlead.Problem{Op: "read the rules about secrets", Kind: fairlead.KindInternal, Err: err}
	}
	own := vocabulary()
	all := slices.Compact(slices.Sorted(slices.Values(slices.AppendSeq(slices.Collect(maps.Keys(own)), maps.Keys(l.uses)))))
	f := &Finder{leaks: l, words: newWords(all)}
	for _, w := range all {
		f.uses, f.own = append(f.uses, l.uses[w]), append(f.own, own[w])
	}
	return f, nil
}

// Rules is how many rules there are, gitleaks' and ours.
func (f *Finder) Rules() int { return len(f.leaks.rules) + len(ownRules()) }

// Find gives what is in a file, by place. path is slash-separated and says what
// kind of file it is; it need not exist. Of binary content only its form and
// the file's name are looked at. It stops early when ctx ends.
func (f *Finder) Find(ctx context.Context, path string, content []byte) []Hit {
	content = text(content)
	k := kindOf(path, content)
	hits := f.leaks.names(path)
	if Binary(content) {
		return settle(content, append(hits, binaryStores(k, content)...))
	}
	gitleaks, own := &suspects{leaks: f.leaks, kind: k, content: content}, &search{kind: k, b: content}
	n := 0
	f.words.each(content, func(at, word int) bool {
		if f.own[word] != wordNone {
			own.at(at, f.words.all[word], f.own[word])
		}
		if f.uses[word] != nil {
			gitleaks.at(at, f.words.all[word], f.uses[word])
		}
		n++
		return n%1024 != 0 || ctx.Err() == nil
	})
	own.whole()
	return settle(content, append(append(hits, gitleaks.find(ctx)...), own.hits...))
}

// Binary tells by a zero byte near the beginning, as git does.
func Binary(content []byte) bool { return bytes.IndexByte(content[:min(len(content), 8000)], 0) >= 0 }

// text turns UTF-16 with a mark into UTF-8.
func text(content []byte) []byte {
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(content, []byte{0xff, 0xfe}):
		order = binary.LittleEndian
	case bytes.HasPrefix(content, []byte{0xfe, 0xff}):
		order = binary.BigEndian
	default:
		return content
	}
	out := make([]byte, 0, len(content)/2)
	units := make([]uint16, 0, 256)
	for i := 2; i+1 < len(content); {
		units = units[:0]
		for ; i+1 < len(content) && len(units) < 255; i += 2 {
			units = append(units, order.Uint16(content[i:]))
		}
		if u := units[len(units)-1]; utf16.IsSurrogate(rune(u)) && i+1 < len(content) { // do not cut a pair
			units = append(units, order.Uint16(content[i:]))
			i += 2
		}
		for _, r := range utf16.Decode(units) {
			out = utf8.AppendRune(out, r)
		}
	}
	return out
}

// settle gives one hit for each value at a place, the one that says most about
// it, with its line and column.
func settle(content []byte, hits []Hit) []Hit {
	if len(hits) == 0 {
		return nil
	}
	lines := newLines(content)
	for i := range hits {
		h := &hits[i]
		if h.Line == 0 && h.at >= 0 {
			h.Line, h.Column = lines.place(h.at)
		}
		if h.Fix == "" {
			h.Fix = fixFor(h.Rule)
		}
		if h.Severity == "" {
			h.Severity = severityFor(h.Rule)
		}
	}
	slices.SortStableFunc(hits, func(a, b Hit) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(rank(a.Rule), rank(b.Rule)), cmp.Compare(a.Column, b.Column),
			cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Value, b.Value))
	})
	var kept []Hit
	for _, h := range hits {
		if !slices.ContainsFunc(kept[max(0, len(kept)-64):], func(k Hit) bool { return same(k, h) }) {
			kept = append(kept, h)
		}
	}
	slices.SortStableFunc(kept, func(a, b Hit) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return kept
}

// same tells whether a later hit is about what an earlier one, of a rule that
// says more, is about.
func same(earlier, later Hit) bool {
	if earlier.at >= 0 && later.at >= 0 {
		return earlier.at < later.at+len(later.Value) && later.at < earlier.at+len(earlier.Value)
	}
	return earlier.Line == later.Line && (earlier.Value == later.Value || rank(later.Rule) > 0 && earlier.Value != "")
}

// rank orders rules by how much they say: those that know the form of the
// value, those that know its place, and the one that knows neither.
func rank(rule string) int {
	switch {
	case rule == genericRule:
		return 2
	case slices.Contains(ownRules(), rule):
		return 1
	}
	return 0
}

// lines finds places in content.
type lines struct{ starts []int }

func newLines(content []byte) lines {
	return lines{starts: nil}.index(content)
}

func (l lines) index(content []byte) lines {
	l.starts = append(l.starts, 0)
	for i := 0; ; {
		n := bytes.IndexByte(content[i:], '\n')
		if n < 0 {
			return l
		}
		i += n + 1
		l.starts = append(l.starts, i)
	}
}

// place gives line and column of an offset, both from 1.
func (l lines) place(at int) (line, column int) {
	n, found := slices.BinarySearch(l.starts, at)
	if !found {
		n--
	}
	return n + 1, at - l.starts[n] + 1
}
