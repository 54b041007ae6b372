package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"fairlead.dev"
)

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
