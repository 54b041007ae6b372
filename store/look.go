package store

import (
	"context"
	"errors"

	"fairlead.dev"
)

const (
	putLook   = `INSERT INTO look (deployment, seq, doc) VALUES (?, ?, ?) ON CONFLICT (deployment, seq) DO NOTHING`
	putCursor = `INSERT INTO look (deployment, seq, doc) VALUES (?, 0, ?) ON CONFLICT (deployment, seq) DO UPDATE SET doc = excluded.doc`
)

// AddLook keeps what was seen of a deployment at its look seq, which counts
// from 1, together with where the counters stood then. False means that this
// look was kept before: nothing changes, and whoever keeps looks too sees them
// by asking again.
func (s *Store) AddLook(ctx context.Context, deployment string, seq int, look, cursor []byte) (added bool, err error) {
	const op = "keep look"
	if seq < 1 || len(look) == 0 || len(cursor) == 0 {
		return false, &fairlead.Problem{Op: op, Kind: fairlead.KindInvalid, Err: errors.New("a look has a number from 1, and is not empty")}
	}
	err = s.write(ctx, op, func(t *tx) error {
		n, err := t.exec(putLook, deployment, seq, look)
		added = n > 0
		if err != nil || !added {
			return err
		}
		_, err = t.exec(putCursor, deployment, cursor)
		return err
	})
	return added && err == nil, err
}

// Looks gives all that was seen of a deployment, in order, and where the
// counters stood at the last look; both are nil before the first.
func (s *Store) Looks(ctx context.Context, deployment string) (looks [][]byte, cursor []byte, err error) {
	const op = "read looks"
	rows, err := s.query(ctx, `SELECT seq, doc FROM look WHERE deployment = ? ORDER BY seq`, deployment)
	if err != nil {
		return nil, nil, s.problem(op, err)
	}
	defer rows.Close()
	for rows.Next() {
		var seq int64
		var doc []byte
		if err := rows.Scan(&seq, &doc); err != nil {
			return nil, nil, s.problem(op, err)
		}
		if seq == 0 {
			cursor = doc
			continue
		}
		looks = append(looks, doc)
	}
	return looks, cursor, s.problem(op, rows.Err())
}
