package store

import (
	"context"
	"database/sql"
	"errors"

	"fairlead.dev"
)

const (
	nextSeq  = `SELECT coalesce(max(seq), 0) + 1 FROM line`
	seqOf    = `SELECT coalesce(max(seq), 0) FROM line WHERE run_id = ?`
	joinLine = `INSERT INTO line (environment, service, run_id, seq, holder, mode, cancels, state, superseded, since)
		VALUES (?, ?, ?, ?, ?, ?, ?, 'coming', '', ?) ON CONFLICT (environment, service, run_id) DO NOTHING`
	leaveLine  = `UPDATE line SET state = ? WHERE run_id = ? AND state IN ('coming', 'ready', 'moving')`
	setTickets = `UPDATE line SET state = ? WHERE run_id = ? AND state = ?`
	supersede  = `UPDATE line SET superseded = ?, state = 'superseded' WHERE run_id = ? AND state IN ('coming', 'ready')`
	stopMoving = `UPDATE line SET superseded = ? WHERE run_id = ? AND state = 'moving' AND superseded = ''`
	newerThan  = `SELECT run_id FROM line WHERE environment = ? AND service = ? AND state IN ('ready', 'moving', 'released')
		AND seq > ? ORDER BY seq DESC LIMIT 1`
	olderThan  = `SELECT DISTINCT run_id FROM line WHERE environment = ? AND service = ? AND state = ? AND mode = 'supersede' AND seq < ?`
	tickets    = `SELECT environment, service, run_id, seq, holder, mode, cancels, state, superseded, since FROM line`
	ticketsOf  = tickets + ` WHERE run_id = ? ORDER BY environment, service`
	openAt     = tickets + ` WHERE environment = ? AND service = ? AND state IN ('coming', 'ready', 'moving') ORDER BY seq`
	superseder = `SELECT superseded FROM line WHERE run_id = ? AND superseded <> '' LIMIT 1`
)

// query reads rows.
type query func(ctx context.Context, text string, args ...any) (*sql.Rows, error)

// TakeTurn asks whether a run, which is ready to release, may do so. When it
// may, all its places are claimed by their holders in the same transaction,
// each with a new fence; never some of them. A run that has them already gets
// them again. Under [fairlead.LockSupersede] the first call ends older runs
// that wait, and asks an older release on its way to stop where the lock says
// so. A run that has no place in line is KindNotFound.
func (s *Store) TakeTurn(ctx context.Context, runID string) (fairlead.Turn, error) {
	const op = "take turn"
	var turn fairlead.Turn
	err := s.write(ctx, op, func(t *tx) error {
		turn = fairlead.Turn{}
		own, err := t.tickets(ticketsOf, runID)
		if err != nil {
			return err
		}
		if len(own) == 0 {
			return notInLine(op, runID)
		}
		if turn.By = own[0].By; turn.By != "" && own[0].State != fairlead.TicketMoving {
			return nil
		}
		turn.By = ""
		if own[0].State == fairlead.TicketComing {
			if turn.By, err = t.arrive(own); err != nil || turn.By != "" {
				return err
			}
		}
		if own[0].State != fairlead.TicketMoving {
			if turn.Waits, err = waits(t.ctx, t.query, own); err != nil || len(turn.Waits) > 0 {
				return err
			}
		}
		turn.Claimed, err = t.claimAll(own)
		return err
	})
	if err != nil {
		return fairlead.Turn{}, err
	}
	return turn, nil
}

// Turn tells how a run stands in line and changes nothing. No claims, nobody
// who goes instead and nothing to wait for means that its turn has come. It is
// cheap enough to be asked several times a second.
func (s *Store) Turn(ctx context.Context, runID string) (fairlead.Turn, error) {
	const op = "read line"
	own, err := ticketRows(ctx, s.query, ticketsOf, runID)
	switch {
	case err != nil:
		return fairlead.Turn{}, s.problem(op, err)
	case len(own) == 0:
		return fairlead.Turn{}, notInLine(op, runID)
	case own[0].By != "" && own[0].State != fairlead.TicketMoving:
		return fairlead.Turn{By: own[0].By}, nil
	case own[0].State == fairlead.TicketMoving:
		return fairlead.Turn{}, nil
	}
	w, err := waits(ctx, s.query, own)
	return fairlead.Turn{Waits: w}, s.problem(op, err)
}

func notInLine(op, runID string) error {
	return notFound(op, "place in line for run "+runID, "only runs that release have one")
}

// Superseder gives the run that goes instead of this one, "" when none does.
func (s *Store) Superseder(ctx context.Context, runID string) (string, error) {
	var by string
	err := s.row(ctx, superseder, []any{runID}, &by)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return by, s.problem("read line", err)
}

// Line gives the open tickets of one service in one environment, in order.
func (s *Store) Line(ctx context.Context, environment, service string) (fairlead.Line, error) {
	l, err := ticketRows(ctx, s.query, openAt, environment, service)
	return l, s.problem("read line", err)
}

// Lines gives all open tickets, by environment, service and order.
func (s *Store) Lines(ctx context.Context) (fairlead.Line, error) {
	l, err := ticketRows(ctx, s.query, tickets+` WHERE state IN ('coming', 'ready', 'moving') ORDER BY environment, service, seq`)
	return l, s.problem("read line", err)
}

// Tickets gives the places of a run in line, whatever became of them.
func (s *Store) Tickets(ctx context.Context, runID string) (fairlead.Line, error) {
	l, err := ticketRows(ctx, s.query, ticketsOf, runID)
	return l, s.problem("read line", err)
}
