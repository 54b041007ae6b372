// Package zxcvbn stands in for a library of this name that gosec is built with.
// The library reads word lists of many megabytes whenever a process starts,
// which tripled the time and doubled the memory of every command, whether it
// looks at code or not. Only gosec's rule about credentials in Go code asks it
// for anything, and scan.sast leaves that rule out: scan.secrets judges
// credentials. See docs/adr/0015-start.md.
package zxcvbn

import (
	"math"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ccojocar/zxcvbn-go/scoring"
)

// PasswordStrength gives in Entropy the bits that guessing a text takes when
// nothing is known but its length and the kinds of characters in it. It knows no
// words, so it is an upper bound of what the library says. The words of the user
// are not looked at.
func PasswordStrength(password string, _ []string) scoring.MinEntropyMatch {
	bits := float64(utf8.RuneCountInString(password)) * math.Log2(alphabet(password))
	return scoring.MinEntropyMatch{Password: password, Entropy: bits}
}

// alphabet gives how many characters a text chooses from; 1 for an empty one.
func alphabet(text string) float64 {
	classes := []struct {
		size     float64
		contains func(rune) bool
	}{
		{10, unicode.IsDigit},
		{26, func(r rune) bool { return r >= 'a' && r <= 'z' }},
		{26, func(r rune) bool { return r >= 'A' && r <= 'Z' }},
		{33, func(r rune) bool { return r <= unicode.MaxASCII && !unicode.IsLetter(r) && !unicode.IsDigit(r) }},
		{100, func(r rune) bool { return r > unicode.MaxASCII && !unicode.IsDigit(r) }},
	}
	size := 0.0
	for _, c := range classes {
		if strings.ContainsFunc(text, c.contains) {
			size += c.size
		}
	}
	return max(size, 1)
}
