package credential

import "bytes"

// Our own rules.
const (
	rulePassword = "config-password"
	ruleToken    = "config-token"
	ruleCodePass = "code-password"
	ruleCodeTok  = "code-token"
	ruleURL      = "url-credential"
	ruleBasic    = "basic-credential"
	ruleHeader   = "authorization-header"
	ruleHash     = "password-hash"
	ruleRecord   = "login-record"
	ruleSQL      = "sql-password"
	ruleArgument = "command-line-password"
	ruleKey      = "private-key-file"
	ruleStore    = "credential-store"
	ruleSole     = "secret-file"
)

func ownRules() []string {
	return []string{
		rulePassword, ruleToken, ruleCodePass, ruleCodeTok, ruleURL, ruleBasic, ruleHeader, ruleHash, ruleRecord, ruleSQL,
		ruleArgument, ruleKey, ruleStore, ruleSole,
	}
}

// What a word says about its surroundings.
type wordKind int

const (
	wordNone     wordKind = iota // nothing to us
	wordName                     // part of a name whose value may be a credential
	wordURL                      // the middle of a URL
	wordDSN                      // the middle of a data source name
	wordHash                     // the beginning of a hash
	wordKey                      // the beginning of a private key in a form gitleaks does not know
	wordArgument                 // a program that is given passwords as arguments
	wordSQL                      // a statement that sets a password
)

// vocabulary is the words our engine looks around.
func vocabulary() map[string]wordKind {
	v := map[string]wordKind{
		"://": wordURL, "@tcp(": wordDSN, "@unix(": wordDSN, "putty-user-key-file": wordKey, "begin ssh2 encrypted private": wordKey,
		"(private-key": wordKey, "(protected-private-key": wordKey, "mysql": wordArgument, "sshpass": wordArgument, "mongo": wordArgument, "curl": wordArgument, "chpasswd": wordArgument, "redis-cli": wordArgument, "ldapsearch": wordArgument,
		"identified by": wordSQL, "with password": wordSQL, "encrypted password": wordSQL, "set password": wordSQL,
	}
	for _, w := range []string{"$1$", "$5$", "$6$", "$y$", "$2a$", "$2b$", "$2y$", "$apr1$", "$argon2", "{sha}", "{ssha", "{crypt}", "{smd5}", "$p$b", "pbkdf2_sha256$", "pbkdf2:sha256"} {
		v[w] = wordHash
	}
	for _, w := range []string{"pass", "pwd", "secret", "token", "key", "auth", "credential", "psk", "salt"} {
		v[w] = wordName
	}
	return v
}

// search is one pass of our engine over one file.
type search struct {
	kind
	b    []byte
	hits []Hit
	done int // names before this offset were looked at
}

// most is how many hits of ours a file can have. Whoever has more than that has
// one problem, not many.
const most = 500

// at looks around a word that begins at a place.
func (s *search) at(at int, word string, what wordKind) {
	if s.generated || len(s.hits) >= most {
		return
	}
	switch what {
	case wordName:
		s.name(at, len(word))
	case wordURL:
		s.url(at)
	case wordDSN:
		s.dsn(at)
	case wordHash:
		s.hash(at)
	case wordKey:
		s.key(at, word)
	case wordArgument:
		s.argument(at, word)
	case wordSQL:
		s.statement(at, len(word))
	}
}

// whole looks at the file as a whole, after all its words.
func (s *search) whole() {
	if s.generated {
		return
	}
	s.records()
	s.sole()
	if s.sql {
		s.dump()
	}
}

// add notes a value at an offset.
func (s *search) add(rule, message string, from, to int) {
	if len(s.hits) >= most {
		return
	}
	s.hits = append(s.hits, Hit{Rule: rule, Message: message, Value: string(s.b[from:to]), at: from})
}

// name looks at a word that names credentials: at the whole name it is part of,
// and at what is assigned to it.
func (s *search) name(at, n int) {
	if at < s.done {
		return
	}
	from, to := at, at+n
	for from > 0 && at-from < 64 && class(s.b[from-1])&inName != 0 {
		from--
	}
	for to < len(s.b) && to-at < 64 && class(s.b[to])&inName != 0 {
		to++
	}
	s.done = to
	for to > from && (s.b[to-1] == '.' || s.b[to-1] == '-') { // the end of a sentence
		to--
	}
	if from > 0 && s.b[from-1] >= 0x80 {
		return
	}
	c := classify(string(s.b[from:to]))
	if c == classNone && s.level == levelOwn && s.loose(from, to) {
		c = classToken
	}
	if c == classNone {
		return
	}
	v, ok := s.value(from, to)
	if !ok {
		return
	}
	if s.b[v.from] == '$' && reference(string(s.b[v.from:v.to])) {
		s.done = max(s.done, v.to) // ${NAME:?why} is not a name with a value
	}
	s.weigh(c, string(s.b[from:to]), v)
}

// loose tells whether a name that elsewhere says little is of a credential in a
// file for credentials: AUTH_KEY, key.
func (s *search) loose(from, to int) bool {
	words := split(string(s.b[from:to]))
	return len(words) > 1 && words[len(words)-1] == "key" && words[0] != "public" && words[len(words)-2] != "public"
}

// weigh notes a value when it is a credential.
func (s *search) weigh(c classOf, name string, v value) {
	text := string(s.b[v.from:v.to])
	l := s.level
	if l == levelConfig && v.beside && c == classPassword {
		l = levelOwn // next to a user and a host even a word is a password
	}
	switch c {
	case classHeader:
		s.header(v)
		return
	case classBasic:
		if plain, ok := basic(text); ok && judge(plain, classPassword, min(l, levelConfig)) == "" && !reference(text) {
			s.add(ruleBasic, "User and password, encoded", v.from, v.to)
		}
		return
	}
	if c == classPassword && hashed(text) && l < levelCode {
		s.add(ruleHash, "Hash of a password, which can be guessed from it", v.from, v.to)
		return
	}
	if judge(text, c, l) != "" {
		return
	}
	rule, message := rulePassword, "Password in a configuration file"
	switch {
	case c == classPassword && l >= levelCode:
		rule, message = ruleCodePass, "Password in the source"
	case c == classToken && l >= levelCode:
		rule, message = ruleCodeTok, "Key or token in the source"
	case c == classToken:
		rule, message = ruleToken, "Key or token in a configuration file"
	}
	s.add(rule, message+" ("+name+")", v.from, v.to)
}

// header looks at the value of an HTTP Authorization header.
func (s *search) header(v value) {
	text := s.b[v.from:v.to]
	scheme, rest, ok := bytes.Cut(text, []byte(" "))
	if !ok {
		return
	}
	from := v.from + len(scheme) + 1
	from += len(rest) - len(bytes.TrimLeft(rest, " "))
	switch string(bytes.ToLower(scheme)) {
	case "basic":
		if plain, ok := basic(string(s.b[from:v.to])); ok && judge(plain, classPassword, levelConfig) == "" {
			s.add(ruleHeader, "User and password of an Authorization header", from, v.to)
		}
	case "bearer", "token", "apikey":
		if judge(string(s.b[from:v.to]), classToken, max(s.level, levelCode)) == "" {
			s.add(ruleHeader, "Token of an Authorization header", from, v.to)
		}
	}
}
