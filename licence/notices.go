package licence

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// Noted is a component as the notices name it.
type Noted struct {
	Name, Version string
	Found         Found
}

const rule = "--------------------------------------------------------------------------------\n"

// WriteNotices writes what the licences of components ask to be passed on: a list
// of the components with their licences, and then each text once with those that
// carry it. The same components give the same bytes, in whatever order.
func WriteNotices(w io.Writer, about string, all []Noted) error {
	all = slices.SortedFunc(slices.Values(all), func(a, b Noted) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Version, b.Version))
	})
	var b strings.Builder
	fmt.Fprintf(&b, "Third-party notices of %s\n\n%d components:\n\n", oneLine(about), len(all))
	carriers := map[string][]string{}
	for _, n := range all {
		fmt.Fprintf(&b, "  %s  %s%s\n", n.title(), n.licence(), n.missing())
		for _, t := range n.Found.Texts {
			text := strings.TrimRight(t.Content, " \t\n") + "\n"
			carriers[text] = append(carriers[text], n.title()+" ("+t.Path+")")
		}
	}
	texts := slices.SortedFunc(maps.Keys(carriers), func(x, y string) int {
		return cmp.Or(strings.Compare(carriers[x][0], carriers[y][0]), strings.Compare(x, y))
	})
	for _, t := range texts {
		fmt.Fprintf(&b, "\n%s%s\n%s\n%s", rule, strings.Join(carriers[t], "\n"), rule, t)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (n Noted) title() string { return oneLine(strings.TrimSpace(n.Name + " " + n.Version)) }

func (n Noted) licence() string {
	if !n.Found.Known {
		return "licence not known"
	}
	return n.Found.Expression.String()
}

// missing says when there is no text to pass on.
func (n Noted) missing() string {
	if len(n.Found.Texts) > 0 {
		return ""
	}
	return "  (no text found)"
}

func oneLine(text string) string { return strings.Join(strings.Fields(clean(text)), " ") }
