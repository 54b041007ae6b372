package proxy

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"fairlead.dev"
)

// dialer has the type of http.Transport.DialContext.
type dialer func(ctx context.Context, network, addr string) (net.Conn, error)

// unreachable says that no connection was made, so nothing was sent.
type unreachable struct{ err error }

func (u *unreachable) Error() string { return u.err.Error() }
func (u *unreachable) Unwrap() error { return u.err }

func isUnreachable(err error) bool {
	if err == nil {
		return false // without the allocation below
	}
	var u *unreachable
	return errors.As(err, &u)
}

// backend is the state of one replica. It outlives tables.
type backend struct {
	id        Backend
	options   Options
	transport *http.Transport
	inFlight  atomic.Int64
	retired   atomic.Bool   // no table has it any more
	idle      chan struct{} // told when a wait for a retired backend may be over

	failures     atomic.Int32 // connection failures in a row
	ejections    atomic.Int32 // since a connection was last made
	ejectedUntil atomic.Int64 // Unix nanoseconds; 0 while it is not ejected
	onTrial      atomic.Bool  // one request is trying whether it can be readmitted
}

func newBackend(id Backend, o Options) *backend {
	d := &net.Dialer{Timeout: o.DialTimeout}
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		c, err := d.DialContext(ctx, "tcp", id.Addr)
		if err != nil {
			return nil, &unreachable{err}
		}
		return c, nil
	}
	return &backend{id: id, options: o, transport: newTransport(o, dial), idle: make(chan struct{}, 1)}
}

// acquire begins a request. False means that the backend was retired
// meanwhile and must not be used. Either the request sees the retirement or
// drain sees the request.
func (b *backend) acquire() bool {
	b.inFlight.Add(1)
	if b.retired.Load() {
		b.release()
		return false
	}
	return true
}

// release ends a request.
func (b *backend) release() {
	if b.inFlight.Add(-1) == 0 && b.retired.Load() {
		b.transport.CloseIdleConnections()
		b.wake()
	}
}

// retire stops new requests and closes idle connections.
func (b *backend) retire() {
	b.retired.Store(true)
	b.transport.CloseIdleConnections()
}

// recall lets b take requests again.
func (b *backend) recall() {
	b.retired.Store(false)
	b.wake()
}

// wake tells one waiter to look again.
func (b *backend) wake() {
	select {
	case b.idle <- struct{}{}:
	default:
	}
}

// drain waits until nothing is in flight. It gives up when b is routed to again.
func (b *backend) drain(ctx context.Context) error {
	defer b.wake() // the next waiter
	for b.retired.Load() {
		if b.inFlight.Load() == 0 {
			b.transport.CloseIdleConnections()
			return nil
		}
		select {
		case <-b.idle:
		case <-ctx.Done():
			return &fairlead.Problem{
				Op: "drain " + b.id.ID, Kind: fairlead.KindTimeout,
				Err: fmt.Errorf("%d requests still in flight: %w", b.inFlight.Load(), context.Cause(ctx)),
			}
		}
	}
	return stillRouted(b.id.ID)
}

// usable tells whether a request may go to b now, and whether it must, because
// it is the one that tries an ejected backend again.
func (b *backend) usable(now time.Time) (ok, trial bool) {
	until := b.ejectedUntil.Load()
	if until == 0 {
		return true, false
	}
	if now.UnixNano() < until {
		return false, false
	}
	next := now.Add(b.options.DialTimeout + b.options.EjectFor).UnixNano()
	if !b.ejectedUntil.CompareAndSwap(until, next) {
		return false, false
	}
	b.onTrial.Store(true)
	return true, true
}

// failed notes that no connection was made; after EjectAfter times in a row b
// is ejected. Every failed trial doubles the ejection, up to 32 times.
func (b *backend) failed() {
	now := time.Now()
	failures := int(b.failures.Add(1))
	trial := b.onTrial.Swap(false)
	if failures < b.options.EjectAfter || now.UnixNano() < b.ejectedUntil.Load() && !trial {
		return
	}
	d := b.options.EjectFor << min(b.ejections.Add(1)-1, 5)
	b.ejectedUntil.Store(now.Add(d).UnixNano())
	b.options.Logger.Warn("backend ejected", "backend", b.id.ID, "server.address", b.id.Addr, "duration", d)
}

// reached notes that a connection was made.
func (b *backend) reached() {
	if b.failures.Load() == 0 {
		return
	}
	b.failures.Store(0)
	b.ejections.Store(0)
	b.onTrial.Store(false)
	if b.ejectedUntil.Swap(0) != 0 {
		b.options.Logger.Info("backend readmitted", "backend", b.id.ID, "server.address", b.id.Addr)
	}
}

// ready gives the usable backend with the fewest requests in flight, or the
// one whose turn it is to be tried again; nil when there is none.
func (a *arm) ready(now time.Time, except *backend) *backend {
	return a.least(except, func(b *backend) (ok, must bool) { return b.usable(now) })
}

// any gives the backend with the fewest requests in flight, ejected or not.
func (a *arm) any(except *backend) *backend {
	return a.least(except, func(*backend) (ok, must bool) { return true, false })
}

// least gives the backend with the fewest requests in flight among those that
// are ok, and at once one that must be taken. Ties fall at random.
func (a *arm) least(except *backend, judge func(*backend) (ok, must bool)) *backend {
	n := len(a.backends)
	if n == 0 {
		return nil
	}
	var best *backend
	var load int64
	start := rand.IntN(n)
	for i := range n {
		b := a.backends[(start+i)%n]
		if b == except {
			continue
		}
		ok, must := judge(b)
		if must {
			return b
		}
		if l := b.inFlight.Load(); ok && (best == nil || l < load) {
			best, load = b, l
		}
	}
	return best
}
