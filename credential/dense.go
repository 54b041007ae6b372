package credential

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"strings"
)

// Classes of bytes.
const (
	inKey   = 1 << iota // may be part of a key: letters, digits and _ + / = . -
	isDigit             // a digit
	inB64               // may be part of base64 or hex
	inName              // may be part of a name in code or configuration
	isAlpha
)

// class gives the classes of a byte.
func class(c byte) int {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z':
		return inKey | inB64 | inName | isAlpha
	case '0' <= c && c <= '9':
		return inKey | isDigit | inB64 | inName
	case c == '_', c == '-':
		return inKey | inB64 | inName
	case c == '.':
		return inKey | inName
	case c == '+', c == '/':
		return inKey | inB64
	case c == '=':
		return inKey
	}
	return 0
}

// runs tells whether so many bytes of a key stand in a part of b without a gap.
func runs(b []byte, from, to, least int) bool {
	for i := from; i+least <= to; {
		// Look at the last byte of the shortest first: one look in many bytes tells.
		j := i + least - 1
		for j >= i && class(b[j])&inKey != 0 {
			j--
		}
		if j < i {
			return true
		}
		i = j + 1
	}
	return false
}

// follows tells whether a value of so many bytes of a key, and with a digit when
// asked for, may be assigned to the name that ends where b begins. It is meant
// to say yes more often than gitleaks' expressions.
func follows(b []byte, least int, digit bool) bool {
	i := 0
	for i < min(len(b), 80) && (class(b[i])&inName != 0 || strings.IndexByte(" \t\r\n\f\v'\"", b[i]) >= 0) {
		i++
	}
	from := i
	for i < len(b) && i-from < 4 && strings.IndexByte("=>:|?,", b[i]) >= 0 {
		i++
	}
	if i == from {
		return false
	}
	for i < len(b) && strings.IndexByte("`'\"= \t\r\n\f\v", b[i]) >= 0 {
		i++
	}
	for i > from+1 && b[i-1] == '=' { // of the value
		i--
	}
	n, digits := 0, 0
	for ; i+n < len(b) && class(b[i+n])&inKey != 0; n++ {
		digits += class(b[i+n]) & isDigit
	}
	return n >= least && (digits > 0 || !digit)
}

// escaped tells whether a name goes on in percent encoding.
func escaped(b []byte) bool {
	i := 0
	for i < min(len(b), 40) && class(b[i])&inName != 0 {
		i++
	}
	return i+2 < len(b) && b[i] == '%' && hexDigit(b[i+1]) && hexDigit(b[i+2])
}

func hexDigit(c byte) bool { return '0' <= c && c <= '9' || 'a' <= lower(c) && lower(c) <= 'f' }

// encoded notes the places of base64 or hex that is text when decoded and has a
// keyword in it, and those of Vault's former tokens, which begin with a letter
// and a dot: too little for a keyword.
func (s *suspects) encoded() {
	const least, most = 24, 16 << 10
	content := s.content
	for i := 0; i+least <= len(content); {
		end := i + least
		j := end - 1
		for j >= i && class(content[j])&inB64 != 0 {
			j--
		}
		if j >= i {
			i = j + 1
			continue
		}
		for end < len(content) && class(content[end])&inB64 != 0 && end-i < most {
			end++
		}
		if s.decodes(content[i:end]) {
			s.add(everyRule, i-100, i+8<<10)
		}
		if former(content, i) {
			s.add(everyRule, i-42, i+78)
		}
		i = end
	}
}

// former tells whether a former token of Vault has its random part here.
func former(content []byte, at int) bool {
	if at < 2 || content[at-1] != '.' || lower(content[at-2]) != 's' || at > 2 && class(content[at-3])&inName != 0 {
		return false
	}
	digits := 0
	for _, c := range content[at : at+24] {
		if class(c)&(isDigit|isAlpha) == 0 {
			return false
		}
		digits += class(c) & isDigit
	}
	return digits > 0
}

// decodes tells whether what b stands for is text with a keyword.
func (l *leaks) decodes(b []byte) bool {
	for _, plain := range decoded(b) {
		found := false
		l.words.each(plain, func(int, int) bool { found = true; return false })
		if found {
			return true
		}
	}
	return false
}

// decoded gives the texts that b may stand for.
func decoded(b []byte) [][]byte {
	var out [][]byte
	var head [8]byte
	if _, err := hex.Decode(head[:], b[:16]); err == nil && printable(head[:]) && len(b)%2 == 0 {
		if plain := make([]byte, len(b)/2); true {
			if _, err := hex.Decode(plain, b); err == nil && printable(plain) {
				out = append(out, plain)
			}
		}
	}
	b = b[:len(b)-len(b)%4]
	enc := base64.RawStdEncoding
	if bytes.ContainsAny(b, "-_") {
		enc = base64.RawURLEncoding
	}
	plain := make([]byte, enc.DecodedLen(len(b)))
	// Most that looks like base64 is not: its first bytes tell.
	if _, err := enc.Decode(plain[:12], b[:16]); err != nil || !printable(plain[:12]) {
		return out
	}
	if n, err := enc.Decode(plain, b); err == nil && printable(plain[:n]) {
		out = append(out, plain[:n])
	}
	return out
}

// printable tells whether b is ASCII text.
func printable(b []byte) bool {
	for _, c := range b {
		if c >= 0x7f || c < ' ' && c != '\n' && c != '\r' && c != '\t' {
			return false
		}
	}
	return true
}
