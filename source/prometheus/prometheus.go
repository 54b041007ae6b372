// Package prometheus reads counters from a server that speaks Prometheus'
// HTTP API. Whatever goes wrong is missing data with a reason, never zero: a
// server that does not answer, a series that is not there or is stale, an
// answer that is partial or is no finite number.
package prometheus

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"fairlead.dev"
)

// Type is the name under which a plan asks for this source.
const Type = "prometheus"

// Source reads from one server. It is safe for concurrent use.
type Source struct {
	server fairlead.MetricsServer
	api    v1.API
}

// parallel bounds the questions that are asked of a server at once.
const parallel = 4

// Open makes a source; nothing is asked of the server yet. lookup gives
// environment variables. An error is KindInvalid for a setting that is wrong,
// and KindUnavailable for a variable or a file that is not there.
func Open(server fairlead.MetricsServer, lookup func(name string) string) (*Source, error) {
	api, err := dial(server, lookup)
	if err != nil {
		return nil, err
	}
	return &Source{server: server, api: api}, nil
}

// Ready asks the server for something that every one can answer.
func (s *Source) Ready(ctx context.Context) error {
	ctx, stop := context.WithTimeout(ctx, s.server.Timeout.D())
	defer stop()
	if _, err := s.query(ctx, "vector(1)", time.Now()); err != nil {
		return &fairlead.Problem{
			Op: "ask metrics server", Kind: fairlead.KindUnavailable, Err: err,
			Hint: "is " + s.server.URL + " the base URL of a Prometheus that runs?",
		}
	}
	return nil
}

// Read evaluates expressions at one moment. The readings are in the order of
// the expressions; all of them are missing when ctx or the server's time ends.
func (s *Source) Read(ctx context.Context, at time.Time, expressions []string) []fairlead.Reading {
	ctx, stop := context.WithTimeout(ctx, s.server.Timeout.D())
	defer stop()
	out := make([]fairlead.Reading, len(expressions))
	slots := make(chan struct{}, parallel)
	var wg sync.WaitGroup
	for i, e := range expressions {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			series, err := s.read(ctx, e, at)
			if err != nil {
				out[i] = fairlead.Reading{Missing: err.Error()}
				return
			}
			out[i] = fairlead.Reading{Series: series}
		})
	}
	wg.Wait()
	return out
}

// read evaluates one expression and makes sure that its answer is whole and fresh.
func (s *Source) read(ctx context.Context, expression string, at time.Time) ([]fairlead.Counter, error) {
	found, err := s.query(ctx, expression, at)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("no series for %s", expression)
	}
	if err := s.fresh(ctx, expression, at); err != nil {
		return nil, err
	}
	return counters(found)
}

// fresh holds that no sample behind an expression is stale. Of one that is
// computed the server gives the time of computing, so it counts as fresh.
func (s *Source) fresh(ctx context.Context, expression string, at time.Time) error {
	times, err := s.query(ctx, "timestamp("+expression+")", at)
	if err != nil {
		return err
	}
	if len(times) == 0 {
		return fmt.Errorf("no series for %s", expression)
	}
	for _, t := range times {
		age := time.Duration((float64(at.UnixMilli())/1000 - float64(t.Value)) * float64(time.Second)).Round(time.Second)
		if age > s.server.Stale.D() {
			return fmt.Errorf("the newest sample of %s is %s old, more than %s", t.Metric, age, s.server.Stale)
		}
	}
	return nil
}

// query asks the server, again when that can help and there is time.
func (s *Source) query(ctx context.Context, expression string, at time.Time) (model.Vector, error) {
	const first = 50 * time.Millisecond
	last := errors.New("it said nothing")
	for wait := first; ; wait *= 2 {
		value, warnings, _, err := s.api.Query(ctx, expression, at, v1.WithTimeout(s.server.Timeout.D()))
		switch {
		case err == nil:
			return vector(value, warnings)
		case ctx.Err() != nil:
			return nil, fmt.Errorf("the metrics server did not answer within %s: %w", s.server.Timeout, last)
		case !passing(err):
			return nil, fmt.Errorf("the metrics server refuses %s: %w", expression, brief(err))
		}
		last = brief(err)
		t := time.NewTimer(wait)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return nil, fmt.Errorf("the metrics server did not answer within %s: %w", s.server.Timeout, last)
		}
	}
}

// passing tells whether asking again may help.
func passing(err error) bool {
	var e *v1.Error
	if !errors.As(err, &e) {
		return !errors.Is(err, errTooLong) // no answer at all
	}
	return e.Type == v1.ErrServer || e.Type == v1.ErrTimeout || e.Type == v1.ErrBadResponse
}

// brief keeps one line of an error, whatever a server wrote into it.
func brief(err error) error {
	const most = 200
	text, _, _ := strings.Cut(err.Error(), "\n")
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "..."
	}
	return errors.New(text)
}
