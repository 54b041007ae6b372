package store

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"fairlead.dev"
)

// dialect is what differs between the two databases.
type dialect struct {
	name     string                    // suffix of its own migration files
	types    *strings.Replacer         // {int}, {text}, {blob} of the schema
	lock     string                    // statement that takes the write lock; "" when BEGIN takes it
	limit    time.Duration             // of one write transaction; 0 when the database itself sets it
	classify func(error) (cause, bool) // what a driver's error means
}

// cause is what a driver's error means to the reader.
type cause struct {
	kind fairlead.Kind
	hint string
}

// problem turns a driver's error into a Problem. A Problem stays as it is.
func (s *Store) problem(op string, err error) error {
	var p *fairlead.Problem
	switch {
	case err == nil:
		return nil
	case errors.As(err, &p):
		return err
	case errors.Is(err, context.Canceled):
		return &fairlead.Problem{Op: op, Kind: fairlead.KindCancelled, Err: err}
	case errors.Is(err, context.DeadlineExceeded):
		return &fairlead.Problem{Op: op, Kind: fairlead.KindTimeout, Err: err}
	}
	c, ok := s.dialect.classify(err)
	if !ok {
		c = cause{kind: fairlead.KindInternal}
	}
	return &fairlead.Problem{Op: op, Kind: c.kind, Hint: c.hint, Err: err}
}

func notFound(op, what, hint string) error {
	return &fairlead.Problem{Op: op, Kind: fairlead.KindNotFound, Err: errors.New("there is no " + what), Hint: hint}
}

// numbered rewrites "?" to "$1", "$2" and so on. The queries of this package
// hold no literal question mark.
func numbered(query string) string {
	var b strings.Builder
	n := 0
	for part := range strings.SplitSeq(query, "?") {
		if n > 0 {
			b.WriteByte('$')
			b.WriteString(strconv.Itoa(n))
		}
		b.WriteString(part)
		n++
	}
	return b.String()
}

func asWritten(query string) string { return query }
