package lock

import (
	"strings"

	"golang.org/x/mod/modfile"
)

// goMod reads go.mod, and digests from go.sum. What modules need of one
// another is in neither.
func goMod(content []byte, sibling Sibling) (Graph, error) {
	f, err := modfile.Parse("go.mod", content, nil)
	if err != nil {
		return Graph{}, err
	}
	b := newBuilder()
	sums := goSum(sibling("go.sum"))
	for _, r := range f.Require {
		path, version := r.Mod.Path, r.Mod.Version
		for _, by := range f.Replace {
			if by.Old.Path == path && (by.Old.Version == "" || by.Old.Version == version) {
				path, version = by.New.Path, by.New.Version
				break
			}
		}
		k := Key{path, strings.TrimPrefix(version, "v")}
		b.edit(k, func(p *Package) {
			p.Direct = p.Direct || !r.Indirect
			if h, ok := sums[path+" "+version]; ok {
				p.Hashes = []Hash{h}
			}
		})
	}
	version := ""
	if f.Go != nil {
		version = f.Go.Version
	}
	if f.Toolchain != nil {
		version, _, _ = strings.Cut(strings.TrimPrefix(f.Toolchain.Name, "go"), "-")
	}
	if version != "" {
		b.edit(Key{"stdlib", version}, func(p *Package) { p.Direct = true })
	}
	return b.graph(true, false), nil
}

// goSum gives digests of whole modules by "path version".
func goSum(content []byte) map[string]Hash {
	out := map[string]Hash{}
	for line := range strings.Lines(string(content)) {
		fields := strings.Fields(line)
		if len(fields) != 3 || strings.HasSuffix(fields[1], "/go.mod") {
			continue
		}
		if sum, ok := strings.CutPrefix(fields[2], "h1:"); ok {
			if h, ok := base64Hash("SHA-256", sum); ok {
				out[fields[0]+" "+fields[1]] = h
			}
		}
	}
	return out
}
