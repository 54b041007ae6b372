package credential

import (
	"slices"
	"strings"
)

// classify says what a name promises: the last word of DB_PASSWORD,
// spring.datasource.password or apiKey decides, and what stands before and
// after it may take that back.
func classify(name string) classOf {
	words := split(name)
	for len(words) > 1 && slices.Contains(qualifiers(), words[len(words)-1]) {
		words = words[:len(words)-1]
	}
	if len(words) == 0 || slices.ContainsFunc(words[:len(words)-1], denies) {
		return classNone
	}
	last := words[len(words)-1]
	before := ""
	if len(words) > 1 {
		before = words[len(words)-2]
	}
	switch {
	case isPassword(last):
		return classPassword
	case last == "phrase" && before == "pass", last == "word" && before == "pass":
		return classPassword
	case last == "authorization":
		return classHeader
	case last == "auth" && (len(words) == 1):
		return classBasic
	case last == "token", last == "secret", last == "credential", last == "credentials", last == "salt" && before != "", last == "apikey", last == "authtoken", last == "accesstoken", last == "secretkey", last == "accesskey", last == "privatekey", last == "authkey", last == "masterkey", last == "clientsecret", last == "apisecret", last == "apitoken", last == "identitytoken", last == "refreshtoken", last == "authtok", last == "psk", last == "sharedkey", last == "encryptionkey", last == "signingkey", last == "sastoken", last == "accountkey", last == "oauthtoken", last == "secrettoken", last == "bearertoken", last == "sessionkey":
		return classToken
	case last == "key" && slices.Contains([]string{
		"api", "access", "secret", "private", "auth", "authentication", "encryption", "encrypt", "signing", "sign", "master", "session", "account", "storage", "service", "shared", "deploy", "hmac", "crypto", "cookie", "app", "application", "jwt", "webhook", "in", "nonce", "license", "subscription", "integration", "consumer", "license", "admin", "write", "ingest", "primary", "instrumentation", "root",
	}, before):
		return keyClass(before)
	case last == "base" && before == "key": // secret_key_base
		return classToken
	case strings.HasSuffix(last, "token") && len(last) > 5, strings.HasSuffix(last, "secret") && len(last) > 6, strings.HasSuffix(last, "apikey"):
		return classToken
	}
	return classNone
}

// keyClass leaves out the keys that are as often names of something else.
func keyClass(before string) classOf {
	if slices.Contains([]string{"primary", "root", "sign"}, before) {
		return classNone
	}
	return classToken
}

func isPassword(w string) bool {
	switch w {
	case "bypass", "compass", "encompass", "trespass", "overpass", "underpass", "surpass", "onepass", "multipass", "singlepass", "firstpass", "pass1", "pass2":
		return false
	case "pw", "passcode", "pin":
		return w != "pin"
	}
	for _, suffix := range []string{"password", "passwd", "passphrase", "pwd", "pass", "passwort", "contrasena"} {
		if strings.HasSuffix(w, suffix) {
			return true
		}
	}
	return false
}

// qualifiers may follow the word that decides.
func qualifiers() []string {
	return []string{
		"value", "plain", "raw", "plaintext", "cleartext", "b64", "default", "prod", "production", "dev", "development", "staging", "stage", "live", "test", "old", "new", "current",
		"main", "admin", "root", "primary", "secondary", "backup", "initial", "bootstrap", "1", "2", "3", "encrypted", "data", "hash",
	}
}

// denies tells whether a word before the one that decides takes the meaning
// back: the public key, forgot password, has token.
func denies(w string) bool {
	switch w {
	case "public", "pub", "forgot", "forgotten", "reset", "invalid", "wrong", "missing", "show", "hide", "toggle", "max", "min", "is", "has", "have", "use", "uses", "using", "allow", "allows", "require", "requires", "required",
		"no", "without", "disable", "enable", "validate", "check", "verify", "confirm", "repeat", "next", "page", "continuation", "pagination", "csrf", "xsrf", "cancellation", "lexer", "parse", "expected", "unexpected", "ask", "prompt", "err", "error", "num", "count", "want", "got":
		return true
	}
	return false
}

// split gives the words of a name in lower case: at signs, and where small
// letters meet capitals.
func split(name string) []string {
	var words []string
	begin := 0
	flush := func(end int) {
		if end > begin {
			words = append(words, strings.ToLower(name[begin:end]))
		}
		begin = end
	}
	for i := range len(name) {
		c := name[i]
		switch {
		case class(c)&(isAlpha|isDigit) == 0:
			flush(i)
			begin = i + 1
		case i > begin && upper(c) && (!upper(name[i-1]) || i+1 < len(name) && class(name[i+1])&isAlpha != 0 && !upper(name[i+1])):
			flush(i)
		}
	}
	flush(len(name))
	if n := len(words); n > 0 {
		words[n-1] = strings.TrimRight(words[n-1], "0123456789")
		if words[n-1] == "" {
			words = words[:n-1]
		}
	}
	return words
}

func upper(c byte) bool { return 'A' <= c && c <= 'Z' }
