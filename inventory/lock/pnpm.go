package lock

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// pnpmAsked are what a part of the project asks for: a version, or an object
// with one.
type pnpmAsked struct {
	Dependencies         pnpmMap[any] `yaml:"dependencies"`
	DevDependencies      pnpmMap[any] `yaml:"devDependencies"`
	OptionalDependencies pnpmMap[any] `yaml:"optionalDependencies"`
}

// pnpmMap is a map that is read one by one: the library holds each key of a map
// against every other, which takes minutes with 100,000 of them.
type pnpmMap[V any] map[string]V

// UnmarshalYAML reads the entries.
func (m *pnpmMap[V]) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		return nil
	}
	if n.Kind != yaml.MappingNode {
		return fmt.Errorf("line %d: it is not a map", n.Line)
	}
	*m = pnpmMap[V]{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		var v V
		if err := n.Content[i+1].Decode(&v); err != nil {
			return err
		}
		(*m)[n.Content[i].Value] = v
	}
	return nil
}

type pnpmPackage struct {
	Name       string `yaml:"name"`
	Version    string `yaml:"version"`
	Resolution struct {
		Integrity string `yaml:"integrity"`
	} `yaml:"resolution"`
	Dependencies         pnpmMap[string] `yaml:"dependencies"`
	OptionalDependencies pnpmMap[string] `yaml:"optionalDependencies"`
}

// pnpmLock reads pnpm-lock.yaml, version 5 to 9.
func pnpmLock(content []byte, _ Sibling) (Graph, error) {
	var file struct {
		pnpmAsked `yaml:",inline"`
		Importers pnpmMap[pnpmAsked]   `yaml:"importers"`
		Packages  pnpmMap[pnpmPackage] `yaml:"packages"`
		Snapshots pnpmMap[pnpmPackage] `yaml:"snapshots"` // since version 9 the edges are here
	}
	if err := yaml.Unmarshal(content, &file); err != nil {
		return Graph{}, err
	}
	b := newBuilder()
	for _, all := range []pnpmMap[pnpmPackage]{file.Packages, file.Snapshots} {
		for _, at := range slices.Sorted(maps.Keys(all)) {
			p := all[at]
			k := pnpmKey(at)
			if p.Name != "" && p.Version != "" {
				k = Key{p.Name, p.Version}
			}
			b.edit(k, func(out *Package) {
				out.Hashes = append(out.Hashes, integrity(p.Resolution.Integrity)...)
				for _, needs := range []pnpmMap[string]{p.Dependencies, p.OptionalDependencies} {
					for _, name := range slices.Sorted(maps.Keys(needs)) {
						out.Needs = append(out.Needs, pnpmNeed(name, needs[name]))
					}
				}
			})
		}
	}
	var run, develop []Key
	for _, part := range append(slices.Collect(maps.Values(file.Importers)), file.pnpmAsked) {
		run = append(run, pnpmWanted(part.Dependencies)...)
		run = append(run, pnpmWanted(part.OptionalDependencies)...)
		develop = append(develop, pnpmWanted(part.DevDependencies)...)
	}
	b.ask(run, develop, true)
	return b.graph(true, true), nil
}

func pnpmWanted(wanted pnpmMap[any]) []Key {
	var out []Key
	for name, v := range wanted {
		if object, ok := v.(map[string]any); ok {
			v = object["version"]
		}
		if version, ok := v.(string); ok {
			out = append(out, pnpmNeed(name, version))
		}
	}
	return out
}

// pnpmNeed gives the package that a name and what is written for it mean: a
// version, or a whole place when the name is an alias.
func pnpmNeed(name, text string) Key {
	version, _, _ := strings.Cut(text, "(")
	if i := strings.Index(version, "_"); i > 0 && !strings.HasPrefix(version, "/") {
		version = version[:i]
	}
	if strings.HasPrefix(text, "/") || strings.LastIndex(version, "@") > 0 {
		return pnpmKey(text)
	}
	return Key{name, version}
}

// pnpmKey reads a place: "/left-pad/1.3.0", "/left-pad@1.3.0(x@1)", "left-pad@1.3.0".
func pnpmKey(at string) Key {
	place, _, _ := strings.Cut(strings.TrimPrefix(at, "/"), "(")
	scope := 0
	if strings.HasPrefix(place, "@") {
		scope = strings.Index(place, "/") + 1
	}
	if i := strings.Index(place[scope:], "/"); i >= 0 { // version 5: the version is a folder
		version, _, _ := strings.Cut(place[scope+i+1:], "_")
		return Key{place[:scope+i], version}
	}
	if i := strings.LastIndex(place, "@"); i > 0 {
		return Key{place[:i], place[i+1:]}
	}
	return Key{place, ""}
}
