package main

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
)

// Alphabets of values.
const (
	lowers  = "abcdefghijklmnopqrstuvwxyz"
	uppers  = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits  = "0123456789"
	letters = lowers + uppers
	alnum   = letters + digits
	hexes   = "0123456789abcdef"
	url64   = alnum + "-_"
	crypt64 = "./" + digits + uppers + lowers
)

// valuer makes values that have the form of a credential and belong to nobody.
type valuer struct{ *rand.Rand }

func (v valuer) of(alphabet string, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[v.IntN(len(alphabet))]
	}
	return string(b)
}

func (v valuer) bytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(v.Uint32())
	}
	return b
}

// value makes what a placeholder names.
func (v valuer) value(words []string) (string, error) {
	if len(words) == 0 {
		return "", errors.New("no name")
	}
	rest := words[1:]
	switch words[0] {
	case "id":
		return v.value(rest)
	case "base64":
		inner, err := v.value(rest)
		return base64.StdEncoding.EncodeToString([]byte(inner)), err
	case "pem":
		return v.pem(strings.Join(rest, " ")), nil
	case "pem-json":
		return strings.ReplaceAll(v.pem(strings.Join(rest, " "))+"\n", "\n", `\n`), nil
	case "file":
		return v.file(strings.Join(rest, " "))
	}
	n := 0
	if len(rest) == 1 {
		var err error
		if n, err = strconv.Atoi(rest[0]); err != nil {
			return "", err
		}
	}
	if made, ok := v.chosen(words[0], n); ok {
		return made, nil
	}
	if make, ok := forms()[words[0]]; ok {
		return make(v), nil
	}
	return "", errors.New("there is no such value")
}

// chosen makes values without a form of their own.
func (v valuer) chosen(name string, n int) (string, bool) {
	switch name {
	case "password":
		return v.password(n), true
	case "weak":
		return v.word() + v.word() + v.of(digits, v.IntN(3)), true
	case "token":
		return v.of(alnum, n), true
	case "hex":
		return v.of(hexes, n), true
	case "b64":
		return base64.StdEncoding.EncodeToString(v.bytes(n))[:n], true
	}
	return "", false
}

// password makes what people choose, or a manager of passwords: words with a
// number and a sign, or letters by chance. Its signs mean nothing in the files
// that it is put into.
func (v valuer) password(n int) string {
	const signs = "!.+_-"
	sign := func() string { return v.of(signs, 1) }
	if n == 0 && v.IntN(2) == 0 {
		w := v.word()
		return strings.ToUpper(w[:1]) + w[1:] + v.of(digits, 1+v.IntN(4)) + sign() + v.word()
	}
	if n == 0 {
		n = 12 + v.IntN(10)
	}
	b := []byte(v.of(letters, 1) + v.of(alnum, n-2) + v.of(alnum, 1))
	b[2+v.IntN(n-4)] = sign()[0]
	return string(b)
}

func (v valuer) word() string {
	words := []string{
		"harbor", "kestrel", "granite", "lantern", "meadow", "orchid", "pepper", "quartz", "saddle", "thunder", "velvet", "walnut",
		"zephyr", "anchor", "bramble", "copper", "dolphin", "ember", "falcon", "glacier",
	}
	return words[v.IntN(len(words))]
}

// forms are the values with a form of their own. They are put together here, so
// that none of them stands in a file.
func forms() map[string]func(valuer) string {
	return map[string]func(valuer) string{
		"aws-id":     func(v valuer) string { return "AKIA" + v.of(uppers+"234567", 16) },
		"aws-secret": func(v valuer) string { return v.of(alnum+"+/", 40) },
		"github":     func(v valuer) string { return "gh" + "p_" + v.of(alnum, 36) },
		"gho":        func(v valuer) string { return "gh" + "o_" + v.of(alnum, 36) },
		"gitlab":     func(v valuer) string { return "glp" + "at-" + v.of(alnum, 20) },
		"npm":        func(v valuer) string { return "np" + "m_" + v.of(alnum, 36) },
		"pypi":       func(v valuer) string { return "pyp" + "i-AgEIcHlwaS5vcmc" + v.of(url64, 120) },
		"slack": func(v valuer) string {
			return "xo" + "xb-" + v.of(digits, 12) + "-" + v.of(digits, 12) + "-" + v.of(alnum, 24)
		},
		"slack-hook": func(v valuer) string {
			return "https://hooks." + "slack.com/services/T" + v.of(uppers+digits, 8) + "/B" + v.of(uppers+digits, 8) + "/" + v.of(alnum, 24)
		},
		"stripe":         func(v valuer) string { return "sk" + "_live_" + v.of(alnum, 24) },
		"sendgrid":       func(v valuer) string { return "S" + "G." + v.of(url64, 22) + "." + v.of(url64, 43) },
		"google":         func(v valuer) string { return "AI" + "za" + v.of(url64, 34) + v.of(alnum, 1) },
		"google-secret":  func(v valuer) string { return "GOC" + "SPX-" + v.of(url64, 28) },
		"google-refresh": func(v valuer) string { return "1" + "//0" + v.of(url64, 100) },
		"digitalocean":   func(v valuer) string { return "do" + "p_v1_" + v.of(hexes, 64) },
		"vault":          func(v valuer) string { return "hv" + "s." + v.of(url64, 94) },
		"terraform":      func(v valuer) string { return v.of(alnum, 14) + ".atlas" + "v1." + v.of(alnum, 64) },
		"huggingface":    func(v valuer) string { return "h" + "f_" + v.of(letters, 34) },
		"openai":         func(v valuer) string { return "s" + "k-" + v.of(alnum, 20) + "T3Blbk" + "FJ" + v.of(alnum, 20) },
		"sonar":          func(v valuer) string { return "sq" + "u_" + v.of(hexes, 40) },
		"cio":            func(v valuer) string { return "ci" + "o" + v.of(alnum, 32) },
		"fly":            func(v valuer) string { return "fo" + "1_" + v.of(url64, 43) },
		"age":            func(v valuer) string { return "AGE-SECRET" + "-KEY-1" + v.of("QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L", 58) },
		"jwt":            valuer.jwt,
		"django":         func(v valuer) string { return "django-in" + "secure-" + v.of(lowers+digits+"!@$%^&*(-_=+)", 50) },
		"basic":          func(v valuer) string { return base64.StdEncoding.EncodeToString([]byte("ci:" + v.password(18))) },
		"apr1":           func(v valuer) string { return "$apr" + "1$" + v.of(crypt64, 8) + "$" + v.of(crypt64, 22) },
		"bcrypt":         func(v valuer) string { return "$2" + "y$10$" + v.of(crypt64, 53) },
		"sha512crypt":    func(v valuer) string { return "$" + "6$" + v.of(crypt64, 16) + "$" + v.of(crypt64, 86) },
		"yescrypt":       func(v valuer) string { return "$" + "y$j9T$" + v.of(crypt64, 22) + "$" + v.of(crypt64, 43) },
		"ppk":            valuer.ppk,
	}
}

func (v valuer) jwt() string {
	part := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	return part(`{"alg":"RS256","kid":"`+v.of(url64, 20)+`"}`) + "." + part(`{"iss":"kubernetes/serviceaccount","sub":"system:serviceaccount:ci:deploy"}`) + "." + v.of(url64, 342)
}

// lines of base64, as wide as given.
func (v valuer) lines(n, width int) string {
	var b strings.Builder
	for range n {
		b.WriteString(v.of(alnum+"+/", width) + "\n")
	}
	return b.String()
}

func (v valuer) pem(what string) string {
	return "-----BEGIN " + what + "-----\n" + v.lines(14, 64) + v.of(alnum, 30) + "==\n-----END " + what + "-----"
}

func (v valuer) ppk() string {
	return "PuTTY-User-" + "Key-File-3: ssh-ed25519\nEncryption: none\nComment: deploy\nPublic-Lines: 2\n" + v.lines(2, 64) +
		fmt.Sprintf("Private-"+"Lines: 1\n%s\nPrivate-MAC: %s", v.of(alnum+"+/", 48), v.of(hexes, 64))
}
