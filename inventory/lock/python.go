package lock

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// pythonName writes a name as the index does: case, dots and underscores do
// not tell packages apart.
func pythonName(name string) string {
	var b strings.Builder
	dash := false
	for _, r := range strings.ToLower(strings.TrimSpace(name)) {
		if r == '-' || r == '_' || r == '.' {
			dash = true
			continue
		}
		if dash && b.Len() > 0 {
			b.WriteByte('-')
		}
		dash = false
		b.WriteRune(r)
	}
	return b.String()
}

// pyproject is what a project in Python asks for.
type pyproject struct {
	Project struct {
		Dependencies []string            `toml:"dependencies"`
		Optional     map[string][]string `toml:"optional-dependencies"`
	} `toml:"project"`
	Groups map[string][]any `toml:"dependency-groups"`
	Tool   struct {
		Poetry struct {
			Dependencies    map[string]any `toml:"dependencies"`
			DevDependencies map[string]any `toml:"dev-dependencies"`
			Group           map[string]struct {
				Dependencies map[string]any `toml:"dependencies"`
			} `toml:"group"`
		} `toml:"poetry"`
	} `toml:"tool"`
}

// wanted gives the names asked for: to run, and to develop.
func (p pyproject) wanted() (run, develop map[string]bool) {
	run, develop = map[string]bool{}, map[string]bool{}
	for _, list := range append(slices.Collect(maps.Values(p.Project.Optional)), p.Project.Dependencies) {
		for _, text := range list {
			run[requirementName(text)] = true
		}
	}
	for _, list := range p.Groups {
		for _, v := range list {
			if text, ok := v.(string); ok {
				develop[requirementName(text)] = true
			}
		}
	}
	for name := range p.Tool.Poetry.Dependencies {
		run[pythonName(name)] = true
	}
	for name := range p.Tool.Poetry.DevDependencies {
		develop[pythonName(name)] = true
	}
	for group, g := range p.Tool.Poetry.Group {
		for name := range g.Dependencies {
			if group == "main" {
				run[pythonName(name)] = true
			} else {
				develop[pythonName(name)] = true
			}
		}
	}
	return run, develop
}

var requirement = regexp.MustCompile(`^\s*([A-Za-z0-9][A-Za-z0-9._-]*)`)

// requirementName gives the name at the beginning of a requirement such as
// "flask[async]>=3 ; python_version > '3.8'".
func requirementName(text string) string {
	if m := requirement.FindStringSubmatch(text); m != nil {
		return pythonName(m[1])
	}
	return ""
}

type pythonFile struct {
	Hash string `json:"hash" toml:"hash"`
}

// one gives the digest of a package that is one file. Several files have
// several digests, none of which is the package's.
func one(files []string) []Hash {
	if len(files) != 1 {
		return nil
	}
	if sum, ok := strings.CutPrefix(files[0], "sha256:"); ok {
		if h, ok := hexHash("SHA-256", sum); ok {
			return []Hash{h}
		}
	}
	return nil
}

func sums(files []pythonFile) []string {
	var out []string
	for _, f := range files {
		out = append(out, f.Hash)
	}
	return out
}

// poetryLock reads poetry.lock, and pyproject.toml for what is asked for.
func poetryLock(content []byte, sibling Sibling) (Graph, error) {
	var file struct {
		Package []struct {
			Name         string         `toml:"name"`
			Version      string         `toml:"version"`
			Dependencies map[string]any `toml:"dependencies"`
			Files        []pythonFile   `toml:"files"`
		} `toml:"package"`
	}
	if err := toml.Unmarshal(content, &file); err != nil {
		return Graph{}, err
	}
	b := newBuilder()
	byName := map[string][]Key{}
	for _, p := range file.Package {
		k := Key{pythonName(p.Name), p.Version}
		byName[k.Name] = append(byName[k.Name], k)
	}
	for _, p := range file.Package {
		b.edit(Key{pythonName(p.Name), p.Version}, func(out *Package) {
			out.Hashes = append(out.Hashes, one(sums(p.Files))...)
			for _, name := range slices.Sorted(maps.Keys(p.Dependencies)) {
				out.Needs = append(out.Needs, byName[pythonName(name)]...)
			}
		})
	}
	return python(b, sibling("pyproject.toml")), nil
}

// python finishes a graph by what pyproject.toml asks for.
func python(b *builder, project []byte) Graph {
	var p pyproject
	found := project != nil && toml.Unmarshal(project, &p) == nil
	if found {
		run, develop := p.wanted()
		b.ask(b.named(run), b.named(develop), true)
	}
	return b.graph(found, true)
}

// uvLock reads uv.lock, which has the project itself among its packages.
func uvLock(content []byte, _ Sibling) (Graph, error) {
	type need struct {
		Name    string `toml:"name"`
		Version string `toml:"version"`
	}
	var file struct {
		Package []struct {
			Name         string            `toml:"name"`
			Version      string            `toml:"version"`
			Source       map[string]any    `toml:"source"`
			Dependencies []need            `toml:"dependencies"`
			Optional     map[string][]need `toml:"optional-dependencies"`
			Development  map[string][]need `toml:"dev-dependencies"`
			Sdist        pythonFile        `toml:"sdist"`
			Wheels       []pythonFile      `toml:"wheels"`
		} `toml:"package"`
	}
	if err := toml.Unmarshal(content, &file); err != nil {
		return Graph{}, err
	}
	b := newBuilder()
	byName := map[string][]Key{}
	for _, p := range file.Package {
		k := Key{pythonName(p.Name), p.Version}
		byName[k.Name] = append(byName[k.Name], k)
	}
	find := func(all []need) []Key {
		var out []Key
		for _, n := range all {
			for _, k := range byName[pythonName(n.Name)] {
				if n.Version == "" || n.Version == k.Version {
					out = append(out, k)
				}
			}
		}
		return out
	}
	var run, develop []Key
	roots := false
	for _, p := range file.Package {
		needs := find(p.Dependencies)
		for _, group := range slices.Sorted(maps.Keys(p.Optional)) {
			needs = append(needs, find(p.Optional[group])...)
		}
		if p.Source["editable"] != nil || p.Source["virtual"] != nil {
			roots = true
			run = append(run, needs...)
			for _, all := range p.Development {
				develop = append(develop, find(all)...)
			}
			continue
		}
		files := sums(p.Wheels)
		if p.Sdist.Hash != "" {
			files = append(files, p.Sdist.Hash)
		}
		b.edit(Key{pythonName(p.Name), p.Version}, func(out *Package) {
			out.Needs = append(out.Needs, needs...)
			out.Hashes = append(out.Hashes, one(files)...)
		})
	}
	b.ask(run, develop, true)
	return b.graph(roots, true), nil
}

// pipfileLock reads Pipfile.lock; what is asked for is in the Pipfile, and what
// depends on what in neither.
func pipfileLock(content []byte, sibling Sibling) (Graph, error) {
	type entry struct {
		Version string   `json:"version"`
		Hashes  []string `json:"hashes"`
	}
	var file struct {
		Default map[string]entry `json:"default"`
		Develop map[string]entry `json:"develop"`
	}
	if err := json.Unmarshal(content, &file); err != nil {
		return Graph{}, err
	}
	var asked struct {
		Packages    map[string]any `toml:"packages"`
		DevPackages map[string]any `toml:"dev-packages"`
	}
	pipfile := sibling("Pipfile")
	found := pipfile != nil && toml.Unmarshal(pipfile, &asked) == nil
	b := newBuilder()
	for _, part := range []struct {
		dev     bool
		entries map[string]entry
		asked   map[string]any
	}{{false, file.Default, asked.Packages}, {true, file.Develop, asked.DevPackages}} {
		direct := map[string]bool{}
		for name := range part.asked {
			direct[pythonName(name)] = true
		}
		for name, e := range part.entries {
			b.list(Key{pythonName(name), strings.TrimPrefix(e.Version, "==")}, part.dev, func(p *Package) {
				p.Direct = p.Direct || direct[pythonName(name)]
				p.Hashes = append(p.Hashes, one(e.Hashes)...)
			})
		}
	}
	return b.graph(found, false), nil
}
