package store

import (
	"context"
	"database/sql"
	"errors"

	"fairlead.dev"
)

// most is how many writes one transaction takes.
const most = 128

// write is one caller's share of a transaction.
type write struct {
	ctx  context.Context
	op   string
	do   func(*tx) error
	done chan error
}

// tx is the write transaction in progress.
type tx struct {
	ctx  context.Context
	sql  *sql.Tx
	pool *pool
}

// write hands do to the writer and waits for the commit. do may be called a
// second time when the transaction of the first was undone; an error from it
// undoes its own effects only. A caller that gives up before its turn leaves
// nothing behind; afterwards it waits for the outcome.
func (s *Store) write(ctx context.Context, op string, do func(*tx) error) error {
	w := &write{ctx: ctx, op: op, do: do, done: make(chan error, 1)}
	select {
	case s.queue <- w:
		return <-w.done
	case <-ctx.Done():
		return s.problem(op, ctx.Err())
	case <-s.quit:
		return &fairlead.Problem{Op: op, Kind: fairlead.KindUnavailable, Err: errors.New("the store is closed")}
	}
}

// writeLoop is the one writer.
func (s *Store) writeLoop() {
	defer close(s.done)
	for {
		select {
		case w := <-s.queue:
			s.commit(s.gather(w))
		case <-s.quit:
			return
		}
	}
}

// gather takes all writes that wait now. Nobody is waited for: while one batch
// is flushed to disk the next one gathers by itself.
func (s *Store) gather(first *write) []*write {
	batch := []*write{first}
	for len(batch) < most {
		select {
		case w := <-s.queue:
			batch = append(batch, w)
		default:
			return batch
		}
	}
	return batch
}

// errApart says that a write of the batch failed and took the transaction with
// it, so that the batch has to be done again with every write on its own.
var errApart = errors.New("one write of the batch failed")

// commit applies a batch in one transaction and answers its callers. Hardly
// ever does a write fail, so savepoints are only paid for when one did.
func (s *Store) commit(batch []*write) {
	outcomes := make([]error, len(batch))
	err := s.transact(func(t *tx) error { return t.together(batch, outcomes) })
	if errors.Is(err, errApart) {
		err = s.transact(func(t *tx) error { return t.apart(batch, outcomes) })
	}
	for i, w := range batch {
		if err != nil {
			outcomes[i] = err
		}
		w.done <- s.problem(w.op, outcomes[i])
	}
}

// transact runs fn in a transaction of its own. The callers' contexts have no
// part in it: one that gives up must not undo the others' writes.
func (s *Store) transact(fn func(*tx) error) error {
	ctx := context.Background()
	if s.dialect.limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, s.dialect.limit)
		defer cancel()
	}
	sqlTx, err := s.writes.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	t := &tx{ctx: ctx, sql: sqlTx, pool: s.writes}
	if s.dialect.lock != "" {
		_, err = t.exec(s.dialect.lock)
	}
	if err == nil {
		err = fn(t)
	}
	if err != nil {
		return errors.Join(err, rollback(sqlTx))
	}
	return sqlTx.Commit()
}

// rollback ends a transaction that the database may already have ended.
func rollback(t *sql.Tx) error {
	if err := t.Rollback(); err != nil && !errors.Is(err, sql.ErrTxDone) {
		return err
	}
	return nil
}

// together does the writes of a batch, until one fails.
func (t *tx) together(batch []*write, outcomes []error) error {
	for i, w := range batch {
		if outcomes[i] = w.ctx.Err(); outcomes[i] != nil {
			continue
		}
		if err := w.do(t); err != nil && len(batch) > 1 {
			return errApart
		} else if err != nil {
			return err
		}
	}
	return nil
}

// apart does each write of a batch behind a savepoint, so that one which fails
// undoes its own effects only. An error means that the transaction is lost.
func (t *tx) apart(batch []*write, outcomes []error) error {
	for i, w := range batch {
		if outcomes[i] = w.ctx.Err(); outcomes[i] != nil {
			continue
		}
		if _, err := t.exec(savepoint); err != nil {
			return err
		}
		if outcomes[i] = w.do(t); outcomes[i] != nil {
			if _, err := t.exec(undo); err != nil {
				return errors.Join(outcomes[i], err)
			}
		}
		if _, err := t.exec(release); err != nil {
			return err
		}
	}
	return nil
}

// hot are the statements that are prepared when the store opens. They cannot
// be prepared later: a transaction holds the one connection that writes.
func (s *Store) hot() []string {
	return []string{
		putFirst, putRecord, putRun, putTask, putDecision, putDeployment, putEnvironment, putEvidence, putOutput, putLook, putCursor, oneEnvironment,
		nextSeq, seqOf, joinLine, leaveLine, setTickets, supersede, stopMoving, newerThan, olderThan, ticketsOf, openAt,
		savepoint, undo, release,
	}
}

const (
	savepoint = "SAVEPOINT one"
	undo      = "ROLLBACK TO SAVEPOINT one"
	release   = "RELEASE SAVEPOINT one"
)

// exec runs a statement and gives the number of rows it changed.
func (t *tx) exec(query string, args ...any) (int64, error) {
	var r sql.Result
	var err error
	if st := t.prepared(query); st != nil {
		r, err = st.ExecContext(t.ctx, args...)
	} else {
		r, err = t.sql.ExecContext(t.ctx, t.pool.bind(query), args...)
	}
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// row reads one row; sql.ErrNoRows when there is none.
func (t *tx) row(query string, args []any, into ...any) error {
	if st := t.prepared(query); st != nil {
		return st.QueryRowContext(t.ctx, args...).Scan(into...)
	}
	return t.sql.QueryRowContext(t.ctx, t.pool.bind(query), args...).Scan(into...)
}

// prepared gives the statement when it was prepared, nil otherwise.
func (t *tx) prepared(query string) *sql.Stmt {
	t.pool.mu.Lock()
	defer t.pool.mu.Unlock()
	if st, ok := t.pool.statements[query]; ok {
		return t.sql.StmtContext(t.ctx, st)
	}
	return nil
}
