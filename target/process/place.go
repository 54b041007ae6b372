package process

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"fairlead.dev"
	"fairlead.dev/target"
	"fairlead.dev/target/process/proxy"
)

// place is one service in one environment: a desired state and what runs.
type place struct {
	at     target.Place
	host   *host
	keeper *keeper
	proxy  *proxy.Proxy
	ctx    context.Context // ends when the place closes
	cancel context.CancelFunc
	tasks  sync.WaitGroup // everything that works in the background

	mu     sync.Mutex  // guards the fields below
	memory placeMemory // as it is on disk
	config Config      // of memory.Desired
	arms   []*arm      // in order of arrival
	front  *front      // nil while nothing is wanted, or when it cannot be opened
	closed bool
}

func newPlace(h *host, k *keeper, at target.Place) *place {
	p := &place{at: at, host: h, keeper: k, memory: k.place(at), proxy: proxy.New(proxy.Options{Logger: h.log})}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	return p
}

// apply makes d the wanted state. When it returns nil the state is on disk and
// traffic follows it; otherwise traffic is as before.
func (p *place) apply(d target.Desired) error {
	const op = "apply desired state"
	config, err := decodeConfig(d.Config)
	if err != nil {
		return err
	}
	if err := checkWanted(d); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.closed:
		return unavailable(op, "", errors.New("the agent is stopping"))
	case d.Fence < p.memory.Fence:
		return conflict(op, "a newer deployment holds the environment",
			fmt.Errorf("fence %d is lower than %d, which was seen before", d.Fence, p.memory.Fence))
	case d.Fence == p.memory.Desired.Fence && same(d, p.memory.Desired):
		return nil
	}
	if err := p.carries(d); err != nil {
		return p.claim(d.Fence, err)
	}
	next, err := p.frontFor(config, d)
	if err != nil {
		return p.claim(d.Fence, err)
	}
	if err := p.remember(d, next); err != nil {
		if next != p.front {
			p.retireFront(next)
		}
		return err
	}
	if next != p.front {
		p.retireFront(p.front)
	}
	p.front, p.config = next, config
	p.settle()
	return nil
}

// carries refuses weight on a release with nothing ready: traffic never moves
// to where nobody answers.
func (p *place) carries(d target.Desired) error {
	for _, w := range d.Releases {
		if w.Weight == 0 {
			continue
		}
		if a := p.arm(w.Release); a == nil || len(a.backends()) == 0 {
			return conflict("apply desired state", "start it with weight 0 and wait until it is ready",
				fmt.Errorf("release %s would get %d %% of the traffic but has no ready replica", w.Release.Short(), w.Weight))
		}
	}
	return nil
}

// claim remembers the fence of a state that was refused for cause, and gives
// cause: whoever came with the fence holds the place all the same.
func (p *place) claim(fence int64, cause error) error {
	if fence == p.memory.Fence {
		return cause
	}
	m := p.memory
	m.Fence = fence
	if err := p.keeper.put(m); err != nil {
		return errors.Join(cause, err)
	}
	p.memory = m
	return cause
}

// frontFor gives the listener for d: the one there is when its address stays.
func (p *place) frontFor(c Config, d target.Desired) (*front, error) {
	if p.front != nil && (c.Listen == p.config.Listen || c.Listen == p.front.addr) || len(d.Releases) == 0 {
		return p.front, nil
	}
	return openFront(c.Listen, p.proxy, p.host.log)
}

// remember puts d on disk. A release keeps the config that it came with.
func (p *place) remember(d target.Desired, f *front) error {
	m := placeMemory{Place: p.at, Fence: d.Fence, Desired: d, Specs: map[fairlead.Digest]json.RawMessage{}}
	if f != nil {
		m.Listen = f.addr
	}
	for _, w := range d.Releases {
		m.Specs[w.Release] = d.Config
		if first, ok := p.memory.Specs[w.Release]; ok {
			m.Specs[w.Release] = first
		}
	}
	if err := p.keeper.put(m); err != nil {
		return err
	}
	p.memory = m
	return nil
}

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
	c, err := decodeConfig(p.memory.Specs[a.release])
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
	if len(p.arms) == 0 && p.front != nil && !p.closed {
		p.retireFront(p.front)
		p.front = nil
	}
}

// retireFront closes a listener in the background.
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
}

func (p *place) arm(release fairlead.Digest) *arm {
	i := slices.IndexFunc(p.arms, func(a *arm) bool { return a.release == release })
	if i < 0 {
		return nil
	}
	return p.arms[i]
}

// observe tells what is there now.
func (p *place) observe() target.Observed {
	p.mu.Lock()
	defer p.mu.Unlock()
	o := target.Observed{Fence: p.memory.Fence, Endpoint: p.front.url()}
	force := inForce(p.arms)
	for _, a := range p.arms {
		i := a.instance(p.proxy.Sample(a.release))
		i.Weight = force[a.release]
		o.Releases = append(o.Releases, i)
	}
	return o
}

// releases gives the releases that are wanted or still run.
func (p *place) releases() map[fairlead.Digest]bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	used := map[fairlead.Digest]bool{}
	for _, a := range p.arms {
		used[a.release] = true
	}
	return used
}

// delivered tells that a bundle came in: an arm that waits for it starts, and
// a replica that pauses tries again.
func (p *place) delivered(release fairlead.Digest) {
	p.mu.Lock()
	defer p.mu.Unlock()
	a := p.arm(release)
	if a == nil || p.closed {
		return
	}
	for _, r := range a.replicas {
		r.hurry()
	}
	p.settle()
}

// idle tells whether nothing runs and nothing is wanted.
func (p *place) idle() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.arms) == 0 && p.front == nil
}

func (p *place) bundlePath(release fairlead.Digest) string {
	return p.host.under("places", p.at, release.Hex()+".json")
}

func (p *place) logs(release fairlead.Digest) string {
	return p.host.under("logs", p.at, filepath.Base(release.Hex()))
}

// same tells whether two desired states are equal.
func same(a, b target.Desired) bool {
	key := func(d target.Desired) fairlead.Digest {
		var config any
		_ = json.Unmarshal(d.Config, &config) // both were decoded before
		wanted := map[fairlead.Digest]target.Wanted{}
		for _, w := range d.Releases {
			wanted[w.Release] = w
		}
		return fairlead.DigestJSON([]any{config, wanted})
	}
	return key(a) == key(b)
}
