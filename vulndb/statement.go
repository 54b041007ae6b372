package vulndb

import (
	"context"
	"database/sql"
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// statement is one VEX statement.
type statement struct {
	product, component, status, justification string
	time                                      int64
}

// joinVEX lets the newest statement about each match have its say. A statement
// applies when its product is the component itself, or is one of the products
// that the question is about and its component is the match's.
func (m *matcher) joinVEX(ctx context.Context, q *sql.DB, products []string) error {
	byID := map[string][]*Match{}
	for i := range m.answer.Found {
		f := &m.answer.Found[i]
		for _, id := range append(slices.Clone(f.Vulnerability.Aliases), f.Vulnerability.ID, f.Canonical) {
			if !slices.Contains(byID[id], f) {
				byID[id] = append(byID[id], f)
			}
		}
	}
	list, err := json.Marshal(slices.Sorted(maps.Keys(byID)))
	if err != nil {
		return err
	}
	rows, err := q.QueryContext(ctx, `SELECT vulnerability, product, component, status, justification, time FROM vex
		WHERE vulnerability IN (SELECT value FROM json_each(?)) ORDER BY time, source, position`, string(list))
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		var s statement
		if err := rows.Scan(&id, &s.product, &s.component, &s.status, &s.justification, &s.time); err != nil {
			return err
		}
		for _, f := range byID[id] {
			if s.about(f.Component.PURL, products) { // in order of time: the newest is the last
				f.Vulnerability.VEX, f.Justification = s.status, s.justification
			}
		}
	}
	return rows.Err()
}

func (s statement) about(purl string, products []string) bool {
	if s.component == "" {
		return covers(s.product, purl)
	}
	return covers(s.component, purl) && slices.ContainsFunc(products, func(p string) bool { return p != "" && covers(s.product, p) })
}

// covers tells whether a purl of a statement stands for another one: the same
// package, and the same version unless the statement names none.
func covers(stated, purl string) bool {
	if stated == "" || purl == "" {
		return false
	}
	a, va := split(stated)
	b, vb := split(purl)
	return strings.EqualFold(a, b) && (va == "" || va == vb || strings.TrimPrefix(va, "v") == strings.TrimPrefix(vb, "v"))
}

// split gives a purl without version, qualifiers and path, and the version.
func split(purl string) (name, version string) {
	purl, _, _ = strings.Cut(purl, "#")
	purl, _, _ = strings.Cut(purl, "?")
	if i := strings.LastIndexByte(purl, '@'); i > strings.LastIndexByte(purl, '/') {
		return purl[:i], purl[i+1:]
	}
	return purl, ""
}
