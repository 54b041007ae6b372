package credential

import (
	"encoding/base64"
	"math"
	"strings"
	"unicode"
)

// classOf is what a name promises of its value.
type classOf int

const (
	classNone     classOf = iota
	classPassword         // chosen by people
	classToken            // made by machines
	classBasic            // base64 of user:password
	classHeader           // of HTTP: "Basic ...", "Bearer ..."
)

// judge says why a value is no credential, "" when it is one.
func judge(value string, c classOf, l level) string {
	v := strings.TrimSpace(value)
	switch {
	case len(v) < 4 || len(v) > 4096:
		return "length"
	case reference(v):
		return "it refers to a value kept elsewhere"
	case placeholder(v):
		return "it stands for a value"
	}
	if plain, ok := textOf(v); ok && (placeholder(plain) || reference(plain)) {
		return "it stands for a value, encoded"
	}
	if c == classPassword {
		return judgePassword(v, l)
	}
	return judgeToken(v, l)
}

func judgePassword(v string, l level) string {
	switch {
	case l == levelOwn:
		return ""
	case strings.ContainsAny(v, " \t") && (l > levelConfig || wordy(v)):
		return "it is a sentence"
	case l >= levelConfig && wordy(v):
		return "it is a word"
	case l >= levelCode && (len(v) < 6 || kinds(v) < 2 || code(v)):
		return "it is no password that somebody chose"
	case l == levelDoc && (kinds(v) < 3 || entropy(v) < 3):
		return "it is an example"
	}
	return ""
}

func judgeToken(v string, l level) string {
	least, bits := 8, 2.5
	if l >= levelCode {
		least, bits = 12, 3.0
	}
	if l == levelDoc {
		least, bits = 20, 3.5
	}
	switch {
	case strings.ContainsAny(v, " \t\n"):
		return "it has spaces"
	case len(v) < least, entropy(v) < bits:
		return "it is too simple"
	case wordy(v) && !(len(v) >= 16 && mixed(v)):
		return "it is made of words"
	case kinds(v) < 2:
		return "it is a number or a word"
	case address(v), l >= levelCode && code(v):
		return "it is an address, a path or an expression"
	}
	return ""
}

// entropy is Shannon's, in bits for each byte.
func entropy(s string) float64 {
	var count [256]int
	for i := range len(s) {
		count[s[i]]++
	}
	bits := 0.0
	for _, n := range count {
		if n > 0 {
			p := float64(n) / float64(len(s))
			bits -= p * math.Log2(p)
		}
	}
	return bits
}

// kinds counts lower-case letters, upper-case letters, digits and signs, each
// once when there is one.
func kinds(s string) int {
	var has [4]bool
	for _, r := range s {
		switch {
		case unicode.IsLower(r):
			has[0] = true
		case unicode.IsUpper(r):
			has[1] = true
		case unicode.IsDigit(r):
			has[2] = true
		default:
			has[3] = true
		}
	}
	n := 0
	for _, h := range has {
		if h {
			n++
		}
	}
	return n
}

// wordy tells whether a value is words: letters, with capitals only where words
// begin, and marks between them.
func wordy(s string) bool {
	for _, word := range strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(" -_./:,!?'’…", r) }) {
		for _, r := range word {
			if !unicode.IsLetter(r) {
				return false
			}
		}
		if mixed(word) {
			return false
		}
	}
	return true
}

// mixed tells whether letters change between lower and upper case as if thrown:
// often, and more often than where words meet.
func mixed(s string) bool {
	changes := 0
	var before rune
	for i, r := range s {
		if i > 0 && unicode.IsUpper(r) != unicode.IsUpper(before) {
			changes++
		}
		before = r
	}
	return changes >= 4 && changes*3 >= len(s)
}

// noisy tells whether letters and digits follow each other as if thrown: every
// second one is of another kind than the one before it.
func noisy(s string) bool {
	changes, n, before := 0, 0, -1
	for i := range len(s) {
		k := class(s[i]) & (isAlpha | isDigit)
		if k == 0 {
			continue
		}
		if upper(s[i]) {
			k |= 1 << 8
		}
		if n++; n > 1 && k != before {
			changes++
		}
		before = k
	}
	return n >= 16 && changes*2 >= n
}

// code tells whether a value looks like an expression, a format or a selector.
func code(s string) bool {
	if len(s) >= 32 && kinds(s) > 2 && entropy(s) > 4.2 && !strings.Contains(s, " ") && (noisy(s) || len(s) >= 40 && !pattern(s)) {
		return false
	}
	if strings.ContainsAny(s, "(){}<>\\") || strings.Contains(s, "::") || strings.Contains(s, "->") {
		return true
	}
	return strings.Contains(s, "%s") || strings.Contains(s, "%d") || strings.Contains(s, "%v") || strings.Contains(s, "%w") || dotted(s)
}

// pattern tells whether a value is a regular expression, or of names.
func pattern(s string) bool {
	for _, part := range []string{"a-z", "A-Z", "0-9", "(?", "]{", "]+", "]*", ".*", ".+", "\\d", "\\w", "\\s"} {
		if strings.Contains(s, part) {
			return true
		}
	}
	digits := 0
	for i := range len(s) {
		if class(s[i])&isDigit != 0 {
			digits++
		}
	}
	return digits < 4
}

// dotted tells whether a value is names with dots between them: a.b.c1.
func dotted(s string) bool {
	parts := strings.Split(s, ".")
	if len(parts) < 2 || numbered(s) {
		return false
	}
	for _, p := range parts {
		if p == "" || p[0] >= '0' && p[0] <= '9' || len(p) > 24 || entropy(p) > 3.6 || !identifier(p) {
			return false
		}
	}
	return true
}

// numbered tells whether a value has capitals and several digits, as passwords
// do more often than names.
func numbered(s string) bool {
	digits, capitals := 0, 0
	for i := range len(s) {
		if class(s[i])&isDigit != 0 {
			digits++
		} else if upper(s[i]) {
			capitals++
		}
	}
	return digits > 1 && capitals > 0
}

func identifier(s string) bool {
	for i := range len(s) {
		if class(s[i])&inName == 0 {
			return false
		}
	}
	return true
}

// address tells whether a value is a URL without a credential, a path, a
// version or an e-mail address.
func address(s string) bool {
	if i := strings.Index(s, "://"); i > 0 {
		return !strings.Contains(s[i:], "@")
	}
	if noisy(s) && len(s) >= 32 {
		return false
	}
	if strings.HasPrefix(s, "/") || strings.HasPrefix(s, "./") || strings.HasPrefix(s, "~/") || strings.HasPrefix(s, "../") {
		return strings.Count(s, "/") > 1 || strings.Contains(s, ".")
	}
	if at := strings.IndexByte(s, '@'); at > 0 && strings.Contains(s[at:], ".") && identifier(s[:at]) && identifier(s[at+1:]) {
		return true
	}
	return strings.Count(s, "/") > 2 && !strings.ContainsAny(s, "+=") && !noisy(s)
}

// textOf decodes base64 of text.
func textOf(s string) (string, bool) {
	if len(s) < 8 {
		return "", false
	}
	b, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(s, "="))
	return string(b), err == nil && printable(b)
}
