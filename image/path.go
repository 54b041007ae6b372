package image

import (
	"fmt"
	"path"
	"path/filepath"
	"strings"
	"unicode/utf8"
)

// safe gives a path of a tar without leading slash, or says why it is none.
func safe(name string) (clean, why string) {
	switch {
	case name == "":
		return "", "it has no name"
	case len(name) > mostPath:
		return "", "its path is longer than any system allows"
	case strings.Contains(name, "\x00"):
		return "", "its path has a zero byte"
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == ".." {
			return "", "its path leads out of the image"
		}
	}
	name = printable(strings.TrimLeft(name, "/"))
	return filepath.ToSlash(path.Clean(name)), ""
}

// printable writes bytes that are no UTF-8 as \xNN.
func printable(name string) string {
	if utf8.ValidString(name) {
		return name
	}
	var b strings.Builder
	for len(name) > 0 {
		r, n := utf8.DecodeRuneInString(name)
		if r == utf8.RuneError && n == 1 {
			fmt.Fprintf(&b, `\x%02x`, name[0])
		} else {
			b.WriteString(name[:n])
		}
		name = name[n:]
	}
	return b.String()
}
