package process

import (
	"context"
	"slices"
	"time"

	"fairlead.dev"
	"fairlead.dev/target/process/proxy"
)

// settle moves what runs towards what is wanted: traffic at once, replicas in
// the background. The caller holds the lock.
func (p *place) settle() {
	for _, a := range p.arms {
		a.wanted, a.weight = 0, 0
	}
	for _, w := range p.memory.Desired.Releases {
		a := p.arm(w.Release)
		if a == nil {
			a = &arm{release: w.Release, leaving: map[*replica]bool{}}
			p.arms = append(p.arms, a)
		}
		a.wanted, a.weight = w.Replicas, w.Weight
		p.equip(a)
	}
	leaving := map[*replica]*arm{}
	for _, a := range p.arms {
		for _, r := range a.scale(func(rc recipe) *replica { return startReplica(p.host, rc, p.route) }) {
			leaving[r] = a
		}
	}
	p.reroute()
	for r, a := range leaving {
		drain := p.config.Drain.D()
		p.tasks.Go(func() { p.retire(a, r, drain) })
	}
	p.sweep()
}

// equip gives an arm what it needs to start replicas.
func (p *place) equip(a *arm) {
	if a.preview == nil {
		if a.preview, a.problem = openFront("127.0.0.1:0", p.proxy.Arm(a.release), p.host.log); a.problem != nil {
			return
		}
	}
	if a.recipe != nil {
		return
	}
	b, err := readBundle(p.bundlePath(a.release))
	if err != nil {
		a.problem = err
		return
	}
	c, err := decodeConfig(ownConfig(b, p.memory.Specs[a.release]))
	if err != nil {
		a.problem = err
		return
	}
	a.problem = nil
	a.recipe = &recipe{
		at: p.at, bundle: b, config: c, root: p.host.shelf.path(a.release),
		data: p.host.under("data", p.at), logs: p.logs(a.release),
	}
}

// route computes the routing table anew.
func (p *place) route() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reroute()
}

func (p *place) reroute() {
	t := proxy.Table{Sticky: p.config.sticky()}
	for _, a := range p.arms {
		t.Arms = append(t.Arms, proxy.Arm{Release: a.release, Weight: a.weight, Backends: a.backends()})
	}
	if err := p.proxy.Set(t); err != nil {
		// Desired states are checked before they are taken on.
		p.host.log.Error("routing table refused", "service.name", p.at.Service, "error", err)
	}
	p.discover()
}

// retire stops a replica that is no longer in the table.
func (p *place) retire(a *arm, r *replica, drain time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), drain)
	defer cancel()
	if err := p.proxy.Drain(ctx, r.id); err != nil {
		p.host.log.Warn("replica not drained", "replica", r.id, "error", err)
	}
	r.stop()
	p.mu.Lock()
	defer p.mu.Unlock()
	a.forget(r)
	p.sweep()
}

// sweep drops arms that are neither wanted nor running, and the listener when
// nothing is left. The caller holds the lock.
func (p *place) sweep() {
	wanted := map[fairlead.Digest]bool{}
	for _, w := range p.memory.Desired.Releases {
		wanted[w.Release] = true
	}
	var gone []*arm
	p.arms = slices.DeleteFunc(p.arms, func(a *arm) bool {
		if wanted[a.release] || len(a.replicas) > 0 {
			return false
		}
		gone = append(gone, a)
		return true
	})
	if len(gone) > 0 {
		p.reroute()
	}
	for _, a := range gone {
		p.proxy.Forget(a.release)
		p.retireFront(a.preview)
	}
	if len(p.arms) == 0 && !p.closed {
		p.retireFront(p.front)
		p.front, p.frontProblem = nil, nil
	}
}

// retireFront closes a listener. Its address is free at once; requests in
// flight end in the background.
func (p *place) retireFront(f *front) {
	if f == nil {
		return
	}
	drain := p.config.Drain.D()
	p.tasks.Go(func() {
		ctx, cancel := context.WithTimeout(p.ctx, drain)
		defer cancel()
		f.close(ctx)
	})
	<-f.done
}
