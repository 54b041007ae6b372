package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"fairlead.dev"
)

const (
	putApproval = `INSERT INTO approval (id, run_id, time, doc) VALUES (?, ?, ?, ?)`
	putFreeze   = `INSERT INTO standing_freeze (id, added, over, doc) VALUES (?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET over = excluded.over, doc = excluded.doc WHERE standing_freeze.over = 0`
	putGrant = `INSERT INTO break_glass (id, environment, service, commit_id, made, over, doc) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET over = excluded.over, doc = excluded.doc WHERE break_glass.over = 0`
)

// people writes what a person decided.
func (t *tx) people(u fairlead.Update, d documents) error {
	if u.Approval != nil {
		if err := t.vote(*u.Approval); err != nil {
			return err
		}
	}
	if f := u.Freeze; f != nil {
		n, err := t.exec(putFreeze, f.ID, nanos(f.AddedAt), flag(!f.LiftedAt.IsZero()), d.freeze)
		if err != nil || n == 0 {
			return settled(err, "freeze "+f.ID+" was lifted", "`fairlead freeze list` shows what holds")
		}
	}
	if g := u.Grant; g != nil {
		n, err := t.exec(putGrant, g.ID, g.Environment, g.Service, g.Commit, nanos(g.Time), flag(!g.Open()), d.grant)
		if err != nil || n == 0 {
			return settled(err, "break-glass "+g.ID+" was reviewed", "`fairlead break-glass list` shows what is open")
		}
	}
	return nil
}

// vote keeps a vote with the time at which it came in. One that is dated at
// another time is refused: whether it came in time would be its giver's word.
func (t *tx) vote(a fairlead.Approval) error {
	var micros int64
	if t.pool.clock == "" {
		micros = time.Now().UnixMicro()
	} else if err := t.row(t.pool.clock, nil, &micros); err != nil {
		return err
	}
	a.Received = time.UnixMicro(micros).UTC()
	if off := a.Time.Sub(a.Received); off.Abs() > fairlead.ClockSkew {
		return &fairlead.Problem{
			Op: "keep vote", Kind: fairlead.KindDenied,
			Err:  fmt.Errorf("it is dated %s, and it is %s now", a.Time.UTC().Format(time.RFC3339), a.Received.Format(time.RFC3339)),
			Hint: "set this machine's clock, which is " + off.Abs().Round(time.Second).String() + " off",
		}
	}
	doc, err := json.Marshal(a)
	if err != nil {
		return err
	}
	_, err = t.exec(putApproval, a.ID, a.RunID, nanos(a.Time), string(doc))
	return err
}

// settled is the refusal to change what has come to its end.
func settled(err error, what, hint string) error {
	if err != nil {
		return err
	}
	return &fairlead.Problem{Op: "commit", Kind: fairlead.KindConflict, Err: fmt.Errorf("%s before", what), Hint: hint}
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Approvals gives all votes on a run's questions, oldest first.
func (s *Store) Approvals(ctx context.Context, runID string) ([]fairlead.Approval, error) {
	return many[fairlead.Approval](ctx, s, "read approvals", `SELECT doc FROM approval WHERE run_id = ? ORDER BY time, id`, runID)
}

// Freezes gives the freezes that people added, oldest first; those that were
// lifted only when all is set.
func (s *Store) Freezes(ctx context.Context, all bool) ([]fairlead.StandingFreeze, error) {
	return many[fairlead.StandingFreeze](ctx, s, "read freezes",
		`SELECT doc FROM standing_freeze WHERE over <= ? ORDER BY added, id`, flag(all))
}

// Grants gives break-glass grants, oldest first. An empty environment, service
// or commit stands for every one.
func (s *Store) Grants(ctx context.Context, environment, service, commit string) ([]fairlead.Grant, error) {
	var where conditions
	where.equal("environment", environment)
	where.equal("service", service)
	where.equal("commit_id", commit)
	return many[fairlead.Grant](ctx, s, "read break-glass grants",
		`SELECT doc FROM break_glass`+where.String()+` ORDER BY made, id`, where.args...)
}
