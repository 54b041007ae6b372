package process

import (
	"context"
	"net"
	"sync"
	"time"
)

// resume starts what was wanted when the last agent ended. Replicas start
// anew; the address stays.
func (p *place) resume() {
	p.mu.Lock()
	defer p.mu.Unlock()
	d := p.memory.Desired
	if len(d.Releases) == 0 {
		return
	}
	service := p.memory.InForce
	if service == nil { // kept by an agent that did not tell them apart
		service = p.serviceConfig(d)
	}
	c, err := decodeConfig(service)
	if err != nil {
		p.host.log.Error("place not resumed", "service.name", p.at.Service, "error", err)
		return
	}
	p.config = c
	p.settle()
	if p.front, p.frontProblem = p.oldFront(); p.front == nil {
		p.host.log.Error("listener not opened, trying again", "service.name", p.at.Service, "error", p.frontProblem)
		p.tasks.Go(p.reopen)
	}
}

// reopen tries to open the listener until there is one or none is needed.
func (p *place) reopen() {
	for pause(p.ctx, time.Second) {
		if p.reopened() {
			return
		}
	}
}

func (p *place) reopened() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.front != nil || len(p.memory.Desired.Releases) == 0 {
		return true
	}
	p.front, p.frontProblem = p.oldFront()
	return p.front != nil
}

// oldFront opens the listener where it was, or, when any port will do and that
// one is taken, on another.
func (p *place) oldFront() (*front, error) {
	f, err := openFront(p.memory.Listen, p.proxy, p.host.log)
	if _, port, _ := net.SplitHostPort(p.config.Listen); err != nil && port == "0" {
		return openFront(p.config.Listen, p.proxy, p.host.log)
	}
	return f, err
}

// close stops everything in order: no new connections, requests in flight end,
// replicas are told to stop, and killed when they do not. What is wanted stays
// as it is.
func (p *place) close() {
	p.mu.Lock()
	p.closed = true
	drain := p.config.Drain.D()
	var fronts []*front
	var replicas []*replica
	if p.front != nil {
		fronts = append(fronts, p.front)
	}
	for _, a := range p.arms {
		if a.preview != nil {
			fronts = append(fronts, a.preview)
		}
		replicas = append(replicas, a.replicas...)
	}
	p.mu.Unlock()

	ctx, cancel := context.WithTimeout(context.Background(), drain)
	defer cancel()
	each(fronts, func(f *front) { f.close(ctx) })
	p.unroute()
	each(replicas, func(r *replica) {
		_ = p.proxy.Drain(ctx, r.id) // upgraded connections; the time is over either way
		r.stop()
	})
	p.cancel()
	p.tasks.Wait()
	p.proxy.Close()
}

// unroute takes all replicas out of the routing table.
func (p *place) unroute() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, a := range p.arms {
		for _, r := range a.replicas {
			a.leaving[r] = true
		}
	}
	p.reroute()
}

// each does something to all at once and waits for all.
func each[T any](all []T, do func(T)) {
	var wg sync.WaitGroup
	for _, v := range all {
		wg.Go(func() { do(v) })
	}
	wg.Wait()
}
