package flow_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"fairlead.dev"
	"fairlead.dev/target"
)

// stand is a hand-made fake of a target: releases that become ready, serve and
// fail exactly as a test says, which real processes do not do on demand. It
// keeps the contract of target.Target: fences, verification before delivery,
// and no traffic for what is not ready. It counts time in looks: a release
// ages, and serves, each time it is observed.
type stand struct {
	mu      sync.Mutex
	manners map[string]manner        // by release name, the first word of its command
	fail    func(op string) error    // called first by every operation; nil never fails
	applied func(state string)       // told every new state in force, without the lock
	looked  func()                   // told every look, without the lock
	spots   map[target.Place]*spot   // what is there
	calls   map[string]int           // by operation
	broken  []string                 // laws that were broken
	bundles map[string]target.Bundle // delivered, by name
}

// manner is how a release behaves.
type manner struct {
	looks   int    // looks until a replica is ready; never when negative
	idle    bool   // it serves no requests even when it takes traffic
	worseAt int    // percent of traffic from which every request fails; 0 never
	dies    bool   // it is restarted at every look and never ready
	refused string // it cannot be started, for this reason
}

// spot is one place.
type spot struct {
	fence   int64
	runs    []*running
	history []moment
}

// running is one release in one place.
type running struct {
	name           string
	id             fairlead.Digest
	weight, wanted int
	ages           []int // looks of each replica
	sample         fairlead.Sample
}

// moment is a state that was applied, with what was ready then.
type moment struct {
	state   string // "new 2@10 old 2@90"
	desired target.Desired
	ready   map[string]int
}

func newStand() *stand {
	return &stand{
		manners: map[string]manner{}, spots: map[target.Place]*spot{}, calls: map[string]int{}, bundles: map[string]target.Bundle{},
	}
}

func (s *stand) Deliver(ctx context.Context, at target.Place, b target.Bundle, open target.Content) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.call("deliver"); err != nil {
		return err
	}
	if len(b.Decision.Envelope) == 0 || len(b.Evidence) == 0 {
		return &fairlead.Problem{Op: "verify", Kind: fairlead.KindDenied, Err: errors.New("papers are missing")}
	}
	for _, a := range b.Release.Artifacts {
		r, err := open(ctx, a.Digest)
		if err != nil {
			return err
		}
		if err := r.Close(); err != nil {
			return err
		}
	}
	p := s.spot(at)
	name := b.Release.Command[0]
	s.bundles[name] = b
	if p.find(b.Release.ID) == nil {
		p.runs = append(p.runs, &running{name: name, id: b.Release.ID})
	}
	return nil
}

func (s *stand) Apply(_ context.Context, at target.Place, d target.Desired) error {
	state, err := s.apply(at, d)
	if err == nil && state != "" && s.applied != nil {
		s.applied(state)
	}
	return err
}

// apply gives the state when it is a new one.
func (s *stand) apply(at target.Place, d target.Desired) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.call("apply"); err != nil {
		return "", err
	}
	p, sum := s.spot(at), 0
	if d.Fence < p.fence {
		return "", conflict("fence %d is lower than %d", d.Fence, p.fence)
	}
	p.fence = d.Fence
	for _, w := range d.Releases {
		r := p.find(w.Release)
		switch {
		case r == nil:
			return "", conflict("release %s was not delivered", w.Release.Short())
		case w.Weight > 0 && s.ready(r) == 0:
			return "", conflict("release %s would get traffic but has no ready replica", r.name)
		}
		sum += w.Weight
	}
	if sum != 0 && sum != 100 {
		s.broken = append(s.broken, fmt.Sprintf("weights sum to %d", sum))
	}
	return s.settle(p, d), nil
}

// settle makes a state the one in force.
func (s *stand) settle(p *spot, d target.Desired) string {
	words, ready := []string{}, map[string]int{}
	for _, r := range p.runs {
		i := slices.IndexFunc(d.Releases, func(w target.Wanted) bool { return w.Release == r.id })
		if i < 0 {
			r.wanted, r.weight, r.ages = 0, 0, nil
			continue
		}
		r.wanted, r.weight = d.Releases[i].Replicas, d.Releases[i].Weight
		r.ages = append(r.ages, make([]int, max(0, r.wanted-len(r.ages)))...)[:r.wanted]
		words = append(words, fmt.Sprintf("%s %d@%d", r.name, r.wanted, r.weight))
		ready[r.name] = s.ready(r)
		if r.weight > 0 && ready[r.name] == 0 {
			s.broken = append(s.broken, r.name+" takes traffic with nothing ready")
		}
	}
	slices.Sort(words)
	state := strings.Join(words, " ")
	if state == "" {
		state = "nothing"
	}
	if n := len(p.history); n > 0 && p.history[n-1].state == state {
		return ""
	}
	p.history = append(p.history, moment{state, d, ready})
	return state
}

func (s *stand) Observe(_ context.Context, at target.Place) (target.Observed, error) {
	if s.looked != nil {
		s.looked()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.call("observe"); err != nil {
		return target.Observed{}, err
	}
	p := s.spot(at)
	o := target.Observed{Fence: p.fence}
	for _, r := range p.runs {
		m := s.manners[r.name]
		for i := range r.ages {
			r.ages[i]++
		}
		if r.weight > 0 && !m.idle {
			served := uint64(500 * r.weight) // one look at one percent is enough to judge
			r.sample.Requests += served
			r.sample.Latency = fairlead.Histogram{LE: []float64{1, 10}, Count: []uint64{r.sample.Requests, r.sample.Requests}} // all are quick
			if m.worseAt > 0 && r.weight >= m.worseAt {
				r.sample.Errors += served
			}
		}
		if m.dies && r.wanted > 0 {
			r.sample.Restarts++
		}
		o.Releases = append(o.Releases, target.Instance{
			Release: r.id, Wanted: r.wanted, Running: r.wanted, Ready: s.ready(r), Weight: r.weight,
			Endpoint: "http://" + r.name, Sample: r.sample, Problem: m.problem(),
		})
	}
	return o, nil
}

func (m manner) problem() *fairlead.Fault {
	switch {
	case m.refused != "":
		return &fairlead.Fault{Op: "start replica", Kind: fairlead.KindDenied, Cause: m.refused}
	case m.dies:
		return &fairlead.Fault{Op: "start replica", Kind: fairlead.KindFailed, Cause: "exit status 1"}
	}
	return nil
}

// ready counts the ready replicas of a release.
func (s *stand) ready(r *running) int {
	m, n := s.manners[r.name], 0
	for _, age := range r.ages {
		if m.looks >= 0 && age >= m.looks && !m.dies && m.refused == "" {
			n++
		}
	}
	return n
}

func (s *stand) call(op string) error {
	s.calls[op]++
	if s.fail == nil {
		return nil
	}
	return s.fail(op)
}

func (s *stand) spot(at target.Place) *spot {
	s.spots[at] = cmp.Or(s.spots[at], &spot{})
	return s.spots[at]
}

func (p *spot) find(id fairlead.Digest) *running {
	i := slices.IndexFunc(p.runs, func(r *running) bool { return r.id == id })
	if i < 0 {
		return nil
	}
	return p.runs[i]
}

// history gives what was applied in a place.
func (s *stand) history(at target.Place) []moment {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.spot(at).history)
}

// now gives the state in force.
func (s *stand) now(at target.Place) string {
	if h := s.history(at); len(h) > 0 {
		return h[len(h)-1].state
	}
	return ""
}

// count tells how often an operation was called.
func (s *stand) count(op string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[op]
}

// name gives the name of a release that was delivered.
func (s *stand) name(id fairlead.Digest) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, b := range s.bundles {
		if b.Release.ID == id {
			return name
		}
	}
	return ""
}

// behave changes how a release behaves from now on.
func (s *stand) behave(name string, m manner) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.manners[name] = m
}

// forget begins a new history.
func (s *stand) forget(at target.Place) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.spot(at).history, s.calls = nil, map[string]int{}
}

func conflict(format string, args ...any) error {
	return &fairlead.Problem{Op: "apply", Kind: fairlead.KindConflict, Err: fmt.Errorf(format, args...)}
}

func unreachable() error {
	return &fairlead.Problem{Op: "ask target", Kind: fairlead.KindUnavailable, Err: errors.New("it does not answer")}
}

// asJSON encodes what always has a JSON form.
func asJSON(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}
