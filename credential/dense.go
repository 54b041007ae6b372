package credential

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
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
	case '0' <= c && c <= '9':
		return inKey | isDigit | inB64 | inName
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z':
		return inKey | inB64 | inName | isAlpha
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

// dense tells whether there is something in b that may be a key: ten bytes or
// more without a gap, with a digit when asked for.
func dense(b []byte, digit bool) bool {
	run, digits := 0, 0
	for _, c := range b {
		k := class(c)
		if k&inKey == 0 {
			run, digits = 0, 0
			continue
		}
		run++
		if k&isDigit != 0 {
			digits++
		}
		if run >= 10 && (digits > 0 || !digit && run >= 16) {
			return true
		}
	}
	return false
}

// old gives the places of Vault's former tokens, which begin with a letter and
// a dot: too little for a keyword.
func old(content []byte) []int {
	var all []int
	for i := 0; ; {
		n := bytes.Index(content[i:], []byte("s."))
		if n < 0 {
			return all
		}
		at := i + n
		i = at + 2
		if at > 0 && class(content[at-1])&inName != 0 || len(content) < i+24 {
			continue
		}
		digits := 0
		for j := range 24 {
			switch k := class(content[i+j]); {
			case k&isDigit != 0:
				digits++
			case k&isAlpha == 0:
				digits = -25
			}
		}
		if digits > 0 {
			all = append(all, at)
		}
	}
}

// encoded gives the places of base64 or hex that is text when decoded and has a
// keyword in it.
func (l *leaks) encoded(content []byte) []int {
	const least, most = 24, 16 << 10
	var all []int
	for i := 0; i+least <= len(content); {
		// Look at the last byte of the shortest first: most runs are too short,
		// and one look in many bytes tells.
		end := i + least
		for j := end - 1; j >= i; j-- {
			if class(content[j])&inB64 == 0 {
				i = j + 1
				break
			}
		}
		if i+least != end {
			continue
		}
		for end < len(content) && class(content[end])&inB64 != 0 && end-i < most {
			end++
		}
		if end-i >= least && l.decodes(content[i:end]) {
			all = append(all, i)
		}
		i = end
	}
	return all
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
