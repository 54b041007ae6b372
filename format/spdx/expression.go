package spdx

import (
	"strings"

	"github.com/github/go-spdx/v2/spdxexp"
)

// maxExpression is how long an expression may be, in bytes.
const maxExpression = 4096

// IsExpression tells whether the text is a licence expression of SPDX whose
// identifiers are on its list, or name a licence of the document's own.
func IsExpression(text string) bool {
	if text == "" || len(text) > maxExpression || strings.Count(text, "(") > 64 {
		return false
	}
	ok, _ := spdxexp.ValidateLicenses([]string{text})
	return ok
}

// Identifier gives a licence as SPDX's list writes it, "" when it is not on it.
func Identifier(text string) string {
	if strings.ContainsAny(text, " ()+:") || strings.HasPrefix(text, "LicenseRef-") || !IsExpression(text) {
		return ""
	}
	ids, err := spdxexp.ExtractLicenses(text)
	if err != nil || len(ids) != 1 {
		return ""
	}
	return ids[0]
}
