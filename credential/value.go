package credential

import (
	"bytes"
	"slices"
	"strings"
)

// value is where the value of a name is.
type value struct {
	from, to int
	beside   bool // a user, a host or the like is named nearby
}

// longest is how long a value may be, in bytes.
const longest = 4 << 10

// value finds what is assigned to the name that goes from one offset to another.
func (s *search) value(from, to int) (value, bool) {
	v, ok := s.assigned(from, to)
	if !ok || v.to <= v.from || v.to-v.from > longest {
		return v, false
	}
	v.beside = s.level == levelConfig && beside(s.b, from)
	return v, true
}

func (s *search) assigned(from, to int) (value, bool) {
	b := s.b
	if from > 0 && b[from-1] == '<' && s.structured {
		return s.element(to)
	}
	at, quoted := to, false
	if at < len(b) && strings.IndexByte("\"'`", b[at]) >= 0 {
		at, quoted = at+1, true
	}
	if quoted && s.named(from) {
		if v, ok := s.following(at); ok {
			return v, ok
		}
	}
	if !quoted && s.structured && s.named(from) {
		if v, ok := s.following(at); ok {
			return v, ok
		}
	}
	if s.spaced && !quoted {
		at = skip(b, at, " \t") // a quote after it is of the value
	} else {
		at = skip(b, at, "]) \t\\\"")
	}
	next, ok := s.separator(from, at, quoted)
	if !ok {
		return value{}, false
	}
	return s.read(from, next)
}

// separator steps over what stands between a name and its value.
func (s *search) separator(from, at int, quoted bool) (int, bool) {
	b := s.b
	rest := b[at:min(len(b), at+64)]
	switch {
	case bytes.HasPrefix(rest, []byte("=>")), bytes.HasPrefix(rest, []byte(":=")):
		return at + 2, true
	case bytes.HasPrefix(rest, []byte("===")):
		return at + 3, s.level == levelCode
	case bytes.HasPrefix(rest, []byte("==")):
		return at + 2, s.level == levelCode
	case bytes.HasPrefix(rest, []byte("?=")):
		return at + 2, true
	case len(rest) > 0 && rest[0] == '=':
		return at + 1, true
	case len(rest) > 0 && rest[0] == ':':
		if s.level == levelCode && !quoted { // a type may stand between: password: string = "x"
			if i := bytes.IndexByte(rest, '='); i > 0 && identifierOrSpace(rest[1:i]) {
				return at + i + 1, true
			}
		}
		return at + 1, true
	case len(rest) > 0 && rest[0] == ',' && quoted: // define('DB_PASSWORD', 'x')
		return at + 1, true
	case at > 0 && (b[at-1] == ' ' || b[at-1] == '\t') && !(s.spaced && from > 0 && strings.IndexByte("\"'`", b[from-1]) >= 0):
		flag := from > 1 && b[from] == '-' || from > 0 && b[from-1] == '-'
		return at, s.spaced || flag && s.level != levelDoc || s.level == levelCode && typed(rest)
	}
	return at, false
}

// typed tells whether a type and an equals sign follow, as in Go:
// const password string = "x".
func typed(rest []byte) bool {
	i := bytes.IndexByte(rest, '=')
	return i > 0 && i < 24 && identifierOrSpace(rest[:i])
}

func identifierOrSpace(b []byte) bool {
	for _, c := range b {
		if class(c)&inName == 0 && c != ' ' && c != '?' && c != '*' {
			return false
		}
	}
	return true
}

// read reads the value that begins at or after an offset.
func (s *search) read(name, at int) (value, bool) {
	b := s.b
	if s.level == levelCode && at < len(b) {
		if i := bytes.IndexByte(b[at:min(len(b), at+24)], '='); i >= 0 && typed(b[at:]) {
			at += i + 1
		}
	}
	at = skip(b, at, " \t(")
	if at >= len(b) {
		return value{}, false
	}
	for i := range 3 { // prefixes of literals: b"", f"", @""
		if at+i < len(b) && strings.IndexByte("\"'`", b[at+i]) >= 0 {
			return s.literal(at, at+i)
		}
		if at+i >= len(b) || class(b[at+i])&isAlpha == 0 && b[at+i] != '@' && b[at+i] != '\\' {
			break
		}
	}
	before := byte('\n')
	for i := name - 1; i >= 0 && name-i < 4; i-- {
		if b[i] != ' ' {
			before = b[i]
			break
		}
	}
	if strings.IndexByte(";?&", before) >= 0 { // one of several in a string
		return until(b, at, "\"'`;&\n\r <>,)")
	}
	if s.level >= levelCode {
		return value{}, false // a name, a call or a number
	}
	if s.line && before != '-' && before != '"' && before != '\'' {
		return s.toEnd(at)
	}
	return until(b, at, "\"'`;\n\r \t,)}")
}

// literal reads a quoted value. begin is where it begins, open its quote.
func (s *search) literal(begin, open int) (value, bool) {
	b, quote := s.b, s.b[open]
	if open > begin && (b[begin] == 'f' || b[begin] == 'F') {
		return value{}, false // put together at run time
	}
	escaped := open > begin && b[open-1] == '\\' // quotes within quotes
	end := min(len(b), open+1+longest)
	for i := open + 1; i < end; i++ {
		switch {
		case b[i] == '\n':
			return value{}, false
		case b[i] == '\\' && escaped && i+1 < end && b[i+1] == quote:
			return value{from: open + 1, to: i}, true
		case b[i] == '\\':
			i++
		case b[i] == quote:
			if s.level == levelCode && i+1 < end && bytes.HasPrefix(bytes.TrimLeft(b[i+1:end], " "), []byte("+")) {
				return value{}, false // put together of parts
			}
			return value{from: open + 1, to: i}, true
		}
	}
	return value{}, false
}

// toEnd reads a value that ends with its line or a comment after it.
func (s *search) toEnd(at int) (value, bool) {
	v, _ := until(s.b, at, "\n\r")
	text := s.b[v.from:v.to]
	for _, mark := range []string{" #", "\t#", " ;", " //"} {
		if i := bytes.Index(text, []byte(mark)); i >= 0 {
			text = text[:i]
		}
	}
	text = bytes.TrimRight(text, " \t,;\\")
	if i := bytes.IndexByte(text, ';'); i > 0 && bytes.IndexByte(text[i:], '=') > 0 {
		text = text[:i]
	}
	if first, rest, ok := bytes.Cut(text, []byte(" ")); ok && (s.spaced || bytes.ContainsAny(rest, "=-") || script(s.b) || s.shell()) {
		text = first // more follows on the line: NAME=value command, -e NAME=value -e OTHER=value
	}
	return value{from: v.from, to: v.from + len(text)}, len(text) > 0
}

// shell tells whether a file has commands.
func (s *search) shell() bool {
	return slices.Contains([]string{".sh", ".bash", ".zsh", ".fish", ".envrc", ".profile"}, s.ext) || strings.HasPrefix(s.base, ".bash") || strings.HasPrefix(s.base, ".zsh")
}

// element reads the text of an XML element whose name ends at an offset.
func (s *search) element(at int) (value, bool) {
	end := bytes.IndexByte(s.b[at:min(len(s.b), at+200)], '>')
	if end < 0 || end > 0 && s.b[at+end-1] == '/' {
		return value{}, false
	}
	v, ok := until(s.b, at+end+1, "<\n\r")
	if ok && bytes.Contains(s.b[at:at+end], []byte(`"base64"`)) {
		if plain, isText := textOf(string(s.b[v.from:v.to])); isText && (placeholder(plain) || reference(plain)) {
			return v, false
		}
	}
	return v, ok
}

// named tells whether what begins at an offset is itself the value of "name" or
// "key": then its own value follows as "value".
func (s *search) named(from int) bool {
	before := bytes.ToLower(bytes.TrimRight(s.b[max(0, from-24):from], "\"'` :=\t>"))
	for _, word := range []string{"name", "key", "property", "id", "field"} {
		if bytes.HasSuffix(before, []byte(word)) && len(before) < len(s.b[max(0, from-24):from]) {
			return true
		}
	}
	return false
}

// following reads the value of a name given as data, on the same line or the next.
func (s *search) following(at int) (value, bool) {
	rest := s.b[at:min(len(s.b), at+120)]
	i := bytes.Index(bytes.ToLower(rest), []byte("value"))
	if i >= 0 && len(bytes.Trim(rest[:i], " \t\r\n,;\"'-{}>")) == 0 {
		to := skip(s.b, at+i+len("value"), "\"' \t")
		if to < len(s.b) && (s.b[to] == ':' || s.b[to] == '=') {
			to = skip(s.b, to+1, " \t")
			if to < len(s.b) && (s.b[to] == '"' || s.b[to] == '\'') {
				return s.literal(to, to)
			}
			return s.toEnd(to)
		}
		if to < len(s.b) && s.b[to] == '>' {
			return until(s.b, to+1, "<\n\r")
		}
	}
	if after, ok := bytes.CutPrefix(rest, []byte("</key>")); ok { // <key>NAME</key> <string>x</string>
		if after = bytes.TrimLeft(after, " \t\r\n"); bytes.HasPrefix(after, []byte("<string>")) {
			return until(s.b, at+len(rest)-len(after)+len("<string>"), "<\n\r")
		}
	}
	if i := bytes.IndexByte(rest, '>'); i >= 0 && s.structured && bytes.IndexByte(rest[:i], '\n') < 0 && bytes.IndexByte(rest[:i], '/') < 0 && bytes.IndexByte(rest[:i], '<') < 0 {
		return until(s.b, at+i+1, "<\n\r") // <entry key="password">x</entry>
	}
	return value{}, false
}

// until reads up to one of the bytes in stop.
func until(b []byte, at int, stop string) (value, bool) {
	end := min(len(b), at+longest)
	if at >= end {
		return value{from: at, to: at}, false
	}
	n := bytes.IndexAny(b[at:end], stop)
	if n < 0 {
		n = end - at
	}
	return value{from: at, to: at + n}, n > 0
}

// skip steps over bytes.
func skip(b []byte, at int, set string) int {
	for at < len(b) && strings.IndexByte(set, b[at]) >= 0 {
		at++
	}
	return at
}

// beside tells whether a user, a host or a database is named near an offset: then
// what is there is about a login.
func beside(b []byte, at int) bool {
	near := bytes.ToLower(b[max(0, at-240):min(len(b), at+240)])
	n := 0
	for _, word := range []string{"user", "login", "host", "server", "url", "database", "port", "dsn", "account", "email", "driver"} {
		for i := 0; ; {
			j := bytes.Index(near[i:], []byte(word))
			if j < 0 {
				break
			}
			i += j + len(word)
			rest := bytes.TrimLeft(near[i:min(len(near), i+12)], "abcdefghijklmnopqrstuvwxyz_-")
			rest = bytes.TrimLeft(rest, "\"' ")
			if len(rest) > 0 && (rest[0] == ':' || rest[0] == '=' || rest[0] == '>') {
				n++
				break
			}
		}
	}
	return n > 0
}
