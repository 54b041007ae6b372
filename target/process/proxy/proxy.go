// Package proxy is the splitting proxy in front of a service's replicas. It
// spreads requests over releases by weight, keeps every visitor on one
// release, counts at the source what each release answered, and lets a
// replica go without losing a request.
//
// # Routing
//
// [Proxy.Set] installs an immutable routing table with one pointer swap; a
// request uses the table it met. A visitor's key (see [Sticky]) falls into one
// of 10,000 buckets and every bucket belongs to one release. A change of
// weights moves as few buckets as the weights allow. A release without a ready
// replica hands its requests to the heaviest other release that has weight;
// when nothing at all is ready the answer is 503 with the reason as JSON.
//
// # Stopping a replica
//
// The order that loses nothing: Set a table without the backend, wait for
// [Proxy.Drain], and only then signal the process. After Set no request starts
// on the backend, and Drain also closes the idle connections to it. Idle
// connections are given up after a second and a half, sooner than servers
// usually close them, so that a POST does not meet one that is just closing.
//
// # Failures
//
// A request whose connection attempt fails is tried once more on another
// replica, whatever its method: a connection that was never made carried
// nothing, so nothing can be done twice. A request that was sent is never sent
// again by this package; net/http itself repeats idempotent requests without a
// body when a kept connection turns out to be closed.
//
// # Counting
//
// See [Proxy.Sample].
package proxy

import (
	"log"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"

	"fairlead.dev"
)

// Proxy serves requests by the table set last. All methods may be called
// concurrently.
type Proxy struct {
	options Options
	table   atomic.Pointer[table] // never nil
	shared  shared

	mu       sync.Mutex // guards the fields below; never taken by a request
	backends map[Backend]*backend
	judged   map[fairlead.Digest]*counters
	preview  map[fairlead.Digest]*counters
}

// New gives a proxy with an empty table: every request is answered 503.
func New(o Options) *Proxy {
	o = o.withDefaults()
	p := &Proxy{
		options:  o,
		shared:   newShared(o.Logger),
		backends: map[Backend]*backend{},
		judged:   map[fairlead.Digest]*counters{},
		preview:  map[fairlead.Digest]*counters{},
	}
	p.table.Store(&table{})
	return p
}

// Set makes t the routing table. Requests that started under the table before
// end where they are. Counters stay until [Proxy.Forget]; a backend that is in
// both tables keeps its connections and its ejection. A table that is not
// valid (KindInvalid, all reasons at once) changes nothing.
func (p *Proxy) Set(t Table) error {
	if err := t.validate(); err != nil {
		return &fairlead.Problem{
			Op: "set routing table", Kind: fairlead.KindInvalid,
			Hint: "weights sum to 100, or to 0 to route nothing", Err: err,
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	next := compile(t, p.table.Load(), p)
	p.table.Store(next)
	// Retire after the swap: a request that finds a backend retired looks
	// again and is sure to find the new table.
	for id, b := range p.backends {
		if next.uses(b) {
			continue
		}
		if b.retire(); b.inFlight.Load() == 0 {
			delete(p.backends, id)
		}
	}
	return nil
}

// ServeHTTP sends r to a release by weight and counts it in that release's
// [Proxy.Sample].
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) { p.serve(w, r, "") }

// Arm gives a handler that sends every request to one release, whatever its
// weight, and never to another: for checks before the release takes traffic.
// Its requests count in [Proxy.PreviewSample] alone. While the release is not
// in the table the answer is 503.
func (p *Proxy) Arm(release fairlead.Digest) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { p.serve(w, r, release) })
}

// Close closes idle connections to all backends. The proxy stays usable.
func (p *Proxy) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, b := range p.backends {
		b.transport.CloseIdleConnections()
	}
}

// backendFor gives the state of a backend that is about to be routed to. The
// caller holds p.mu.
func (p *Proxy) backendFor(id Backend) *backend {
	b, ok := p.backends[id]
	if !ok {
		b = newBackend(id, p.options)
		p.backends[id] = b
	}
	b.recall()
	return b
}

// countersFor gives the release's counters in kept. The caller holds p.mu.
func countersFor(kept map[fairlead.Digest]*counters, release fairlead.Digest) *counters {
	c, ok := kept[release]
	if !ok {
		c = newCounters()
		kept[release] = c
	}
	return c
}

// shared is what all exchanges use: read-only after New, or safe by itself.
type shared struct {
	buffers  *buffers
	sequence *sequence
	log      *slog.Logger
	errorLog *log.Logger // where net/http/httputil complains
}

func newShared(l *slog.Logger) shared {
	return shared{
		buffers:  &buffers{},
		sequence: newSequence(),
		log:      l,
		errorLog: slog.NewLogLogger(l.Handler(), slog.LevelDebug),
	}
}
