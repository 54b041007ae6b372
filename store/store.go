// Package store keeps Fairlead's own tables: records, runs, tasks, decisions,
// deployments, environments, evidence, plans and output, on SQLite or on
// PostgreSQL with one schema and one behaviour (package storetest holds both
// to it), and blobs of content in a directory.
//
// All writes go through one writer, which puts what is queued into one
// transaction: many callers share the price of one flush to disk. A write that
// returned without error survives the loss of power.
package store

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"sync"

	"fairlead.dev"
)

// The filters and the chunk are root nouns, so that readers need not import
// this room.
type (
	RunFilter    = fairlead.RunFilter
	RecordFilter = fairlead.RecordFilter
	OutputChunk  = fairlead.OutputChunk
)

// Store is an open store. It is safe for concurrent use, by several processes
// at once as well.
type Store struct {
	dialect dialect
	reads   *pool
	writes  *pool
	queue   chan *write
	quit    chan struct{} // closed when no more writes are taken
	done    chan struct{} // closed when the writer has ended
	once    sync.Once
}

// Open opens the store at a URL, "sqlite:/absolute/file.db" or
// "postgres://...", creates it when it is not there, and brings its schema up
// to date. A store that cannot be used is KindUnavailable with a hint; one
// whose schema a newer version has written is KindConflict; a URL of another
// form is KindInvalid.
func Open(ctx context.Context, url string) (*Store, error) {
	s := &Store{queue: make(chan *write), quit: make(chan struct{}), done: make(chan struct{})}
	var err error
	switch scheme, rest, _ := strings.Cut(url, ":"); scheme {
	case "sqlite":
		err = s.openSQLite(rest)
	case "postgres", "postgresql":
		err = s.openPostgres(url)
	default:
		err = &fairlead.Problem{
			Op: "open store", Kind: fairlead.KindInvalid, Err: errors.New("the URL names neither SQLite nor PostgreSQL"),
			Hint: "write sqlite:/absolute/file.db or postgres://user@host/database",
		}
	}
	if err != nil {
		return nil, err
	}
	if err := s.prepare(ctx); err != nil {
		return nil, errors.Join(err, s.closePools())
	}
	go s.writeLoop()
	return s, nil
}

// prepare makes an opened database ready for use.
func (s *Store) prepare(ctx context.Context) error {
	if err := s.migrate(ctx); err != nil {
		return err
	}
	for _, query := range s.hot() {
		if _, err := s.writes.prepare(ctx, query); err != nil {
			return s.problem("open store", err)
		}
	}
	return nil
}

// Close waits for the transaction in progress and closes the store. Calls made
// afterwards fail. Closing again is a no-op.
func (s *Store) Close() error {
	var err error
	s.once.Do(func() {
		close(s.quit)
		<-s.done
		if err = s.closePools(); err != nil {
			err = s.problem("close store", err)
		}
	})
	return err
}

func (s *Store) closePools() error {
	err := s.reads.close()
	if s.writes != s.reads {
		err = errors.Join(err, s.writes.close())
	}
	return err
}

// pool is a set of connections with the statements prepared on them.
type pool struct {
	db         *sql.DB
	bind       func(string) string
	clock      string // query for the database's own time, in microseconds since 1970; "" when this machine's is the same
	mu         sync.Mutex
	statements map[string]*sql.Stmt
}

func newPool(db *sql.DB, bind func(string) string) *pool {
	return &pool{db: db, bind: bind, statements: map[string]*sql.Stmt{}}
}

// prepare gives the statement for a query, whose parameters are written "?".
// The pool owns it.
func (p *pool) prepare(ctx context.Context, query string) (*sql.Stmt, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if st, ok := p.statements[query]; ok {
		return st, nil
	}
	st, err := p.db.PrepareContext(ctx, p.bind(query))
	if err != nil {
		return nil, err
	}
	p.statements[query] = st
	return st, nil
}

func (p *pool) close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var errs []error
	for _, st := range p.statements {
		errs = append(errs, st.Close())
	}
	clear(p.statements)
	return errors.Join(append(errs, p.db.Close())...)
}
