package main

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"net/url"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// What a caller can do wrong.
var (
	errNotFound = errors.New("not found")
	errSoldOut  = errors.New("not enough in stock")
)

//go:embed schema.sql
var schema string

// product is something the shop sells.
type product struct {
	ID    int64  `json:"id"`
	Name  string `json:"name"`
	Cents int64  `json:"cents"`
	Stock int64  `json:"stock"`
}

// order is one sale.
type order struct {
	ID        int64     `json:"id"`
	ProductID int64     `json:"product_id"`
	Quantity  int64     `json:"quantity"`
	Cents     int64     `json:"cents"` // of the whole order, at the price of the day
	CreatedAt time.Time `json:"created_at"`
}

// store keeps products and orders in one SQLite file. Several replicas may have
// the file open: readers never wait, writers wait for one another.
type store struct{ db *sql.DB }

// openStore opens the file at path, and makes it when it is not there.
func openStore(ctx context.Context, path string) (*store, error) {
	query := url.Values{
		"_pragma": {"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)"},
		"_txlock": {"immediate"},
	}
	db, err := sql.Open("sqlite", "file:"+path+"?"+query.Encode())
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	s := &store{db: db}
	if err := s.migrate(ctx); err != nil {
		s.close()
		return nil, fmt.Errorf("prepare database: %w", err)
	}
	return s, nil
}

// migrate brings the schema up to date. When several replicas start at once on
// a new file, changing its journal mode can fail as busy without waiting, so it
// is tried again for a while.
func (s *store) migrate(ctx context.Context) error {
	deadline := time.Now().Add(10 * time.Second)
	for {
		_, err := s.db.ExecContext(ctx, schema)
		if !busy(err) || time.Now().After(deadline) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func busy(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && e.Code()&0xff == sqlite3.SQLITE_BUSY
}

// products lists everything the shop sells, in order of ID.
func (s *store) products(ctx context.Context) ([]product, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT id, name, cents, stock FROM product ORDER BY id`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []product
	for rows.Next() {
		var p product
		if err := rows.Scan(&p.ID, &p.Name, &p.Cents, &p.Stock); err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, rows.Err()
}

// product gives one product, or errNotFound.
func (s *store) product(ctx context.Context, id int64) (product, error) {
	var p product
	err := s.db.QueryRowContext(ctx, `SELECT id, name, cents, stock FROM product WHERE id = ?`, id).
		Scan(&p.ID, &p.Name, &p.Cents, &p.Stock)
	return p, known(err)
}

// place takes an order and the goods from stock, together or not at all. It
// fails with errNotFound or errSoldOut.
func (s *store) place(ctx context.Context, productID, quantity int64, now time.Time) (order, error) {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return order{}, err
	}
	defer tx.Rollback() //nolint:errcheck // after a commit there is nothing to roll back
	o := order{ProductID: productID, Quantity: quantity, CreatedAt: now.UTC().Truncate(time.Millisecond)}
	var price, stock int64
	err = tx.QueryRowContext(ctx, `SELECT cents, stock FROM product WHERE id = ?`, productID).Scan(&price, &stock)
	if err != nil {
		return order{}, known(err)
	}
	if stock < quantity {
		return order{}, errSoldOut
	}
	o.Cents = price * quantity
	if _, err := tx.ExecContext(ctx, `UPDATE product SET stock = stock - ? WHERE id = ?`, quantity, productID); err != nil {
		return order{}, err
	}
	err = tx.QueryRowContext(ctx,
		`INSERT INTO purchase (product_id, quantity, cents, created_ms) VALUES (?, ?, ?, ?) RETURNING id`,
		o.ProductID, o.Quantity, o.Cents, o.CreatedAt.UnixMilli()).Scan(&o.ID)
	if err != nil {
		return order{}, err
	}
	return o, tx.Commit()
}

// order gives one order, or errNotFound.
func (s *store) order(ctx context.Context, id int64) (order, error) {
	o := order{ID: id}
	var created int64
	err := s.db.QueryRowContext(ctx, `SELECT product_id, quantity, cents, created_ms FROM purchase WHERE id = ?`, id).
		Scan(&o.ProductID, &o.Quantity, &o.Cents, &created)
	o.CreatedAt = time.UnixMilli(created).UTC()
	return o, known(err)
}

// ping tells whether the database answers.
func (s *store) ping(ctx context.Context) error {
	var one int
	return s.db.QueryRowContext(ctx, `SELECT 1 FROM product LIMIT 1`).Scan(&one)
}

func (s *store) close() { _ = s.db.Close() }

// known turns "no rows" into the shop's own word for it.
func known(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return errNotFound
	}
	return err
}
