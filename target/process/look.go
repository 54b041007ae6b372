package process

import (
	"fairlead.dev"
	"fairlead.dev/target"
)

// observe tells what is there now.
func (p *place) observe() target.Observed {
	p.mu.Lock()
	defer p.mu.Unlock()
	o := target.Observed{Fence: p.memory.Fence, Endpoint: p.front.url()}
	for _, a := range p.arms {
		i := a.instance(p.proxy.Sample(a.release))
		if i.Problem == nil && p.front == nil {
			i.Problem = fairlead.FaultOf(p.frontProblem)
		}
		o.Releases = append(o.Releases, i)
	}
	inForce(o.Releases)
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
