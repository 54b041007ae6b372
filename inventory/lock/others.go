package lock

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// cargoLock reads Cargo.lock. Packages without a source are the project's own;
// Cargo.toml tells what is for development when the project is one package.
func cargoLock(content []byte, sibling Sibling) (Graph, error) {
	var file struct {
		Package []struct {
			Name         string   `toml:"name"`
			Version      string   `toml:"version"`
			Source       string   `toml:"source"`
			Checksum     string   `toml:"checksum"`
			Dependencies []string `toml:"dependencies"`
		} `toml:"package"`
	}
	if err := toml.Unmarshal(content, &file); err != nil {
		return Graph{}, err
	}
	byName := map[string][]Key{}
	for _, p := range file.Package {
		byName[p.Name] = append(byName[p.Name], Key{p.Name, p.Version})
	}
	b := newBuilder()
	var own []Key
	for _, p := range file.Package {
		k := Key{p.Name, p.Version}
		if p.Source == "" {
			own = append(own, k)
		}
		b.edit(k, func(out *Package) {
			if h, ok := hexHash("SHA-256", p.Checksum); ok {
				out.Hashes = append(out.Hashes, h)
			}
			for _, text := range p.Dependencies { // "serde", "serde 1.0.2", "serde 1.0.2 (registry+...)"
				fields := strings.Fields(text)
				for _, need := range byName[fields[0]] {
					if len(fields) < 2 || fields[1] == need.Version {
						out.Needs = append(out.Needs, need)
					}
				}
			}
		})
	}
	var run []Key
	for _, k := range own {
		run = append(run, b.packages[k].Needs...)
	}
	b.ask(run, nil, false)
	cargoDevelopment(b, own, sibling("Cargo.toml"))
	return b.graph(len(own) > 0, true), nil
}

// cargoDevelopment marks what only tests, examples and build scripts need.
func cargoDevelopment(b *builder, own []Key, content []byte) {
	var crate struct {
		Dependencies map[string]any            `toml:"dependencies"`
		Development  map[string]any            `toml:"dev-dependencies"`
		Build        map[string]any            `toml:"build-dependencies"`
		Target       map[string]map[string]any `toml:"target"`
		Workspace    map[string]any            `toml:"workspace"`
	}
	if len(own) != 1 || content == nil || toml.Unmarshal(content, &crate) != nil || crate.Workspace != nil {
		return
	}
	names := map[string]bool{}
	for _, section := range []map[string]any{crate.Development, crate.Build} {
		for name, v := range section {
			_, runs := crate.Dependencies[name]
			if object, ok := v.(map[string]any); ok && object["package"] != nil {
				name, _ = object["package"].(string)
			}
			names[name] = !runs
		}
	}
	var run, develop []Key
	for _, k := range b.packages[own[0]].Needs {
		if names[k.Name] && crate.Target == nil {
			develop = append(develop, k)
		} else {
			run = append(run, k)
		}
	}
	b.ask(run, develop, true)
}

// gemfileLock reads Gemfile.lock by its indentation.
func gemfileLock(content []byte, _ Sibling) (Graph, error) {
	b := newBuilder()
	needs := map[Key][]string{}
	byName := map[string][]Key{}
	var direct []string
	section := ""
	var at Key
	for line := range strings.Lines(string(content)) {
		text := strings.TrimSpace(line)
		indent := len(line) - len(strings.TrimLeft(line, " "))
		name, rest, _ := strings.Cut(text, " (")
		version, after, _ := strings.Cut(rest, ")")
		version, _, _ = strings.Cut(version, "-") // the platform
		switch {
		case text == "":
		case indent == 0:
			section = text
		case section == "DEPENDENCIES":
			direct = append(direct, strings.TrimSuffix(name, "!"))
		case section == "CHECKSUMS":
			sum, _ := strings.CutPrefix(strings.TrimSpace(after), "sha256=")
			if h, ok := hexHash("SHA-256", sum); ok {
				b.edit(Key{name, version}, func(p *Package) { p.Hashes = append(p.Hashes, h) })
			}
		case indent == 4 && version != "":
			at = Key{name, version}
			byName[name] = append(byName[name], at)
			b.edit(at, func(*Package) {})
		case indent == 6 && at != Key{}:
			needs[at] = append(needs[at], name)
		}
	}
	for k, all := range needs {
		b.edit(k, func(p *Package) {
			for _, name := range all {
				found := byName[name]
				if found == nil {
					found = []Key{{Name: name}} // told by name only: no component is this
				}
				p.Needs = append(p.Needs, found...)
			}
		})
	}
	for _, name := range direct {
		b.ask(byName[name], nil, false)
	}
	return b.graph(true, true), nil
}

// composerLock reads composer.lock, and composer.json for what is asked for.
func composerLock(content []byte, sibling Sibling) (Graph, error) {
	type entry struct {
		Name    string            `json:"name"`
		Version string            `json:"version"`
		Require map[string]string `json:"require"`
		License []string          `json:"license"`
		Dist    struct {
			Shasum string `json:"shasum"`
		} `json:"dist"`
	}
	var file struct {
		Packages    []entry `json:"packages"`
		PackagesDev []entry `json:"packages-dev"`
	}
	if err := json.Unmarshal(content, &file); err != nil {
		return Graph{}, err
	}
	var asked struct {
		Require    map[string]string `json:"require"`
		RequireDev map[string]string `json:"require-dev"`
	}
	project := sibling("composer.json")
	found := project != nil && json.Unmarshal(project, &asked) == nil
	direct := map[string]bool{}
	for _, names := range []map[string]string{asked.Require, asked.RequireDev} {
		for name := range names {
			direct[strings.ToLower(name)] = true
		}
	}
	byName := map[string]Key{}
	for _, p := range slices.Concat(file.Packages, file.PackagesDev) {
		byName[strings.ToLower(p.Name)] = Key{strings.ToLower(p.Name), p.Version}
	}
	b := newBuilder()
	for i, p := range slices.Concat(file.Packages, file.PackagesDev) {
		k := byName[strings.ToLower(p.Name)]
		b.list(k, i >= len(file.Packages), func(out *Package) {
			out.Direct = direct[k.Name]
			out.License = strings.Join(p.License, " OR ") // a list in Composer means a choice
			if h, ok := hexHash("SHA-1", p.Dist.Shasum); ok {
				out.Hashes = append(out.Hashes, h)
			}
			for _, name := range slices.Sorted(maps.Keys(p.Require)) {
				if need, ok := byName[strings.ToLower(name)]; ok { // others are PHP and its extensions
					out.Needs = append(out.Needs, need)
				}
			}
		})
	}
	return b.graph(found, true), nil
}

// nugetLock reads packages.lock.json.
func nugetLock(content []byte, _ Sibling) (Graph, error) {
	var file struct {
		Dependencies map[string]map[string]struct {
			Type         string            `json:"type"`
			Resolved     string            `json:"resolved"`
			ContentHash  string            `json:"contentHash"`
			Dependencies map[string]string `json:"dependencies"`
		} `json:"dependencies"`
	}
	if err := json.Unmarshal(content, &file); err != nil {
		return Graph{}, err
	}
	b := newBuilder()
	for _, framework := range slices.Sorted(maps.Keys(file.Dependencies)) {
		all := file.Dependencies[framework]
		byName := map[string]Key{}
		for name, e := range all {
			byName[strings.ToLower(name)] = Key{strings.ToLower(name), e.Resolved}
		}
		for _, name := range slices.Sorted(maps.Keys(all)) {
			e := all[name]
			b.edit(byName[strings.ToLower(name)], func(p *Package) {
				p.Direct = p.Direct || e.Type == "Direct"
				if h, ok := base64Hash("SHA-512", e.ContentHash); ok && len(p.Hashes) == 0 {
					p.Hashes = append(p.Hashes, h)
				}
				for _, need := range slices.Sorted(maps.Keys(e.Dependencies)) {
					if k, ok := byName[strings.ToLower(need)]; ok {
						p.Needs = append(p.Needs, k)
					}
				}
			})
		}
	}
	return b.graph(true, true), nil
}
