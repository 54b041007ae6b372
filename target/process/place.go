package process

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"

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
	config Config      // of memory.InForce: listen, sticky and drain are in force
	arms   []*arm      // in order of arrival
	front  *front      // nil while nothing is wanted, or when it cannot be opened
	closed bool

	discovered   string // what the file for discovery says
	frontProblem error  // why front is nil although something is wanted
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
	if _, err := decodeConfig(d.Config); err != nil {
		return err
	}
	if err := checkDesired(d); err != nil {
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
	if err := p.take(d); err != nil {
		return p.claim(d.Fence, err)
	}
	return nil
}

// take makes d the wanted state. The listener that it needs is open before the
// one there is closes, and nothing has changed when that fails.
func (p *place) take(d target.Desired) error {
	service := p.serviceConfig(d)
	config, err := decodeConfig(service)
	if err != nil {
		return err
	}
	next, err := p.frontFor(config, d)
	if err != nil {
		return err
	}
	if err := p.remember(d, service, next); err != nil {
		if next != p.front {
			p.retireFront(next)
		}
		return err
	}
	if next != p.front {
		p.retireFront(p.front)
	}
	p.front, p.frontProblem, p.config = next, nil, config
	p.settle()
	return nil
}

// carries refuses to raise the weight of a release with nothing ready: traffic
// never moves to where nobody answers. A weight that stays or falls is always
// taken, so that what is broken can be replaced.
func (p *place) carries(d target.Desired) error {
	now := map[fairlead.Digest]int{}
	for _, w := range p.memory.Desired.Releases {
		now[w.Release] = w.Weight
	}
	for _, w := range d.Releases {
		if w.Weight <= now[w.Release] {
			continue
		}
		if a := p.arm(w.Release); a != nil && len(a.backends()) > 0 {
			continue
		}
		if _, err := readBundle(p.bundlePath(w.Release)); fairlead.KindOf(err) == fairlead.KindNotFound {
			return err
		}
		return conflict("apply desired state", "start it with the weight it has and wait until it is ready",
			fmt.Errorf("release %s would get %d %% of the traffic but has no ready replica", w.Release.Short(), w.Weight))
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
func (p *place) remember(d target.Desired, service json.RawMessage, f *front) error {
	m := placeMemory{Place: p.at, Fence: d.Fence, Desired: d, InForce: service, Specs: map[fairlead.Digest]json.RawMessage{}}
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

// address gives where the place is reached, "" when nothing is wanted there.
func (p *place) address() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.memory.Desired.Releases) == 0 {
		return ""
	}
	return p.memory.Listen
}

func (p *place) arm(release fairlead.Digest) *arm {
	i := slices.IndexFunc(p.arms, func(a *arm) bool { return a.release == release })
	if i < 0 {
		return nil
	}
	return p.arms[i]
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
		wanted := map[fairlead.Digest]target.Wanted{}
		for _, w := range d.Releases {
			wanted[w.Release] = w
		}
		return fairlead.DigestJSON([]any{meaning(d.Config), wanted})
	}
	return key(a) == key(b)
}
