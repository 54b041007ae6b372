package inventory

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/google/osv-scalibr/extractor"

	"fairlead.dev/format/cyclonedx"
	"fairlead.dev/inventory/lock"
)

// collection merges what several files say about components.
type collection struct {
	parts      map[string]cyclonedx.Component
	edges      map[string]map[string]bool
	direct     map[string]bool
	known      map[string]cyclonedx.Aggregate
	incomplete bool           // some file does not tell what the project names itself
	layers     map[string]int // of an image: the position of each, from the bottom
	files      int
	unreadable []Unreadable
}

func newCollection() *collection {
	return &collection{
		parts: map[string]cyclonedx.Component{}, edges: map[string]map[string]bool{},
		direct: map[string]bool{}, known: map[string]cyclonedx.Aggregate{},
	}
}

// add takes the packages of one file and how they hang together.
func (c *collection) add(p string, packages []*extractor.Package, graph lock.Graph) {
	if len(packages) > 0 && !graph.Roots {
		c.incomplete = true
	}
	refs := map[lock.Key]string{}
	for _, pkg := range packages {
		if pkg == nil || pkg.Name == "" {
			continue
		}
		k := lock.KeyOf(p, pkg.Name, pkg.Version)
		told, ok := graph.Of(k)
		part := component(pkg, p, told)
		refs[k] = part.Ref
		c.merge(part)
		if told.Direct {
			c.direct[part.Ref] = true
		}
		aggregate := cyclonedx.Unknown
		if ok && graph.Edges {
			aggregate = cyclonedx.Complete
		}
		c.know(part.Ref, aggregate)
	}
	c.relate(refs, graph)
}

// relate takes in what depends on what in one file.
func (c *collection) relate(refs map[lock.Key]string, graph lock.Graph) {
	for k, from := range refs {
		for _, need := range graph.Packages[k].Needs {
			to, ok := refs[need]
			switch {
			case !ok:
				c.know(from, cyclonedx.Incomplete) // it needs something that no component is
			case to != from:
				if c.edges[from] == nil {
					c.edges[from] = map[string]bool{}
				}
				c.edges[from][to] = true
			}
		}
	}
}

// know keeps the least that any file knows of a component's dependencies: what
// it depends on in one project it may not in another.
func (c *collection) know(ref string, a cyclonedx.Aggregate) {
	old, ok := c.known[ref]
	if !ok || rank(a) < rank(old) {
		c.known[ref] = a
	}
}

func rank(a cyclonedx.Aggregate) int {
	return slices.Index([]cyclonedx.Aggregate{cyclonedx.Unknown, cyclonedx.Incomplete, cyclonedx.Complete}, a)
}

// merge takes a component in. It is excluded from what runs only when
// everything that names it says so, and belongs to the lowest layer.
func (c *collection) merge(part cyclonedx.Component) {
	old, ok := c.parts[part.Ref]
	if !ok {
		c.parts[part.Ref] = part
		return
	}
	if part.Scope == cyclonedx.ScopeRequired {
		old.Scope = cyclonedx.ScopeRequired
	}
	old.Found = append(old.Found, part.Found...)
	old.Licenses = append(old.Licenses, part.Licenses...)
	old.Hashes = append(old.Hashes, part.Hashes...)
	old.Supplier = cmp.Or(old.Supplier, part.Supplier)
	for _, p := range part.Properties {
		if old.Property(p.Name) == "" {
			old.Properties = append(old.Properties, p)
		}
	}
	c.parts[part.Ref] = old
}

// inventory gives what was collected, sorted.
func (c *collection) inventory(o Options) Inventory {
	out := Inventory{Roots: !c.incomplete, Known: map[string]cyclonedx.Aggregate{}, Files: c.files, Unreadable: c.unreadable}
	keep := func(ref string) bool {
		part, ok := c.parts[ref]
		return ok && (!o.NoDev || part.Scope != cyclonedx.ScopeExcluded)
	}
	for _, ref := range slices.Sorted(maps.Keys(c.parts)) {
		if !keep(ref) {
			continue
		}
		part := c.parts[ref]
		for _, to := range slices.Sorted(maps.Keys(c.edges[ref])) {
			if keep(to) {
				part.DependsOn = append(part.DependsOn, to)
			}
		}
		part.Found = tidy(part.Found, func(a, b cyclonedx.Occurrence) int {
			return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Layer, b.Layer))
		})
		part.Licenses = tidy(part.Licenses, func(a, b cyclonedx.License) int { return cmp.Compare(a.Text(), b.Text()) })
		part.Hashes = tidy(part.Hashes, func(a, b cyclonedx.Hash) int {
			return cmp.Or(cmp.Compare(a.Algorithm, b.Algorithm), cmp.Compare(a.Hex, b.Hex))
		})
		out.Components = append(out.Components, part)
		out.Known[ref] = c.known[ref]
		if c.direct[ref] {
			out.Direct = append(out.Direct, ref)
		}
	}
	return out
}

// tidy sorts and drops what is there twice.
func tidy[T comparable](all []T, order func(a, b T) int) []T {
	slices.SortFunc(all, order)
	return slices.Compact(all)
}

// development tells whether all groups are for building and testing only.
func development(groups []string) bool {
	if len(groups) == 0 {
		return false
	}
	return !slices.ContainsFunc(groups, func(g string) bool {
		g = strings.ToLower(g)
		return !strings.HasPrefix(g, "dev") && !strings.HasPrefix(g, "test") && g != "build"
	})
}
