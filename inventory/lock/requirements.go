package lock

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
)

var pinned = regexp.MustCompile(`^([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*===?\s*([^\s;#\\]+)`)

// requirements reads requirements.txt. Where its maker wrote after each line
// what it is there for ("# via flask") that tells the edges; without such
// comments everything counts as asked for.
func requirements(base string, content []byte) (Graph, error) {
	g := Graph{Roots: true, Every: !bytes.Contains(content, []byte("# via")), Dev: developmentName(base)}
	b := newBuilder()
	keys := map[string]Key{}
	via := map[Key][]string{}
	var at Key
	inVia := false
	for line := range strings.Lines(string(content)) {
		text := strings.TrimSpace(line)
		if m := pinned.FindStringSubmatch(text); m != nil {
			at, inVia = Key{pythonName(m[1]), m[2]}, false
			keys[at.Name] = at
			b.edit(at, func(*Package) {})
		}
		comment, ok := strings.CutPrefix(text, "#")
		if at == (Key{}) || !ok {
			continue
		}
		comment = strings.TrimSpace(comment)
		if rest, ok := strings.CutPrefix(comment, "via"); ok {
			comment, inVia = strings.TrimSpace(rest), true
		}
		if inVia && comment != "" {
			for by := range strings.SplitSeq(comment, ",") {
				via[at] = append(via[at], strings.TrimSpace(by))
			}
		}
	}
	for k, all := range via {
		for _, by := range all {
			if from, ok := keys[pythonName(by)]; ok {
				b.edit(from, func(p *Package) { p.Needs = append(p.Needs, k) })
			} else {
				b.edit(k, func(p *Package) { p.Direct = true }) // a file, or the project
			}
		}
	}
	g.Packages, g.Edges = b.packages, !g.Every
	return g, nil
}

var words = regexp.MustCompile(`[a-z]+`)

// developmentName tells whether a file's name says that it is for development.
func developmentName(base string) bool {
	return slices.ContainsFunc(words.FindAllString(strings.ToLower(base), -1), func(w string) bool {
		return w == "dev" || w == "development" || w == "test" || w == "tests" || w == "testing"
	})
}
