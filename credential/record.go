package credential

import (
	"bytes"
	"strings"
)

// records looks at files that are records, one on a line, with colons between
// their fields, and at those of logins with a grammar of their own.
func (s *search) records() {
	switch {
	case s.base == ".pgpass", s.base == "pgpass.conf", s.ext == ".pgpass":
		s.fields(4, 5)
	case strings.Contains(s.base, "htpasswd"), s.base == "shadow", s.base == "gshadow", s.ext == ".passwd", strings.HasSuffix(s.base, "passwd"), s.ext == ".htdigest":
		s.fields(1, 2)
	case s.base == "jmxremote.password":
		s.columns(1)
	case s.base == "chap-secrets", s.base == "pap-secrets":
		s.columns(2)
	case s.base == "servlist.conf", s.base == "servlist_.conf", s.base == "xchat.conf":
		s.prefixed("P=")
	}
}

// fields looks at the field with a number, from 0, of every line that has so many.
func (s *search) fields(n, least int) {
	at := 0
	for line := range bytes.Lines(s.b) {
		start := at
		at += len(line)
		text := bytes.TrimRight(line, "\r\n")
		if len(text) == 0 || text[0] == '#' {
			continue
		}
		from, to, count := 0, len(text), 1
		for i := 0; i < len(text); i++ {
			switch {
			case text[i] == '\\':
				i++
			case text[i] == ':':
				if count == n {
					from = i + 1
				}
				if count == n+1 {
					to = min(to, i)
				}
				count++
			}
		}
		if count < least || from == 0 {
			continue
		}
		s.login(start+from, start+to)
	}
}

// columns looks at the column with a number, from 0, of lines with blanks between.
func (s *search) columns(n int) {
	at := 0
	for line := range bytes.Lines(s.b) {
		start := at
		at += len(line)
		words := bytes.Fields(line)
		if len(words) <= n || words[0][0] == '#' {
			continue
		}
		from := start + bytes.Index(line, words[n])
		s.login(from, from+len(words[n]))
	}
}

// prefixed looks at lines that begin so.
func (s *search) prefixed(prefix string) {
	at := 0
	for line := range bytes.Lines(s.b) {
		if bytes.HasPrefix(line, []byte(prefix)) {
			s.login(at+len(prefix), at+len(bytes.TrimRight(line, "\r\n")))
		}
		at += len(line)
	}
}

// login notes the password of a record: itself, or its hash.
func (s *search) login(from, to int) {
	v := strings.Trim(string(s.b[from:to]), `"`)
	if v == "" || strings.Trim(v, "*!x") == "" || strings.HasPrefix(v, "!") || strings.HasPrefix(v, "*") { // locked, or none
		return
	}
	switch {
	case hashed(v), strings.HasPrefix(v, "{SHA}"), strings.HasPrefix(v, "{SSHA"):
		s.add(ruleHash, "Hash of a password, which can be guessed from it", from, to)
	case judge(v, classPassword, levelOwn) == "":
		s.add(ruleRecord, "Password of a login", from, to)
	}
}
