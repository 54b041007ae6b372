package credential

import (
	"bytes"
	"strings"
)

// flags are how programs are given a password, by the program's name.
func flags() map[string][]string {
	return map[string][]string{
		"mysql": {" -p"}, "mongo": {" -p"}, "sshpass": {" -p"}, "redis-cli": {" -a "}, "ldapsearch": {" -w "}, "curl": {" -u", " --user "},
	}
}

// argument looks at a password on the command line of a program, at its name.
func (s *search) argument(at int, word string) {
	line := s.b[at:min(len(s.b), at+400)]
	if i := bytes.IndexByte(line, '\n'); i >= 0 {
		line = line[:i]
	}
	if word == "chpasswd" {
		s.piped(at)
		return
	}
	for _, flag := range flags()[word] {
		if i := bytes.Index(line, []byte(flag)); i >= 0 {
			s.given(at+i+len(flag), word)
			return
		}
	}
}

// given looks at the password that follows a flag.
func (s *search) given(from int, word string) {
	if word == "mongo" || word == "sshpass" || word == "curl" {
		from = skip(s.b, from, " ")
	}
	var v value
	var ok bool
	if from < len(s.b) && (s.b[from] == '\'' || s.b[from] == '"') {
		v, ok = s.literal(from, from)
	} else {
		v, ok = until(s.b, from, " \t\r\n\"'`;|&)")
	}
	if ok && word == "curl" {
		v.from, ok = s.afterUser(v.from, v.to)
	}
	if ok {
		s.typed(v.from, v.to)
	}
}

// piped looks at what is written into a program that reads user:password, before
// its name on the line.
func (s *search) piped(at int) {
	begin := max(0, at-400)
	begin += bytes.LastIndexByte(s.b[begin:at], '\n') + 1
	echo := bytes.LastIndex(s.b[begin:at], []byte("echo "))
	if echo < 0 {
		return
	}
	from := skip(s.b, begin+echo+len("echo "), " '\"")
	v, ok := until(s.b[:at], from, " '\"|\n")
	if !ok {
		return
	}
	if v.from, ok = s.afterUser(v.from, v.to); ok {
		s.typed(v.from, v.to)
	}
}

// afterUser steps over the user of user:password.
func (s *search) afterUser(from, to int) (int, bool) {
	i := bytes.IndexByte(s.b[from:to], ':')
	return from + i + 1, i > 0 && from+i+1 < to
}

// typed notes what was typed on a command line when it is a password.
func (s *search) typed(from, to int) {
	text := string(s.b[from:to])
	if judge(text, classPassword, max(s.level, levelConfig)) == "" && kinds(text) > 1 && !strings.HasPrefix(text, "-") {
		s.add(ruleArgument, "Password on a command line", from, to)
	}
}
