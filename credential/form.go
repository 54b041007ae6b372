package credential

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"slices"
	"strings"
	"unicode/utf8"
)

// url looks for a user and a password in a URL, at its "://".
func (s *search) url(at int) {
	b := s.b
	from := at + len("://")
	end := from
	for end < len(b) && end-from < 300 && strings.IndexByte(" \t\r\n\"'`<>\\", b[end]) < 0 && b[end] != '/' && b[end] != '?' {
		end++
	}
	host := bytes.LastIndexByte(b[from:end], '@')
	if host < 0 { // a password may have a slash or a question mark
		return
	}
	user, password, ok := bytes.Cut(b[from:from+host], []byte(":"))
	if !ok || len(password) == 0 || s.level == levelDoc && bytes.Contains(b[from+host:end], []byte("example")) {
		return
	}
	if string(user) == string(password) || s.doubtful(string(password)) {
		return
	}
	if s.level >= levelCode && (wordy(string(password)) || code(string(password))) {
		return
	}
	to := from + host
	s.add(ruleURL, "Password in a URL", to-len(password), to)
}

// doubtful tells whether a short value that nothing else is known about is no
// password.
func (s *search) doubtful(v string) bool {
	return judge(v, classPassword, min(s.level, levelOwn)) != ""
}

// dsn looks for user:password before "@tcp(", as Go's driver of MySQL writes it.
func (s *search) dsn(at int) {
	from := at
	for from > 0 && at-from < 128 && strings.IndexByte(" \t\n\"'`=", s.b[from-1]) < 0 {
		from--
	}
	user, password, ok := bytes.Cut(s.b[from:at], []byte(":"))
	if !ok || len(password) == 0 || string(user) == string(password) || s.doubtful(string(password)) {
		return
	}
	s.add(ruleURL, "Password in a data source name", at-len(password), at)
}

// hash looks at a password's hash. In source and text for people they are
// examples more often than not.
func (s *search) hash(at int) {
	if s.level >= levelCode {
		return
	}
	end := at
	for end < len(s.b) && end-at < 512 && strings.IndexByte(" \t\r\n\"'`<>:;|)(", s.b[end]) < 0 || end-at < 13 && end < len(s.b) && s.b[end] == ':' {
		end++
	}
	v := string(s.b[at:end])
	if v = strings.TrimRight(v, ",;"); len(v) < 20 || entropy(v) < 3.3 || placeholder(v) {
		return
	}
	s.add(ruleHash, "Hash of a password, which can be guessed from it", at, at+len(v))
}

// key looks at a private key in a form of its own.
func (s *search) key(at int, word string) {
	rest := s.b[at:min(len(s.b), at+16<<10)]
	switch {
	case strings.HasPrefix(word, "putty"):
		if i := bytes.Index(rest, []byte("Private-Lines:")); i < 0 || !bytes.Contains(rest[:i], []byte("Public-Lines:")) {
			return
		}
	case strings.HasPrefix(word, "begin"):
		if !bytes.Contains(rest, []byte("END SSH2 ENCRYPTED PRIVATE KEY")) {
			return
		}
	case !bytes.Contains(rest, []byte("(rsa")) && !bytes.Contains(rest, []byte("(ecc")) && !bytes.Contains(rest, []byte("(dsa")) && !bytes.Contains(rest, []byte("(elg")):
		return // an S-expression of GnuPG says what kind of key it is
	}
	line := bytes.IndexByte(rest, '\n')
	if line < 0 {
		line = len(rest)
	}
	s.add(ruleKey, "Private key", at, at+min(len(rest), max(line, 1)+1024))
}

// basic decodes user:password and gives the password.
func basic(v string) (string, bool) {
	b, err := base64.StdEncoding.DecodeString(v)
	if err != nil {
		if b, err = base64.RawStdEncoding.DecodeString(v); err != nil {
			return "", false
		}
	}
	user, password, ok := strings.Cut(string(b), ":")
	return password, ok && user != "" && utf8.ValidString(password)
}

// sole looks at files that are nothing but a secret.
func (s *search) sole() {
	b := bytes.TrimSpace(s.b)
	if len(b) == 0 || len(b) > 1024 || bytes.IndexByte(b, '\n') >= 0 || len(s.hits) > 0 {
		return
	}
	known := slices.Contains([]string{"master.key", ".vault-token", ".vault_pass", ".vault_password", "vault_pass.txt", "token", ".token", "auth_token", "api_key", "apikey", "secret_key", "secret", "cookie.key", ".erlang.cookie"}, s.base) ||
		strings.HasSuffix(s.base, "_token") || strings.HasSuffix(s.base, ".token") || strings.HasSuffix(s.base, "_key.txt") || strings.HasSuffix(s.base, "_token.txt") || strings.HasSuffix(s.base, "_secret.txt") || strings.HasSuffix(s.base, "password.txt") || strings.HasSuffix(s.base, "credentials.key") ||
		s.ext == ".key" && strings.Contains(s.path, "credentials/")
	c := classToken
	if strings.Contains(s.base, "pass") || s.base == ".erlang.cookie" {
		c = classPassword
	}
	if !known || judge(string(b), c, levelConfig) != "" {
		return
	}
	from := bytes.Index(s.b, b)
	s.add(ruleSole, "File that is nothing but a secret", from, from+len(b))
}

// binaryStores tells stores of credentials by their form.
func binaryStores(k kind, b []byte) []Hit {
	what := ""
	switch {
	case bytes.HasPrefix(b, []byte{0xfe, 0xed, 0xfe, 0xed}), bytes.HasPrefix(b, []byte{0xce, 0xce, 0xce, 0xce}):
		if javaKeys(b) {
			what = "Java key store with a private key"
		}
	case bytes.HasPrefix(b, []byte{0x03, 0xd9, 0xa2, 0x9a}):
		what = "KeePass database"
	case bytes.HasPrefix(b, []byte("SQLite format 3\x00")):
		what = browserStore(k.base)
	case bytes.HasPrefix(b, []byte("kych")):
		what = "macOS key chain"
	case len(b) > 20 && b[0] == 0x30 && b[1] == 0x82 && pkcs(b):
		what = "Private key, in binary form"
	case k.base == "secring.gpg", k.base == "key3.db", k.base == ".mylogin.cnf":
		what = "Store of keys or logins"
	}
	if what == "" {
		return nil
	}
	return []Hit{{Rule: ruleStore, Message: what, at: -1}}
}

// browserStore tells what of a browser's a database is.
func browserStore(base string) string {
	switch base {
	case "key4.db", "login data", "signons.sqlite", "logins.db", "login data for account":
		return "Logins kept by a browser"
	case "cookies.sqlite", "cookies":
		return "Cookies of a browser, which are logged in"
	}
	if base == "access_tokens.db" || base == "credentials.db" {
		return "Tokens of a cloud's command line"
	}
	return ""
}

// javaKeys reads a Java key store as far as its first private or secret key.
// What it cannot read may hold one.
func javaKeys(b []byte) bool {
	const header, keyEntry, certificateEntry, secretEntry = 12, 1, 2, 3
	if len(b) < header {
		return false
	}
	version, n, at := binary.BigEndian.Uint32(b[4:]), binary.BigEndian.Uint32(b[8:]), header
	field := func(size int) (int, bool) { // a length of size bytes, stepped over
		if at < 0 || at+size > len(b) {
			return 0, false
		}
		length := 0
		for _, c := range b[at : at+size] {
			length = length<<8 | int(c)
		}
		at += size
		return length, true
	}
	for range n {
		tag, ok := field(4)
		switch {
		case !ok:
			return true
		case tag == keyEntry, tag == secretEntry:
			return true
		case tag != certificateEntry:
			return true
		}
		for _, step := range []int{2, 0, 2, 4} { // alias, time, type of the certificate, the certificate
			if step == 0 {
				at += 8
				continue
			}
			if step == 2 && version == 1 && at > header+4+8+2 {
				continue
			}
			length, ok := field(step)
			if !ok {
				return true
			}
			at += length
		}
	}
	return false
}

// pkcs tells whether DER is of a private key: PKCS #8, PKCS #1 or a PKCS #12
// archive, by the number that each begins with.
func pkcs(b []byte) bool {
	body := b[4:]
	switch {
	case bytes.HasPrefix(body, []byte{0x02, 0x01, 0x03, 0x30}): // PKCS #12, version 3
		return true
	case bytes.HasPrefix(body, []byte{0x02, 0x01, 0x00, 0x30}), bytes.HasPrefix(body, []byte{0x02, 0x01, 0x00, 0x02, 0x82}):
		return true
	}
	return false
}
