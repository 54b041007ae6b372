package lock

import (
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// pnpmAsked are what a part of the project asks for: a version, or an object
// with one.
type pnpmAsked struct {
	Dependencies         map[string]any `yaml:"dependencies"`
	DevDependencies      map[string]any `yaml:"devDependencies"`
	OptionalDependencies map[string]any `yaml:"optionalDependencies"`
}

type pnpmPackage struct {
	Name       string `yaml:"name"`
	Version    string `yaml:"version"`
	Resolution struct {
		Integrity string `yaml:"integrity"`
	} `yaml:"resolution"`
	Dependencies         map[string]string `yaml:"dependencies"`
	OptionalDependencies map[string]string `yaml:"optionalDependencies"`
}

// pnpmLock reads pnpm-lock.yaml, version 5 to 9.
func pnpmLock(content []byte, _ Sibling) (Graph, error) {
	var file struct {
		pnpmAsked `yaml:",inline"`
		Importers map[string]pnpmAsked   `yaml:"importers"`
		Packages  map[string]pnpmPackage `yaml:"packages"`
		Snapshots map[string]pnpmPackage `yaml:"snapshots"` // since version 9 the edges are here
	}
	if err := yaml.Unmarshal(content, &file); err != nil {
		return Graph{}, err
	}
	b := newBuilder()
	for _, all := range []map[string]pnpmPackage{file.Packages, file.Snapshots} {
		for _, at := range slices.Sorted(maps.Keys(all)) {
			p := all[at]
			k := pnpmKey(at)
			if p.Name != "" && p.Version != "" {
				k = Key{p.Name, p.Version}
			}
			b.edit(k, func(out *Package) {
				out.Hashes = append(out.Hashes, integrity(p.Resolution.Integrity)...)
				for _, needs := range []map[string]string{p.Dependencies, p.OptionalDependencies} {
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

func pnpmWanted(wanted map[string]any) []Key {
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
