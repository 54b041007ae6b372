package spdx

import "strings"

// IsExpression tells whether the text is a licence expression of SPDX whose
// identifiers are on its list, or name a licence of the document's own.
func IsExpression(text string) bool {
	_, err := Parse(text)
	return err == nil
}

// Identifier gives a licence as SPDX's list writes it, "" when it is not on it.
func Identifier(text string) string {
	return known().licenses[strings.ToLower(text)]
}
