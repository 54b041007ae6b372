package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

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

// join gives the tickets of one run their places at the end of their lines.
func (t *tx) join(all []fairlead.Ticket) error {
	if len(all) == 0 {
		return nil
	}
	var seq int64
	if err := t.row(seqOf, []any{all[0].RunID}, &seq); err != nil {
		return err
	}
	if seq == 0 {
		if err := t.row(nextSeq, nil, &seq); err != nil {
			return err
		}
	}
	for _, k := range all {
		if k.RunID != all[0].RunID {
			return fmt.Errorf("tickets of two runs, %s and %s, in one update", all[0].RunID, k.RunID)
		}
		cancels := 0
		if k.Lock.CancelRunning {
			cancels = 1
		}
		if _, err := t.exec(joinLine, k.Environment, k.Service, k.RunID, seq, k.Holder, string(k.Lock.Mode), cancels, nanos(k.Since)); err != nil {
			return err
		}
	}
	return nil
}

// leave closes the tickets of a run that has ended.
func (t *tx) leave(r fairlead.Run) error {
	state := fairlead.TicketLeft
	if r.Result == fairlead.ResultSuccess {
		state = fairlead.TicketReleased
	}
	_, err := t.exec(leaveLine, string(state), r.ID)
	return err
}

// arrive puts a run among those that wait. Under supersede it gives the newer
// run that is already there or has released, if any, and otherwise ends the
// older ones.
func (t *tx) arrive(own fairlead.Line) (by string, err error) {
	run := own[0].RunID
	if own[0].Lock.Mode == fairlead.LockSupersede {
		for _, k := range own {
			err := t.row(newerThan, []any{k.Environment, k.Service, k.Seq}, &by)
			if err == nil {
				_, err = t.exec(supersede, by, run)
				return by, err
			}
			if !errors.Is(err, sql.ErrNoRows) {
				return "", err
			}
		}
		for _, k := range own {
			if err := t.passOlder(k); err != nil {
				return "", err
			}
		}
	}
	_, err = t.exec(setTickets, string(fairlead.TicketReady), run, string(fairlead.TicketComing))
	return "", err
}

// passOlder ends the older runs that wait at a ticket's place, and asks the
// one that moves it to stop when the ticket says so.
func (t *tx) passOlder(k fairlead.Ticket) error {
	if err := t.forOlder(k, fairlead.TicketReady, supersede); err != nil || !k.Lock.CancelRunning {
		return err
	}
	return t.forOlder(k, fairlead.TicketMoving, stopMoving)
}

// forOlder does a statement for the older runs that supersede, in a state, at
// a ticket's place.
func (t *tx) forOlder(k fairlead.Ticket, state fairlead.TicketState, statement string) error {
	rows, err := t.query(t.ctx, olderThan, k.Environment, k.Service, string(state), k.Seq)
	if err != nil {
		return err
	}
	older, err := texts(rows)
	if err != nil {
		return err
	}
	for _, run := range older {
		if _, err := t.exec(statement, k.RunID, run); err != nil {
			return err
		}
	}
	return nil
}

// claimAll claims the places of a run whose turn it is.
func (t *tx) claimAll(own fairlead.Line) ([]fairlead.EnvironmentState, error) {
	var claimed []fairlead.EnvironmentState
	for _, k := range own {
		state, err := t.claim(k.Environment, k.Service, k.Holder, "")
		if err != nil {
			return nil, err
		}
		claimed = append(claimed, state)
	}
	_, err := t.exec(setTickets, string(fairlead.TicketMoving), own[0].RunID, string(fairlead.TicketReady))
	return claimed, err
}

// waits gives what a run has to wait for; nothing when its turn has come.
func waits(ctx context.Context, q query, own fairlead.Line) ([]fairlead.Wait, error) {
	var all []fairlead.Wait
	for _, k := range own {
		line, err := ticketRows(ctx, q, openAt, k.Environment, k.Service)
		if err != nil {
			return nil, err
		}
		moving, err := movingAt(ctx, q, k.Environment, k.Service)
		if err != nil {
			return nil, err
		}
		if moving == k.Holder {
			moving = ""
		}
		ahead := line.Ahead(k)
		if moving != "" || len(ahead) > 0 {
			all = append(all, fairlead.Wait{
				Environment: k.Environment, Service: k.Service, Position: len(ahead) + 1, Holder: moving, Ahead: ahead,
			})
		}
	}
	return all, nil
}

// movingAt tells who moves a place, "" for nobody.
func movingAt(ctx context.Context, q query, environment, service string) (string, error) {
	rows, err := q(ctx, oneEnvironment, environment, service)
	if err != nil {
		return "", err
	}
	docs, err := texts(rows)
	if err != nil || len(docs) == 0 {
		return "", err
	}
	state, err := readEnvironment(docs[0])
	return state.Moving, err
}

func (t *tx) tickets(text string, args ...any) (fairlead.Line, error) {
	return ticketRows(t.ctx, t.query, text, args...)
}

// query reads rows within the transaction. They must be read to their end
// before anything else is asked.
func (t *tx) query(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	if st := t.prepared(text); st != nil {
		return st.QueryContext(ctx, args...)
	}
	return t.sql.QueryContext(ctx, t.pool.bind(text), args...)
}

func ticketRows(ctx context.Context, q query, text string, args ...any) (fairlead.Line, error) {
	rows, err := q(ctx, text, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var line fairlead.Line
	for rows.Next() {
		var k fairlead.Ticket
		var cancels, since int64
		if err := rows.Scan(&k.Environment, &k.Service, &k.RunID, &k.Seq, &k.Holder, &k.Lock.Mode, &cancels, &k.State, &k.By, &since); err != nil {
			return nil, err
		}
		k.Lock.CancelRunning = cancels != 0
		if since != 0 {
			k.Since = time.Unix(0, since).UTC()
		}
		line = append(line, k)
	}
	return line, rows.Err()
}

// texts reads rows of one column to their end.
func texts(rows *sql.Rows) ([]string, error) {
	defer rows.Close()
	var all []string
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, rows.Err()
}
