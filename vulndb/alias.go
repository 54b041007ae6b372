package vulndb

import (
	"context"
	"maps"
	"slices"
	"strings"

	"fairlead.dev"
	"fairlead.dev/format/osv"
)

// joinAliases gives all records of one vulnerability one name, over any number
// of steps from alias to alias, and the rating that the others have to those
// that have none themselves.
func (b *builder) joinAliases(ctx context.Context) error {
	all, err := b.advisories(ctx)
	if err != nil {
		return err
	}
	sets := union{}
	for _, a := range all {
		for _, alias := range a.aliases {
			sets.join(a.id, alias)
		}
	}
	for _, a := range all {
		sets.join(a.id, a.id)
	}
	groups := map[string]*group{}
	for _, id := range slices.Sorted(maps.Keys(sets)) {
		g := sets.group(groups, id)
		g.all = append(g.all, id)
	}
	for _, a := range all {
		g := sets.group(groups, a.id)
		if !a.withdrawn && rank(a.own.severity) < rank(g.worst.severity) {
			g.worst, g.from = a.own, a.id
		}
	}
	for _, a := range all {
		g := groups[sets.find(a.id)]
		worst, because := a.own.severity, a.own.source
		if worst == fairlead.SeverityUnknown && g.from != "" {
			worst, because = g.worst.severity, "alias "+g.from+": "+g.worst.source
		}
		names := strings.Join(g.all, " ")
		if a.canonical == g.name && a.names == names && a.worst == worst && a.because == because {
			continue
		}
		if _, err := b.exec(ctx, "UPDATE advisory SET canonical = ?, names = ?, worst = ?, because = ? WHERE num = ?",
			g.name, names, string(worst), because, a.num); err != nil {
			return err
		}
		if err := b.touch(ctx, a.num); err != nil {
			return err
		}
	}
	return nil
}

// known is what joining needs of an advisory.
type known struct {
	num       int64
	id        string
	aliases   []string
	withdrawn bool
	own       rating
	canonical string
	names     string
	worst     fairlead.Severity
	because   string
}

func (b *builder) advisories(ctx context.Context) ([]known, error) {
	rows, err := b.tx.QueryContext(ctx,
		"SELECT num, id, aliases, withdrawn <> 0, severity, vector, canonical, names, worst, because FROM advisory ORDER BY id")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []known
	for rows.Next() {
		var a known
		var aliases string
		if err := rows.Scan(&a.num, &a.id, &aliases, &a.withdrawn, &a.own.severity, &a.own.source, &a.canonical, &a.names, &a.worst, &a.because); err != nil {
			return nil, err
		}
		a.aliases = strings.Fields(aliases)
		all = append(all, a)
	}
	return all, rows.Err()
}

// group is all records and names of one vulnerability.
type group struct {
	name  string
	all   []string // ids and aliases, sorted
	worst rating
	from  string // record that worst is from
}

// union is a set of disjoint sets of identifiers: each points towards the
// first of its set.
type union map[string]string

func (u union) find(id string) string {
	for u[id] != "" && u[id] != id {
		if next := u[u[id]]; next != "" {
			u[id] = next
		}
		id = u[id]
	}
	return id
}

func (u union) join(a, b string) {
	for _, id := range []string{a, b} {
		if u[id] == "" {
			u[id] = id
		}
	}
	u[u.find(a)] = u.find(b)
}

// group gives the group of an identifier and lets the group's name be the
// smallest of the most general kind.
func (u union) group(groups map[string]*group, id string) *group {
	first := u.find(id)
	g := groups[first]
	if g == nil {
		g = &group{name: id, worst: rating{severity: fairlead.SeverityUnknown}}
		groups[first] = g
	}
	if fairlead.CompareIDs(id, g.name) < 0 {
		g.name = id
	}
	return g
}

// names gives the other names of a record's vulnerability, and those of the
// vulnerabilities that it passes on. A distribution's record that is named for a
// single one, such as DEBIAN-CVE-2026-1, is that one.
func names(r osv.Record) (aliases, upstream []string) {
	aliases = slices.Clone(r.Aliases)
	for _, id := range r.Upstream {
		if strings.HasSuffix(r.ID, "-"+id) {
			aliases = append(aliases, id)
		} else {
			upstream = append(upstream, id)
		}
	}
	return unique(aliases), unique(upstream)
}
