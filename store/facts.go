package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"fairlead.dev"
)

// Records gives records in the order they were committed. Seq has no gap, and
// a record never appears before one that has already been read: so a reader
// may ask again with the last Seq it has seen.
func (s *Store) Records(ctx context.Context, f RecordFilter) ([]fairlead.Record, error) {
	const op = "read records"
	var where conditions
	where.equal("run_id", f.RunID)
	if f.After > 0 {
		where.add("seq > ?", f.After)
	}
	if n := len(f.Types); n > 0 {
		args := make([]any, n)
		for i, t := range f.Types {
			args[i] = string(t)
		}
		where.add("type IN ("+marks(n)+")", args...)
	}
	rows, err := s.query(ctx, `SELECT seq, id, type, subject, run_id, time, data FROM record`+where.String()+` ORDER BY seq LIMIT ?`,
		append(where.args, limit(f.Limit, 1000))...)
	if err != nil {
		return nil, s.problem(op, err)
	}
	defer rows.Close()
	var records []fairlead.Record
	for rows.Next() {
		var r fairlead.Record
		var at int64
		var data sql.NullString
		if err := rows.Scan(&r.Seq, &r.ID, &r.Type, &r.Subject, &r.RunID, &at, &data); err != nil {
			return nil, s.problem(op, err)
		}
		if at != 0 {
			r.Time = time.Unix(0, at).UTC()
		}
		if data.Valid {
			r.Data = json.RawMessage(data.String)
		}
		records = append(records, r)
	}
	return records, s.problem(op, rows.Err())
}

// Evidence gives evidence by id, in the order asked; one that is missing is
// KindNotFound.
func (s *Store) Evidence(ctx context.Context, ids ...fairlead.Digest) ([]fairlead.Evidence, error) {
	const op, atOnce = "read evidence", 500
	byID := make(map[fairlead.Digest]fairlead.Evidence, len(ids))
	for rest := ids; len(rest) > 0; {
		n := min(len(rest), atOnce)
		args := make([]any, n)
		for i, id := range rest[:n] {
			args[i] = string(id)
		}
		found, err := s.evidence(ctx, op, `SELECT doc, envelope FROM evidence WHERE id IN (`+marks(n)+`)`, args...)
		if err != nil {
			return nil, err
		}
		for _, e := range found {
			byID[e.ID] = e
		}
		rest = rest[n:]
	}
	all := make([]fairlead.Evidence, 0, len(ids))
	for _, id := range ids {
		e, ok := byID[id]
		if !ok {
			return nil, notFound(op, "evidence "+string(id), "evidence is kept with the run that made it")
		}
		all = append(all, e)
	}
	return all, nil
}

// EvidenceOf gives all evidence that a run left, oldest first.
func (s *Store) EvidenceOf(ctx context.Context, runID string) ([]fairlead.Evidence, error) {
	return s.evidence(ctx, "read evidence", `SELECT doc, envelope FROM evidence WHERE run_id = ? ORDER BY time, id`, runID)
}

// EvidenceByPrefix gives the one piece of evidence whose digest begins with
// prefix, with or without "sha256:". Several are KindInvalid.
func (s *Store) EvidenceByPrefix(ctx context.Context, prefix string) (fairlead.Evidence, error) {
	const op, fewest = "find evidence", 4
	digits := strings.TrimPrefix(prefix, "sha256:")
	if len(digits) < fewest {
		return fairlead.Evidence{}, &fairlead.Problem{
			Op: op, Kind: fairlead.KindInvalid, Err: fmt.Errorf("%q is too short to name evidence", prefix),
			Hint: fmt.Sprintf("give at least %d digits of its id", fewest),
		}
	}
	id := "sha256:" + digits
	found, err := s.evidence(ctx, op, `SELECT doc, envelope FROM evidence WHERE id >= ? AND id < ? ORDER BY id LIMIT 2`, id, id+"\U0010ffff")
	switch {
	case err != nil:
		return fairlead.Evidence{}, err
	case len(found) == 0:
		return fairlead.Evidence{}, notFound(op, "evidence "+prefix, "list that of a run with fairlead evidence list RUN")
	case len(found) > 1 && string(found[0].ID) != id:
		return fairlead.Evidence{}, &fairlead.Problem{
			Op: op, Kind: fairlead.KindInvalid, Err: fmt.Errorf("several pieces of evidence begin with %q", prefix), Hint: "give more digits of its id",
		}
	}
	return found[0], nil
}

// Revocations gives those of the evidence named, none for the rest.
func (s *Store) Revocations(ctx context.Context, ids ...fairlead.Digest) ([]fairlead.Revocation, error) {
	const atOnce = 500
	var all []fairlead.Revocation
	for rest := ids; len(rest) > 0; {
		n := min(len(rest), atOnce)
		args := make([]any, n)
		for i, id := range rest[:n] {
			args[i] = string(id)
		}
		found, err := many[fairlead.Revocation](ctx, s, "read revocations",
			`SELECT doc FROM revocation WHERE evidence IN (`+marks(n)+`) ORDER BY time, evidence`, args...)
		if err != nil {
			return nil, err
		}
		all, rest = append(all, found...), rest[n:]
	}
	return all, nil
}

func (s *Store) evidence(ctx context.Context, op, query string, args ...any) ([]fairlead.Evidence, error) {
	rows, err := s.query(ctx, query, args...)
	if err != nil {
		return nil, s.problem(op, err)
	}
	defer rows.Close()
	var all []fairlead.Evidence
	for rows.Next() {
		var doc sql.RawBytes
		var envelope []byte
		var e fairlead.Evidence
		if err := rows.Scan(&doc, &envelope); err != nil {
			return nil, s.problem(op, err)
		}
		if err := json.Unmarshal(doc, &e); err != nil {
			return nil, s.problem(op, err)
		}
		e.Envelope = envelope
		all = append(all, e)
	}
	return all, s.problem(op, rows.Err())
}

// marks gives n parameters: "?, ?, ?".
func marks(n int) string { return strings.TrimSuffix(strings.Repeat("?, ", n), ", ") }
