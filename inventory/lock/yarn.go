package lock

import (
	"maps"
	"slices"
	"strings"
)

// yarnEntry is one package of yarn.lock, of the first version or a later one.
type yarnEntry struct {
	names     []string // "left-pad@^1.0.0", all that it answers to
	version   string
	integrity string
	needs     map[string]string
	own       bool // a part of the project itself
}

// key gives the package's real name, which an alias hides.
func (e yarnEntry) key() Key {
	name, _ := yarnSplit(e.names[0])
	if _, spec := yarnSplit(e.names[0]); strings.HasPrefix(spec, "npm:") {
		if inner := strings.TrimPrefix(spec, "npm:"); strings.LastIndex(inner, "@") > 0 {
			name, _ = yarnSplit(inner)
		}
	}
	return Key{name, e.version}
}

// yarnSplit parts a name from what is wanted of it.
func yarnSplit(text string) (name, spec string) {
	if i := strings.Index(text[min(1, len(text)):], "@"); i >= 0 {
		return text[:i+1], text[i+2:]
	}
	return text, ""
}

// yarnLock reads yarn.lock; what the project asks for is in package.json or,
// since the second version, in the lock file itself.
func yarnLock(content []byte, sibling Sibling) (Graph, error) {
	entries := yarnEntries(string(content))
	answers := map[string]Key{}
	for _, e := range entries {
		for _, n := range e.names {
			answers[n] = e.key()
		}
	}
	find := func(name, spec string) (Key, bool) {
		for _, asked := range []string{name + "@" + spec, name + "@npm:" + spec} {
			if k, ok := answers[asked]; ok {
				return k, true
			}
		}
		return Key{}, false
	}
	b := newBuilder()
	var own []Key
	for _, e := range entries {
		var needs []Key
		for _, name := range slices.Sorted(maps.Keys(e.needs)) {
			if k, ok := find(name, e.needs[name]); ok {
				needs = append(needs, k)
			}
		}
		if e.own {
			own = append(own, needs...)
			continue
		}
		b.list(e.key(), false, func(p *Package) {
			p.Needs = append(p.Needs, needs...)
			p.Hashes = append(p.Hashes, integrity(e.integrity)...)
		})
	}
	asked, found := packageJSON(sibling("package.json"))
	var run, develop []Key
	for to, from := range map[*[]Key]map[string]string{&run: asked.run, &develop: asked.develop} {
		for name, spec := range from {
			if k, ok := find(name, spec); ok {
				*to = append(*to, k)
			}
		}
	}
	b.ask(run, develop, found && asked.whole)
	b.ask(own, nil, false)
	return b.graph(found && asked.whole || len(own) > 0, true), nil
}

// yarnEntries reads the file by its indentation, which both versions share.
func yarnEntries(content string) []yarnEntry {
	var out []yarnEntry
	var e *yarnEntry
	inside := ""
	for line := range strings.Lines(content) {
		text := strings.TrimSpace(line)
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		switch indent := len(line) - len(strings.TrimLeft(line, " ")); {
		case indent == 0:
			e, inside = nil, ""
			if names := yarnNames(text); len(names) > 0 {
				out = append(out, yarnEntry{names: names, needs: map[string]string{}, own: strings.Contains(names[0], "@workspace:")})
				e = &out[len(out)-1]
			}
		case e == nil:
		case indent == 2:
			name, value := yarnPair(text)
			inside = name
			switch name {
			case "version":
				e.version = value
			case "integrity":
				e.integrity = value
			}
		case inside == "dependencies" || inside == "optionalDependencies":
			name, value := yarnPair(text)
			e.needs[name] = value
		}
	}
	return slices.DeleteFunc(out, func(e yarnEntry) bool { return e.version == "" })
}

func yarnNames(text string) []string {
	text, ok := strings.CutSuffix(text, ":")
	if !ok || text == "__metadata" {
		return nil
	}
	var out []string
	for name := range strings.SplitSeq(strings.ReplaceAll(text, `"`, ""), ",") {
		if name = strings.TrimSpace(name); name != "" {
			out = append(out, name)
		}
	}
	return out
}

// yarnPair reads `name value` or `name: value`, either with quotes.
func yarnPair(text string) (name, value string) {
	if rest, ok := strings.CutPrefix(text, `"`); ok {
		name, value, _ = strings.Cut(rest, `"`)
	} else {
		name, value, _ = strings.Cut(text, " ")
	}
	name = strings.TrimSuffix(name, ":")
	return name, strings.Trim(strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(value), ":")), `"`)
}
