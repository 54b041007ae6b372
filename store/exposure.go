package store

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"fairlead.dev"
)

const (
	putExposure = `INSERT INTO exposure (environment, service, release_id, vulnerability, purl, over, doc) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (environment, service, release_id, vulnerability, purl) DO UPDATE SET over = excluded.over, doc = excluded.doc`
	unlooked = `SELECT e.doc FROM environment e WHERE e.release_id <> ''
		AND NOT EXISTS (SELECT 1 FROM inventory_release r WHERE r.release_id = e.release_id AND r.looked = 1) ORDER BY e.environment, e.service`
	partsIn = `SELECT c.key, c.purl, m.doc FROM inventory_release r JOIN inventory_part p ON p.sbom = r.sbom
		JOIN inventory_component c ON c.num = p.component JOIN inventory_mention m ON m.num = p.mention
		WHERE r.release_id = ? ORDER BY c.purl`
	holders = `SELECT e.environment, e.service, e.release_id, c.purl, m.doc
		FROM inventory_component c JOIN inventory_part p ON p.component = c.num JOIN inventory_mention m ON m.num = p.mention
		JOIN inventory_release r ON r.sbom = p.sbom JOIN environment e ON e.release_id = r.release_id
		WHERE c.purl = ? ORDER BY e.environment, e.service`
	exposures = `SELECT x.doc FROM exposure x JOIN environment e
		ON e.environment = x.environment AND e.service = x.service AND e.release_id = x.release_id WHERE x.over = 0`
	exposuresInOrder = ` ORDER BY x.environment, x.service, x.vulnerability, x.purl`
)

// Unlooked gives the environments whose release has no inventory, or one that
// was not looked up yet.
func (s *Store) Unlooked(ctx context.Context) ([]fairlead.EnvironmentState, error) {
	return many[fairlead.EnvironmentState](ctx, s, "read inventory", unlooked)
}

// PartsOf gives every component that some inventory has of the packages.
func (s *Store) PartsOf(ctx context.Context, keys []string) ([]fairlead.Part, error) {
	var all []fairlead.Part
	for _, key := range keys {
		rows, err := s.query(ctx, `SELECT key, purl FROM inventory_component WHERE key = ? ORDER BY purl`, key)
		if err != nil {
			return nil, s.problem("read inventory", err)
		}
		for rows.Next() {
			var p fairlead.Part
			if err := rows.Scan(&p.Key, &p.PURL); err != nil {
				return nil, s.problem("read inventory", errors.Join(err, rows.Close()))
			}
			all = append(all, p)
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return nil, s.problem("read inventory", err)
		}
	}
	return all, nil
}

// PartsIn gives the components of a release, each as every bill of materials of
// it mentions it.
func (s *Store) PartsIn(ctx context.Context, release fairlead.Digest) ([]fairlead.Part, error) {
	return inventory(ctx, s, partsIn, string(release), func(p *fairlead.Part, doc *string) []any {
		return []any{&p.Key, &p.PURL, doc}
	}, func(p *fairlead.Part) *fairlead.Mention { return &p.Mention })
}

// Holders gives the releases that take traffic and have a component in them.
func (s *Store) Holders(ctx context.Context, purl string) ([]fairlead.Holder, error) {
	return inventory(ctx, s, holders, purl, func(h *fairlead.Holder, doc *string) []any {
		return []any{&h.Environment, &h.Service, &h.Release, &h.PURL, doc}
	}, func(h *fairlead.Holder) *fairlead.Mention { return &h.Mention })
}

// inventory reads rows about components, with how they are mentioned.
func inventory[T any](ctx context.Context, s *Store, query, arg string, columns func(*T, *string) []any, mention func(*T) *fairlead.Mention) ([]T, error) {
	const op = "read inventory"
	rows, err := s.query(ctx, query, arg)
	if err != nil {
		return nil, s.problem(op, err)
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		var v T
		var doc string
		if err := rows.Scan(columns(&v, &doc)...); err != nil {
			return nil, s.problem(op, err)
		}
		if err := json.Unmarshal([]byte(doc), mention(&v)); err != nil {
			return nil, s.problem(op, err)
		}
		all = append(all, v)
	}
	return all, s.problem(op, rows.Err())
}

// Exposures gives the exposures that hold, of releases that take traffic now.
func (s *Store) Exposures(ctx context.Context) ([]fairlead.Exposure, error) {
	return many[fairlead.Exposure](ctx, s, "read exposures", exposures+exposuresInOrder)
}

// ExposuresOf gives those of [Store.Exposures] that are about the components.
func (s *Store) ExposuresOf(ctx context.Context, purls []string) ([]fairlead.Exposure, error) {
	var all []fairlead.Exposure
	for some := range slices.Chunk(purls, together) {
		args := make([]any, len(some))
		for i, p := range some {
			args[i] = p
		}
		found, err := many[fairlead.Exposure](ctx, s, "read exposures", exposures+` AND x.purl IN (`+list("?", len(some))+`)`+exposuresInOrder, args...)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// exposures writes what became known, or came to its end, about releases.
func (t *tx) exposures(all []fairlead.Exposure, docs []string) error {
	for i, x := range all {
		if _, err := t.exec(putExposure, x.Environment, x.Service, string(x.Release), x.Vulnerability, x.PURL, flag(!x.Until.IsZero()), docs[i]); err != nil {
			return err
		}
	}
	return nil
}
