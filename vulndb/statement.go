package vulndb

import (
	"context"
	"database/sql"
	"encoding/json"
	"maps"
	"slices"

	"fairlead.dev/purl"
)

// statement is one VEX statement.
type statement struct {
	product, component, status, justification string
}

// joinVEX gives each match the statements about its vulnerability that are about
// its component, or about a product as a whole, oldest first, and lets those
// about the products that were asked for have their say.
func (m *matcher) joinVEX(ctx context.Context, q *sql.DB, products []string) error {
	byID := map[string][]*Match{}
	for i := range m.answer.Found {
		f := &m.answer.Found[i]
		for _, id := range f.names() {
			byID[id] = append(byID[id], f)
		}
	}
	list, err := json.Marshal(slices.Sorted(maps.Keys(byID)))
	if err != nil {
		return err
	}
	rows, err := q.QueryContext(ctx, `SELECT vulnerability, product, component, status, justification FROM vex
		WHERE vulnerability IN (SELECT value FROM json_each(?)) ORDER BY time, source, position`, string(list))
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		var s statement
		if err := rows.Scan(&id, &s.product, &s.component, &s.status, &s.justification); err != nil {
			return err
		}
		for _, f := range byID[id] {
			if s.component == "" || purl.Covers(s.component, f.Component.PURL) {
				f.said = append(f.said, s)
			}
		}
	}
	for i, f := range m.answer.Found {
		m.answer.Found[i] = f.For(products...)
	}
	return rows.Err()
}

// For gives the match as it is within one of the products, named by purl: the
// newest VEX statement applies that is about the component wherever it is, about
// the component in the product, or about the product as a whole.
func (m Match) For(products ...string) Match {
	m.Vulnerability.VEX, m.Justification = "", ""
	for _, s := range m.said { // in order of time: the newest is the last
		if s.about(m.Component.PURL, products) {
			m.Vulnerability.VEX, m.Justification = s.status, s.justification
		}
	}
	return m
}

func (s statement) about(component string, products []string) bool {
	if s.component == "" && purl.Covers(s.product, component) {
		return true
	}
	return slices.ContainsFunc(products, func(p string) bool { return purl.Covers(s.product, p) })
}
