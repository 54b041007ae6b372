package lock

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// npmPackage is an entry of package-lock.json, version 2 and 3.
type npmPackage struct {
	Name             string            `json:"name"`
	Version          string            `json:"version"`
	Integrity        string            `json:"integrity"`
	License          any               `json:"license"` // a string, formerly an object
	Link             bool              `json:"link"`
	Resolved         string            `json:"resolved"`
	Dev              bool              `json:"dev"`
	Dependencies     map[string]string `json:"dependencies"`
	DevDependencies  map[string]string `json:"devDependencies"`
	Optional         map[string]string `json:"optionalDependencies"`
	PeerDependencies map[string]string `json:"peerDependencies"`
}

// npmEntry is an entry of package-lock.json, version 1.
type npmEntry struct {
	Version      string              `json:"version"`
	Integrity    string              `json:"integrity"`
	Dev          bool                `json:"dev"`
	Requires     json.RawMessage     `json:"requires"`
	Dependencies map[string]npmEntry `json:"dependencies"`
}

// npmLock reads package-lock.json of every version.
func npmLock(content []byte, sibling Sibling) (Graph, error) {
	var file struct {
		Packages     map[string]npmPackage `json:"packages"`
		Dependencies map[string]npmEntry   `json:"dependencies"`
	}
	if err := json.Unmarshal(content, &file); err != nil {
		return Graph{}, err
	}
	if file.Packages != nil {
		return npmPackages(file.Packages), nil
	}
	asked, found := packageJSON(sibling("package.json"))
	b := newBuilder()
	npmNested(b, asked, []map[string]npmEntry{file.Dependencies})
	return b.graph(found && asked.whole, true), nil
}

// npmPackages reads entries by the place where they are installed.
func npmPackages(all map[string]npmPackage) Graph {
	b := newBuilder()
	for _, at := range slices.Sorted(maps.Keys(all)) {
		p := all[at]
		own := !strings.Contains("/"+at, "/node_modules/") // the project, and its workspaces
		if own {
			for _, wanted := range []map[string]string{p.Dependencies, p.DevDependencies, p.Optional} {
				for name := range wanted {
					if k, ok := npmResolve(all, at, name); ok {
						b.edit(k, func(p *Package) { p.Direct = true })
					}
				}
			}
			continue
		}
		if p.Link {
			continue
		}
		b.list(npmKey(at, p), p.Dev, func(out *Package) {
			out.Hashes = append(out.Hashes, integrity(p.Integrity)...)
			if l, ok := p.License.(string); ok {
				out.License = l
			}
			for _, wanted := range []map[string]string{p.Dependencies, p.Optional, p.PeerDependencies} {
				for _, name := range slices.Sorted(maps.Keys(wanted)) {
					if need, ok := npmResolve(all, at, name); ok {
						out.Needs = append(out.Needs, need)
					}
				}
			}
		})
	}
	return b.graph(true, true)
}

// npmResolve finds the package that a name means at a place: what lies nearest
// on the way up.
func npmResolve(all map[string]npmPackage, at, name string) (Key, bool) {
	for {
		place := "node_modules/" + name
		if at != "" {
			place = at + "/" + place
		}
		if p, ok := all[place]; ok {
			if p.Link {
				return Key{}, false // a part of the project itself
			}
			return npmKey(place, p), true
		}
		if at == "" {
			return Key{}, false
		}
		i := strings.LastIndex(at, "/node_modules/")
		switch {
		case i >= 0:
			at = at[:i]
		default:
			at = ""
		}
	}
}

func npmKey(at string, p npmPackage) Key {
	name := p.Name
	if name == "" {
		name = at[strings.LastIndex("/"+at, "/node_modules/")+len("node_modules/"):]
	}
	return Key{name, p.Version}
}

// npmNested reads the tree of version 1; scopes holds what is visible, the
// nearest last.
func npmNested(b *builder, asked wanted, scopes []map[string]npmEntry) {
	here := scopes[len(scopes)-1]
	for _, name := range slices.Sorted(maps.Keys(here)) {
		e := here[name]
		k := npmNestedKey(name, e)
		inner := append(slices.Clip(scopes), e.Dependencies)
		var requires map[string]string
		_ = json.Unmarshal(e.Requires, &requires) // older files have true there
		b.list(k, e.Dev, func(p *Package) {
			p.Direct = p.Direct || len(scopes) == 1 && asked.asks(name)
			p.Hashes = append(p.Hashes, integrity(e.Integrity)...)
			for _, need := range slices.Sorted(maps.Keys(requires)) {
				for i := len(inner) - 1; i >= 0; i-- {
					if found, ok := inner[i][need]; ok {
						p.Needs = append(p.Needs, npmNestedKey(need, found))
						break
					}
				}
			}
		})
		if len(e.Dependencies) > 0 {
			npmNested(b, asked, inner)
		}
	}
}

func npmNestedKey(name string, e npmEntry) Key {
	if alias, ok := strings.CutPrefix(e.Version, "npm:"); ok {
		if i := strings.LastIndex(alias, "@"); i > 0 {
			return Key{alias[:i], alias[i+1:]}
		}
	}
	return Key{name, e.Version}
}

// wanted is what a package.json asks for itself.
type wanted struct {
	run, develop map[string]string // names and ranges
	whole        bool              // no other package.json asks for more
}

// packageJSON reads what a package.json asks for; false when there is none.
func packageJSON(content []byte) (wanted, bool) {
	var file struct {
		npmPackage
		Workspaces json.RawMessage `json:"workspaces"`
	}
	if content == nil || json.Unmarshal(content, &file) != nil {
		return wanted{}, false
	}
	w := wanted{run: map[string]string{}, develop: file.DevDependencies, whole: len(file.Workspaces) == 0}
	maps.Copy(w.run, file.Optional)
	maps.Copy(w.run, file.Dependencies)
	return w, true
}

// asks tells whether it asks for a package of that name.
func (w wanted) asks(name string) bool {
	_, run := w.run[name]
	_, develop := w.develop[name]
	return run || develop
}
