package store

import (
	"bytes"
	"compress/gzip"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"fairlead.dev"
)

const (
	putFinding = `INSERT INTO finding (service, environment, id, state, version, doc) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (service, environment, id) DO UPDATE SET state = excluded.state, version = excluded.version, doc = excluded.doc
		WHERE finding.version = excluded.version - 1`
	putException = `INSERT INTO finding_exception (id, service, made, over, version, doc) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET over = excluded.over, version = excluded.version, doc = excluded.doc
		WHERE finding_exception.over = 0 AND (excluded.version = finding_exception.version + 1 OR excluded.over = 1 AND excluded.version = finding_exception.version)`
	putWeighed = `INSERT INTO weighed (decision, doc) VALUES (?, ?) ON CONFLICT (decision) DO UPDATE SET doc = excluded.doc`
)

// findings writes what scanners found, and what people let pass of it.
func (t *tx) findings(u fairlead.Update, d documents) error {
	for i, f := range u.Findings {
		n, err := t.exec(putFinding, f.Service, f.Environment, f.ID, string(f.State), f.Version, d.findings[i])
		if err == nil && n == 0 {
			err = &fairlead.Problem{
				Op: "commit", Kind: fairlead.KindConflict, Err: fmt.Errorf("finding %s changed meanwhile", f.ID), Hint: "read the findings again",
			}
		}
		if err != nil {
			return err
		}
	}
	if x := u.Exception; x != nil {
		n, err := t.exec(putException, x.ID, x.Service, nanos(x.Time), flag(x.Revoked != nil), 1+len(x.Approvals), d.exception)
		if err != nil || n == 0 {
			return settled(err, "exception "+x.ID+" was revoked or approved by somebody else", "`fairlead exception list` shows what is in force")
		}
	}
	if w := u.Weighed; w != nil {
		if _, err := t.exec(putWeighed, w.Decision, d.weighed); err != nil {
			return err
		}
	}
	return nil
}

// Findings gives findings over time, by service, environment and id.
func (s *Store) Findings(ctx context.Context, f fairlead.TrackedFilter) ([]fairlead.Tracked, error) {
	var where conditions
	where.equal("service", f.Service)
	if f.Environment != nil {
		where.add("environment = ?", *f.Environment)
	}
	return many[fairlead.Tracked](ctx, s, "read findings",
		`SELECT doc FROM finding`+where.String()+` ORDER BY service, environment, id LIMIT ?`, append(where.args, limit(f.Limit, 100_000))...)
}

// Exceptions gives exceptions, oldest first; those that were revoked only when
// all is set. An empty service stands for every one.
func (s *Store) Exceptions(ctx context.Context, service string, all bool) ([]fairlead.Exception, error) {
	var where conditions
	where.equal("service", service)
	where.add("over <= ?", flag(all))
	return many[fairlead.Exception](ctx, s, "read exceptions",
		`SELECT doc FROM finding_exception`+where.String()+` ORDER BY made, id`, where.args...)
}

// Weighed gives what a decision weighed.
func (s *Store) Weighed(ctx context.Context, decision string) (fairlead.Weighed, error) {
	const op = "read what a decision weighed"
	var doc []byte
	var w fairlead.Weighed
	err := s.row(ctx, `SELECT doc FROM weighed WHERE decision = ?`, []any{decision}, &doc)
	if errors.Is(err, sql.ErrNoRows) {
		return w, notFound(op, "decision "+decision+" with what it weighed", "decisions of older versions have none")
	}
	if err != nil {
		return w, s.problem(op, err)
	}
	return w, s.problem(op, unpack(doc, &w))
}

// pack makes a compressed document.
func pack(v any) ([]byte, error) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	err := errors.Join(json.NewEncoder(z).Encode(v), z.Close())
	return b.Bytes(), err
}

// mostWeighed bounds what one document may hold, in bytes.
const mostWeighed = 1 << 30

func unpack(doc []byte, into any) error {
	z, err := gzip.NewReader(bytes.NewReader(doc))
	if err != nil {
		return err
	}
	return json.NewDecoder(io.LimitReader(z, mostWeighed)).Decode(into)
}
