// Package dast looks for flaws of a running web service from outside, within
// bounds: in goes an address with the client to reach it by, out come findings.
// It crawls by an OpenAPI document or by links and forms, and asks every
// parameter the questions of its checks. It never leaves the hosts it may talk
// to, and sends no method that destroys unless it is asked for.
package dast

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"

	"golang.org/x/time/rate"

	"fairlead.dev"
)

// Options bound a scan. A limit of zero is the default that [Defaults] gives.
type Options struct {
	Base     *url.URL      // http or https address of the service; what is above its path is left alone
	OpenAPI  string        // path of an OpenAPI 3 document at the service; "" looks at /openapi.json
	Methods  []string      // of PUT, PATCH and DELETE, those that may be sent
	Rate     float64       // requests per second at most
	Requests int           // at most, in the whole scan
	Time     time.Duration // of the whole scan at most
	Wait     time.Duration // for one answer, to its end
	Body     int64         // bytes of an answer that are read, after decompression
	Pages    int           // entry points that are visited at most
	Canary   Canary        // sees calls of the service; nil leaves the check for server-side requests out
	Seed     string        // of the markers; equal seeds send equal requests
}

// Canary is an address of ours that nobody but the service under test calls.
type Canary interface {
	// URL is an address that is told apart by its token, of letters and digits.
	URL(token string) string
	// Called tells whether that address was asked for.
	Called(token string) bool
}

// Defaults are the bounds of a scan that names none.
func Defaults() Options {
	return Options{Rate: 100, Requests: 10000, Time: 5 * time.Minute, Wait: 10 * time.Second, Body: 1 << 20, Pages: 200}
}

// Report is what a scan found and how far it came.
type Report struct {
	Findings []fairlead.Finding // by rule and resource
	Requests int
	Routes   []string // "GET /items/{id}", that were visited, in order
	Stopped  string   // which bound ended the scan early: "requests", "time", "pages"; "" for none
}

// errStopped ends a scan that reached a bound.
var errStopped = errors.New("a bound of the scan is reached")

// Scan looks at the service. The client follows no redirect for it, whatever the
// client's own policy; [Client] makes one that can reach nothing else. A service
// that does not answer at all is KindUnavailable, an end of ctx KindCancelled.
func Scan(ctx context.Context, client *http.Client, o Options) (Report, error) {
	s := newScan(client, o)
	bounded, done := context.WithTimeout(ctx, s.Time)
	defer done()
	err := s.all(bounded)
	switch {
	case ctx.Err() != nil:
		return Report{}, &fairlead.Problem{Op: "scan service", Kind: fairlead.KindCancelled, Err: context.Cause(ctx)}
	case bounded.Err() != nil:
		s.report.Stopped = "time"
	case err != nil && !errors.Is(err, errStopped):
		return Report{}, err
	}
	s.report.Findings = s.findings()
	s.report.Requests = s.sent
	return s.report, nil
}

// scan is a scan on its way.
type scan struct {
	Options
	client  http.Client
	limiter *rate.Limiter
	sent    int
	marks   int
	report  Report
	found   map[string]*found // by fingerprint
	asked   []question        // put to the canary
}

func newScan(client *http.Client, o Options) *scan {
	d := Defaults()
	o.Rate, o.Requests, o.Time = cmp.Or(o.Rate, d.Rate), cmp.Or(o.Requests, d.Requests), cmp.Or(o.Time, d.Time)
	o.Wait, o.Body, o.Pages = cmp.Or(o.Wait, d.Wait), cmp.Or(o.Body, d.Body), cmp.Or(o.Pages, d.Pages)
	s := &scan{Options: o, client: *client, limiter: rate.NewLimiter(rate.Limit(o.Rate), 1), found: map[string]*found{}}
	s.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	s.client.Jar = nil
	return s
}

// all runs the checks: of the connection, of the host, and of every entry point.
func (s *scan) all(ctx context.Context) error {
	first, err := s.get(ctx, s.Base.String())
	if err != nil {
		if errors.Is(err, errStopped) || ctx.Err() != nil {
			return err
		}
		return &fairlead.Problem{Op: "scan service", Kind: fairlead.KindUnavailable, Err: err, Hint: "is the service running at " + s.Base.Redacted() + "?"}
	}
	if err := s.tls(ctx); err != nil {
		return err
	}
	if err := s.exposed(ctx); err != nil {
		return err
	}
	entries, err := s.crawl(ctx, first)
	if err != nil {
		return err
	}
	for _, e := range entries {
		for _, check := range []func(context.Context, entry) error{s.cors, s.parameters} {
			if err := check(ctx, e); err != nil {
				return err
			}
		}
	}
	s.answered()
	return nil
}

// parameters puts every check's questions to every parameter.
func (s *scan) parameters(ctx context.Context, e entry) error {
	for i := range e.params {
		// What needs one request goes first, so that a short budget goes far.
		for _, check := range []func(context.Context, entry, int) error{s.ssrf, s.xss, s.redirect, s.sqlError, s.traversal, s.sqlBoolean} {
			if err := check(ctx, e, i); err != nil {
				return err
			}
		}
	}
	return nil
}

// sends tells whether a method may be sent.
func (s *scan) sends(method string) bool {
	return slices.Contains([]string{http.MethodGet, http.MethodPost}, method) || slices.Contains(s.Methods, method)
}
