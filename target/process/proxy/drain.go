package proxy

import (
	"context"
	"errors"

	"fairlead.dev"
)

// InFlight gives the number of requests in flight on a backend, upgraded
// connections included.
func (p *Proxy) InFlight(backendID string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for id, b := range p.backends {
		if id.ID == backendID {
			n += int(b.inFlight.Load())
		}
	}
	return n
}

// Drain waits until nothing is in flight on a backend that is no longer in
// the table: no request, no upgraded connection, no idle connection. A backend
// that the proxy does not know is drained. A backend that is in the table, or
// comes back to it meanwhile, is KindConflict; the end of ctx is KindTimeout.
func (p *Proxy) Drain(ctx context.Context, backendID string) error {
	leaving, routed := p.leaving(backendID)
	if len(leaving) == 0 && routed {
		return stillRouted(backendID)
	}
	for _, b := range leaving {
		if err := b.drain(ctx); err != nil {
			return err
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, b := range leaving {
		// It may have come back to the table meanwhile.
		if p.backends[b.id] == b && b.retired.Load() && b.inFlight.Load() == 0 {
			delete(p.backends, b.id)
		}
	}
	return nil
}

func stillRouted(backendID string) error {
	return &fairlead.Problem{
		Op: "drain " + backendID, Kind: fairlead.KindConflict,
		Hint: "set a table without it first", Err: errors.New("the backend is in the routing table"),
	}
}

// leaving gives the retired backends with an id (one that moved to another
// address leaves the old one behind), and whether one with it is in the table.
func (p *Proxy) leaving(backendID string) (leaving []*backend, routed bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for id, b := range p.backends {
		switch {
		case id.ID != backendID:
		case b.retired.Load():
			leaving = append(leaving, b)
		default:
			routed = true
		}
	}
	return leaving, routed
}
