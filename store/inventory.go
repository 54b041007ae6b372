package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"strings"

	"fairlead.dev"
)

const (
	findComponents = `SELECT num, purl FROM inventory_component WHERE purl IN `
	findComponent  = `SELECT num FROM inventory_component WHERE purl = ?`
	putComponent   = `INSERT INTO inventory_component (num, purl, key) SELECT coalesce(max(num), 0) + 1, ?, ? FROM inventory_component`
	findSBOM       = `SELECT num FROM inventory_sbom WHERE sbom = ?`
	putSBOM        = `INSERT INTO inventory_sbom (num, sbom) SELECT coalesce(max(num), 0) + 1, ? FROM inventory_sbom`
	findMention    = `SELECT num FROM inventory_mention WHERE doc = ?`
	putMention     = `INSERT INTO inventory_mention (num, doc) SELECT coalesce(max(num), 0) + 1, ? FROM inventory_mention`
	putParts       = `INSERT INTO inventory_part (component, sbom, mention) VALUES `
	putHeld        = `INSERT INTO inventory_release (release_id, sbom) VALUES (?, ?) ON CONFLICT (release_id, sbom) DO NOTHING`
	putLooked      = `UPDATE inventory_release SET looked = 1 WHERE release_id = ?`
)

// together is how many components one statement is about.
const together = 200

// PutInventory writes down what a release is made of. A document that is there
// already, of another release, is not written again.
func (s *Store) PutInventory(ctx context.Context, v fairlead.Inventory) error {
	const op = "write inventory"
	mentions := make([]string, len(v.Components))
	for i, c := range v.Components {
		doc, err := json.Marshal(c.Mention)
		if err != nil {
			return &fairlead.Problem{Op: op, Kind: fairlead.KindInvalid, Err: err}
		}
		mentions[i] = string(doc)
	}
	return s.write(ctx, op, func(t *tx) error {
		sbom, fresh, err := t.intern(findSBOM, putSBOM, string(v.SBOM))
		if err != nil {
			return err
		}
		nums := map[string]int64{}
		for at := 0; fresh && at < len(v.Components); at += together {
			to := min(at+together, len(v.Components))
			if err := t.parts(sbom, v.Components[at:to], mentions[at:to], nums); err != nil {
				return err
			}
		}
		_, err = t.exec(putHeld, string(v.Release), sbom)
		return err
	})
}

// PutLooked writes down that the vulnerabilities of a release with an inventory
// were looked up.
func (s *Store) PutLooked(ctx context.Context, release fairlead.Digest) error {
	return s.write(ctx, "write inventory", func(t *tx) error {
		_, err := t.exec(putLooked, string(release))
		return err
	})
}

// parts writes components of a bill of materials, and in nums the number of
// every way in which one is mentioned.
func (t *tx) parts(sbom int64, components []fairlead.Part, mentions []string, nums map[string]int64) error {
	numbers, err := t.components(components)
	if err != nil {
		return err
	}
	var args []any
	for i, c := range components {
		if _, ok := nums[mentions[i]]; !ok {
			if nums[mentions[i]], _, err = t.intern(findMention, putMention, mentions[i]); err != nil {
				return err
			}
		}
		args = append(args, numbers[c.PURL], sbom, nums[mentions[i]])
	}
	_, err = t.exec(putParts+list("(?, ?, ?)", len(components))+" ON CONFLICT (component, sbom) DO NOTHING", args...)
	return err
}

// components gives the numbers of components, new ones where they have none.
func (t *tx) components(all []fairlead.Part) (map[string]int64, error) {
	var purls []any
	for _, c := range all {
		purls = append(purls, c.PURL)
	}
	rows, err := t.sql.QueryContext(t.ctx, t.pool.bind(findComponents+"("+list("?", len(all))+")"), purls...)
	if err != nil {
		return nil, err
	}
	numbers := map[string]int64{}
	for rows.Next() {
		var num int64
		var purl string
		if err := rows.Scan(&num, &purl); err != nil {
			return nil, errors.Join(err, rows.Close())
		}
		numbers[purl] = num
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, err
	}
	for _, c := range all {
		if _, ok := numbers[c.PURL]; ok {
			continue
		}
		if numbers[c.PURL], _, err = t.intern(findComponent, putComponent, c.PURL, c.Key); err != nil {
			return nil, err
		}
	}
	return numbers, nil
}

// list repeats a part of a statement.
func list(part string, n int) string { return strings.TrimSuffix(strings.Repeat(part+", ", n), ", ") }

// intern gives the number of what args[0] names, a new one when it has none.
func (t *tx) intern(find, put string, args ...any) (num int64, fresh bool, err error) {
	err = t.row(find, args[:1], &num)
	if !errors.Is(err, sql.ErrNoRows) {
		return num, false, err
	}
	if _, err := t.exec(put, args...); err != nil {
		return 0, false, err
	}
	return num, true, t.row(find, args[:1], &num)
}
