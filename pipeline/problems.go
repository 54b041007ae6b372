package pipeline

import (
	"fmt"
	"slices"
	"strings"

	"fairlead.dev"
)

// ConfigProblem is one thing that is wrong in a configuration file.
type ConfigProblem struct {
	File       string `json:"file"`
	Line       int    `json:"line"` // from 1; 0 when the problem is the whole file's
	Col        int    `json:"col"`  // from 1, in characters; 0 when unknown
	Key        string `json:"key"`  // dotted: "tests.unit.timeout"; empty for the file
	Rule       string `json:"rule"` // what must hold: "must be one of fast, standard, complete"
	Got        string `json:"got,omitempty"`
	Suggestion string `json:"suggestion,omitempty"` // what to write instead
}

// String gives "file:line:col key: rule (got value); suggestion".
func (p ConfigProblem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d", p.Line)
		if p.Col > 0 {
			fmt.Fprintf(&b, ":%d", p.Col)
		}
	}
	if p.Key != "" {
		b.WriteString(" " + p.Key)
	}
	b.WriteString(": " + p.Rule)
	if p.Got != "" {
		fmt.Fprintf(&b, " (got %s)", p.Got)
	}
	if p.Suggestion != "" {
		b.WriteString("; " + p.Suggestion)
	}
	return b.String()
}

// Problems is everything that is wrong in a configuration file, in the order
// of the file.
type Problems []ConfigProblem

// Error gives one problem per line.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// err gives the problems, in file order, as the error that Read returns; nil
// when there are none.
func (ps Problems) err(file string) error {
	if len(ps) == 0 {
		return nil
	}
	slices.SortStableFunc(ps, func(a, b ConfigProblem) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Col - b.Col
	})
	return &fairlead.Problem{
		Op:   "read " + file,
		Kind: fairlead.KindInvalid,
		Hint: "`fairlead config explain KEY` tells what a key accepts",
		Err:  ps,
	}
}

// got renders a value for a problem: quoted, one line, short.
func got(value string) string { return fmt.Sprintf("%q", brief(value)) }

// brief shortens a value to its first line and 60 characters.
func brief(value string) string {
	const limit = 60
	line, _, cut := strings.Cut(strings.ReplaceAll(value, "\r", "\n"), "\n")
	for i := range line {
		if i >= 4*limit {
			line, cut = line[:i], true
			break
		}
	}
	if r := []rune(line); len(r) > limit {
		line, cut = string(r[:limit]), true
	}
	if cut {
		line += "..."
	}
	return line
}
